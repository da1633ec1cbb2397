#include <set>

#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

// --- breakers

TEST_F(ProberTest, ARefusalOfOurAddressByThreeDomainsStopsAskingTheOperator)
{
    lab.dns.add_mx("a.test", 10, "mx1.big.example").add_mx("b.test", 10, "mx1.big.example");
    lab.dns.add_mx("c.test", 10, "mx1.big.example").add_mx("d.test", 10, "mx2.big.example");
    lab.dns.add("mx1.big.example", net::DnsType::a, "198.51.100.60");
    lab.dns.add("mx2.big.example", net::DnsType::a, "198.51.100.61");
    for (const char* ip : {"198.51.100.60", "198.51.100.61"})
        lab.internet.host(ip).mx.rcpt_reply = [](const std::string&) {
            return reply(554, "5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org");
        };
    std::vector<std::string> all;
    for (const char* domain : {"a.test", "b.test", "c.test", "d.test"})
        for (const auto& address : people(10, domain))
            all.push_back(address);
    for (const auto& [address, answer] : lab.ask(all))
        EXPECT_EQ(answer.verdict.reason, Reason::prober_blocked) << address;
    const std::size_t asked =
        lab.internet.host("198.51.100.60").rcpts().size() + lab.internet.host("198.51.100.61").rcpts().size();
    EXPECT_LE(asked, 10u) << "most were not asked";

    const VerdictRecord next = lab.ask_one("new@d.test");
    EXPECT_EQ(next.reason, Reason::prober_blocked);
    EXPECT_TRUE(has_rule(next, "breaker:open"));
    EXPECT_EQ(lab.internet.host("198.51.100.60").rcpts().size() + lab.internet.host("198.51.100.61").rcpts().size(),
              asked);
}

TEST_F(ProberTest, AfterThePauseOneProbeGoesOutAndClosesTheBreakerWhenItPasses)
{
    bool blocked = true;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        return blocked ? reply(554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org")
                       : knows({"ann@x.test"})(recipient);
    };
    lab.dns.add_mx("z.test", 10, "mx.x.test");
    lab.ask({"a@x.test", "a@y.test", "a@z.test"});
    EXPECT_EQ(lab.ask_one("b@x.test").reason, Reason::prober_blocked);
    const std::size_t asked = lab.host().rcpts().size();
    EXPECT_EQ(asked, 3u);

    lab.clock.advance(minutes{31});
    EXPECT_EQ(lab.ask_one("c@x.test").reason, Reason::prober_blocked) << "still: the half-open probe was refused";
    EXPECT_EQ(lab.host().rcpts().size(), asked + 1);
    EXPECT_EQ(lab.ask_one("d@x.test").reason, Reason::prober_blocked);
    EXPECT_EQ(lab.host().rcpts().size(), asked + 1);

    blocked = false;
    lab.clock.advance(std::chrono::hours{7});
    for (const auto& [address, answer] : lab.ask(people(8, "x.test")))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
    EXPECT_EQ(lab.ask_one("ann@x.test").reason, Reason::accepted);
}

TEST_F(ProberTest, OneDomainsBlockListStopsNothing)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.ends_with("@x.test")
                   ? reply(554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org")
                   : knows({"ann@y.test"})(recipient);
    };
    EXPECT_EQ(reason("ann@x.test"), Reason::prober_blocked);
    EXPECT_EQ(reason("ann@y.test"), Reason::accepted);
}

TEST_F(ProberTest, BreakersAreSharedWithSending)
{
    lab.breakers = std::make_unique<Breakers>();
    lab.dns.add_mx("a.test", 10, "mx1.big.example");
    lab.dns.add("mx1.big.example", net::DnsType::a, "198.51.100.60");
    lab.internet.host("198.51.100.60");
    for (const char* domain : {"p.test", "q.test", "r.test"})
        lab.breakers->record({"default", {}, "big-operator"}, ReplyClass::ip_blocked, domain, lab.clock.steady());
    EXPECT_EQ(reason("ann@a.test"), Reason::prober_blocked);
    EXPECT_EQ(lab.internet.host("198.51.100.60").attempts, 0u);
}

// --- ends

TEST_F(ProberTest, WhatIsNotAskedBeforeItsDeadlineIsNotProbed)
{
    lab.host().mx.rcpt_reply = knows({});
    const auto answers = lab.ask(people(30, "x.test"), minutes{1});
    std::size_t asked = 0;
    for (const auto& [address, answer] : answers) {
        EXPECT_TRUE(answer.verdict.reason == Reason::mailbox_not_found || answer.verdict.reason == Reason::not_probed);
        asked += answer.verdict.reason == Reason::mailbox_not_found;
    }
    EXPECT_EQ(asked, lab.host().rcpts().size());
    EXPECT_GE(asked, 9u);
    EXPECT_LT(asked, 11u);
    EXPECT_LE(lab.clock.elapsed(), minutes{2});
}

TEST_F(ProberTest, ATaskThatWaitsForAPlaceEndsAtItsDeadline)
{
    lab.options.manners.max_connections = 1;
    lab.host().options.reply_delay = seconds{30};
    lab.host_for("other.test", "198.51.100.70");
    std::map<std::string, Conclusion> answers;
    for (const char* address : {"ann@x.test", "ann@other.test"}) {
        Question question;
        question.workspace = ProbeLab::ws;
        question.text = address;
        question.deadline = lab.clock.steady() + seconds{10};
        lab.begin(question, answers);
    }
    lab.timers.run_for(lab.io, seconds{12});
    ASSERT_EQ(answers.count("ann@other.test"), 1u);
    EXPECT_EQ(answers.at("ann@other.test").verdict.reason, Reason::not_probed);
    lab.timers.run_until_idle(lab.io);
}

TEST_F(ProberTest, ADrainEndsTheDialogueAndLeavesTheRestUnprobed)
{
    lab.host().mx.rcpt_reply = knows({});
    std::map<std::string, Conclusion> answers;
    for (const auto& address : people(20, "x.test")) {
        Question question;
        question.workspace = ProbeLab::ws;
        question.text = address;
        question.deadline = SteadyPoint::max();
        lab.begin(question, answers);
    }
    lab.timers.run_for(lab.io, milliseconds{2'500});
    lab.run(lab.pipeline().drain());
    EXPECT_EQ(answers.size(), 20u);
    EXPECT_EQ(lab.pipeline().probing(), 0u);
    EXPECT_LE(lab.host().rcpts().size(), 4u);
    ASSERT_EQ(lab.host().sessions.size(), 1u);
    EXPECT_TRUE(lab.host().sessions[0]->quit());
}

TEST_F(ProberTest, TheSameSiteIsAlwaysAskedFromTheSameOfSeveralSources)
{
    lab.options.sources = {"192.0.2.11", "192.0.2.12", "192.0.2.13"};
    lab.host().mx.rcpt_reply = knows({});
    lab.ask(people(12, "x.test"));
    std::set<std::string> sources;
    for (const auto& session : lab.host().sessions)
        sources.insert(session->source);
    EXPECT_EQ(sources.size(), 1u);

    // A retry comes from the address that was greylisted, also when the choice would be another today.
    const std::string other = *sources.begin() == "192.0.2.11" ? "192.0.2.12" : "192.0.2.11";
    std::map<std::string, Conclusion> answers;
    Question again;
    again.workspace = ProbeLab::ws;
    again.text = "zoe@x.test";
    again.source = other;
    again.only_mx = "mx.x.test";
    again.reverse_path = "then@winnow.example";
    again.deadline = SteadyPoint::max();
    lab.begin(again, answers);
    lab.timers.run_until_idle(lab.io);
    const auto& last = *lab.host().sessions.back();
    EXPECT_EQ(last.source, other);
    EXPECT_THAT(last.lines.at(1).text, HasSubstr("<then@winnow.example>"));
}

}  // namespace
}  // namespace winnow::verifier
