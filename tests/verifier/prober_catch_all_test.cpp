#include <set>

#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::seconds;

TEST_F(ProberTest, OneRefusedStrangerProvesThatADomainKnowsItsUsers)
{
    lab.host().mx.rcpt_reply = knows({"ann@x.test", "ben@x.test"});
    const auto answers = lab.ask({"ann@x.test", "ben@x.test"});
    EXPECT_EQ(answers.at("ann@x.test").verdict.reason, Reason::accepted);
    EXPECT_EQ(answers.at("ben@x.test").verdict.reason, Reason::accepted);
    EXPECT_EQ(lab.host().rcpts().size(), 3u);
    EXPECT_EQ(lab.host().rcpts()[0], "ann@x.test") << "the real address first";
}

TEST_F(ProberTest, TwoAcceptedStrangersMakeACatchAll)
{
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::catch_all);
    EXPECT_FALSE(verdict.flags.has(Flag::catch_all_unknown));
    EXPECT_EQ(verdict.probes, 3);
    const auto rcpts = lab.host().rcpts();
    ASSERT_EQ(rcpts.size(), 3u);
    EXPECT_NE(rcpts[1], rcpts[2]);
    for (std::size_t i : {1u, 2u}) {
        EXPECT_THAT(rcpts[i], testing::EndsWith("@x.test"));
        EXPECT_EQ(rcpts[i].find_first_of("0123456789"), std::string::npos) << "shaped like a name";
    }
}

TEST_F(ProberTest, ACatchAllAnswerHoldsForSevenDaysPerDomainAndMxSet)
{
    lab.ask_one("ann@x.test");
    ASSERT_EQ(lab.host().rcpts().size(), 3u);
    lab.forget_pipeline();  // also after a restart
    lab.clock.advance(std::chrono::hours{24 * 6});
    EXPECT_EQ(reason("ben@x.test"), Reason::catch_all);
    EXPECT_EQ(lab.host().rcpts().size(), 4u);
    lab.ask_one("ann@y.test");
    EXPECT_EQ(lab.host().rcpts().size(), 7u) << "another domain of the same host has its own";
    lab.clock.advance(std::chrono::hours{24 * 2});
    lab.ask_one("cem@x.test");
    EXPECT_EQ(lab.host().rcpts().size(), 10u) << "asked again after a week";
}

TEST_F(ProberTest, AMoveToOtherHostsIsAskedAnew)
{
    lab.ask_one("ann@x.test");
    lab.dns.remove("x.test");
    auto& other = lab.host_for("x.test", "198.51.100.9");
    lab.dns.remove("x.test");
    lab.dns.add_mx("x.test", 10, "mx2.x.test");
    lab.dns.add("mx2.x.test", net::DnsType::a, "198.51.100.9");
    other.mx.rcpt_reply = knows({"ben@x.test"});
    lab.clock.advance(std::chrono::hours{2});
    EXPECT_EQ(reason("ben@x.test"), Reason::accepted);
    EXPECT_EQ(other.rcpts().size(), 2u);
}

TEST_F(ProberTest, AnInconclusiveTestMakesAnAcceptedAddressACatchAllWithAFlag)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient == "ann@x.test" ? reply(250, "ok") : reply(550, "5.7.1 policy says no");
    };
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::catch_all);
    EXPECT_TRUE(verdict.flags.has(Flag::catch_all_unknown));
    lab.ask_one("ben@x.test");
    EXPECT_EQ(lab.host().rcpts().size(), 3u) << "an inconclusive test is one all the same";
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    lab.clock.advance(std::chrono::hours{2});
    EXPECT_EQ(lab.ask_one("ann@x.test").reason, Reason::accepted) << "and is made up for soon";
}

TEST_F(ProberTest, TheDomainOfAPopularMailServiceNeedsNoTest)
{
    lab.dns.add_mx("gmail.com", 5, "in.big.example");
    lab.dns.add("in.big.example", net::DnsType::a, "198.51.100.30");
    lab.internet.host("198.51.100.30");
    EXPECT_EQ(reason("ann.example@gmail.com"), Reason::accepted);
    EXPECT_EQ(lab.internet.host("198.51.100.30").rcpts().size(), 1u);
}

TEST_F(ProberTest, StrangersOfManyAcceptedAddressesAreAskedOnce)
{
    std::vector<std::string> known = people(20, "x.test");
    lab.host().mx.rcpt_reply = knows(known);
    for (const auto& [address, answer] : lab.ask(known))
        EXPECT_EQ(answer.verdict.reason, Reason::accepted) << address;
    EXPECT_EQ(lab.host().rcpts().size(), 21u);
}

TEST(UnlikelyLocalPart, LooksLikeANameAndIsNeverTheSameTwice)
{
    SeededRng rng(5);
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = unlikely_local_part(rng);
        EXPECT_TRUE(seen.insert(name).second);
        EXPECT_TRUE(parse_address(name + "@x.example").usable);
        EXPECT_LE(name.size(), 64u);
    }
}

// --- greylisting (the durable part is in jobs_test)

TEST_F(ProberTest, AGreylistedAddressIntroducesAStrangerSoThatBothHaveWaited)
{
    std::map<std::string, SteadyPoint> first;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        const auto seen = first.emplace(recipient, lab.clock.steady()).first->second;
        if (lab.clock.steady() - seen < seconds{300})
            return reply(451, "4.7.1 Greylisted, please try again in 300 seconds");
        return knows({"ann@x.test", "ben@x.test"})(recipient);
    };
    const auto now = lab.ask({"ann@x.test"}).at("ann@x.test");
    EXPECT_EQ(now.verdict.reason, Reason::greylisted);
    EXPECT_EQ(now.retry_hint, seconds{300});
    EXPECT_EQ(now.mx, "mx.x.test");
    EXPECT_EQ(now.source, "192.0.2.1");
    ASSERT_EQ(lab.host().rcpts().size(), 2u);
    lab.clock.advance(seconds{301});
    std::map<std::string, Conclusion> answers;
    Question again;
    again.workspace = ProbeLab::ws;
    again.text = "ann@x.test";
    again.use_cache = false;
    again.only_mx = now.mx;
    again.deadline = SteadyPoint::max();
    lab.begin(again, answers);
    lab.timers.run_until_idle(lab.io);
    EXPECT_EQ(answers.at("ann@x.test").verdict.reason, Reason::accepted);
    const auto rcpts = lab.host().rcpts();
    ASSERT_EQ(rcpts.size(), 4u);
    EXPECT_EQ(rcpts[1], rcpts[3]) << "the same stranger";
}

TEST_F(ProberTest, AServerThatLooksRecipientsUpFirstIsAskedForTheSameStrangerAgain)
{
    std::set<std::string> looked_up;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        if (looked_up.insert(recipient).second)
            return reply(450, "4.1.1 unverified address: Address verification in progress");
        return knows({"ann@x.test"})(recipient);
    };
    EXPECT_EQ(reason("ann@x.test"), Reason::temp_failure);
    EXPECT_EQ(lab.host().rcpts().size(), 2u);
    lab.clock.advance(std::chrono::minutes{5});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
    const auto rcpts = lab.host().rcpts();
    ASSERT_EQ(rcpts.size(), 4u);
    EXPECT_EQ(rcpts[1], rcpts[3]) << "the same stranger";
}

TEST_F(ProberTest, AStrangerThatIsAlwaysPutOffIsNotAskedForEver)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.starts_with("user") ? reply(250, "ok") : reply(450, "4.1.1 User unknown");
    };
    for (const auto& address : people(20, "x.test")) {
        const VerdictRecord verdict = lab.ask_one(address);
        EXPECT_EQ(verdict.reason, Reason::catch_all);
        EXPECT_TRUE(verdict.flags.has(Flag::catch_all_unknown));
        lab.clock.advance(std::chrono::minutes{1});
    }
    EXPECT_EQ(lab.host().rcpts().size(), 20u + 4u);
}

TEST_F(ProberTest, AStrangerThatWasPutOffIsNotAskedWithEachAddressOfAList)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.starts_with("user") ? reply(250, "ok") : reply(450, "4.1.1 User unknown");
    };
    for (const auto& [address, answer] : lab.ask(people(4, "x.test")))
        EXPECT_TRUE(answer.stranger_put_off) << address << ": worth another question, a little later";
    EXPECT_EQ(lab.host().rcpts().size(), 5u);
    lab.clock.advance(std::chrono::minutes{5});
    EXPECT_FALSE(lab.ask({"user1@x.test"}).at("user1@x.test").stranger_put_off) << "but only one";
    lab.host().mx.rcpt_reply = knows(people(20, "x.test"));
    lab.clock.advance(std::chrono::minutes{5});
    EXPECT_EQ(reason("user2@x.test"), Reason::accepted);
}

TEST_F(ProberTest, AnOverloadedServerIsIntroducedToOneStrangerOnly)
{
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(451, "4.3.0 Queue file write error"); };
    for (const auto& address : people(10, "x.test"))
        EXPECT_EQ(reason(address), Reason::temp_failure);
    EXPECT_EQ(lab.host().rcpts().size(), 11u);
}

}  // namespace
}  // namespace winnow::verifier
