#include "verifier/sample.hpp"

#include <algorithm>
#include <cmath>

namespace winnow::verifier {

/// Fisher and Yates' shuffle, of which only the places that changed are kept.
std::optional<std::uint64_t> RandomOrder::next()
{
    if (drawn_ == count_)
        return std::nullopt;
    const auto number_at = [this](std::uint64_t place) {
        const auto moved = moved_.find(place);
        return moved == moved_.end() ? place + 1 : moved->second;
    };
    const std::uint64_t place = drawn_ + rng_.below(count_ - drawn_);
    const std::uint64_t number = number_at(place);
    moved_[place] = number_at(drawn_);
    moved_.erase(drawn_);  // never looked at again
    ++drawn_;
    return number;
}

ShareEstimate estimate_share(std::uint64_t hits, std::uint64_t drawn, std::uint64_t population)
{
    if (drawn == 0)
        return {};
    const double share = static_cast<double>(hits) / static_cast<double>(drawn);
    if (drawn >= population)
        return {share, share, share};
    constexpr double z = 1.6448536;  // 5 % on each side
    const auto left = static_cast<double>(population - drawn);
    const double n = static_cast<double>(drawn) * (static_cast<double>(population) - 1.0) / left;
    const double scale = 1.0 + z * z / n;
    const double middle = (share + z * z / (2.0 * n)) / scale;
    const double half = z * std::sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / scale;
    return {share, std::clamp(middle - half, 0.0, share), std::clamp(middle + half, share, 1.0)};
}

}  // namespace winnow::verifier
