#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.hpp"
#include "tests/support/spawn.hpp"
#include "tests/verifier/job_lab.hpp"
#include "verifier/own_history.hpp"
#include "verifier/verdict_json.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using Answer = storage::CatchAllRecord::Answer;

class CheckTest : public testing::Test {
protected:
    CheckTest()
    {
        lab.host().mx.rcpt_reply = knows({"ann@x.test"});
        lab.start_process();
    }
    VerdictRecord check(const std::string& address, milliseconds deadline = minutes{2})
    {
        VerdictRecord verdict = lab.run(lab.verifier->check(ProbeLab::ws, address, deadline));
        lab.expect_replayable(verdict);
        return verdict;
    }
    CheckState begin(const std::string& address, milliseconds deadline)
    {
        return lab.run(lab.verifier->begin_check(ProbeLab::ws, address, deadline)).value();
    }
    static std::vector<EvidenceKind> kinds(const VerdictRecord& verdict)
    {
        std::vector<EvidenceKind> kinds;
        for (const Evidence& step : verdict.evidence)
            kinds.push_back(step.kind);
        return kinds;
    }
    VerdictRecord risk(const std::string& address)
    {
        return lab.run(lab.verifier->risk(ProbeLab::ws, address)).value();
    }
    std::optional<VerdictRecord> stored(const std::string& address)
    {
        return lab.run(lab.engine->get_verdict(ProbeLab::ws, parse_address(address).address)).value();
    }
    /// Queues a message; what is still to be said is how its attempt of now ended.
    storage::RecordAttempt queued_for(const std::string& recipient)
    {
        storage::MessageRecord message;
        message.workspace = ProbeLab::ws;
        message.recipient = recipient;
        message.domain = parse_address(recipient).address.domain;
        message.state = MessageState::queued;
        message.due = lab.clock.now();
        auto ops = storage::OpList::of(storage::Enqueue{message});
        const auto queued = lab.run(lab.engine->commit(std::move(ops))).value();
        storage::RecordAttempt attempt;
        attempt.ref = queued.results.at(0).message;
        attempt.attempt.at = lab.clock.now();
        return attempt;
    }
    /// A mail host took a message to `recipient` now.
    MessageRef deliver(const std::string& recipient)
    {
        storage::RecordAttempt attempt = queued_for(recipient);
        attempt.state = MessageState::delivered;
        attempt.attempt.klass = ReplyClass::delivered;
        attempt.attempt.reply = "250 2.0.0 queued";
        const MessageRef ref = attempt.ref;
        apply(std::move(attempt));
        return ref;
    }
    /// Strangers were asked about at the domain.
    void tested(const std::string& domain, Answer answer)
    {
        storage::CatchAllRecord record;
        record.answer = answer;
        record.checked = lab.clock.now();
        apply(storage::PutCatchAll{domain, record});
    }
    template <class Op>
    void apply(Op op)
    {
        auto ops = storage::OpList::of(std::move(op));
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    }

    JobLab lab;
};

TEST_F(CheckTest, GoesTheWholeWayAndStoresTheVerdict)
{
    const VerdictRecord verdict = check("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::accepted);
    EXPECT_EQ(verdict.probes, 2);
    ASSERT_TRUE(stored("ann@x.test"));
    EXPECT_EQ(stored("ann@x.test")->reason, Reason::accepted);
    EXPECT_EQ(kinds(verdict).front(), EvidenceKind::syntax);
    EXPECT_THAT(kinds(verdict),
                testing::IsSupersetOf({EvidenceKind::dns, EvidenceKind::rcpt, EvidenceKind::catch_all}));
}

TEST_F(CheckTest, AStoredVerdictIsAnAnswerAsLongAsItIsValid)
{
    check("ann@x.test");
    const std::size_t asked = lab.host().rcpts().size();
    lab.clock.advance(hours{24 * 29});
    const VerdictRecord again = check("ann@x.test");
    EXPECT_EQ(again.reason, Reason::accepted);
    EXPECT_EQ(again.probes, 0) << "spent earlier, not now";
    EXPECT_EQ(lab.host().rcpts().size(), asked);
    lab.clock.advance(hours{24 * 2});
    EXPECT_EQ(check("ann@x.test").reason, Reason::accepted);
    EXPECT_GT(lab.host().rcpts().size(), asked);
}

TEST_F(CheckTest, AnswersAtItsDeadlineAndStoresWhatComesLater)
{
    lab.host().options.reply_delay = seconds{5};
    const SteadyPoint before = lab.clock.steady();
    EXPECT_EQ(check("ann@x.test", seconds{3}).reason, Reason::timeout);
    EXPECT_EQ(lab.clock.steady() - before, seconds{3});
    EXPECT_FALSE(stored("ann@x.test"));
    lab.timers.run_until_idle(lab.io);
    ASSERT_TRUE(stored("ann@x.test"));
    EXPECT_EQ(stored("ann@x.test")->reason, Reason::accepted);
}

TEST_F(CheckTest, SlowDnsDoesNotHoldTheAnswerBeyondTheDeadline)
{
    lab.dns.hold();
    const VerdictRecord verdict = check("ann@x.test", seconds{3});
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_EQ(verdict.evidence.front().rule, "syntax:ok");
    EXPECT_THAT(verdict.evidence.back().answer, HasSubstr("DNS"));
    lab.dns.release();
    lab.timers.run_until_idle(lab.io);
}

TEST_F(CheckTest, WithoutTheMailHostsAnswerItIsToldWhatDnsSaid)
{
    lab.host().options.reply_delay = seconds{5};
    const VerdictRecord verdict = check("info@x.test", seconds{3});
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_TRUE(verdict.flags.has(Flag::role)) << "the lists have been asked too";
    EXPECT_THAT(kinds(verdict), testing::Contains(EvidenceKind::dns));
    EXPECT_EQ(verdict.evidence.back().rule, "deadline:check");
    EXPECT_THAT(verdict.evidence.back().answer, HasSubstr("the mail host"));
    EXPECT_EQ(verdict.probes, 0);
    lab.timers.run_until_idle(lab.io);
}

TEST_F(CheckTest, AnAcceptedRecipientIsToldBeforeTheCatchAllTestHasEnded)
{
    // A second between two RCPTs: the address is answered at once, the first stranger after the deadline.
    const CheckState open = begin("ann@x.test", milliseconds{900});
    EXPECT_FALSE(open.settled);
    EXPECT_EQ(open.verdict.reason, Reason::timeout);
    EXPECT_EQ(open.verdict.probes, 1);
    const auto& steps = open.verdict.evidence;
    ASSERT_GE(steps.size(), 3u);
    EXPECT_EQ(steps[steps.size() - 2].kind, EvidenceKind::rcpt);
    EXPECT_EQ(steps[steps.size() - 2].klass, ReplyClass::delivered);
    EXPECT_THAT(steps.back().answer, HasSubstr("catch-all"));
    EXPECT_FALSE(stored("ann@x.test"));
    lab.timers.run_until_idle(lab.io);
    const auto settled = lab.verifier->find_check(ProbeLab::ws, open.id);
    ASSERT_TRUE(settled);
    EXPECT_TRUE(settled->settled);
    EXPECT_EQ(settled->verdict.reason, Reason::accepted);
    EXPECT_EQ(std::count_if(settled->verdict.evidence.begin(), settled->verdict.evidence.end(),
                            [](const Evidence& step) { return step.kind == EvidenceKind::rcpt; }),
              1)
        << "told once";
}

TEST_F(CheckTest, AnAddressMayHaveItsTurnAfterItsAnswer)
{
    // Five RCPTs a connection and 30 s between two of them: the eleventh address waits for more than a minute.
    std::vector<CheckState> open;
    for (int i = 1; i <= 11; ++i)
        test::spawn_then(lab.io,
                         lab.verifier->begin_check(ProbeLab::ws, "u" + std::to_string(i) + "@x.test", seconds{1}),
                         [&open](Result<CheckState> state) { open.push_back(state.value()); });
    lab.timers.run_until_idle(lab.io);
    ASSERT_EQ(open.size(), 11u);
    std::map<Reason, int> reasons;
    for (const CheckState& check : open) {
        const auto now = check.settled ? check : lab.verifier->find_check(ProbeLab::ws, check.id).value();
        EXPECT_TRUE(now.settled);
        ++reasons[now.verdict.reason];
    }
    EXPECT_EQ(reasons[Reason::mailbox_not_found], 11) << "all had their turn within two minutes";
    EXPECT_EQ(lab.host().sessions.size(), 3u);
}

TEST_F(CheckTest, ThoseWhoWaitForAStrangerDoNotKeepItWaiting)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.rfind("user", 0) == 0 ? reply(250, "2.1.5 Ok") : reply(550, "5.1.1 user unknown");
    };
    std::vector<Reason> reasons;
    for (int i = 1; i <= 4; ++i)
        test::spawn_then(lab.io, lab.verifier->check(ProbeLab::ws, "user" + std::to_string(i) + "@x.test", minutes{1}),
                         [&reasons](VerdictRecord v) { reasons.push_back(v.reason); });
    lab.timers.run_until_idle(lab.io);
    EXPECT_EQ(reasons, std::vector(4, Reason::accepted));
    const auto asked = lab.host().rcpts();
    ASSERT_EQ(asked.size(), 5u);
    EXPECT_NE(asked[1].rfind("user", 0), 0u) << "the stranger comes second";
}

TEST_F(CheckTest, TooManyChecksUnderWayAreRefusedAndPlacesComeBack)
{
    lab.dns.hold();
    for (int i = 0; i < 2'000; ++i)
        test::spawn_then(lab.io, lab.verifier->begin_check(ProbeLab::ws, "ann@x.test", milliseconds{1}),
                         [](Result<CheckState> state) { EXPECT_TRUE(state); });
    const auto refused = lab.run(lab.verifier->begin_check(ProbeLab::ws, "ann@x.test", seconds{1}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    lab.dns.release();
    lab.timers.run_until_idle(lab.io);
    EXPECT_TRUE(lab.run(lab.verifier->begin_check(ProbeLab::ws, "ann@x.test", seconds{1})));
}

TEST_F(CheckTest, ASilentFirstHostLeavesTimeForTheSecond)
{
    lab.dns.add_mx("two.test", 10, "mx1.two.test");
    lab.dns.add_mx("two.test", 20, "mx2.two.test");
    lab.dns.add("mx1.two.test", net::DnsType::a, "198.51.100.71");
    lab.dns.add("mx2.two.test", net::DnsType::a, "198.51.100.72");
    lab.internet.host("198.51.100.71").silent = true;
    lab.internet.host("198.51.100.72").mx.rcpt_reply = knows({});
    const SteadyPoint before = lab.clock.steady();
    EXPECT_EQ(check("ann@two.test", seconds{10}).reason, Reason::mailbox_not_found);
    EXPECT_EQ(lab.clock.steady() - before, lab.options.interactive.connect_timeout);
}

TEST_F(CheckTest, AHostThatTakesItsTimeIsLeftSoonerThanForAList)
{
    lab.host().options.reply_delay = seconds{20};
    const SteadyPoint before = lab.clock.steady();
    const VerdictRecord verdict = check("ann@x.test", minutes{2});
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_EQ(lab.clock.steady() - before, lab.options.interactive.command_timeout);
    EXPECT_EQ(lab.ask_one("ann@x.test").reason, Reason::accepted) << "a list waits";
}

TEST_F(CheckTest, OurHurryIsNoAnswerToTheRowsOfAList)
{
    // A list's rows wait for the pause between two connections; a check for the same host comes in between.
    lab.options.manners.rcpts_per_connection = 1;
    lab.start_process();
    const auto list = lab.upload({"ben@x.test", "ben2@x.test"});
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{5});
    lab.host().silent = true;
    std::optional<VerdictRecord> hurried;
    test::spawn_then(lab.io, lab.verifier->check(ProbeLab::ws, "cem@x.test", minutes{2}),
                     [&hurried](VerdictRecord v) { hurried = std::move(v); });
    lab.timers.run_for(lab.io, seconds{40});
    ASSERT_TRUE(hurried);
    EXPECT_EQ(hurried->reason, Reason::no_connect);
    lab.host().silent = false;
    lab.wait(job.id);
    EXPECT_EQ(lab.reasons(list.id)[Reason::mailbox_not_found], 2u);
}

TEST_F(CheckTest, WhoWaitsIsAskedBeforeTheRowsOfAList)
{
    std::vector<std::string> rows;
    for (int i = 0; i < 60; ++i)
        rows.push_back("row" + std::to_string(i) + "@x.test");
    const auto job = lab.start(lab.upload(rows));
    lab.timers.run_for(lab.io, milliseconds{500});
    const CheckState asked_now = begin("nobody@x.test", seconds{10});
    EXPECT_TRUE(asked_now.settled) << "though rows wait there for minutes";
    EXPECT_EQ(asked_now.verdict.reason, Reason::mailbox_not_found);
    const auto asked = lab.host().rcpts();
    ASSERT_GE(asked.size(), 3u);
    EXPECT_EQ(asked[2], "nobody@x.test") << "only the row that a connection had taken already went first";
    EXPECT_EQ(lab.host().most_open(), 1u) << "manners are everybody's";
    lab.wait(job.id);
}

TEST_F(CheckTest, AnOpenCheckThatHasNoTurnEndsUnasked)
{
    lab.options.manners.rcpts_per_connection = 1;
    lab.options.manners.between_connections = hours{1};
    lab.start_process();
    EXPECT_EQ(begin("nobody@x.test", seconds{10}).verdict.reason, Reason::mailbox_not_found);
    const SteadyPoint begun = lab.clock.steady();
    const CheckState open = begin("ben@x.test", seconds{10});
    EXPECT_FALSE(open.settled);
    lab.timers.run_for(lab.io, lab.options.interactive.goes_on - seconds{11});
    EXPECT_FALSE(lab.verifier->find_check(ProbeLab::ws, open.id)->settled);
    lab.timers.run_for(lab.io, seconds{3});
    const auto ended = lab.verifier->find_check(ProbeLab::ws, open.id);
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->settled) << "after " << (lab.clock.steady() - begun) / seconds{1} << " s";
    EXPECT_EQ(ended->verdict.reason, Reason::timeout);
    EXPECT_THAT(ended->verdict.evidence.back().answer, HasSubstr("turn"));
    EXPECT_FALSE(stored("ben@x.test"));
    lab.timers.run_until_idle(lab.io);
    EXPECT_EQ(lab.host().rcpts().size(), 1u) << "nobody is asked any more";
    EXPECT_EQ(lab.host().sessions.size(), 1u);
    EXPECT_FALSE(stored("ben@x.test"));
}

TEST_F(CheckTest, AFailedProbeDoesNotReplaceAFreshVerdict)
{
    check("ann@x.test");
    VerdictRecord failed;
    conclude(failed, Reason::timeout, lab.clock.now());
    apply(storage::PutVerdict{ProbeLab::ws, parse_address("ann@x.test").address, failed});
    EXPECT_EQ(stored("ann@x.test")->reason, Reason::accepted);
}

TEST_F(CheckTest, SyntaxAndListsNeedNobody)
{
    EXPECT_EQ(check("not an address").reason, Reason::syntax_invalid);
    EXPECT_EQ(check("a@b@c.test").reason, Reason::syntax_invalid);
    EXPECT_EQ(check("someone@mailinator.com").reason, Reason::disposable);
    EXPECT_EQ(check("").reason, Reason::syntax_invalid);
    EXPECT_EQ(lab.dns.total_queries(), 0u);
    const VerdictRecord role = check("postmaster+x@x.test");
    EXPECT_TRUE(role.flags.has(Flag::role));
    EXPECT_TRUE(role.flags.has(Flag::subaddress));
}

TEST_F(CheckTest, ATypoIsARemarkNotAVerdict)
{
    const VerdictRecord verdict = check("ann@gmial.com");
    EXPECT_EQ(verdict.suggestion, "ann@gmail.com");
    EXPECT_TRUE(verdict.flags.has(Flag::typo_suspect));
    EXPECT_EQ(verdict.reason, Reason::domain_not_found) << "DNS decided";
}

TEST_F(CheckTest, ADomainThatWorksAndTookOurMailIsNoTypoOfAnother)
{
    const auto is_typo = [](const VerdictRecord& verdict) {
        const bool step = std::any_of(verdict.evidence.begin(), verdict.evidence.end(),
                                      [](const Evidence& e) { return e.rule == "list:typo"; });
        EXPECT_EQ(verdict.flags.has(Flag::typo_suspect), step);
        EXPECT_EQ(!verdict.suggestion.empty(), step);
        return step;
    };
    lab.host_for("gmial.com", "198.51.100.78").mx.rcpt_reply = knows({"ann@gmial.com", "eva@gmial.com"});
    EXPECT_TRUE(is_typo(check("ann@gmial.com"))) << "a mail host alone says little: such names are bought";
    deliver("cem@gmial.com");
    EXPECT_FALSE(is_typo(check("cem@gmial.com"))) << "own history decides";
    EXPECT_FALSE(is_typo(check("eva@gmial.com"))) << "nobody has written to it before";
    EXPECT_FALSE(is_typo(check("ann@gmial.com"))) << "not as it was stored";
    EXPECT_FALSE(is_typo(risk("ann@gmial.com")));
    lab.clock.advance(hours{24 * 91});
    EXPECT_TRUE(is_typo(check("fay@gmial.com"))) << "that was long ago";
}

TEST_F(CheckTest, ADomainThatTookOurMailAndIsGoneMayWellBeATypo)
{
    deliver("cem@gmial.com");
    EXPECT_TRUE(check("ann@gmial.com").flags.has(Flag::typo_suspect));
    const VerdictRecord again = check("ann@gmial.com");
    EXPECT_EQ(again.probes, 0);
    EXPECT_EQ(again.reason, Reason::domain_not_found);
    EXPECT_EQ(again.suggestion, "ann@gmail.com") << "from the cache too";
}

TEST_F(CheckTest, TheProviderIsNamedAndAGatewayIsFlagged)
{
    lab.dns.add_mx("gated.test", 10, "mx.gate.example");
    lab.dns.add("mx.gate.example", net::DnsType::a, "198.51.100.90");
    lab.internet.host("198.51.100.90").mx.rcpt_reply = knows({});
    const VerdictRecord verdict = check("ann@gated.test");
    EXPECT_EQ(verdict.provider, "gate");
    EXPECT_TRUE(verdict.flags.has(Flag::seg));
}

TEST_F(CheckTest, WhereStrangersAreRefusedADeliveryIsBetterThanAProbe)
{
    tested("x.test", Answer::no);
    deliver("cem@x.test");
    const TimePoint delivered = lab.clock.now();
    lab.clock.advance(hours{24});
    const VerdictRecord verdict = check("cem@x.test");
    EXPECT_EQ(verdict.reason, Reason::accepted);
    EXPECT_EQ(verdict.checked_at, delivered) << "it is as old as the fact";
    EXPECT_EQ(verdict.evidence.back().rule, "history:sorted_domain");
    EXPECT_EQ(lab.host().attempts, 0u);
    deliver("dan@gmail.com");
    EXPECT_EQ(risk("dan@gmail.com").reason, Reason::accepted);
}

TEST_F(CheckTest, AtACatchAllADeliveryVouchesForNobodyAndSilenceAfterItForALittle)
{
    tested("x.test", Answer::yes);
    deliver("cem@x.test");
    const auto expect = [&](Reason reason) {
        EXPECT_EQ(to_string(check("cem@x.test").reason), to_string(reason));
        EXPECT_EQ(to_string(risk("cem@x.test").reason), to_string(reason));
        EXPECT_EQ(stored("cem@x.test")->verdict, Verdict::risky);
    };
    expect(Reason::catch_all);
    lab.clock.advance(bounce_window);
    expect(Reason::catch_all_likely_live);
    EXPECT_EQ(lab.host().attempts, 0u);
}

TEST_F(CheckTest, AtACatchAllABounceAfterTheDeliverySaysThatTheAddressIsDead)
{
    tested("x.test", Answer::yes);
    storage::RecordReport report;
    report.ref = deliver("cem@x.test");
    report.klass = ReplyClass::mailbox_unknown;
    report.at = lab.clock.now() + hours{1};
    lab.clock.advance(hours{2});
    apply(report);
    EXPECT_EQ(check("cem@x.test").reason, Reason::mailbox_not_found);
    report.ref = deliver("dan@x.test");
    report.klass = ReplyClass::expired;
    report.at = lab.clock.now() + hours{1};
    lab.clock.advance(hours{2});
    apply(report);
    EXPECT_EQ(check("dan@x.test").reason, Reason::catch_all_likely_dead);
}

TEST_F(CheckTest, ADeliveryToADomainThatWasNotTestedIsNoAnswerWhereTheMailboxCanBeAskedAbout)
{
    deliver("ann@x.test");
    deliver("cem@x.test");
    EXPECT_EQ(check("cem@x.test").reason, Reason::mailbox_not_found) << "it was taken then";
    EXPECT_EQ(check("ann@x.test").probes, 2) << "the stranger was asked about";
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(250, "2.1.5 Ok"); };
    lab.host_for("all.test", "198.51.100.77").mx.rcpt_reply = lab.host().mx.rcpt_reply;
    deliver("eva@all.test");
    EXPECT_EQ(check("eva@all.test").reason, Reason::catch_all);
    EXPECT_EQ(risk("eva@all.test").reason, Reason::catch_all);
    EXPECT_FALSE(risk("eva@all.test").flags.has(Flag::catch_all_unknown)) << "by now it is known";
}

TEST_F(CheckTest, WhereNobodyCanBeAskedADeliveryMakesAnUntestedDomainRisky)
{
    deliver("ann@x.test");
    const auto expect_untested = [](const VerdictRecord& verdict) {
        EXPECT_EQ(verdict.reason, Reason::catch_all);
        EXPECT_TRUE(verdict.flags.has(Flag::catch_all_unknown));
        ASSERT_GE(verdict.evidence.size(), 2u);
        EXPECT_EQ(verdict.evidence[verdict.evidence.size() - 2].kind, EvidenceKind::delivery);
        EXPECT_EQ(verdict.evidence.back().rule, "history:untested_domain");
    };
    expect_untested(risk("ann@x.test"));
    lab.stop_process();
    lab.options.identity_checked = false;
    lab.start_process();
    expect_untested(check("ann@x.test"));
    expect_untested(check("ann@x.test"));
    lab.stop_process();
    lab.options.identity_checked = true;
    lab.start_process();
    EXPECT_EQ(check("ann@x.test").reason, Reason::accepted) << "now that it can be asked about, it is";
}

TEST_F(CheckTest, WhatABrokenReceiverSaidDuringAFreezeIsNoFact)
{
    const auto bounce = [&](bool frozen) {
        storage::RecordAttempt attempt = queued_for("cem@x.test");
        attempt.state = MessageState::bounced;
        attempt.attempt.klass = ReplyClass::mailbox_unknown;
        attempt.attempt.reply = "550 5.1.1 no such user";
        attempt.frozen = frozen;
        apply(attempt);
        return attempt.ref;
    };
    bounce(true);
    EXPECT_EQ(risk("cem@x.test").reason, Reason::not_probed);
    storage::UndoOutcome undo;
    undo.ref = bounce(false);
    EXPECT_EQ(risk("cem@x.test").reason, Reason::mailbox_not_found);
    undo.since = lab.clock.now();
    apply(undo);
    EXPECT_EQ(risk("cem@x.test").reason, Reason::not_probed);
}

TEST_F(CheckTest, RiskAsksNobody)
{
    const VerdictRecord nothing = risk("ann@x.test");
    EXPECT_EQ(nothing.reason, Reason::not_probed);
    EXPECT_EQ(nothing.evidence.back().rule, "risk:never_probes");
    EXPECT_EQ(risk("broken@").reason, Reason::syntax_invalid);
    EXPECT_EQ(risk("a@mailinator.com").reason, Reason::disposable);
    EXPECT_EQ(lab.dns.total_queries(), 0u);
    EXPECT_EQ(lab.host().attempts, 0u);
    check("ann@x.test");
    EXPECT_EQ(risk("ann@x.test").reason, Reason::accepted);
    EXPECT_EQ(risk("ANN@X.test").reason, Reason::accepted) << "the domain in any case, the local part as canonical-v1";
}

TEST_F(CheckTest, ErasedAndComplainedOnesAreNotAskedAbout)
{
    for (const auto& [address, reason] : {std::pair{"ann@x.test", SuppressionReason::erased},
                                          {"ben@x.test", SuppressionReason::complaint},
                                          {"cem@x.test", SuppressionReason::trap}}) {
        storage::SuppressionEntry entry;
        entry.workspace = ProbeLab::ws;
        entry.address = address;
        entry.reason = reason;
        apply(storage::AddSuppression{entry});
        const VerdictRecord verdict = check(address);
        EXPECT_EQ(verdict.reason, Reason::not_probed) << address;
        EXPECT_EQ(verdict.evidence.back().rule, "suppression:not_asked");
    }
    EXPECT_EQ(lab.dns.total_queries(), 0u);
}

TEST_F(CheckTest, ConcurrentChecksShareTheirSitesManners)
{
    std::vector<VerdictRecord> verdicts;
    for (int i = 0; i < 8; ++i)
        test::spawn_then(lab.io, lab.verifier->check(ProbeLab::ws, "u" + std::to_string(i) + "@x.test", minutes{5}),
                         [&verdicts](VerdictRecord v) { verdicts.push_back(std::move(v)); });
    lab.timers.run_until_idle(lab.io);
    ASSERT_EQ(verdicts.size(), 8u);
    EXPECT_EQ(lab.host().most_open(), 1u);
    const auto times = lab.host().rcpt_times();
    for (std::size_t i = 1; i < times.size(); ++i)
        EXPECT_GE(times[i] - times[i - 1], seconds{1});
}

TEST(VerdictJson, HasTheSharedShape)
{
    VerdictRecord verdict;
    conclude(verdict, Reason::catch_all, test::ManualClock::default_start);
    verdict.flags.set(Flag::catch_all_unknown);
    Evidence step;
    step.kind = EvidenceKind::rcpt;
    step.asked = "RCPT TO:<a@x.test>";
    step.answer = "250 ok";
    step.klass = ReplyClass::delivered;
    verdict.evidence.push_back(step);
    const auto json = verdict_to_json("a@x.test", verdict, true);
    EXPECT_EQ(json["address"], "a@x.test");
    EXPECT_EQ(json["verdict"], "risky");
    EXPECT_EQ(json["reason"], "catch_all");
    EXPECT_EQ(json["flags"], nlohmann::json::array({"catch_all_unknown"}));
    EXPECT_TRUE(json["suggestion"].is_null());
    EXPECT_TRUE(json["provider"].is_null());
    EXPECT_EQ(json["p_bounce_interval"].size(), 2u);
    EXPECT_EQ(json["evidence"][0]["stage"], "rcpt");
    EXPECT_EQ(json["evidence"][0]["class"], "delivered");
    EXPECT_FALSE(verdict_to_json("a@x.test", verdict, false).contains("evidence"));
}

}  // namespace
}  // namespace winnow::verifier
