#pragma once

#include <chrono>
#include <cstdint>

namespace winnow {

using std::chrono::milliseconds;

using TimePoint = std::chrono::sys_time<milliseconds>;  ///< wall clock, UTC: due times, expiry, what people read
using SteadyPoint =
    std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;  ///< deadlines, buckets

/// The two clocks of the program. Passed in everywhere; nothing else calls ::now(). Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual TimePoint now() const noexcept = 0;
    virtual SteadyPoint steady() const noexcept = 0;
};

/// The machine's clocks. core/clock.cpp is the only source that reads them.
class SystemClock final : public Clock {
public:
    TimePoint now() const noexcept override;
    SteadyPoint steady() const noexcept override;
};

inline std::int64_t to_unix_ms(TimePoint t) noexcept
{
    return t.time_since_epoch().count();
}
inline TimePoint from_unix_ms(std::int64_t ms) noexcept
{
    return TimePoint{milliseconds{ms}};
}

}  // namespace winnow
