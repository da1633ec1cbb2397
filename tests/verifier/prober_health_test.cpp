#include "verifier/prober_health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

class ProberHealthTest : public testing::Test {
protected:
    void round(SelfTestItem item, SelfTestStatus status, std::string what = {})
    {
        health.record({{item, status, std::move(what)}}, clock.steady());
    }
    void meet_nobody(int addresses)
    {
        for (int i = 0; i < addresses; ++i)
            health.met_nobody("192.0.2." + std::to_string(i));
    }

    test::ManualClock clock;
    ProberHealth health;
};

TEST_F(ProberHealthTest, BeforeTheFirstRoundNothingIsKnownAndOneIsDue)
{
    EXPECT_FALSE(health.tested());
    EXPECT_TRUE(health.due(clock.steady()));
    EXPECT_TRUE(health.reason().empty());
    EXPECT_FALSE(health.ever_healthy());
}

TEST_F(ProberHealthTest, ARoundWithoutFailureHoldsForItsTime)
{
    round(SelfTestItem::egress, SelfTestStatus::passed);
    EXPECT_TRUE(health.ever_healthy());
    clock.advance(minutes{9});
    EXPECT_FALSE(health.due(clock.steady()));
    clock.advance(minutes{1});
    EXPECT_TRUE(health.due(clock.steady()));
}

TEST_F(ProberHealthTest, OneFailureIsEnoughAndOnlyAPassOfTheSameItemEndsIt)
{
    round(SelfTestItem::block_list, SelfTestStatus::failed, "192.0.2.1 is on list.example.");
    EXPECT_EQ(health.reason(), "prober_unhealthy: 192.0.2.1 is on list.example.");
    round(SelfTestItem::egress, SelfTestStatus::passed);
    EXPECT_FALSE(health.reason().empty());
    round(SelfTestItem::block_list, SelfTestStatus::undecided, "the list is silent");
    EXPECT_THAT(health.reason(), HasSubstr("list.example")) << "silence changes nothing";
    EXPECT_FALSE(health.ever_healthy());
    round(SelfTestItem::block_list, SelfTestStatus::passed);
    EXPECT_TRUE(health.reason().empty());
    EXPECT_TRUE(health.ever_healthy());
}

TEST_F(ProberHealthTest, SilenceFromTheStartIsNoFailure)
{
    round(SelfTestItem::identity, SelfTestStatus::undecided, "the DNS did not answer");
    EXPECT_TRUE(health.tested());
    EXPECT_TRUE(health.reason().empty());
}

TEST_F(ProberHealthTest, TellsEachTroubleOnce)
{
    health.record({{SelfTestItem::egress, SelfTestStatus::failed, "no host answers."},
                   {SelfTestItem::identity, SelfTestStatus::failed, "no reverse name."}},
                  clock.steady());
    EXPECT_EQ(health.reason(), "prober_unhealthy: no host answers. no reverse name.");
}

TEST_F(ProberHealthTest, LooksAgainSoonAfterAFailureAndThenLessOften)
{
    for (const auto pause : {seconds{30}, seconds{60}, seconds{120}, seconds{240}, seconds{300}, seconds{300}}) {
        round(SelfTestItem::egress, SelfTestStatus::failed, "no host answers.");
        clock.advance(pause - seconds{1});
        EXPECT_FALSE(health.due(clock.steady())) << pause.count();
        clock.advance(seconds{1});
        EXPECT_TRUE(health.due(clock.steady())) << pause.count();
    }
    round(SelfTestItem::egress, SelfTestStatus::passed);
    round(SelfTestItem::egress, SelfTestStatus::failed, "again.");
    clock.advance(seconds{30});
    EXPECT_TRUE(health.due(clock.steady())) << "a new trouble begins anew";
}

class ProberHealthOfTwo : public testing::Test {
protected:
    ProberHealthOfTwo() : health(two()) {}
    static HealthOptions two()
    {
        HealthOptions options;
        options.sources = {a, b};
        return options;
    }
    void round(const std::string& source, SelfTestItem item, SelfTestStatus status, std::string what = {})
    {
        health.record({{item, status, std::move(what), source}}, clock.steady());
    }

    inline static const std::string a = "192.0.2.1", b = "192.0.2.2";
    test::ManualClock clock;
    ProberHealth health;
};

TEST_F(ProberHealthOfTwo, TheOneThatFailsRestsAlone)
{
    round(a, SelfTestItem::block_list, SelfTestStatus::failed, "192.0.2.1 is listed.");
    EXPECT_TRUE(health.reason().empty());
    EXPECT_TRUE(health.ever_healthy());
    EXPECT_FALSE(health.fit(a));
    EXPECT_TRUE(health.fit(b));
    EXPECT_EQ(health.why_some_rest(), "192.0.2.1 is listed.");
    clock.advance(seconds{30});
    EXPECT_TRUE(health.due(clock.steady())) << "whether it may go on is looked at soon";
    round(a, SelfTestItem::block_list, SelfTestStatus::passed);
    EXPECT_TRUE(health.fit(a));
    EXPECT_TRUE(health.why_some_rest().empty());
}

TEST_F(ProberHealthOfTwo, WhenNoneIsLeftWeAreUnhealthy)
{
    round(a, SelfTestItem::egress, SelfTestStatus::failed, "no way out of a.");
    round(b, SelfTestItem::identity, SelfTestStatus::failed, "no name for b.");
    EXPECT_EQ(health.reason(), "prober_unhealthy: no way out of a. no name for b.");
    EXPECT_FALSE(health.fit(b));
    round(b, SelfTestItem::identity, SelfTestStatus::passed);
    EXPECT_TRUE(health.reason().empty());
    EXPECT_TRUE(health.fit(b));
    EXPECT_FALSE(health.fit(a));
}

TEST_F(ProberHealthOfTwo, WhatIsAboutAllOfThemLetsNoneAsk)
{
    round({}, SelfTestItem::egress, SelfTestStatus::failed, "no network.");
    EXPECT_EQ(health.reason(), "prober_unhealthy: no network.");
    EXPECT_FALSE(health.fit(a));
    EXPECT_TRUE(health.resting().empty());
}

TEST_F(ProberHealthOfTwo, AnAnswerToOneDoesNotVouchForTheOther)
{
    round(a, SelfTestItem::egress, SelfTestStatus::passed);
    for (int i = 0; i < 8; ++i) {
        health.met_nobody("198.51.100." + std::to_string(i), a);
        health.met_somebody(clock.steady(), b);
    }
    EXPECT_TRUE(health.suspicious(clock.steady(), a));
    EXPECT_FALSE(health.suspicious(clock.steady(), b));
    EXPECT_TRUE(health.egress_seen(clock.steady(), b));
    EXPECT_FALSE(health.egress_seen(clock.steady(), a));
}

TEST_F(ProberHealthOfTwo, SinceIsWhenThatLastChanged)
{
    const SteadyPoint start = clock.steady();
    round(a, SelfTestItem::egress, SelfTestStatus::passed);
    clock.advance(minutes{1});
    round(a, SelfTestItem::egress, SelfTestStatus::passed);
    EXPECT_EQ(health.since(), start);
    clock.advance(minutes{1});
    round(a, SelfTestItem::egress, SelfTestStatus::failed, "no way out.");
    EXPECT_EQ(health.since(), start + minutes{2});
    clock.advance(minutes{1});
    round(b, SelfTestItem::egress, SelfTestStatus::failed, "no way out.");
    EXPECT_EQ(health.since(), start + minutes{3});
}

TEST_F(ProberHealthTest, ManyHostsInARowThatDoNotAnswerMakeARoundDue)
{
    round(SelfTestItem::egress, SelfTestStatus::passed);
    clock.advance(minutes{2});
    health.met_somebody(clock.steady());
    meet_nobody(7);
    health.met_nobody("192.0.2.0");
    EXPECT_FALSE(health.suspicious(clock.steady())) << "one host twice is one host";
    health.met_somebody(clock.steady());
    meet_nobody(7);
    EXPECT_FALSE(health.due(clock.steady()));
    health.met_nobody("192.0.2.7");
    EXPECT_TRUE(health.suspicious(clock.steady()));
    EXPECT_TRUE(health.due(clock.steady()));
    round(SelfTestItem::egress, SelfTestStatus::passed);
    EXPECT_FALSE(health.suspicious(clock.steady()));
    meet_nobody(8);
    EXPECT_FALSE(health.due(clock.steady())) << "a list of dead hosts does not make a round a second";
    clock.advance(minutes{1});
    EXPECT_TRUE(health.due(clock.steady()));
}

TEST_F(ProberHealthTest, AHostThatHadAnsweredAndFallsSilentIsEnoughWhileNobodyElseAnswers)
{
    const std::string none;
    round(SelfTestItem::egress, SelfTestStatus::passed);
    health.met_somebody(clock.steady(), none, "192.0.2.1");
    health.met_somebody(clock.steady(), none, "192.0.2.2");
    health.met_nobody("192.0.2.9");
    EXPECT_FALSE(health.suspicious(clock.steady())) << "it has never answered";
    health.met_nobody("192.0.2.1");
    EXPECT_TRUE(health.suspicious(clock.steady()));
    health.met_somebody(clock.steady(), none, "192.0.2.2");
    EXPECT_FALSE(health.suspicious(clock.steady()));
    health.met_nobody("192.0.2.1");
    round(SelfTestItem::egress, SelfTestStatus::passed);
    EXPECT_FALSE(health.suspicious(clock.steady()));
    health.met_nobody("192.0.2.1");
    EXPECT_FALSE(health.suspicious(clock.steady())) << "that it is silent is known by now";
}

TEST_F(ProberHealthTest, SilenceIsDoubtedWhenNothingHasShownForAMinuteThatAnythingGetsOut)
{
    round(SelfTestItem::egress, SelfTestStatus::passed);
    health.met_nobody("192.0.2.1");
    EXPECT_FALSE(health.suspicious(clock.steady()));
    clock.advance(minutes{1});
    EXPECT_TRUE(health.suspicious(clock.steady()));
    EXPECT_TRUE(health.due(clock.steady()));
    health.met_somebody(clock.steady());
    clock.advance(minutes{5});
    EXPECT_FALSE(health.suspicious(clock.steady())) << "nobody was silent since";
}

TEST_F(ProberHealthTest, ARoundThatConnectedToNobodyRemovesNoDoubt)
{
    health.met_somebody(clock.steady());
    meet_nobody(8);
    SelfTestFinding seen{SelfTestItem::egress, SelfTestStatus::passed, {}};
    seen.tried = false;
    health.record({seen}, clock.steady());
    EXPECT_TRUE(health.suspicious(clock.steady()));
    seen.tried = true;
    health.record({seen}, clock.steady());
    EXPECT_FALSE(health.suspicious(clock.steady()));
}

TEST_F(ProberHealthTest, WithoutATestOfEgressNothingIsDoubtedForNothingWouldEndIt)
{
    HealthOptions options;
    options.tests_egress = false;
    ProberHealth untested{options};
    for (int i = 0; i < 20; ++i)
        untested.met_nobody("192.0.2." + std::to_string(i));
    EXPECT_FALSE(untested.suspicious(clock.steady()));
}

TEST_F(ProberHealthTest, AHostThatAnsweredALittleWhileAgoShowsThatEgressWorks)
{
    EXPECT_FALSE(health.egress_seen(clock.steady()));
    health.met_somebody(clock.steady());
    clock.advance(minutes{9});
    EXPECT_TRUE(health.egress_seen(clock.steady()));
    clock.advance(minutes{1});
    EXPECT_FALSE(health.egress_seen(clock.steady()));
    health.met_somebody(clock.steady());
    meet_nobody(8);
    EXPECT_FALSE(health.egress_seen(clock.steady())) << "and many have not answered since";
    round(SelfTestItem::egress, SelfTestStatus::failed, "no host answers.");
    health.met_somebody(clock.steady());
    EXPECT_FALSE(health.egress_seen(clock.steady())) << "what failed is tested, not guessed";
}

}  // namespace
}  // namespace winnow::verifier
