#include "core/breaker.hpp"

#include <gtest/gtest.h>

#include "core/rng.hpp"

namespace winnow {
namespace {

using namespace std::chrono_literals;
using Outcome = Breaker::Outcome;
using State = Breaker::State;

constexpr SteadyPoint start{1h};

struct BreakerTest : testing::Test {
    Breaker breaker;
    SteadyPoint now = start;

    void trip()
    {
        for (const char* domain : {"a.test", "b.test", "c.test"})
            (void)breaker.record(Outcome::failure, domain, now);
        ASSERT_EQ(breaker.state(now), State::open);
    }
};

TEST_F(BreakerTest, OneDomainThatRefusesUsForEverDoesNotTripAlone)
{
    for (int i = 0; i < 9; ++i)
        EXPECT_FALSE(breaker.record(Outcome::failure, "a.test", now += 1s));
    EXPECT_EQ(breaker.state(now), State::closed);
    EXPECT_EQ(breaker.next_attempt(now), now);
}

TEST_F(BreakerTest, ThreeDistinctDomainsTrip)
{
    EXPECT_FALSE(breaker.record(Outcome::failure, "a.test", now));
    EXPECT_FALSE(breaker.record(Outcome::failure, "b.test", now));
    EXPECT_FALSE(breaker.record(Outcome::failure, "a.test", now));
    EXPECT_TRUE(breaker.record(Outcome::failure, "c.test", now));
    EXPECT_EQ(breaker.state(now), State::open);
    EXPECT_EQ(breaker.next_attempt(now), now + 30min);
}

TEST_F(BreakerTest, TwentyPercentOfFiftyAttemptsTripButNotOfFewer)
{
    for (int i = 0; i < 39; ++i)
        (void)breaker.record(Outcome::success, "x.test", now);
    for (int i = 0; i < 10; ++i)
        EXPECT_FALSE(breaker.record(Outcome::failure, "a.test", now)) << i;  // 49 attempts so far
    EXPECT_TRUE(breaker.record(Outcome::failure, "a.test", now));
}

TEST_F(BreakerTest, NineOfFiftyDoNotTrip)
{
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 41; ++i)
            (void)breaker.record(Outcome::success, "x.test", now);
        for (int i = 0; i < 9; ++i)
            EXPECT_FALSE(breaker.record(Outcome::failure, "a.test", now)) << round << ' ' << i;
    }
}

TEST_F(BreakerTest, FailuresAreForgottenAfterAnHourAndAfterFiftyAttempts)
{
    (void)breaker.record(Outcome::failure, "a.test", now);
    (void)breaker.record(Outcome::failure, "b.test", now);
    EXPECT_FALSE(breaker.record(Outcome::failure, "c.test", now + 1h));

    Breaker other;
    (void)other.record(Outcome::failure, "a.test", now);
    (void)other.record(Outcome::failure, "b.test", now);
    for (int i = 0; i < 50; ++i)
        (void)other.record(Outcome::success, "x.test", now);
    EXPECT_FALSE(other.record(Outcome::failure, "c.test", now));
}

TEST_F(BreakerTest, OutcomesThatSayNothingAboutUsAreNotCounted)
{
    for (int i = 0; i < 100; ++i)
        EXPECT_FALSE(breaker.record(Outcome::neither, "a.test", now));
    EXPECT_TRUE(breaker.idle(now));
}

TEST_F(BreakerTest, AfterThePauseOneProbeGoesAtATimeAndTwoGoodOnesClose)
{
    trip();
    now += 30min;
    EXPECT_EQ(breaker.state(now), State::half_open);
    EXPECT_EQ(breaker.next_attempt(now), now);
    breaker.begin(now);
    EXPECT_EQ(breaker.next_attempt(now), now + 10min);  // the probe is out
    EXPECT_FALSE(breaker.record(Outcome::success, "a.test", now));
    EXPECT_EQ(breaker.state(now), State::half_open);
    EXPECT_EQ(breaker.next_attempt(now), now);
    breaker.begin(now);
    EXPECT_FALSE(breaker.record(Outcome::success, "b.test", now));
    EXPECT_EQ(breaker.state(now), State::closed);
}

TEST_F(BreakerTest, AFailedProbeDoublesThePauseUpToItsBound)
{
    trip();
    for (const milliseconds pause :
         {milliseconds{1h}, milliseconds{2h}, milliseconds{4h}, milliseconds{6h}, milliseconds{6h}}) {
        now = breaker.next_attempt(now);
        breaker.begin(now);
        EXPECT_TRUE(breaker.record(Outcome::failure, "a.test", now));
        EXPECT_EQ(breaker.next_attempt(now) - now, pause);
    }
}

TEST_F(BreakerTest, ClosingForgetsTheLongPause)
{
    trip();
    now = breaker.next_attempt(now);
    (void)breaker.record(Outcome::failure, "a.test", now);
    now = breaker.next_attempt(now);
    (void)breaker.record(Outcome::success, "a.test", now);
    (void)breaker.record(Outcome::success, "a.test", now);
    ASSERT_EQ(breaker.state(now), State::closed);
    trip();
    EXPECT_EQ(breaker.next_attempt(now), now + 30min);
}

TEST_F(BreakerTest, ALostProbeIsGivenUpAndAnEmptyAnswerProvesNothing)
{
    trip();
    now += 30min;
    breaker.begin(now);
    EXPECT_EQ(breaker.next_attempt(now + 11min), now + 11min);
    EXPECT_FALSE(breaker.record(Outcome::neither, "a.test", now));
    EXPECT_EQ(breaker.state(now), State::half_open);
    EXPECT_EQ(breaker.next_attempt(now), now);
}

TEST_F(BreakerTest, LateOutcomesOfAttemptsFromBeforeThePauseChangeNothing)
{
    trip();
    EXPECT_FALSE(breaker.record(Outcome::failure, "d.test", now + 1min));
    EXPECT_FALSE(breaker.record(Outcome::success, "e.test", now + 1min));
    EXPECT_EQ(breaker.next_attempt(now + 1min), now + 30min);
}

TEST_F(BreakerTest, AResetClosesAtOnce)
{
    trip();
    breaker.reset();
    EXPECT_EQ(breaker.state(now), State::closed);
    EXPECT_TRUE(breaker.idle(now));
}

TEST(BreakerScope, OnlyTheListedClassesCount)
{
    for (const ReplyClass c : all_values<ReplyClass>()) {
        BreakerScope expected = BreakerScope::none;
        if (c == ReplyClass::ip_blocked || c == ReplyClass::sender_dns)
            expected = BreakerScope::source;
        if (c == ReplyClass::auth_failed || c == ReplyClass::content_spam || c == ReplyClass::content_virus ||
            c == ReplyClass::content_format)
            expected = BreakerScope::campaign;
        EXPECT_EQ(breaker_scope(c), expected) << to_string(c);
    }
}

struct BreakersTest : testing::Test {
    Breakers breakers;
    Breakers::Subject subject{"192.0.2.1", "spring", "google"};
    SteadyPoint now = start;

    std::vector<Breakers::Trip> fail_thrice(const Breakers::Subject& s, ReplyClass c)
    {
        std::vector<Breakers::Trip> trips;
        for (const char* domain : {"a.test", "b.test", "c.test"})
            trips = breakers.record(s, c, domain, now);
        return trips;
    }
};

TEST_F(BreakersTest, ABlockedAddressPausesTheSourceForEveryCampaignAtThatOperatorOnly)
{
    const auto trips = fail_thrice(subject, ReplyClass::ip_blocked);
    ASSERT_EQ(trips.size(), 1u);
    EXPECT_EQ(trips[0].scope, BreakerScope::source);
    EXPECT_EQ(trips[0].name, "192.0.2.1");
    EXPECT_EQ(trips[0].operator_name, "google");

    EXPECT_GT(breakers.next_attempt({"192.0.2.1", "autumn", "google"}, now), now);
    EXPECT_GT(breakers.next_attempt({"192.0.2.1", "", "google"}, now), now);  // probing shares it
    EXPECT_EQ(breakers.next_attempt({"192.0.2.2", "spring", "google"}, now), now);
    EXPECT_EQ(breakers.next_attempt({"192.0.2.1", "spring", "yahoo"}, now), now);
}

TEST_F(BreakersTest, SpamPausesTheCampaignFromEverySource)
{
    const auto trips = fail_thrice(subject, ReplyClass::content_spam);
    ASSERT_EQ(trips.size(), 1u);
    EXPECT_EQ(trips[0].scope, BreakerScope::campaign);
    EXPECT_EQ(trips[0].name, "spring");
    EXPECT_GT(breakers.next_attempt({"192.0.2.2", "spring", "google"}, now), now);
    EXPECT_EQ(breakers.next_attempt({"192.0.2.1", "autumn", "google"}, now), now);
}

TEST_F(BreakersTest, ClassesOfOneScopeAddUp)
{
    EXPECT_TRUE(breakers.record(subject, ReplyClass::auth_failed, "a.test", now).empty());
    EXPECT_TRUE(breakers.record(subject, ReplyClass::content_virus, "b.test", now).empty());
    EXPECT_TRUE(breakers.record(subject, ReplyClass::ip_blocked, "c.test", now).empty());
    EXPECT_EQ(breakers.record(subject, ReplyClass::content_format, "d.test", now).size(), 1u);
}

TEST_F(BreakersTest, WhatTripsNothingAloneNeverTrips)
{
    for (const ReplyClass c : {ReplyClass::message_too_big, ReplyClass::sender_rejected, ReplyClass::relay_denied,
                               ReplyClass::rate_limited, ReplyClass::network, ReplyClass::mailbox_unknown})
        for (int i = 0; i < 200; ++i)
            ASSERT_TRUE(breakers.record(subject, c, "d" + std::to_string(i) + ".test", now).empty()) << to_string(c);
    EXPECT_TRUE(breakers.not_closed(now).empty());
}

TEST_F(BreakersTest, DeadMailboxesCountAsAttemptsOfTheSource)
{
    // 40 answers about addresses and 9 refusals are 49 attempts; the tenth refusal makes 50, a fifth of them bad.
    for (int i = 0; i < 40; ++i)
        (void)breakers.record(subject, ReplyClass::mailbox_unknown, "x.test", now);
    for (int i = 0; i < 9; ++i)
        ASSERT_TRUE(breakers.record(subject, ReplyClass::ip_blocked, "a.test", now).empty());
    EXPECT_EQ(breakers.record(subject, ReplyClass::ip_blocked, "a.test", now).size(), 1u);
}

TEST_F(BreakersTest, ProbesWithoutACampaignHaveNoCampaignBreaker)
{
    const Breakers::Subject probe{"192.0.2.1", "", "google"};
    EXPECT_TRUE(fail_thrice(probe, ReplyClass::content_spam).empty());
    EXPECT_EQ(breakers.next_attempt(probe, now), now);
}

TEST_F(BreakersTest, HalfOpenProbesHoldBackTheOthersUntilTheyEnd)
{
    fail_thrice(subject, ReplyClass::ip_blocked);
    EXPECT_EQ(breakers.not_closed(now).size(), 1u);
    now = breakers.next_attempt(subject, now);
    EXPECT_EQ(breakers.state(BreakerScope::source, "192.0.2.1", "google", now), State::half_open);
    breakers.begin(subject, now);
    EXPECT_GT(breakers.next_attempt({"192.0.2.1", "autumn", "google"}, now), now);
    (void)breakers.record(subject, ReplyClass::delivered, "a.test", now);
    breakers.begin(subject, now);
    (void)breakers.record(subject, ReplyClass::delivered, "a.test", now);
    EXPECT_EQ(breakers.next_attempt(subject, now), now);
    EXPECT_TRUE(breakers.not_closed(now).empty());
}

TEST_F(BreakersTest, AnOperatorCanResetOne)
{
    fail_thrice(subject, ReplyClass::ip_blocked);
    breakers.reset(BreakerScope::source, "192.0.2.1", "google");
    EXPECT_EQ(breakers.next_attempt(subject, now), now);
}

/// Whatever happens in whatever order: the breaker opens only by a failure, and never by fewer than three domains or
/// ten failures; it always lets an attempt through in the end.
TEST(BreakerProperty, NeverJumpsAndNeverSticks)
{
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        SeededRng rng(seed);
        Breaker breaker;
        SteadyPoint now = start;
        std::vector<std::pair<SteadyPoint, std::uint64_t>> failures;
        for (int step = 0; step < 500; ++step) {
            now += milliseconds{rng.below(60'000)};
            const SteadyPoint next = breaker.next_attempt(now);
            ASSERT_LE(next - now, 6h) << seed;
            if (next > now && rng.below(3) == 0)
                now = next;
            if (breaker.next_attempt(now) > now)
                continue;
            const bool was_closed = breaker.state(now) == State::closed;
            breaker.begin(now);
            const auto domain = rng.below(4);
            const auto outcome = static_cast<Outcome>(rng.below(3));
            if (outcome == Outcome::failure)
                failures.emplace_back(now, domain);
            const bool tripped = breaker.record(outcome, std::to_string(domain), now);
            if (!tripped)
                continue;
            ASSERT_EQ(outcome, Outcome::failure) << seed;
            if (was_closed) {
                unsigned seen = 0;
                int count = 0;
                for (const auto& [at, d] : failures)
                    if (now - at < 1h) {
                        seen |= 1u << d;
                        ++count;
                    }
                ASSERT_TRUE(__builtin_popcount(seen) >= 3 || count >= 10) << seed;
            }
            failures.clear();
        }
    }
}

}  // namespace
}  // namespace winnow
