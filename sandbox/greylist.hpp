#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.hpp"

namespace winnow::sandbox {

/// First contacts of (client network, reverse-path, recipient), as greylisting servers keep them. A triplet that waited
/// its time passes from then on. Not thread-safe.
class Greylist {
public:
    /// Seconds that this triplet still has to wait, rounded up; nothing when it may pass.
    std::optional<std::chrono::seconds> left(std::string_view client_ip, std::string_view reverse_path,
                                             std::string_view recipient, std::chrono::seconds wait, SteadyPoint now);

private:
    std::unordered_map<std::string, SteadyPoint> first_;  ///< never iterated, so its order does not matter
};

}  // namespace winnow::sandbox
