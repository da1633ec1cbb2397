#include "core/reply_subject.hpp"

#include <algorithm>
#include <array>

namespace winnow {
namespace {

using Hit = ReplyTable::Hit;

bool ends_sentence(std::string_view text)
{
    constexpr std::array<std::string_view, 4> ends{". ", "; ", "! ", "? "};
    return std::any_of(ends.begin(), ends.end(), [text](std::string_view end) { return text.find(end) != text.npos; });
}

/// May these words stand between a predicate and whom it is said of? The phrase may have ended within a word.
bool joins(std::string_view between)
{
    constexpr std::string_view separators = " :(<[,-\"'";
    constexpr std::array<std::string_view, 11> words{"in",  "for",  "of",   "as",   "at", "is",
                                                     "the", "this", "your", "from", "@"};
    between.remove_prefix(std::min(between.find_first_of(separators), between.size()));
    while (!between.empty()) {
        const std::size_t begin = between.find_first_not_of(separators);
        if (begin == between.npos)
            return true;
        between.remove_prefix(begin);
        const std::string_view word = between.substr(0, between.find_first_of(separators));
        if (std::find(words.begin(), words.end(), word) == words.end())
            return false;
        between.remove_prefix(word.size());
    }
    return true;
}

}  // namespace

SpokenOf spoken_of(std::string_view text, const ReplyPhrase::Span& phrase, const std::vector<Hit>& subjects)
{
    SpokenOf found;
    const Hit* before = nullptr;
    const Hit* behind = nullptr;
    for (const Hit& hit : subjects) {
        if (part_of_longer(hit, subjects))
            continue;
        found.us_named |= subject_of(hit.row->klass) == Subject::us;
        if (phrase.length == 0) {
            // A status code stands in no sentence: whoever is named at all, the recipient first.
            if (!before || subject_of(hit.row->klass) == Subject::address)
                before = &hit;
        } else if (hit.span.begin < phrase.end) {
            const std::size_t between = std::min(hit.span.end, phrase.begin);
            if (!ends_sentence(text.substr(between, phrase.begin - between)) &&
                (!before || hit.span.begin > before->span.begin))
                before = &hit;
        } else if (!ends_sentence(text.substr(phrase.end, hit.span.begin - phrase.end)) &&
                   joins(text.substr(phrase.end, hit.span.begin - phrase.end)) &&
                   (!behind || hit.span.begin < behind->span.begin)) {
            behind = &hit;
        }
    }
    const Hit* told = before ? before : behind;
    if (told && subject_of(told->row->klass) == Subject::us)
        found.us = told->row;
    return found;
}

}  // namespace winnow
