#include "core/asio_timer.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow {
namespace {

namespace asio = boost::asio;
using std::chrono::hours;

struct AsioTimerTest : testing::Test {
    asio::io_context io{1};
    test::ManualClock clock;
    AsioTimerSource timers{io.get_executor(), clock};
    std::unique_ptr<Timer> timer = timers.make();
    std::vector<Wake> seen;

    static asio::awaitable<void> wait(Timer& t, SteadyPoint deadline, std::vector<Wake>& seen)
    {
        seen.push_back(co_await t.wait_until(deadline));
    }
    void start(SteadyPoint deadline)
    {
        co_spawn(io, wait(*timer, deadline, seen), asio::detached);
        poll();
    }
    void poll()
    {
        if (io.stopped())
            io.restart();
        io.poll();
    }
};

TEST_F(AsioTimerTest, ADeadlineInThePastExpires)
{
    start(clock.steady() - hours{1});
    EXPECT_EQ(seen, std::vector{Wake::expired});
}

TEST_F(AsioTimerTest, WakeEndsAWaitThatIsFarFromItsDeadline)
{
    start(clock.steady() + hours{1});
    ASSERT_TRUE(seen.empty());
    timer->wake();
    poll();
    EXPECT_EQ(seen, std::vector{Wake::woken});
}

TEST_F(AsioTimerTest, AWakeWhileNobodyWaitsIsRememberedOnce)
{
    timer->wake();
    start(SteadyPoint::max());
    EXPECT_EQ(seen, std::vector{Wake::woken});
    start(SteadyPoint::max());
    EXPECT_EQ(seen.size(), 1u);
    timer->wake();
    poll();
    EXPECT_EQ(seen.size(), 2u);
}

TEST_F(AsioTimerTest, StopCancelsPresentAndFutureWaits)
{
    start(SteadyPoint::max());
    timers.stop();
    poll();
    start(SteadyPoint::max());
    EXPECT_EQ(seen, (std::vector{Wake::cancelled, Wake::cancelled}));
}

TEST_F(AsioTimerTest, ATimerMayOutliveItsSource)
{
    auto source = std::make_unique<AsioTimerSource>(io.get_executor(), clock);
    auto late = source->make();
    source.reset();
    late.reset();
    EXPECT_EQ(test::run(io, sleep_for(timers, milliseconds{0})), Wake::expired);
}

}  // namespace
}  // namespace winnow
