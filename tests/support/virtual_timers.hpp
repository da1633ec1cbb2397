#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "core/timer.hpp"
#include "tests/support/manual_clock.hpp"

namespace winnow::test {

/// Timers on virtual time: whoever drives the simulation polls its io_context until nothing is ready, then lets time
/// jump to the next deadline. Timers of the same instant fire in the order in which they were set, so that a run
/// can be repeated exactly. One thread. Needs no descriptor.
///
///     ManualClock clock;
///     VirtualTimers timers(clock);
///     run(timers, story(timers));                     // tests/support/run_coro.hpp
///
///     boost::asio::io_context io;                     // or step by step, with background coroutines
///     co_spawn(io, server(timers), rethrow);
///     timers.run_for(io, std::chrono::minutes{5});
///
/// Destroy it (or call abandon()) before the io_context whose coroutines wait on it.
class VirtualTimers final : public TimerSource {
public:
    explicit VirtualTimers(ManualClock& clock);
    ~VirtualTimers() override;

    const Clock& clock() const noexcept override { return clock_; }
    std::unique_ptr<Timer> make() override;

    /// Waits that have not ended.
    std::size_t waiting() const noexcept;
    /// Deadline of the next timer; SteadyPoint::max() when nobody waits (or all wait for ever).
    SteadyPoint next_deadline() const noexcept;
    /// Moves time to the next deadline and ends the waits that are due. False, and time stays, when there is none.
    bool jump();

    /// Runs what is ready; time stands still. Returns the number of handlers run; throws std::runtime_error past
    /// `limit`: two coroutines that wake each other for ever fail the test rather than block it.
    static std::size_t poll(boost::asio::io_context& io, std::size_t limit = default_limit);
    /// Runs until nothing is ready and no timer is set.
    void run_until_idle(boost::asio::io_context& io, std::size_t limit = default_limit);
    /// Runs everything that happens within `duration` of virtual time; the clock ends at exactly that time.
    void run_for(boost::asio::io_context& io, std::chrono::nanoseconds duration, std::size_t limit = default_limit);

    /// Every present and future wait ends with Wake::cancelled (shutdown of the owner).
    void stop();
    /// Destroys the waiting coroutines without resuming them, as a killed process would.
    void abandon();

    static constexpr std::size_t default_limit = 2'000'000;

private:
    struct State;
    ManualClock& clock_;
    std::shared_ptr<State> state_;
};

}  // namespace winnow::test
