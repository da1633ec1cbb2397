#include "core/retry_schedule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace winnow {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now{milliseconds{1'800'000'000'000}};

struct LadderCase {
    ReplyClass klass;
    std::vector<milliseconds> waits;
};

class Ladder : public testing::TestWithParam<LadderCase> {};

TEST_P(Ladder, IsClimbedStepByStep)
{
    const RetrySchedule schedule;
    for (std::size_t i = 0; i < GetParam().waits.size(); ++i) {
        // Jitter of -1 is the earliest that an only-later ladder may be, 0 the middle of the others.
        const double jitter = ladder_of(GetParam().klass) == RetryLadder::greylist ? -1.0 : 0.0;
        EXPECT_EQ(schedule.next_attempt(GetParam().klass, static_cast<int>(i) + 1, now, jitter) - now,
                  GetParam().waits[i])
            << to_string(GetParam().klass) << " attempt " << i + 1;
    }
}

INSTANTIATE_TEST_SUITE_P(Classes, Ladder,
                         testing::Values(LadderCase{ReplyClass::server_error, {5min, 15min, 30min, 1h, 2h, 4h, 6h, 6h}},
                                         LadderCase{ReplyClass::greylisted,
                                                    {5min + 30s, 10min, 20min, 40min, 2h, 4h, 6h, 6h}},
                                         LadderCase{ReplyClass::mailbox_full, {1h, 4h, 12h, 24h, 24h}},
                                         LadderCase{ReplyClass::dns_failure, {2min, 10min, 30min, 1h, 2h, 4h, 6h}},
                                         LadderCase{ReplyClass::tls, {30min, 2h, 6h, 6h}},
                                         LadderCase{ReplyClass::auth_failed, {30min, 2h, 6h}}));

TEST(RetrySchedule, HintReplacesTheLadderAndIsNeverUndercut)
{
    const RetrySchedule schedule;
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0, 10min) - now, 10min);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0, 90s) - now, 90s);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::server_error, 1, now, -1.0, 10min) - now, 10min);
}

TEST(RetrySchedule, HintIsBoundedByOneMinuteAndSixHours)
{
    const RetrySchedule schedule;
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0, 1s) - now, 1min);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0, 240h) - now, 6h);
}

TEST(RetrySchedule, ServerThatSaysOneMinuteForEverIsAskedLessAndLess)
{
    const RetrySchedule schedule;
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 4, now, -1.0, 60s) - now, 60s);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 5, now, -1.0, 60s) - now, 2h);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 50, now, -1.0, 60s) - now, 6h);
}

TEST(RetrySchedule, LabsSpeedLaddersUpAndLowerTheFloorButHintsAreHonoured)
{
    RetryOptions options;
    options.speedup = 1000;
    options.min = 100ms;
    const RetrySchedule schedule(options);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0) - now, 330ms);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::dns_failure, 1, now, 0.0) - now, 120ms);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::dns_failure, 1, now, -1.0) - now, 100ms);
    EXPECT_EQ(schedule.next_attempt(ReplyClass::greylisted, 1, now, -1.0, 2s) - now, 2s);
}

RC_GTEST_PROP(RetryScheduleProperty, StaysWithinItsSpread, ())
{
    const RetrySchedule schedule;
    const auto classes = all_values<ReplyClass>();
    const auto klass = *rc::gen::elementOf(classes);
    const int attempts = *rc::gen::inRange(-3, 400);
    const double jitter = *rc::gen::inRange(-1000, 1000) / 1000.0;
    const bool hinted = *rc::gen::arbitrary<bool>();
    const milliseconds hint{*rc::gen::inRange<std::int64_t>(0, 48 * 3'600'000)};
    const auto delay =
        schedule.next_attempt(klass, attempts, now, jitter, hinted ? std::optional(hint) : std::nullopt) - now;
    const auto plain = schedule.wait(ladder_of(klass), attempts);
    RC_ASSERT(delay >= 1min);
    RC_ASSERT(delay <= std::max<milliseconds>(24h, 6h) * 6 / 5);
    if (hinted)
        RC_ASSERT(delay >= std::min<milliseconds>(hint, 6h));
    else if (ladder_of(klass) == RetryLadder::greylist)
        RC_ASSERT(delay >= plain && delay <= plain * 6 / 5);
    else
        RC_ASSERT(delay >= plain * 4 / 5 && delay <= plain * 6 / 5);
}

}  // namespace
}  // namespace winnow
