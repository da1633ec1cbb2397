#pragma once

#include <atomic>

#include "core/clock.hpp"

namespace winnow::test {

/// A clock that only moves when told; wall and steady time move together. Thread-safe.
class ManualClock final : public Clock {
public:
    /// 2026-01-01T00:00:00Z.
    static constexpr TimePoint default_start{milliseconds{1'767'225'600'000}};

    explicit ManualClock(TimePoint start = default_start) : start_(start) {}

    TimePoint now() const noexcept override { return start_ + std::chrono::floor<milliseconds>(elapsed()); }
    SteadyPoint steady() const noexcept override { return steady_start + elapsed(); }

    /// Time since construction.
    std::chrono::nanoseconds elapsed() const noexcept { return std::chrono::nanoseconds{elapsed_.load()}; }
    /// Forward; a negative step is allowed for tests of code that must survive it.
    void advance(std::chrono::nanoseconds by) noexcept { elapsed_.fetch_add(by.count()); }
    /// Never back: an instant in the past leaves the clock where it is.
    void advance_to(SteadyPoint t) noexcept
    {
        if (t > steady())
            advance(t - steady());
    }

private:
    /// Not zero, so that a default-constructed SteadyPoint reads as long ago, as on a machine.
    static constexpr SteadyPoint steady_start{std::chrono::hours{24}};

    TimePoint start_;
    std::atomic<std::int64_t> elapsed_{0};
};

}  // namespace winnow::test
