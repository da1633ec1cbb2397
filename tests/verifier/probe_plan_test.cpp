#include "verifier/probe_plan.hpp"

#include <gtest/gtest.h>

#include "core/egress_budget.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds at_once{0};

PlannedSite site(std::uint64_t addresses, std::string operator_name = {}, bool large = false)
{
    return {std::move(operator_name), large, addresses, 1, 0};
}

ProbePlan plan(const std::vector<PlannedSite>& sites, milliseconds deadline = hours{2}, milliseconds reply = at_once)
{
    return plan_probes(sites, Manners{}, deadline, reply);
}

TEST(ProbePlanTest, NothingToAskIsAnEmptyPlan)
{
    const ProbePlan nothing = plan({});
    EXPECT_TRUE(nothing.groups.empty());
    EXPECT_EQ(nothing.rcpts, 0u);
    EXPECT_EQ(nothing.connections, 0u);
    EXPECT_EQ(nothing.eta, at_once);
    EXPECT_EQ(nothing.not_reached, 0u);
}

TEST(ProbePlanTest, ASmallSiteTakesItsPauses)
{
    const ProbePlan five = plan({site(5)});
    EXPECT_EQ(five.connections, 1u);
    EXPECT_EQ(five.eta, seconds{4}) << "a second between two RCPTs";
    const ProbePlan twelve = plan({site(12)});
    EXPECT_EQ(twelve.connections, 3u);
    EXPECT_EQ(twelve.rcpts, 12u);
    EXPECT_EQ(twelve.eta, seconds{4 + 30 + 4 + 30 + 1});
}

TEST(ProbePlanTest, SitesOfNobodyKnownAreAskedSideBySide)
{
    const ProbePlan several = plan({site(12), site(5), site(1)});
    ASSERT_EQ(several.groups.size(), 1u);
    EXPECT_EQ(several.groups[0].operator_name, "");
    EXPECT_EQ(several.groups[0].sites, 3u);
    EXPECT_EQ(several.groups[0].addresses, 18u);
    EXPECT_EQ(several.groups[0].connections, 5u);
    EXPECT_EQ(several.eta, plan({site(12)}).eta) << "the slowest counts";
}

TEST(ProbePlanTest, AnUntestedDomainNeedsAStranger)
{
    PlannedSite two_domains = site(4);
    two_domains.domains = two_domains.untested = 2;
    const ProbePlan strangers = plan({two_domains});
    EXPECT_EQ(strangers.addresses, 4u);
    EXPECT_EQ(strangers.rcpts, 6u);
    EXPECT_EQ(strangers.connections, 2u);
}

TEST(ProbePlanTest, TheSitesOfALargeOperatorShareItsConnectionsAndItsHour)
{
    const ProbePlan large = plan({site(1'200, "big", true), site(1'200, "big", true), site(3, "small")}, hours{24});
    ASSERT_EQ(large.groups.size(), 2u);
    EXPECT_EQ(large.groups[0].operator_name, "big") << "most addresses first";
    EXPECT_EQ(large.groups[0].sites, 2u);
    EXPECT_EQ(large.groups[0].connections, 120u);
    EXPECT_GT(large.groups[0].eta, hours{1}) << "2,000 an hour";
    EXPECT_LT(large.groups[0].eta, hours{1} + minutes{15});
    EXPECT_EQ(large.eta, large.groups[0].eta);
    Manners no_hourly_limit;
    no_hourly_limit.large_per_hour = 0;
    const auto fast = plan_probes({site(2'400, "big", true)}, no_hourly_limit, hours{2}, at_once);
    EXPECT_EQ(fast.eta, seconds{570})
        << "4 connections of 20 RCPTs, a second between two: 600 each, 30 of them at once";
}

TEST(ProbePlanTest, WhatHasNoTurnBeforeTheDeadlineIsExactlyTheRest)
{
    for (const bool large : {false, true}) {
        for (const milliseconds deadline :
             {milliseconds{seconds{1}}, milliseconds{seconds{33}}, milliseconds{minutes{10}}, milliseconds{hours{2}}}) {
            const ProbePlan late = plan({site(100'000, "op", large)}, deadline);
            const std::uint64_t in_time = 100'000 - late.not_reached;
            EXPECT_LE(plan({site(in_time, "op", large)}).eta, deadline);
            EXPECT_GT(plan({site(in_time + 1, "op", large)}).eta, deadline);
            EXPECT_EQ(plan({site(in_time, "op", large)}, deadline).not_reached, 0u);
        }
    }
}

TEST(ProbePlanTest, OneSitesDelayIsNotAnothers)
{
    const ProbePlan both = plan({site(100'000), site(5)}, minutes{10});
    EXPECT_EQ(both.not_reached, plan({site(100'000)}, minutes{10}).not_reached);
}

TEST(ProbePlanTest, RepliesTakeTheirTimeAlsoWithoutManners)
{
    const auto lifted = plan_probes({site(100)}, Manners::lifted(), hours{2}, milliseconds{100});
    EXPECT_EQ(lifted.connections, 1u);
    // 4 connections share 100 RCPTs; each question is RSET, MAIL and RCPT, each opening six replies.
    EXPECT_EQ(lifted.eta, milliseconds{600 + 24 * 300});
    EXPECT_GT(plan({site(12)}, hours{2}, milliseconds{100}).eta, plan({site(12)}).eta);
}

TEST(ProbePlanTest, AllSitesShareTheConnectionsOfTheProcess)
{
    Manners few;
    few.max_connections = 10;
    const std::vector<PlannedSite> many(10'000, site(1));
    const auto crowded = plan_probes(many, few, minutes{2}, milliseconds{100});
    // Each is open for an opening and a question of a second: 1.6 s, and ten at a time.
    EXPECT_EQ(crowded.eta, seconds{1'600});
    EXPECT_EQ(crowded.not_reached, 9'250u) << "all but 120 of 1,600 seconds' worth";
    EXPECT_EQ(crowded.groups[0].eta, milliseconds{600}) << "each alone is quick";
}

}  // namespace
}  // namespace winnow::verifier
