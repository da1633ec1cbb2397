#include "verifier/list_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.hpp"
#include "tests/support/spawn.hpp"
#include "tests/verifier/job_lab.hpp"
#include "verifier/forecast_json.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class ListPlanTest : public testing::Test {
protected:
    ListPlanTest()
    {
        lab.host().mx.rcpt_reply = [](const std::string& recipient) {
            return recipient.rfind("user", 0) == 0 ? reply(250, "2.1.5 Ok") : reply(550, "5.1.1 user unknown");
        };
        lab.dns.add_mx("big.test", 10, "mx1.big.example");
        lab.dns.add_mx("large.test", 10, "mx2.big.example");
        lab.dns.add("mx1.big.example", net::DnsType::a, "198.51.100.81");
        lab.dns.add("mx2.big.example", net::DnsType::a, "198.51.100.82");
        lab.start_process();
    }
    ListPlan plan(const storage::ListRecord& list, milliseconds deadline = milliseconds{0})
    {
        auto made = lab.run(lab.jobs->plan(ProbeLab::ws, list.id, deadline));
        EXPECT_TRUE(made) << made.error().message();
        return made ? std::move(*made) : ListPlan{};
    }
    ListPlan plan_within(const storage::ListRecord& list, PlanLimits limits)
    {
        auto made = lab.run(plan_list(lab.services(), lab.options, nullptr, ProbeLab::ws, list.id, hours{2}, limits));
        EXPECT_TRUE(made) << made.error().message();
        return made ? std::move(*made) : ListPlan{};
    }

    JobLab lab;
};

TEST_F(ListPlanTest, RowsAreCountedByWhatTheyNeed)
{
    lab.verify(lab.upload({"user1@x.test", "gone@x.test"}));
    const std::size_t asked = lab.host().rcpts().size();
    const auto list =
        lab.upload({"user1@x.test", "gone@x.test", "user2@x.test", "user3@y.test", "user4@big.test", "user5@large.test",
                    "user6@large.test", "not an address", "a@mailinator.com", "ann@nowhere.test", "user2@x.test"});
    const ListPlan made = plan(list);
    EXPECT_EQ(made.addresses(), 10u);
    EXPECT_EQ(made.seen, 10u);
    EXPECT_EQ(made.cached, 2u);
    const std::map<Reason, std::uint64_t> decided{
        {Reason::syntax_invalid, 1}, {Reason::disposable, 1}, {Reason::domain_not_found, 1}};
    EXPECT_EQ(made.decided, decided);
    EXPECT_EQ(made.probes.addresses, 5u);
    EXPECT_EQ(made.domains, 5u) << "nowhere.test too";
    EXPECT_EQ(made.domains_looked_up, 5u);
    ASSERT_EQ(made.probes.groups.size(), 2u);
    const PlannedGroup& big = made.probes.groups[0];
    EXPECT_EQ(big.operator_name, "big-operator");
    EXPECT_TRUE(big.large);
    EXPECT_EQ(big.sites, 2u);
    EXPECT_EQ(big.addresses, 3u);
    const PlannedGroup& others = made.probes.groups[1];
    EXPECT_EQ(others.operator_name, "");
    EXPECT_EQ(others.sites, 1u) << "x.test and y.test have one MX set";
    EXPECT_EQ(others.domains, 2u);
    EXPECT_EQ(others.addresses, 2u);
    EXPECT_EQ(others.rcpts, 3u) << "of x.test it is known that it tells its users apart";
    EXPECT_EQ(made.deadline, lab.options.deadline);
    EXPECT_EQ(lab.host().rcpts().size(), asked) << "nobody was asked";
}

TEST_F(ListPlanTest, AsksDnsOnceForADomainAndNobodyElse)
{
    std::vector<std::string> rows;
    for (int i = 0; i < 50; ++i)
        rows.push_back("user" + std::to_string(i) + (i % 2 == 0 ? "@x.test" : "@big.test"));
    const ListPlan made = plan(lab.upload(rows));
    EXPECT_EQ(lab.dns.queries("x.test", net::DnsType::mx), 1u);
    EXPECT_EQ(lab.dns.queries("big.test", net::DnsType::mx), 1u);
    EXPECT_EQ(lab.host().attempts, 0u);
    EXPECT_EQ(lab.internet.host("198.51.100.81").attempts, 0u);
    EXPECT_EQ(lab.results(made.list.id).size(), 0u) << "nothing is stored";
}

TEST_F(ListPlanTest, AJobSpendsWhatThePlanSays)
{
    std::vector<std::string> rows;
    for (int i = 0; i < 11; ++i)
        rows.push_back("user" + std::to_string(i) + "@x.test");
    const auto list = lab.upload(rows);
    const ListPlan made = plan(list);
    const SteadyPoint begun = lab.clock.steady();
    const auto job = lab.verify(list);
    EXPECT_EQ(job.counters.probes, made.probes.rcpts);
    EXPECT_EQ(lab.host().sessions.size(), made.probes.connections);
    const auto took = lab.clock.steady() - begun;
    EXPECT_GE(took, seconds{69});
    EXPECT_LE(took, made.probes.eta) << "in the lab, replies take no time";
    EXPECT_LE(made.probes.eta, seconds{75});
}

TEST_F(ListPlanTest, ADeadlineLeavesRowsUnasked)
{
    std::vector<std::string> rows;
    for (int i = 0; i < 20; ++i)
        rows.push_back("gone" + std::to_string(i) + "@x.test");
    const auto list = lab.upload(rows);
    const ListPlan made = plan(list, minutes{1});
    EXPECT_EQ(made.deadline, minutes{1});
    const auto job = lab.verify(list, minutes{1});
    EXPECT_GT(made.probes.not_reached, 0u);
    EXPECT_NEAR(static_cast<double>(made.probes.not_reached),
                static_cast<double>(job.counters.by_reason.at(Reason::not_probed)), 1.0);
}

TEST_F(ListPlanTest, DomainsBeyondTheBoundsAreSaidAndNotGuessed)
{
    const auto list =
        lab.upload({"user1@x.test", "user2@x.test", "user3@y.test", "user4@big.test", "user5@nowhere.test"});
    PlanLimits few;
    few.most_looked_up = 1;
    ListPlan made = plan_within(list, few);
    EXPECT_EQ(made.domains, 4u);
    EXPECT_EQ(made.domains_looked_up, 1u) << "the one with most addresses";
    EXPECT_EQ(made.probes.addresses, 5u);
    EXPECT_EQ(made.probes.groups[0].sites, 4u) << "each of the others as if it had its own mail host";
    few.most_domains = 1;
    made = plan_within(list, few);
    EXPECT_EQ(made.domains, 1u);
    EXPECT_EQ(made.probes.addresses + made.left_out, 5u);
    EXPECT_GE(made.left_out, 3u);
}

TEST_F(ListPlanTest, SilentDnsDoesNotHoldThePlan)
{
    const auto list = lab.upload({"user1@x.test", "user2@big.test"});
    lab.dns.hold();
    PlanLimits hurried;
    hurried.time = seconds{3};
    const SteadyPoint begun = lab.clock.steady();
    const ListPlan made = plan_within(list, hurried);
    EXPECT_EQ(lab.clock.steady() - begun, seconds{3});
    EXPECT_EQ(made.domains, 2u);
    EXPECT_EQ(made.domains_looked_up, 0u);
    EXPECT_EQ(made.probes.addresses, 2u);
    lab.dns.release();
    lab.timers.run_until_idle(lab.io);
}

TEST_F(ListPlanTest, OnlyACompleteListOfTheWorkspaceHasAPlan)
{
    const auto list = lab.upload({"user1@x.test"});
    EXPECT_EQ(lab.run(lab.jobs->plan(ProbeLab::ws, "nothing", milliseconds{0})).error().code, Errc::not_found);
    EXPECT_EQ(lab.run(lab.jobs->plan("other", list.id, milliseconds{0})).error().code, Errc::not_found);
}

TEST_F(ListPlanTest, FewPlansAreMadeAtATime)
{
    const auto list = lab.upload({"user1@x.test"});
    lab.dns.hold();
    std::vector<bool> made;
    for (int i = 0; i < 5; ++i) {
        test::spawn_then(lab.io, lab.jobs->plan(ProbeLab::ws, list.id, milliseconds{0}),
                         [&made](Result<ListPlan> plan) {
                             made.push_back(plan.has_value());
                             EXPECT_TRUE(plan || plan.error().code == Errc::unavailable);
                         });
    }
    test::VirtualTimers::poll(lab.io);
    EXPECT_EQ(made, std::vector{false}) << "the fifth is refused at once";
    lab.dns.release();
    lab.timers.run_until_idle(lab.io);
    EXPECT_EQ(made, (std::vector{false, true, true, true, true}));
    EXPECT_EQ(plan(list).probes.addresses, 1u) << "then there is room again";
}

TEST_F(ListPlanTest, WithoutAProbeIdentityItSaysWhyNobodyIsAsked)
{
    lab.options.identity_checked = false;
    lab.options.identity_reason = "no PTR";
    lab.start_process();
    const ListPlan made = plan(lab.upload({"user1@x.test"}));
    EXPECT_EQ(made.dns_only, "no PTR");
    const auto json = plan_to_json(made);
    EXPECT_EQ(json["probing"], false);
    EXPECT_EQ(json["why_not"], "no PTR");
}

TEST_F(ListPlanTest, TheJsonHasEveryOperatorAlsoThoseOfWhichAllIsKnown)
{
    ListPlan made;
    made.list.rows = 10;
    made.cached = 6;
    made.cached_by_operator = {{"google", 3}, {"big", 1}};
    made.probes.groups = {{"big", true, 1, 1, 4, 5, 1, milliseconds{1'500}, 0}};
    const auto json = plan_to_json(made);
    ASSERT_EQ(json["groups"].size(), 3u);
    EXPECT_EQ(json["groups"][0]["operator"], "big");
    EXPECT_EQ(json["groups"][0]["cached"], 1);
    EXPECT_EQ(json["groups"][0]["eta_seconds"], 2) << "whole seconds, rounded up";
    EXPECT_TRUE(json["groups"][1]["operator"].is_null());
    EXPECT_EQ(json["groups"][1]["cached"], 2);
    EXPECT_EQ(json["groups"][2]["operator"], "google");
    EXPECT_EQ(json["groups"][2]["cached"], 3);
    EXPECT_EQ(json["groups"][2]["addresses"], 0);
}

}  // namespace
}  // namespace winnow::verifier
