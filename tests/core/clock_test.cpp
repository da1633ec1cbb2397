#include "core/clock.hpp"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.hpp"

namespace winnow {
namespace {

TEST(Clock, UnixMillisecondsGoThereAndBackAlsoBefore1970)
{
    for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1'767'225'600'000}, std::int64_t{-1}})
        EXPECT_EQ(to_unix_ms(from_unix_ms(ms)), ms);
}

TEST(Clock, TheSystemsSteadyTimeNeverGoesBackAndItsWallTimeIsOfThisCentury)
{
    const SystemClock clock;
    const SteadyPoint first = clock.steady();
    EXPECT_LE(first, clock.steady());
    EXPECT_GT(clock.now(), TimePoint{std::chrono::sys_days{std::chrono::year{2023} / 1 / 1}});
}

TEST(Clock, AManualClockMovesOnlyWhenToldAndBothTimesMoveTogether)
{
    test::ManualClock clock;
    const TimePoint wall = clock.now();
    const SteadyPoint steady = clock.steady();
    EXPECT_EQ(clock.now(), wall);

    clock.advance(milliseconds{1500});
    EXPECT_EQ(clock.now() - wall, milliseconds{1500});
    EXPECT_EQ(clock.steady() - steady, milliseconds{1500});

    clock.advance_to(steady);  // the past
    EXPECT_EQ(clock.steady() - steady, milliseconds{1500});
}

}  // namespace
}  // namespace winnow
