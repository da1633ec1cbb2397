#include "verifier/segment.hpp"

#include <algorithm>

#include "core/edit_distance.hpp"
#include "core/join.hpp"
#include "core/split.hpp"
#include "core/trim.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t words_that_can_be_read = 30;

template <class T>
bool holds(const std::vector<T>& wanted, const T& value)
{
    return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

Error unknown_word(std::string_view word, std::span<const std::string_view> known)
{
    std::string text = "does not know \"" + std::string(word) + "\"";
    if (const std::string_view meant = nearest_word(word, known); !meant.empty())
        text += "; did you mean \"" + std::string(meant) + "\"?";
    else if (known.size() <= words_that_can_be_read)
        text += "; it knows " + joined({known.begin(), known.end()});
    return {Errc::invalid_argument, std::move(text)};
}

/// Each word that `take` refuses is an error that names the nearest of `known`.
template <class Take>
Result<> add_each(std::string_view words, std::span<const std::string_view> known, Take take)
{
    for (const std::string_view part : split(words, ',')) {
        const std::string_view word = trim(part, white_space);
        if (!take(word))
            return unknown_word(word, known);
    }
    return {};
}

template <class Enum, class Take>
Result<> add_words(std::string_view words, Take take)
{
    std::vector<std::string_view> known;
    for (const Enum value : all_values<Enum>())
        known.push_back(to_string(value));
    return add_each(words, known, [&take](std::string_view word) {
        const auto value = from_string<Enum>(word);
        if (value)
            take(*value);
        return value.has_value();
    });
}

}  // namespace

bool Segment::everything() const noexcept
{
    return verdicts.empty() && reasons.empty() && flags.bits() == 0 && providers.empty();
}

bool Segment::has(const storage::RowResult* result) const
{
    if (everything())
        return true;
    if (!result)
        return false;
    const VerdictRecord& v = result->verdict;
    return (verdicts.empty() || holds(verdicts, v.verdict)) && (reasons.empty() || holds(reasons, v.reason)) &&
           (flags.bits() == 0 || (flags.bits() & v.flags.bits()) != 0) &&
           (providers.empty() || holds(providers, v.provider));
}

Result<> add_verdicts(Segment& segment, std::string_view words)
{
    return add_words<Verdict>(words, [&segment](Verdict verdict) { segment.verdicts.push_back(verdict); });
}

Result<> add_reasons(Segment& segment, std::string_view words)
{
    return add_words<Reason>(words, [&segment](Reason reason) { segment.reasons.push_back(reason); });
}

Result<> add_flags(Segment& segment, std::string_view words)
{
    return add_words<Flag>(words, [&segment](Flag flag) { segment.flags.set(flag); });
}

Result<> add_providers(Segment& segment, std::string_view words, std::span<const std::string> known)
{
    std::vector<std::string_view> names{no_provider};
    names.insert(names.end(), known.begin(), known.end());
    return add_each(words, names, [&](std::string_view word) {
        if (std::find(names.begin(), names.end(), word) == names.end())
            return false;
        segment.providers.emplace_back(word == no_provider ? std::string_view{} : word);
        return true;
    });
}

}  // namespace winnow::verifier
