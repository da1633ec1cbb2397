#include "core/mass_event_guard.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{milliseconds{1'800'000'000'000}};
const auto lately = std::optional(start - std::chrono::days{3});

TEST(MassEventGuard, FreezesASiteWhereTwentyKnownGoodRecipientsDieWithinTenMinutes)
{
    MassEventGuard guard;
    for (std::uint64_t i = 0; i < 19; ++i)
        EXPECT_FALSE(guard.observe("site-a", i, lately, true, start + std::chrono::seconds(i)));
    const auto freeze = guard.observe("site-a", 19, lately, true, start + 30s);
    ASSERT_TRUE(freeze);
    EXPECT_EQ(freeze->since, start);
    EXPECT_EQ(freeze->dead, 20u);
    EXPECT_TRUE(guard.frozen("site-a", start + 1h));
    EXPECT_FALSE(guard.frozen("site-a", start + 48h));
    EXPECT_FALSE(guard.frozen("site-b", start + 1h));
}

TEST(MassEventGuard, SmallShareOfABusySiteIsNoEvent)
{
    MassEventGuard guard;
    std::uint64_t recipient = 0;
    for (int i = 0; i < 30; ++i) {
        for (int alive = 0; alive < 5; ++alive)
            EXPECT_FALSE(guard.observe("site", recipient++, lately, false, start + std::chrono::seconds(i)));
        EXPECT_FALSE(guard.observe("site", recipient++, lately, true, start + std::chrono::seconds(i)));
    }
    EXPECT_FALSE(guard.frozen("site", start + 1min));
}

TEST(MassEventGuard, DeathsOfAddressesNeverSeenAliveDoNotCount)
{
    MassEventGuard guard;
    for (std::uint64_t i = 0; i < 100; ++i) {
        EXPECT_FALSE(guard.observe("site", i, std::nullopt, true, start));
        EXPECT_FALSE(guard.observe("site", i + 1000, start - std::chrono::days{91}, true, start));
    }
    EXPECT_EQ(guard.sites(), 0u);
}

TEST(MassEventGuard, SlowDeathIsNoEventAndOneRecipientCountsOnce)
{
    MassEventGuard guard;
    for (std::uint64_t i = 0; i < 60; ++i)
        EXPECT_FALSE(guard.observe("slow", i, lately, true, start + i * 1min));
    for (std::uint64_t i = 0; i < 60; ++i)
        EXPECT_FALSE(guard.observe("same", 7, lately, true, start));
}

TEST(MassEventGuard, ReleaseByHandEndsTheFreezeAndForgetsItsWindow)
{
    MassEventGuard guard;
    for (std::uint64_t i = 0; i < 20; ++i)
        guard.observe("site", i, lately, true, start);
    ASSERT_TRUE(guard.frozen("site", start));
    guard.release("site");
    EXPECT_FALSE(guard.frozen("site", start));
    EXPECT_FALSE(guard.observe("site", 21, lately, true, start + 1s));
}

TEST(MassEventGuard, IdleSitesAreForgottenButNotAFreezeInForce)
{
    MassEventGuard guard;
    for (std::uint64_t i = 0; i < 20; ++i)
        guard.observe("frozen", i, lately, true, start);
    guard.observe("quiet", 1, lately, false, start);
    guard.forget_idle(start + 1h);
    EXPECT_EQ(guard.sites(), 1u);
    EXPECT_TRUE(guard.frozen("frozen", start + 1h));
    guard.forget_idle(start + 48h);
    EXPECT_EQ(guard.sites(), 0u);
}

}  // namespace
}  // namespace winnow
