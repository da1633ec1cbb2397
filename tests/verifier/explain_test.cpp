#include "verifier/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

class ExplainTest : public testing::Test {
protected:
    ExplainTest()
    {
        lab.host().mx.rcpt_reply = knows({"ann@x.test"});
        lab.start_process();
    }
    Explanation explained(const std::string& address, const std::string& dns_only = {})
    {
        ExplainSettings settings{{lab.replies, lab.providers, lab.lists}, dns_only};
        auto told = lab.run(explain(*lab.engine, settings, ProbeLab::ws, address));
        EXPECT_TRUE(told) << told.error().message();
        return std::move(*told);
    }
    void check(const std::string& address) { (void)lab.run(lab.verifier->check(ProbeLab::ws, address, minutes{2})); }
    template <class Op>
    void apply(Op op)
    {
        auto ops = storage::OpList::of(std::move(op));
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    }
    void suppress(const std::string& address, SuppressionReason reason)
    {
        storage::SuppressionEntry entry;
        entry.workspace = ProbeLab::ws;
        entry.address = address;
        entry.reason = reason;
        apply(storage::AddSuppression{entry});
    }
    static const RuleText* rule(const Explanation& e, std::string_view id)
    {
        for (const RuleText& each : e.rules)
            if (each.id == id)
                return &each;
        return nullptr;
    }

    JobLab lab;
};

TEST_F(ExplainTest, OfAnUnknownAddressItSaysWhatWouldBeDone)
{
    const Explanation e = explained("ann@x.test");
    EXPECT_FALSE(e.verdict);
    EXPECT_TRUE(e.history.empty());
    EXPECT_EQ(e.campaign.decision, GateDecision::hold);
    EXPECT_EQ(e.transactional.decision, GateDecision::send);
    EXPECT_THAT(e.next, HasSubstr("then the mail server"));
    EXPECT_THAT(explained("ann@x.test", "no identity").next, HasSubstr("no identity"));
}

TEST_F(ExplainTest, CitesTheRowThatReadTheAnswer)
{
    check("nobody@x.test");
    const Explanation e = explained("nobody@x.test");
    ASSERT_TRUE(e.verdict);
    EXPECT_EQ(e.verdict->reason, Reason::mailbox_not_found);
    EXPECT_FALSE(e.by_rules_of_today);
    const std::string id = e.verdict->evidence.back().rule;
    const RuleText* const row = rule(e, id);
    ASSERT_TRUE(row) << id;
    EXPECT_THAT(row->text, HasSubstr("mailbox_unknown"));
    EXPECT_FALSE(row->source.empty());
    EXPECT_TRUE(rule(e, "route.mx"));
    EXPECT_EQ(e.campaign.decision, GateDecision::refuse);
    EXPECT_EQ(e.transactional.decision, GateDecision::refuse);
    EXPECT_THAT(e.next, HasSubstr("the stored verdict holds"));
}

TEST_F(ExplainTest, WhatIsNoAddressNeedsNoStore)
{
    const Explanation e = explained("not an address");
    EXPECT_FALSE(e.parsed.usable);
    ASSERT_TRUE(e.verdict);
    EXPECT_EQ(e.verdict->reason, Reason::syntax_invalid);
    EXPECT_EQ(e.transactional.reply.code, 553);
    EXPECT_THAT(e.next, HasSubstr("no address"));
    EXPECT_EQ(e.rules.size(), 1u);
}

TEST_F(ExplainTest, ListsSuppressionsAndHistoryAreTold)
{
    EXPECT_TRUE(explained("a@mailinator.com").domain.disposable);
    EXPECT_THAT(explained("a@mailinator.com").next, HasSubstr("disposable"));
    EXPECT_EQ(explained("ann@gmial.com").domain.meant, "gmail.com");
    EXPECT_EQ(explained("postmaster@x.test").role, RoleMark::strong);

    suppress("ben@x.test", SuppressionReason::complaint);
    const Explanation suppressed = explained("ben@x.test");
    EXPECT_EQ(suppressed.suppressions.size(), 1u);
    EXPECT_EQ(suppressed.campaign.reason, "suppressed:workspace:complaint");
    EXPECT_THAT(suppressed.next, HasSubstr("suppressed"));
    suppress("cem@x.test", SuppressionReason::unsubscribe);
    EXPECT_THAT(explained("cem@x.test").next, HasSubstr("then the mail server")) << "other mail may go there";
    EXPECT_EQ(explained("cem@x.test").transactional.decision, GateDecision::send);

    storage::MessageRecord message;
    message.workspace = ProbeLab::ws;
    message.recipient = "dan@x.test";
    message.domain = "x.test";
    message.state = MessageState::queued;
    message.due = lab.clock.now();
    auto ops = storage::OpList::of(storage::Enqueue{message});
    storage::RecordAttempt attempt;
    attempt.ref = lab.run(lab.engine->commit(std::move(ops))).value().results.at(0).message;
    attempt.state = MessageState::delivered;
    attempt.attempt.at = lab.clock.now();
    attempt.attempt.klass = ReplyClass::delivered;
    attempt.attempt.reply = "250 2.0.0 queued";
    apply(attempt);
    const Explanation delivered = explained("dan@x.test");
    ASSERT_EQ(delivered.history.size(), 1u);
    ASSERT_TRUE(delivered.fact);
    EXPECT_EQ(delivered.fact->by, &delivered.history[0]);
    EXPECT_EQ(delivered.fact->reason, Reason::catch_all);
    EXPECT_THAT(delivered.next, HasSubstr("then the mail server")) << "whether x.test takes everybody is not known";
    storage::CatchAllRecord tested;
    tested.answer = storage::CatchAllRecord::Answer::no;
    tested.checked = lab.clock.now();
    apply(storage::PutCatchAll{"x.test", tested});
    const Explanation decided = explained("dan@x.test");
    EXPECT_EQ(decided.fact->reason, Reason::accepted);
    EXPECT_THAT(decided.next, HasSubstr("own history decides"));
    EXPECT_TRUE(rule(decided, "history:sorted_domain"));
}

TEST_F(ExplainTest, TellsWhenTheRulesOfTodayReadTheSameEvidenceDifferently)
{
    check("nobody@x.test");
    const ReplyClassifier nothing = ReplyClassifier::parse("").value();
    ExplainSettings settings{{nothing, lab.providers, lab.lists}, {}};
    const auto told = lab.run(explain(*lab.engine, settings, ProbeLab::ws, "nobody@x.test"));
    ASSERT_TRUE(told && told->by_rules_of_today);
    EXPECT_EQ(told->verdict->reason, Reason::mailbox_not_found);
    EXPECT_EQ(told->by_rules_of_today->reason, Reason::policy_refused);
    EXPECT_TRUE(rule(*told, "code:5xx"));
}

}  // namespace
}  // namespace winnow::verifier
