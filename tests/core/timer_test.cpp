#include "core/timer.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <vector>

#include "tests/support/run_coro.hpp"

namespace winnow {
namespace {

namespace asio = boost::asio;
using std::chrono::hours;
using std::chrono::seconds;
using test::ManualClock;
using test::run;
using test::VirtualTimers;

asio::awaitable<void> note_after(TimerSource& timers, milliseconds delay, std::string name,
                                 std::vector<std::string>& trace)
{
    co_await sleep_for(timers, delay);
    trace.push_back(std::move(name));
}

asio::awaitable<Wake> wait_on(Timer& timer, SteadyPoint deadline)
{
    co_return co_await timer.wait_until(deadline);
}

asio::awaitable<void> keep(asio::awaitable<Wake> wait, std::vector<Wake>& seen)
{
    seen.push_back(co_await std::move(wait));
}

struct TimerTest : testing::Test {
    asio::io_context io{1};
    ManualClock clock;
    VirtualTimers timers{clock};
    std::vector<Wake> seen;

    void start(Timer& timer, SteadyPoint deadline)
    {
        co_spawn(io, keep(wait_on(timer, deadline), seen), asio::detached);
        VirtualTimers::poll(io);
    }
};

TEST_F(TimerTest, SleepingADayTakesADayOfVirtualTimeOnly)
{
    EXPECT_EQ(run(timers, sleep_for(timers, hours{24})), Wake::expired);
    EXPECT_EQ(clock.elapsed(), hours{24});
}

TEST_F(TimerTest, AWaitThatIsAlreadyDueEndsAtOnce)
{
    const auto timer = timers.make();
    EXPECT_EQ(run(timers, wait_on(*timer, clock.steady() - seconds{5})), Wake::expired);
    EXPECT_EQ(clock.elapsed(), seconds{0});
}

TEST_F(TimerTest, TimersFireByDeadlineAndThoseOfOneInstantInTheOrderOfSetting)
{
    std::vector<std::string> trace;
    co_spawn(io, note_after(timers, seconds{3}, "late", trace), asio::detached);
    co_spawn(io, note_after(timers, seconds{1}, "first", trace), asio::detached);
    co_spawn(io, note_after(timers, seconds{1}, "second", trace), asio::detached);
    timers.run_until_idle(io);
    EXPECT_EQ(trace, (std::vector<std::string>{"first", "second", "late"}));
    EXPECT_EQ(clock.elapsed(), seconds{3});
}

TEST_F(TimerTest, RunForStopsAtExactlyThatTime)
{
    std::vector<std::string> trace;
    co_spawn(io, note_after(timers, seconds{10}, "due", trace), asio::detached);
    co_spawn(io, note_after(timers, seconds{11}, "not yet", trace), asio::detached);
    timers.run_for(io, seconds{10});
    EXPECT_EQ(trace, std::vector<std::string>{"due"});
    EXPECT_EQ(clock.elapsed(), seconds{10});
    EXPECT_EQ(timers.waiting(), 1u);
}

TEST_F(TimerTest, WakeEndsTheWaitBeforeItsDeadline)
{
    const auto timer = timers.make();
    start(*timer, clock.steady() + hours{1});
    EXPECT_TRUE(seen.empty());
    timer->wake();
    VirtualTimers::poll(io);
    EXPECT_EQ(seen, std::vector{Wake::woken});
    EXPECT_EQ(clock.elapsed(), seconds{0});
    EXPECT_FALSE(timers.jump());
}

TEST_F(TimerTest, AWakeWhileNobodyWaitsIsRememberedOnce)
{
    const auto timer = timers.make();
    timer->wake();
    timer->wake();
    EXPECT_EQ(run(timers, wait_on(*timer, clock.steady() + seconds{1})), Wake::woken);
    EXPECT_EQ(run(timers, wait_on(*timer, clock.steady() + seconds{1})), Wake::expired);
}

TEST_F(TimerTest, AWakeBetweenExpiryAndResumptionIsNotLost)
{
    const auto timer = timers.make();
    start(*timer, clock.steady() + seconds{1});
    ASSERT_TRUE(timers.jump());  // expired, resumption still queued
    timer->wake();
    VirtualTimers::poll(io);
    EXPECT_EQ(seen, std::vector{Wake::woken});
}

TEST_F(TimerTest, StoppingTheSourceCancelsPresentAndFutureWaits)
{
    const auto timer = timers.make();
    start(*timer, SteadyPoint::max());
    timers.stop();
    VirtualTimers::poll(io);
    start(*timer, SteadyPoint::max());
    EXPECT_EQ(seen, (std::vector{Wake::cancelled, Wake::cancelled}));
}

TEST_F(TimerTest, SleepingForTheLongestDurationNeverEndsAndDoesNotOverflow)
{
    EXPECT_THROW(run(timers, sleep_for(timers, milliseconds::max())), std::runtime_error);
    EXPECT_EQ(clock.elapsed(), seconds{0});
}

TEST_F(TimerTest, AbandonedCoroutinesAreDestroyedButNotResumed)
{
    std::vector<std::string> trace;
    co_spawn(io, note_after(timers, seconds{1}, "resumed", trace), asio::detached);
    VirtualTimers::poll(io);
    ASSERT_EQ(timers.waiting(), 1u);
    timers.abandon();
    timers.run_for(io, seconds{5});
    EXPECT_TRUE(trace.empty());
    EXPECT_EQ(timers.waiting(), 0u);
}

asio::awaitable<int> fail()
{
    throw std::logic_error("broken");
    co_return 1;
}

asio::awaitable<int> answer()
{
    co_return 42;
}

asio::awaitable<void> spin()
{
    for (;;)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

asio::awaitable<void> tick(TimerSource& timers)
{
    for (;;)
        co_await sleep_for(timers, seconds{1});
}

TEST(RunCoro, GivesTheValueAndRethrowsTheException)
{
    EXPECT_EQ(run(answer()), 42);
    EXPECT_THROW(run(fail()), std::logic_error);
}

TEST(RunCoro, ACoroutineThatNeverEndsFailsRatherThanBlocks)
{
    ManualClock clock;
    VirtualTimers timers(clock);
    const auto timer = timers.make();
    // Nobody drives the timers here.
    EXPECT_THROW(run(wait_on(*timer, SteadyPoint::max()), seconds{0}), std::runtime_error);
    timers.abandon();

    asio::io_context io{1};
    EXPECT_THROW(run(io, timers, tick(timers), 1000), std::runtime_error);
    EXPECT_THROW(run(io, timers, spin(), 1000), std::runtime_error);
    EXPECT_THROW(VirtualTimers::poll(io, 1000), std::runtime_error);
    timers.abandon();
}

}  // namespace
}  // namespace winnow
