#include "core/timer.hpp"

namespace winnow {
namespace {

/// "For ever" is asked for with milliseconds::max(), which does not fit into nanoseconds.
SteadyPoint deadline_after(SteadyPoint now, milliseconds duration)
{
    if (duration >= std::chrono::floor<milliseconds>(SteadyPoint::max() - now))
        return SteadyPoint::max();
    return now + duration;
}

}  // namespace

boost::asio::awaitable<Wake> sleep_for(TimerSource& timers, milliseconds duration)
{
    // Not written inside the co_await: g++ 12.2 evaluates both sides of a conditional there.
    const SteadyPoint deadline = deadline_after(timers.clock().steady(), duration);
    auto timer = timers.make();
    co_return co_await timer->wait_until(deadline);
}

}  // namespace winnow
