#include "core/timer.hpp"

namespace winnow {

boost::asio::awaitable<Wake> sleep_for(TimerSource& timers, milliseconds duration)
{
    const SteadyPoint now = timers.clock().steady();
    // "Forever" is asked for with milliseconds::max(), which does not fit into nanoseconds.
    const bool forever = duration >= std::chrono::floor<milliseconds>(SteadyPoint::max() - now);
    auto timer = timers.make();
    co_return co_await timer->wait_until(forever ? SteadyPoint::max() : now + duration);
}

}  // namespace winnow
