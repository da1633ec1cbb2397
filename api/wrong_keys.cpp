#include "api/wrong_keys.hpp"

#include <algorithm>

#include "net/endpoint.hpp"

namespace winnow::api {

std::optional<milliseconds> WrongKeys::came(std::string_view ip, SteadyPoint now)
{
    const std::uint32_t number = net::neighbourhood_number(ip);
    auto known = by_network_.find(number);
    if (known == by_network_.end()) {
        if (by_network_.size() >= options_.networks) {
            by_network_.erase(latest_first_.back().number);
            latest_first_.pop_back();
        }
        latest_first_.push_front({number, TokenBucket{options_.per_second, options_.burst, now}, 0});
        known = by_network_.emplace(number, latest_first_.begin()).first;
    } else {
        latest_first_.splice(latest_first_.begin(), latest_first_, known->second);
    }
    Network& network = *known->second;
    if (network.bucket.take(now)) {
        network.refused = 0;
        return std::nullopt;
    }
    const auto next = std::chrono::ceil<milliseconds>(network.bucket.next(now) - now);
    const milliseconds grown = std::chrono::seconds{1} * (1 << std::min(network.refused, 10));
    ++network.refused;
    return std::min(std::max(next, grown), options_.longest_wait);
}

}  // namespace winnow::api
