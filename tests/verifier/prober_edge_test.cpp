#include "storage/late_refusals.hpp"
#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;

/// A tenant of Microsoft 365 whose directory refuses at the edge whom it does not know.
class EdgeTest : public ProberTest {
protected:
    EdgeTest()
    {
        lab.providers =
            std::move(ProviderTable::parse(".protection.example\tmicrosoft365\tmicrosoft365\tmailbox\tlarge\t"
                                           "test\n")
                          .value());
        lab.dns.add_mx("tenant.test", 10, "tenant.protection.example");
        lab.dns.add("tenant.protection.example", net::DnsType::a, "198.51.100.60");
        knows_only({});
    }
    test::FakeHost& edge() { return lab.internet.host("198.51.100.60"); }
    void knows_only(std::vector<std::string> recipients)
    {
        edge().mx.rcpt_reply = [known = std::move(recipients)](const std::string& recipient) {
            for (const std::string& one : known)
                if (one == recipient)
                    return reply(250, "2.1.5 Recipient OK");
            return reply(550, "5.4.1 Recipient address rejected: Access denied. [AM5.example 2026]");
        };
    }
    std::size_t asked(const std::string& recipient)
    {
        const auto all = edge().rcpts();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), recipient));
    }
};

TEST_F(EdgeTest, ThatLetsNobodyInSaysNothingAboutAnAddress)
{
    const VerdictRecord verdict = lab.ask_one("ann@tenant.test");
    EXPECT_EQ(verdict.verdict, Verdict::unknown);
    EXPECT_EQ(verdict.reason, Reason::policy_refused);
    EXPECT_TRUE(has_rule(verdict, "edge:undecided"));
    EXPECT_EQ(verdict.probes, 2) << "the address, and the postmaster whom every domain has";
    EXPECT_THAT(edge().rcpts(), testing::ElementsAre("ann@tenant.test", "postmaster@tenant.test"));
}

TEST_F(EdgeTest, ThatLetsThePostmasterInRefusesWhatDoesNotExist)
{
    knows_only({"postmaster@tenant.test"});
    const auto answers = lab.ask(people(4, "tenant.test"));
    for (const auto& [address, answer] : answers) {
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
        EXPECT_TRUE(has_rule(answer.verdict, "edge:postmaster_accepted"));
    }
    EXPECT_EQ(edge().rcpts().size(), 5u) << "asked once for all";
}

TEST_F(EdgeTest, AnAcceptedColleagueDecidesInAnyOrderAndNobodyElseIsAsked)
{
    knows_only({"user3@tenant.test"});
    const auto answers = lab.ask(people(5, "tenant.test"));
    for (const auto& [address, answer] : answers) {
        if (address == "user3@tenant.test") {
            EXPECT_EQ(answer.verdict.reason, Reason::accepted);
            continue;
        }
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
        EXPECT_TRUE(has_rule(answer.verdict, "edge:another_accepted"));
    }
    EXPECT_EQ(asked("postmaster@tenant.test"), 0u);
}

TEST_F(EdgeTest, AnAcceptedColleagueCountsForADayAndAfterARestart)
{
    knows_only({"ann@tenant.test", "ben@tenant.test"});
    EXPECT_EQ(reason("ann@tenant.test"), Reason::accepted) << "a stranger at the edge is refused, and that counts";
    lab.forget_pipeline();
    lab.clock.advance(hours{20});
    EXPECT_EQ(reason("gone@tenant.test"), Reason::mailbox_not_found);
    lab.clock.advance(hours{5});
    EXPECT_EQ(reason("lost@tenant.test"), Reason::policy_refused);
    EXPECT_EQ(asked("postmaster@tenant.test"), 1u);
}

TEST_F(EdgeTest, OwnDeliveriesTellThatTheDomainLetsPeopleIn)
{
    storage::Enqueue mail;
    mail.message.workspace = ProbeLab::ws;
    mail.message.recipient = "ann@tenant.test";
    mail.message.domain = "tenant.test";
    mail.message.state = MessageState::queued;
    const auto queued = lab.run(lab.engine->commit(storage::OpList::of(mail)));
    storage::RecordAttempt delivered;
    delivered.ref = queued->results[0].message;
    delivered.state = MessageState::delivered;
    delivered.attempt.klass = ReplyClass::delivered;
    delivered.attempt.reply = "250 2.0.0 ok";
    delivered.attempt.at = lab.engine->now();
    ASSERT_TRUE(lab.run(lab.engine->commit(storage::OpList::of(delivered))));
    lab.clock.advance(hours{24 * 60});  // too old to be a verdict
    EXPECT_EQ(reason("ann@tenant.test"), Reason::mailbox_not_found);
    EXPECT_EQ(asked("postmaster@tenant.test"), 0u);
}

TEST_F(EdgeTest, ThePostmasterIsNoWitnessForItself)
{
    EXPECT_EQ(reason("postmaster@tenant.test"), Reason::policy_refused);
    EXPECT_EQ(edge().rcpts().size(), 1u);
}

TEST_F(EdgeTest, AConnectionThatEndsUnderTheQuestionDecidesNothing)
{
    edge().cut_after = 6;  // EHLO MAIL RCPT RSET MAIL RCPT
    const VerdictRecord verdict = lab.ask_one("ann@tenant.test");
    EXPECT_EQ(verdict.reason, Reason::policy_refused);
}

TEST_F(EdgeTest, WhatIsRefusedInOtherWordsNeedsNoWitness)
{
    edge().mx.rcpt_reply = [](const std::string&) { return reply(550, "5.1.10 RESOLVER.ADR.RecipientNotFound"); };
    EXPECT_EQ(reason("ann@tenant.test"), Reason::mailbox_not_found);
    EXPECT_EQ(edge().rcpts().size(), 1u);
}

// --- a yes that proves nothing

class ProviderClassTest : public ProberTest {
protected:
    ProviderClassTest()
    {
        lab.providers = std::move(ProviderTable::parse(".parked.example\tpark\tpark\tparked\t-\ttest\n"
                                                       ".forward.example\tforward\tforward\tforwarding\t-\ttest\n"
                                                       ".yes.example\tyes\tyes\tmailbox\tlarge,accepts_all\ttest\n")
                                      .value());
    }
    test::FakeHost& host_at(const std::string& domain, const std::string& provider)
    {
        lab.dns.add_mx(domain, 10, "in." + provider + ".example");
        lab.dns.add("in." + provider + ".example", net::DnsType::a, "198.51.100.70");
        return lab.internet.host("198.51.100.70");
    }
};

TEST_F(ProviderClassTest, AParkedDomainThatAcceptsIsACatchAllWithoutATest)
{
    auto& host = host_at("unused.test", "parked");
    const VerdictRecord verdict = lab.ask_one("ann@unused.test");
    EXPECT_EQ(verdict.reason, Reason::catch_all);
    EXPECT_TRUE(has_rule(verdict, "provider:parked"));
    EXPECT_FALSE(verdict.flags.has(Flag::catch_all_unknown));
    EXPECT_EQ(host.rcpts().size(), 1u);
    host.mx.rcpt_reply = knows({});
    EXPECT_EQ(reason("ben@unused.test"), Reason::mailbox_not_found) << "a no is a no there too";
}

TEST_F(ProviderClassTest, AForwardingServiceKnowsTheAddressAndSaysSo)
{
    host_at("alias.test", "forward").mx.rcpt_reply = knows({"ann@alias.test"});
    const VerdictRecord verdict = lab.ask_one("ann@alias.test");
    EXPECT_EQ(verdict.reason, Reason::accepted);
    EXPECT_TRUE(has_rule(verdict, "provider:forwarding"));
}

TEST_F(ProviderClassTest, AYesOfAProviderThatSaysYesToStrangersIsUnknownAndNoCatchAll)
{
    auto& host = host_at("people.test", "yes");
    const VerdictRecord verdict = lab.ask_one("ann@people.test");
    EXPECT_EQ(verdict.reason, Reason::accepts_then_rejects);
    EXPECT_EQ(verdict.verdict, Verdict::unknown);
    EXPECT_TRUE(has_rule(verdict, "provider:accepts_all"));
    EXPECT_EQ(host.rcpts().size(), 3u);
}

TEST_F(ProviderClassTest, ItsOwnFreeMailDomainIsTestedTooAndBelievedWhenItRefusesStrangers)
{
    auto& host = host_at("yahoo.com", "yes");
    EXPECT_EQ(reason("ann.example@yahoo.com"), Reason::accepts_then_rejects);
    host.mx.rcpt_reply = knows({"ann.example@yahoo.com"});
    lab.forget_pipeline();
    lab.clock.advance(hours{24 * 8});
    EXPECT_EQ(reason("ann.example@yahoo.com"), Reason::accepted);
}

TEST_F(ProviderClassTest, IsLearntFromMailboxesThatTurnOutNotToExist)
{
    EXPECT_EQ(reason("ann@x.test"), Reason::catch_all);
    const auto one = storage::late_refusal("x.test", lab.engine->now());
    ASSERT_TRUE(lab.run(lab.engine->commit(storage::OpList::of(one))));
    lab.forget_pipeline();
    EXPECT_EQ(reason("ben@x.test"), Reason::catch_all) << "one may be the bounce of a forwarded mailbox";
    ASSERT_TRUE(lab.run(lab.engine->commit(storage::OpList::of(one))));
    lab.forget_pipeline();
    const VerdictRecord verdict = lab.ask_one("cem@x.test");
    EXPECT_EQ(verdict.reason, Reason::accepts_then_rejects);
    EXPECT_TRUE(has_rule(verdict, "learnt:accepts_then_rejects"));
    lab.forget_pipeline();
    lab.clock.advance(hours{24 * 91});
    EXPECT_EQ(reason("dan@x.test"), Reason::catch_all) << "habits change";
}

TEST_F(ProviderClassTest, ADomainThatRefusesStrangersIsBelievedWhateverBounced)
{
    const auto one = storage::late_refusal("x.test", lab.engine->now());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(lab.run(lab.engine->commit(storage::OpList::of(one))));
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
}

}  // namespace
}  // namespace winnow::verifier
