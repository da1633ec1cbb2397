#pragma once

#include <string>
#include <string_view>

namespace winnow {

/// Brings reply text into the one form that phrases are compared in. Used on the table's phrases and on what servers
/// say, so both sides agree:
/// - lower case (Latin, Greek, Cyrillic, full-width), accents of Latin and Greek letters removed: the same sentence is
///   sent with and without them;
/// - bytes that are not UTF-8 read as Latin-1, which is what old servers of western Europe send;
/// - typographic quotes, dashes and spaces as their ASCII kin; runs of white space and control characters as one space;
/// - anything with an '@' in it as "@": a mailbox name must never look like a phrase.
std::string fold_reply_text(std::string_view text);

}  // namespace winnow
