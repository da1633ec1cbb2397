#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/ops.hpp"

namespace winnow::relay {

/// One more of what strangers may make the store keep on the day (UTC) of `at`. A commit that holds it fails with
/// Errc::limit_exceeded, and changes nothing, when there were `limit` already.
inline storage::AddCounter one_of_a_day(std::string_view what, std::int64_t limit, TimePoint at)
{
    storage::AddCounter one;
    one.key = "relay/" + std::string(what) + '/' +
              std::to_string(std::chrono::floor<std::chrono::days>(at).time_since_epoch().count());
    one.limit = limit;
    one.expires = at + std::chrono::days{2};
    return one;
}

}  // namespace winnow::relay
