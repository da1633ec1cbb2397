#pragma once

#include <string_view>
#include <vector>

#include "core/reply_table.hpp"

namespace winnow {

/// Of whom words such as "user unknown" are said, by the rows with the mark `subject` ("sender", "return path",
/// "recipient"): the same predicate is said of both ends of a message.
struct SpokenOf {
    const ReplyRow* us =
        nullptr;            ///< the row by which they are about the sender or about the client; null = they are not
    bool us_named = false;  ///< the sender is named somewhere else in the text
};

/// `phrase` lies in `text` (folded); `subjects` are the hits of subject rows in all of it. In the sentence of the
/// phrase the last subject before its end counts ("recipient rejected: sender's mailbox unknown" is about the sender),
/// else one that follows with nothing but a bracket or a preposition between ("no such user in return path"). A phrase
/// of length 0 is a bare status code, which is about the sender when nobody else is named.
SpokenOf spoken_of(std::string_view text, const ReplyPhrase::Span& phrase,
                   const std::vector<ReplyTable::Hit>& subjects);

}  // namespace winnow
