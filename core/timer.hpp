#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "core/clock.hpp"

namespace winnow {

enum class Wake {
    expired,    ///< the deadline passed
    woken,      ///< wake() was called
    cancelled,  ///< the owner is shutting down (the timer source was stopped)
};

/// One waiter's alarm clock. Every wait of the program has a deadline and goes through here, so that a simulation can
/// move time. At most one coroutine waits on a Timer at a time. Not thread-safe: use it on its executor's thread.
class Timer {
public:
    virtual ~Timer() = default;
    /// Returns at `deadline`, or as soon as wake() is called. A wake() while nobody waits is remembered once.
    virtual boost::asio::awaitable<Wake> wait_until(SteadyPoint deadline) = 0;
    virtual void wake() = 0;
};

/// Makes timers. The real one is net-free: Asio steady timers on the caller's executor.
class TimerSource {
public:
    virtual ~TimerSource() = default;
    virtual const Clock& clock() const noexcept = 0;
    /// A timer for the coroutine that runs on the calling thread's executor.
    virtual std::unique_ptr<Timer> make() = 0;
};

/// Waits for `duration` on a timer of its own.
boost::asio::awaitable<Wake> sleep_for(TimerSource& timers, milliseconds duration);

}  // namespace winnow
