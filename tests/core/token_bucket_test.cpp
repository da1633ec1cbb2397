#include "core/token_bucket.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>

namespace winnow {
namespace {

using namespace std::chrono_literals;

constexpr SteadyPoint start{1h};

TEST(TokenBucket, StartsFullAndRefillsAtItsRate)
{
    TokenBucket bucket(2, 3, start);
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(bucket.take(start));
    EXPECT_FALSE(bucket.take(start));
    EXPECT_EQ(bucket.next(start), start + 500ms);
    EXPECT_FALSE(bucket.take(start + 499ms));
    EXPECT_TRUE(bucket.take(start + 500ms));
}

TEST(TokenBucket, APauseGivesTheBurstAndNoMore)
{
    TokenBucket bucket(1, 5, start);
    EXPECT_TRUE(bucket.take(start, 5));
    EXPECT_DOUBLE_EQ(bucket.available(start + 24h), 5);
    EXPECT_FALSE(bucket.take(start + 24h, 6));
    EXPECT_EQ(bucket.next(start + 24h, 6), SteadyPoint::max());
}

TEST(TokenBucket, WhatIsRefusedCostsNothing)
{
    TokenBucket bucket(1, 2, start);
    EXPECT_TRUE(bucket.take(start));
    EXPECT_FALSE(bucket.take(start, 2));
    EXPECT_TRUE(bucket.take(start));
}

TEST(TokenBucket, TimeThatGoesBackGivesNothing)
{
    TokenBucket bucket(1, 1, start);
    EXPECT_TRUE(bucket.take(start + 10s));
    EXPECT_FALSE(bucket.take(start));
    EXPECT_EQ(bucket.next(start), start + 11s);
}

TEST(TokenBucket, ANewRateCountsFromItsInstantOn)
{
    TokenBucket bucket(10, 10, start);
    EXPECT_TRUE(bucket.take(start, 10));
    bucket.set_rate(1, 2, start + 500ms);  // five were there, two may stay
    EXPECT_DOUBLE_EQ(bucket.available(start + 500ms), 2);
    EXPECT_TRUE(bucket.take(start + 500ms, 2));
    EXPECT_EQ(bucket.next(start + 500ms), start + 1500ms);
}

RC_GTEST_PROP(TokenBucket, NextIsExactlyWhenTakeSucceedsAndNoWindowHoldsMoreThanItsShare, ())
{
    const double rate = *rc::gen::inRange(1, 5000) / 7.0;
    const double burst = *rc::gen::inRange(1, 20);
    TokenBucket bucket(rate, burst, start);
    std::deque<SteadyPoint> taken;
    SteadyPoint now = start;
    for (int i = 0; i < 200; ++i) {
        now += std::chrono::microseconds{*rc::gen::inRange(0, 2'000'000)};
        const SteadyPoint at = bucket.next(now);
        RC_ASSERT(at >= now);
        if (at > now + 1us)
            RC_ASSERT(!TokenBucket(bucket).take(at - 1us));
        RC_ASSERT(bucket.take(at));
        now = at;
        taken.push_back(now);
    }
    for (std::size_t i = 0; i < taken.size(); ++i)
        for (std::size_t j = i; j < taken.size(); ++j) {
            const double seconds = std::chrono::duration<double>(taken[j] - taken[i]).count();
            RC_ASSERT(static_cast<double>(j - i + 1) <= burst + seconds * rate + 0.001);
        }
}

}  // namespace
}  // namespace winnow
