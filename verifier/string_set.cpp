#include "verifier/string_set.hpp"

#include <algorithm>

namespace winnow::verifier {

Result<StringSet> StringSet::parse(std::string_view lines)
{
    constexpr std::size_t limit = 1u << 30;
    if (lines.size() > limit)
        return Error{Errc::limit_exceeded, "a list is longer than 1 GB"};
    std::vector<std::string_view> texts;
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size());
        auto line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (!line.empty() && line.front() != '#')
            texts.push_back(line);
    }
    // The generated files are sorted, so this is a check.
    if (!std::is_sorted(texts.begin(), texts.end()))
        std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());

    StringSet set;
    std::size_t octets = 0;
    for (const auto text : texts)
        octets += text.size();
    set.pool_.reserve(octets);
    set.ends_.reserve(texts.size());
    for (const auto text : texts) {
        set.pool_ += text;
        set.ends_.push_back(static_cast<std::uint32_t>(set.pool_.size()));
    }
    return set;
}

std::string_view StringSet::operator[](std::size_t i) const noexcept
{
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(pool_).substr(begin, ends_[i] - begin);
}

bool StringSet::contains(std::string_view text) const noexcept
{
    std::size_t low = 0;
    std::size_t high = size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        const int order = (*this)[middle].compare(text);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

}  // namespace winnow::verifier
