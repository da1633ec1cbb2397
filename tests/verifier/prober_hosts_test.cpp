#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// --- DNS

TEST_F(ProberTest, DnsKeepsApartWhatDoesNotExistAndWhatDoesNotAnswer)
{
    lab.dns.zone("null.test. MX 0 .\nbroken.test. SERVFAIL\nslow.test. TIMEOUT\nnomail.test. TXT \"nothing\"");
    EXPECT_EQ(reason("a@nowhere.test"), Reason::domain_not_found);
    EXPECT_EQ(reason("a@null.test"), Reason::domain_no_mail);
    EXPECT_EQ(reason("a@nomail.test"), Reason::domain_no_mail);
    EXPECT_EQ(reason("a@broken.test"), Reason::dns_failure);
    EXPECT_EQ(reason("a@slow.test"), Reason::dns_failure);
    EXPECT_GE(lab.dns.confirmations(), 1u) << "NXDOMAIN is confirmed past the cache";
    EXPECT_EQ(lab.host().attempts, 0u);
}

TEST_F(ProberTest, ADomainWithoutMxIsAskedAtItsOwnAddress)
{
    lab.dns.add("plain.test", net::DnsType::a, "198.51.100.40");
    lab.internet.host("198.51.100.40").mx.rcpt_reply = knows({"ann@plain.test"});
    EXPECT_EQ(reason("ann@plain.test"), Reason::accepted);
    EXPECT_EQ(reason("bob@plain.test"), Reason::mailbox_not_found);
}

TEST_F(ProberTest, APrivateTargetIsNotConnectedTo)
{
    lab.options.allow_private_targets = false;
    lab.dns.add_mx("inner.test", 10, "mx.inner.test");
    lab.dns.add("mx.inner.test", net::DnsType::a, "10.0.0.1");
    EXPECT_EQ(reason("a@inner.test"), Reason::no_connect);
    EXPECT_EQ(lab.internet.host("10.0.0.1").attempts, 0u);
}

// --- hosts that fail

TEST_F(ProberTest, TheNextHostIsTriedWhenTheFirstDoesNotAnswerAndIsRememberedAsDead)
{
    lab.dns.add_mx("two.test", 10, "a.two.test").add_mx("two.test", 20, "b.two.test");
    lab.dns.add("a.two.test", net::DnsType::a, "198.51.100.50").add("b.two.test", net::DnsType::a, "198.51.100.51");
    lab.internet.host("198.51.100.50").silent = true;
    auto& second = lab.internet.host("198.51.100.51");
    second.mx.rcpt_reply = knows({});
    for (const auto& [address, answer] : lab.ask(people(12, "two.test")))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found);
    EXPECT_EQ(lab.internet.host("198.51.100.50").attempts, 1u);
    EXPECT_EQ(second.sessions.size(), 3u);
}

TEST_F(ProberTest, ASiteThatNobodyAnswersAtGivesAllItsAddressesTheSameReason)
{
    lab.host().silent = true;
    for (const auto& [address, answer] : lab.ask(people(20, "x.test")))
        EXPECT_EQ(answer.verdict.reason, Reason::no_connect);
    EXPECT_EQ(lab.host().attempts, 1u);
    EXPECT_EQ(reason("late@x.test"), Reason::no_connect);
    EXPECT_EQ(lab.host().attempts, 1u) << "remembered for a while";
    lab.clock.advance(minutes{4});
    lab.host().silent = false;
    EXPECT_EQ(reason("later@x.test"), Reason::catch_all);
}

TEST_F(ProberTest, ABrokenHandshakeIsTriedAgainInClearOnANewConnectionAndOnce)
{
    lab.host().options.tls = net::TlsServerContext::self_signed("mx.x.test", lab.clock.now()).value();
    lab.host().breaks_tls = true;
    lab.host().mx.rcpt_reply = knows({"user1@x.test"});
    const auto answers = lab.ask(people(6, "x.test"));
    EXPECT_EQ(answers.at("user1@x.test").verdict.reason, Reason::accepted);
    ASSERT_EQ(lab.host().sessions.size(), 3u);
    EXPECT_EQ(lab.host().count("STARTTLS"), 1u) << "the site is remembered";
    EXPECT_GE(lab.host().sessions[1]->opened - lab.host().sessions[0]->closed, seconds{30});
    EXPECT_TRUE(lab.host().sessions[1]->quit());
}

TEST_F(ProberTest, OfferedTlsIsUsed)
{
    lab.host().options.tls = net::TlsServerContext::self_signed("mx.x.test", lab.clock.now()).value();
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
    EXPECT_EQ(lab.host().count("STARTTLS"), 1u);
    EXPECT_EQ(lab.host().sessions.size(), 1u);
    EXPECT_TRUE(lab.host().sessions[0]->quit());
}

TEST_F(ProberTest, AConnectionThatEndsUnderAQuestionIsMadeAgainForIt)
{
    lab.host().mx.rcpt_reply = knows({"user1@x.test", "user2@x.test", "user3@x.test"});
    lab.host().cut_after = 6;  // EHLO MAIL RCPT RSET MAIL RCPT
    const auto answers = lab.ask(people(3, "x.test"));
    for (const auto& [address, answer] : answers)
        EXPECT_EQ(answer.verdict.reason, Reason::accepted) << address;
    for (std::size_t i = 1; i < lab.host().sessions.size(); ++i)
        EXPECT_GE(lab.host().sessions[i]->opened - lab.host().sessions[i - 1]->closed, seconds{30});
}

TEST_F(ProberTest, A421InTheMiddleIsNotAnAnswerAboutTheAddress)
{
    int asked = 0;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        return ++asked == 2 ? reply(421, "4.3.2 Service shutting down") : knows({"user1@x.test"})(recipient);
    };
    const auto answers = lab.ask(people(4, "x.test"));
    EXPECT_EQ(answers.at("user1@x.test").verdict.reason, Reason::accepted);
    for (const char* other : {"user2@x.test", "user3@x.test", "user4@x.test"})
        EXPECT_EQ(answers.at(other).verdict.reason, Reason::mailbox_not_found) << other;
    EXPECT_EQ(lab.host().sessions.size(), 2u);
}

TEST_F(ProberTest, TooManyRecipientsMeansAnotherConnectionNotAFailure)
{
    // Three RCPTs a connection, counted at the receiver.
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        const auto here = lab.host().sessions.back()->count("RCPT");
        return here > 3 ? reply(452, "4.5.3 Too many recipients") : knows({})(recipient);
    };
    for (const auto& [address, answer] : lab.ask(people(8, "x.test")))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
}

TEST_F(ProberTest, TooManyRecipientsForTheFirstOneIsATemporaryFailure)
{
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(452, "4.5.3 Too many recipients"); };
    EXPECT_EQ(reason("ann@x.test"), Reason::temp_failure);
    EXPECT_EQ(lab.host().sessions.size(), 1u);
}

TEST_F(ProberTest, ASiteThatSaysSlowDownIsLeftAlone)
{
    SteadyPoint told{};
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        if (told == SteadyPoint{}) {
            told = lab.clock.steady();
            return reply(450, "4.7.1 Rate limit exceeded, try again in 10 minutes");
        }
        return knows({})(recipient);
    };
    const auto answers = lab.ask(people(3, "x.test"));
    std::size_t later = 0;
    for (const auto& [address, answer] : answers)
        later += answer.verdict.reason == Reason::temp_failure;
    EXPECT_EQ(later, 1u);
    ASSERT_EQ(lab.host().sessions.size(), 2u);
    EXPECT_GE(lab.host().sessions[1]->opened - told, minutes{10});
}

TEST_F(ProberTest, ATarpitHoldsUsNoLongerThanTheTimeOfAnAddress)
{
    lab.host().options.reply_delay = seconds{50};  // each reply within its own time
    lab.options.probe_timeout = seconds{90};
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.verdict, Verdict::unknown);
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_LE(lab.clock.elapsed(), lab.options.probe_timeout * 2 + minutes{1});
}

TEST_F(ProberTest, AHostThatNeverGreetsTimesOut)
{
    lab.host().options.reply_delay = minutes{30};
    EXPECT_EQ(reason("ann@x.test"), Reason::timeout);
    EXPECT_LE(lab.clock.elapsed(), minutes{32});
}

TEST_F(ProberTest, ARefusedSenderIsToldOnceForTheWholeSite)
{
    lab.host().mx.mail_reply = reply(550, "5.7.1 sender rejected");
    for (const auto& [address, answer] : lab.ask(people(30, "x.test")))
        EXPECT_EQ(answer.verdict.reason, Reason::policy_refused) << address;
    EXPECT_EQ(lab.host().sessions.size(), 1u);
    EXPECT_LE(lab.host().rcpts().size(), 1u) << "RCPT goes in the same write as MAIL";
}

TEST_F(ProberTest, AnAddressThatNeedsSmtputf8IsNotForcedOnAHostWithoutIt)
{
    lab.host().options.smtputf8 = false;
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    const auto answers = lab.ask({"\xc3\xa4nn@x.test", "ann@x.test"});
    EXPECT_EQ(answers.at("\xc3\xa4nn@x.test").verdict.reason, Reason::policy_refused);
    EXPECT_TRUE(has_rule(answers.at("\xc3\xa4nn@x.test").verdict, "eai:no_smtputf8"));
    EXPECT_EQ(answers.at("ann@x.test").verdict.reason, Reason::accepted);
}

/// Every command of the dialogue is the last one that the host hears, on every connection, and then only on the first.
class CutDialogue : public ProberTest, public testing::WithParamInterface<int> {};

TEST_P(CutDialogue, EndsInAnUnknownNeverInADeadAddress)
{
    lab.host().mx.rcpt_reply = knows({"user1@x.test", "user2@x.test"});
    lab.host().cut_after = static_cast<std::size_t>(GetParam());
    for (const auto& [address, answer] : lab.ask(people(2, "x.test"))) {
        EXPECT_NE(answer.verdict.verdict, Verdict::undeliverable) << address;
        EXPECT_FALSE(answer.verdict.evidence.empty());
    }
}

TEST_P(CutDialogue, IsMadeUpForOnTheNextConnectionWhenTheHostHadAnswered)
{
    lab.host().mx.rcpt_reply = knows({"user1@x.test", "user2@x.test"});
    lab.host().cut_after = static_cast<std::size_t>(GetParam());
    lab.host().cut_sessions = 1;
    const auto answers = lab.ask(people(2, "x.test"));
    const bool first_was_answered = GetParam() > 3;
    for (const auto& [address, answer] : answers) {
        EXPECT_NE(answer.verdict.verdict, Verdict::undeliverable) << address;
        if (first_was_answered) {
            EXPECT_EQ(answer.verdict.reason, Reason::accepted) << address;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(AtEveryCommand, CutDialogue, testing::Range(1, 11));

}  // namespace
}  // namespace winnow::verifier
