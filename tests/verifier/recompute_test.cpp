#include "verifier/recompute.hpp"

#include <gtest/gtest.h>

#include "core/unmatched_replies.hpp"
#include "tests/support/spawn.hpp"
#include "tests/verifier/probe_lab.hpp"
#include "verifier/precheck.hpp"
#include "verifier/recompute_store.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr TimePoint then{milliseconds{1'767'225'600'000}};

ReplyClassifier table(const std::string& rows)
{
    return ReplyClassifier::parse(rows).value();
}

Evidence said(EvidenceKind kind, Stage stage, std::string answer, std::string rule = "old-1",
              std::string asked = "RCPT TO:<ann@x.test>")
{
    Evidence step;
    step.kind = kind;
    step.stage = stage;
    step.at = then;
    step.asked = std::move(asked);
    step.of = "mx.x.test[192.0.2.1]";
    step.answer = std::move(answer);
    step.rule = std::move(rule);
    return step;
}

VerdictRecord verdict(Reason reason, std::vector<Evidence> evidence)
{
    VerdictRecord record;
    record.evidence = std::move(evidence);
    conclude(record, reason, then);
    return record;
}

class RecomputeTest : public testing::Test {
protected:
    Reason reason(const std::vector<Evidence>& evidence, Flags flags = {}) const
    {
        return reason_of_evidence(evidence, flags, rules).value_or(Reason::internal_error);
    }
    Evidence rcpt(const char* answer) const { return said(EvidenceKind::rcpt, Stage::rcpt, answer); }
    Evidence stranger(const char* answer) const
    {
        return said(EvidenceKind::catch_all, Stage::rcpt, answer, "old-1", "RCPT TO:<dodubu@x.test>");
    }
    static Evidence own(EvidenceKind kind, const char* rule) { return own_step(kind, "asked", "answer", rule, then); }

    ReplyClassifier replies = table(
        "new-1\t*\t5xx\t-\t*\tno such user\tmailbox_unknown\tclear\tt\n"
        "new-2\t*\t5xx\t-\t*\tblocked\tip_blocked\t-\tt\n"
        "new-3\tone\t5xx\t-\t*\taccess denied\tmailbox_unknown\tedge\tt\n");
    ProviderTable providers = ProviderTable::parse("mx.x.test\tone\tone\tmailbox\t-\tt\n").value();
    Rules rules{replies, providers, ProbeLab::built_in_lists()};
};

TEST_F(RecomputeTest, AnAnswerIsReadByTheRulesOfToday)
{
    const VerdictRecord old = verdict(Reason::mailbox_not_found, {rcpt("550 5.7.1 You are blocked")});
    const VerdictRecord now = recompute(old, rules);
    EXPECT_EQ(now.reason, Reason::prober_blocked);
    EXPECT_EQ(now.verdict, Verdict::unknown);
    EXPECT_EQ(now.evidence[0].rule, "new-2");
    EXPECT_EQ(now.evidence[0].klass, ReplyClass::ip_blocked);
    EXPECT_EQ(now.checked_at, then);
    EXPECT_EQ(now.expires_at, then + default_ttl(Reason::prober_blocked));
    EXPECT_EQ(old.evidence[0].rule, "old-1");
}

TEST_F(RecomputeTest, RowsOfTheMailHostsProviderCount)
{
    const std::vector<Evidence> refused{rcpt("550 access denied")};
    EXPECT_EQ(reason(refused), Reason::policy_refused) << "at the edge, and nobody is known to be let in";
    const std::vector<Evidence> proved{rcpt("550 access denied"), own(EvidenceKind::rcpt, "edge:another_accepted")};
    EXPECT_EQ(reason(proved), Reason::mailbox_not_found);
    const std::vector<Evidence> by_postmaster{
        rcpt("550 access denied"), said(EvidenceKind::rcpt, Stage::rcpt, "250 ok", "", "RCPT TO:<postmaster@x.test>"),
        own(EvidenceKind::rcpt, "edge:postmaster_accepted")};
    EXPECT_EQ(reason(by_postmaster), Reason::mailbox_not_found);
    const std::vector<Evidence> other_words{rcpt("550 blocked"), own(EvidenceKind::rcpt, "edge:another_accepted")};
    EXPECT_EQ(reason(other_words), Reason::prober_blocked) << "the proof is about a refusal that is none today";
}

TEST_F(RecomputeTest, CatchAllFollowsFromWhatStrangersHeard)
{
    const Evidence yes = rcpt("250 ok");
    Flags unknown;
    unknown.set(Flag::catch_all_unknown);
    EXPECT_EQ(reason({yes}), Reason::accepted);
    EXPECT_EQ(reason({yes}, unknown), Reason::catch_all);
    EXPECT_EQ(reason({yes, stranger("250 ok"), stranger("250 ok")}), Reason::catch_all);
    EXPECT_EQ(reason({yes, stranger("250 ok"), stranger("550 no such user")}), Reason::accepted);
    EXPECT_EQ(reason({yes, stranger("550 blocked")}, unknown), Reason::catch_all);
    EXPECT_EQ(reason({rcpt("550 no such user"), stranger("250 ok"), stranger("250 ok")}), Reason::mailbox_not_found);
    EXPECT_EQ(reason({yes, stranger("250 ok"), stranger("250 ok"),
                      own(EvidenceKind::history, "learnt:accepts_then_rejects")}),
              Reason::accepts_then_rejects);
}

TEST_F(RecomputeTest, TheLastThatDecidesCounts)
{
    EXPECT_EQ(reason({own(EvidenceKind::dns, "route.mx"), own(EvidenceKind::policy, "identity:missing")}),
              Reason::not_probed);
    EXPECT_EQ(reason({rcpt("250 ok"), own(EvidenceKind::policy, "budget:not_reached")}), Reason::not_probed);
    EXPECT_EQ(reason({own(EvidenceKind::dns, "route.refused_target"), own(EvidenceKind::dns, "route.mx"),
                      rcpt("550 no such user")}),
              Reason::mailbox_not_found);
    EXPECT_EQ(reason({own(EvidenceKind::dns, "route.refused_target"), own(EvidenceKind::dns, "route.refused_target")}),
              Reason::no_connect);
}

TEST_F(RecomputeTest, SilenceIsReadByStageAndRule)
{
    EXPECT_EQ(reason({said(EvidenceKind::connect, Stage::connect, "timed out", "error:timeout")}), Reason::no_connect);
    EXPECT_EQ(reason({said(EvidenceKind::rcpt, Stage::rcpt, "timed out", "error:timeout")}), Reason::timeout);
    EXPECT_EQ(reason({said(EvidenceKind::rcpt, Stage::rcpt, "end of file", "error:closed")}), Reason::temp_failure);
}

TEST_F(RecomputeTest, WordsThatOnlyLookLikeAReplyAreNone)
{
    for (const char* answer : {"", "55", "5500 no such user", "550no such user", "990 no such user", "abc"})
        EXPECT_EQ(reread(rcpt(answer), rules).rule, "old-1") << answer;
    EXPECT_EQ(reread(rcpt("550"), rules).rule, "code:5xx");
}

TEST_F(RecomputeTest, OutcomesOfOwnMailKeepTheClassThatTheyWereStoredWith)
{
    Evidence bounce = said(EvidenceKind::delivery, Stage::rcpt, "550 no such user");
    bounce.klass = ReplyClass::unknown;  // frozen in a mass event
    EXPECT_FALSE(reason_of_evidence({bounce}, {}, rules));
    EXPECT_EQ(reread(bounce, rules).klass, ReplyClass::unknown);
    bounce.klass = ReplyClass::mailbox_unknown;
    EXPECT_EQ(reason({bounce}), Reason::mailbox_not_found);
    bounce.answer = "450 later";
    EXPECT_FALSE(reason_of_evidence({bounce}, {}, rules)) << "a deferral is no fact";
}

TEST_F(RecomputeTest, WhereNothingDecidesTheReasonStays)
{
    const VerdictRecord old = verdict(Reason::internal_error, {own(EvidenceKind::dns, "route.mx")});
    EXPECT_EQ(recompute(old, rules).reason, Reason::internal_error);
    EXPECT_FALSE(reason_of_evidence({}, {}, rules));
}

class RecomputeStoreTest : public RecomputeTest {
protected:
    void store(const std::string& address, const VerdictRecord& record)
    {
        auto ops = storage::OpList::of(storage::PutVerdict{"w1", parse_address(address).address, record});
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    }
    std::optional<VerdictRecord> stored(const std::string& address)
    {
        return lab.run(lab.engine->get_verdict("w1", parse_address(address).address)).value();
    }
    RecomputeSummary recompute_all(bool dry_run)
    {
        return std::move(lab.run(recompute_verdicts(*lab.engine, rules, "w1", dry_run)).value());
    }

    ProbeLab lab;
};

TEST_F(RecomputeStoreTest, ADryRunTellsWhatWouldChangeAndChangesNothing)
{
    for (int i = 0; i < 5; ++i) {
        const std::string address = "a" + std::to_string(i) + "@x.test";
        store(address, verdict(Reason::mailbox_not_found, {said(EvidenceKind::rcpt, Stage::rcpt, "550 blocked", "old-1",
                                                                "RCPT TO:<" + address + ">")}));
    }
    store("b@x.test", verdict(Reason::mailbox_not_found, {rcpt("550 no such user")}));
    store("c@x.test", verdict(Reason::domain_not_found, {own(EvidenceKind::dns, "route.nxdomain")}));
    const RecomputeSummary dry = recompute_all(true);
    EXPECT_EQ(dry.verdicts, 7u);
    EXPECT_EQ(dry.changed(), 5u);
    EXPECT_EQ(dry.reread, 1u);
    EXPECT_EQ(dry.written, 0u);
    EXPECT_EQ(dry.changes.at({Reason::mailbox_not_found, Reason::prober_blocked}), 5u);
    ASSERT_EQ(dry.samples.size(), 3u);
    EXPECT_TRUE(dry.samples[0].subject.ends_with("@x.test")) << dry.samples[0].subject;
    EXPECT_EQ(dry.samples[0].answer, "550 blocked");
    EXPECT_EQ(dry.samples[0].rule, "new-2");
    EXPECT_EQ(stored("a0@x.test")->reason, Reason::mailbox_not_found);

    const RecomputeSummary wet = recompute_all(false);
    EXPECT_EQ(wet.written, 6u);
    EXPECT_EQ(wet.overtaken, 0u);
    EXPECT_EQ(stored("a0@x.test")->reason, Reason::prober_blocked);
    EXPECT_EQ(stored("b@x.test")->evidence[0].rule, "new-1");
    EXPECT_EQ(recompute_all(true).changed(), 0u) << "once is enough";
    EXPECT_EQ(recompute_all(true).reread, 0u);
}

TEST_F(RecomputeStoreTest, MoreThanABatchAndOtherWorkspacesStay)
{
    for (int i = 0; i < 450; ++i)
        store("a" + std::to_string(i) + "@x.test", verdict(Reason::mailbox_not_found, {rcpt("550 blocked")}));
    auto ops = storage::OpList::of(storage::PutVerdict{"w2", parse_address("b@x.test").address,
                                                       verdict(Reason::mailbox_not_found, {rcpt("550 blocked")})});
    ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    EXPECT_EQ(recompute_all(false).written, 450u);
    EXPECT_EQ(lab.run(lab.engine->get_verdict("w2", parse_address("b@x.test").address)).value()->reason,
              Reason::mailbox_not_found);
}

TEST(UnmatchedProbes, WordsThatNoRowReadsAreCollectedWithoutTheRecipient)
{
    ProbeLab lab;
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return reply(550, "5.7.0 qwertz " + recipient.substr(0, recipient.find('@')) + " yxcvb <" + recipient + ">");
    };
    UnmatchedReplies unmatched{lab.clock};
    ReplyClassifier table = ProbeLab::known_replies().snapshot();
    table.collect_unmatched(&unmatched);
    const Services of_lab = lab.services();
    const Services collecting{of_lab.engine, of_lab.resolver,  of_lab.connector, of_lab.timers,
                              of_lab.clock,  of_lab.rng,       of_lab.log,       of_lab.metrics,
                              table,         of_lab.providers, of_lab.lists,     of_lab.executor};
    Pipeline pipeline{collecting, lab.options};
    Question question;
    question.workspace = ProbeLab::ws;
    question.text = "jane.doe@x.test";
    question.deadline = lab.clock.steady() + std::chrono::hours{1};
    bool answered = false;
    std::function<void(Conclusion)> done = [&answered](const Conclusion&) { answered = true; };
    test::spawn_or_throw(lab.io, pipeline.begin(std::move(question), std::move(done)));
    lab.timers.run_until_idle(lab.io);
    EXPECT_TRUE(answered);
    ASSERT_EQ(unmatched.all().size(), 1u);
    EXPECT_EQ(unmatched.all()[0].text, "5.7.0 qwertz @ yxcvb <@>");
}

}  // namespace
}  // namespace winnow::verifier
