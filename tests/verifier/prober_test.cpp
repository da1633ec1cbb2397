#include "verifier/prober.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/verifier/probe_lab.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

class ProberTest : public testing::Test {
protected:
    ProbeLab lab;

    static std::vector<std::string> people(int count, const std::string& domain, int from = 1)
    {
        std::vector<std::string> out;
        for (int i = 0; i < count; ++i)
            out.push_back("user" + std::to_string(from + i) + "@" + domain);
        return out;
    }
    Reason reason(const std::string& address) { return lab.ask_one(address).reason; }
    static bool has_rule(const VerdictRecord& verdict, std::string_view rule)
    {
        for (const Evidence& step : verdict.evidence)
            if (step.rule == rule)
                return true;
        return false;
    }
};

// --- manners, as the receiver sees them

TEST_F(ProberTest, ASiteSeesOneConnectionFiveRcptsASecondApartAndHalfAMinuteOfPeace)
{
    auto& host = lab.host();
    host.mx.rcpt_reply = knows({});
    std::vector<std::string> all = people(7, "x.test");
    const auto more = people(6, "y.test");
    all.insert(all.end(), more.begin(), more.end());
    for (const auto& [address, answer] : lab.ask(all))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;

    EXPECT_EQ(host.rcpts().size(), 13u);
    EXPECT_EQ(host.most_open(), 1u);
    ASSERT_EQ(host.sessions.size(), 3u);
    for (const auto& session : host.sessions) {
        EXPECT_LE(session->count("RCPT"), 5u);
        EXPECT_TRUE(session->quit());
        EXPECT_TRUE(session->ended());
    }
    const auto times = host.rcpt_times();
    for (std::size_t i = 1; i < times.size(); ++i)
        EXPECT_GE(times[i] - times[i - 1], seconds{1});
    for (std::size_t i = 1; i < host.sessions.size(); ++i)
        EXPECT_GE(host.sessions[i]->opened - host.sessions[i - 1]->closed, seconds{30});
}

TEST_F(ProberTest, AddressesOfAConnectionAreKeptApartByRsetAndNothingForbiddenIsSaid)
{
    auto& host = lab.host();
    host.mx.rcpt_reply = knows({"user1@x.test", "user2@x.test"});
    lab.ask(people(9, "x.test"));
    const std::set<std::string> allowed{"EHLO", "MAIL", "RCPT", "RSET", "QUIT"};
    for (const auto& session : host.sessions) {
        std::string before;
        for (const auto& line : session->lines) {
            const std::string verb = line.text.substr(0, 4);
            EXPECT_TRUE(allowed.count(verb)) << line.text;
            if (verb == "MAIL") {
                EXPECT_TRUE(before == "EHLO" || before == "RSET") << before;
            }
            if (verb == "RCPT") {
                EXPECT_EQ(before, "MAIL");
            }
            before = verb;
        }
        EXPECT_EQ(before, "QUIT");
    }
}

TEST_F(ProberTest, ALargeOperatorSeesFourConnectionsOverAllItsSites)
{
    lab.options.manners.large_per_hour = 0;
    std::vector<test::FakeHost*> hosts;
    std::vector<std::string> all;
    for (int i = 1; i <= 3; ++i) {
        const std::string n = std::to_string(i);
        lab.dns.add_mx("t" + n + ".test", 10, "t" + n + ".big.example");
        lab.dns.add("t" + n + ".big.example", net::DnsType::a, "198.51.100.2" + n);
        hosts.push_back(&lab.internet.host("198.51.100.2" + n));
        hosts.back()->mx.rcpt_reply = knows({});
        for (const auto& address : people(50, "t" + n + ".test"))
            all.push_back(address);
    }
    lab.ask(all);
    std::vector<std::pair<SteadyPoint, int>> changes;
    for (const auto* host : hosts) {
        EXPECT_EQ(host->rcpts().size(), 50u);
        for (const auto& session : host->sessions) {
            EXPECT_LE(session->count("RCPT"), 20u);
            EXPECT_TRUE(session->quit());
            for (std::size_t i = 0, last = 0; i < session->lines.size(); ++i)
                if (session->lines[i].text.rfind("RCPT", 0) == 0) {
                    if (last > 0) {
                        EXPECT_GE(session->lines[i].at - session->lines[last].at, seconds{1});
                    }
                    last = i;
                }
            changes.emplace_back(session->opened, 1);
            changes.emplace_back(session->closed, -1);
        }
    }
    std::sort(changes.begin(), changes.end());
    int open = 0, most = 0;
    for (const auto& [at, step] : changes)
        most = std::max(most, open += step);
    EXPECT_LE(most, 4);
    EXPECT_GE(most, 3) << "and the allowance is used";
}

TEST_F(ProberTest, ALargeOperatorGetsNoMoreThanItsHourlyBudget)
{
    lab.options.manners.large_per_hour = 100;
    lab.dns.add_mx("t.test", 10, "t.big.example");
    lab.dns.add("t.big.example", net::DnsType::a, "198.51.100.20");
    auto& host = lab.internet.host("198.51.100.20");
    host.mx.rcpt_reply = [](const std::string&) { return reply(552, "5.2.2 mailbox full"); };
    const auto answers = lab.ask(people(240, "t.test"), std::chrono::hours{2});
    const auto times = host.rcpt_times();
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto hour = std::count_if(times.begin(), times.end(), [&](SteadyPoint t) {
            return t >= times[i] && t < times[i] + std::chrono::hours{1};
        });
        ASSERT_LE(hour, 100);
    }
    EXPECT_GT(times.size(), 170u);
    std::size_t unprobed = 0;
    for (const auto& [address, answer] : answers)
        unprobed += answer.verdict.reason == Reason::not_probed;
    EXPECT_EQ(unprobed + times.size(), 240u) << "what the budget did not reach is not_probed";
}

TEST_F(ProberTest, ManyConnectionsAtOnceStayBelowTheLimitOfTheProcess)
{
    lab.options.manners.max_connections = 3;
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".test";
        lab.host_for(domain, "198.51.100." + std::to_string(100 + i)).mx.rcpt_reply = knows({});
        for (const auto& address : people(7, domain))
            all.push_back(address);
    }
    for (const auto& [address, answer] : lab.ask(all))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
    std::vector<std::pair<SteadyPoint, int>> changes;
    for (int i = 0; i < 12; ++i)
        for (const auto& session : lab.internet.host("198.51.100." + std::to_string(100 + i)).sessions) {
            changes.emplace_back(session->opened, 1);
            changes.emplace_back(session->closed, -1);
        }
    std::sort(changes.begin(), changes.end());
    int open = 0, most = 0;
    for (const auto& [at, step] : changes)
        most = std::max(most, open += step);
    EXPECT_EQ(most, 3);
    EXPECT_LT(lab.clock.elapsed(), minutes{3}) << "a pause between connections holds no place of the process";
}

TEST_F(ProberTest, WithoutAProbeIdentityNoHostIsAsked)
{
    lab.options.identity_checked = false;
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::not_probed);
    EXPECT_EQ(lab.host().attempts, 0u);
    ASSERT_FALSE(verdict.evidence.empty());
    EXPECT_THAT(verdict.evidence.back().answer, HasSubstr("verifier.mail_from"));
    EXPECT_EQ(lab.ask_one("ann@nowhere.test").reason, Reason::domain_not_found) << "DNS still decides";
}

// --- catch-all

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
    EXPECT_TRUE(lab.host().rcpts().empty());
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

/// Every step of the dialogue refused once for good and once for now.
struct Refusal {
    const char* step;
    int code;
};
void PrintTo(const Refusal& refusal, std::ostream* out)
{
    *out << refusal.code << " at " << refusal.step;
}
class RefusedDialogue : public ProberTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusedDialogue, BeforeRcptSaysNothingAboutTheAddress)
{
    const SmtpReply no = reply(GetParam().code, "5.1.1 user unknown, mailbox does not exist");
    const std::string step = GetParam().step;
    if (step == "banner")
        lab.host().mx.greeting = no;
    else
        lab.host().mx.mail_reply = no;
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.verdict, Verdict::unknown);
    EXPECT_TRUE(lab.host().sessions.at(0)->quit());
}

INSTANTIATE_TEST_SUITE_P(AtEveryStep, RefusedDialogue,
                         testing::Values(Refusal{"banner", 421}, Refusal{"banner", 554}, Refusal{"mail", 421},
                                         Refusal{"mail", 451}, Refusal{"mail", 550}));

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
