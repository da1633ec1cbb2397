#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "core/clock.hpp"
#include "core/token_bucket.hpp"

namespace winnow::api {

struct WrongKeyOptions {
    double burst = 10;                      ///< wrong keys at once that are a mistake
    double per_second = 0.1;                ///< and those that are borne in the long run
    std::size_t networks = 10'000;          ///< remembered; of more, those that were quiet for longest are forgotten
    milliseconds longest_wait{1'000 * 60};  ///< what a client is told at most
};

/// Counts wrong API keys by the network that they come from, a /24 or a /64: whoever has one address there has others.
/// Only wrong keys are slowed down. A right one is always let in, so that nobody can shut out his neighbours, or all
/// who come through the same proxy; there is nothing to win by guessing 256 random bits, however fast. Steady time is
/// passed in. Not thread-safe.
class WrongKeys {
public:
    explicit WrongKeys(WrongKeyOptions options = {}) : options_(options) {}

    /// A wrong key came from `ip`. Nothing = it is refused as wrong; else it is one too many, and how long to wait. The
    /// wait grows with every further one, up to the longest.
    std::optional<milliseconds> came(std::string_view ip, SteadyPoint now);
    std::size_t networks() const noexcept { return by_network_.size(); }

private:
    struct Network {
        std::uint32_t number = 0;
        TokenBucket bucket;
        int refused = 0;  ///< too many, without one that was borne in between
    };
    WrongKeyOptions options_;
    std::list<Network> latest_first_;
    std::unordered_map<std::uint32_t, std::list<Network>::iterator> by_network_;
};

}  // namespace winnow::api
