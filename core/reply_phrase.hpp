#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow {

/// A phrase of data/replies.tsv:
///   {a|b|}   one of these, possibly nothing
///   *        up to 60 bytes within one sentence: a name, an address, a number. With a space on both sides it may also
///   be
///            nothing: "mailbox * is full" is in "mailbox is full"
/// Everything else is literal. Phrase and text are both folded (core/reply_text.hpp).
///
/// A phrase that begins with a letter or digit begins at a word's start in the text ("able to" is not in "unable to");
/// one that ends with a digit does not go on with a digit ("ib10" is not in "ib105"). Its end may be within a word, so
/// that "greylist" is in "greylisted".
class ReplyPhrase {
public:
    struct Span {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::size_t length = 0;  ///< bytes matched by literals: what "the longest phrase wins" compares
    };
    /// A beginning of the phrase, for an index: text that starts with `text` may match from part `next` on.
    struct Key {
        std::string text;
        std::size_t next = 0;
    };

    /// Errc::invalid_argument says what is wrong with the syntax.
    static Result<ReplyPhrase> parse(std::string_view phrase);

    std::vector<Key> keys() const;
    /// Goes on behind a key found at `begin`. False when the rest does not follow. `names_no_ip`: a gap must not hold
    /// an IP address (what is said of "address 192.0.2.1" is not said of a mailbox).
    bool match(const Key& key, std::string_view text, std::size_t begin, bool names_no_ip, Span& found) const;

private:
    struct Part {
        bool gap = false;
        std::vector<std::string> alternatives;
        std::bitset<256> first;  ///< bytes that it may begin with; all of them when it may be nothing
    };
    bool match_from(std::size_t part, std::string_view text, std::size_t at, std::size_t length, bool names_no_ip,
                    Span& best) const;
    std::vector<Part> parts_;
};

/// May a phrase that begins with text[at] begin there?
bool begins_word(std::string_view text, std::size_t at) noexcept;

}  // namespace winnow
