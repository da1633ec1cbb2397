#include "core/gate.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now{1'000'000ms};

VerdictRecord verdict(Reason reason)
{
    VerdictRecord record;
    record.reason = reason;
    record.verdict = verdict_of(reason);
    return record;
}

GateAnswer campaign(const VerdictRecord* v, std::vector<GateSuppression> s = {}, bool risky = false,
                    TimePoint hold_until = now + 1h)
{
    return decide_gate(v, s, {MailClass::bulk, risky, hold_until}, now);
}

GateAnswer transactional(const VerdictRecord* v, std::vector<GateSuppression> s = {})
{
    return decide_gate(v, s, {MailClass::transactional, false, {}}, now);
}

TEST(Gate, ACampaignGoesToDeliverableRecipientsOnly)
{
    for (Reason reason : all_values<Reason>()) {
        const VerdictRecord v = verdict(reason);
        const GateAnswer answer = campaign(&v);
        switch (v.verdict) {
            case Verdict::deliverable:
                EXPECT_EQ(answer.decision, GateDecision::send) << to_string(reason);
                break;
            case Verdict::undeliverable:
            case Verdict::risky:
                EXPECT_EQ(answer.decision, GateDecision::refuse) << to_string(reason);
                break;
            case Verdict::unknown:
                EXPECT_EQ(answer.decision, GateDecision::hold) << to_string(reason);
                break;
        }
        EXPECT_EQ(answer.reason, to_string(reason));
    }
}

TEST(Gate, RiskyPassesByOptInAndUnknownIsRefusedAfterTheDeadline)
{
    const VerdictRecord risky = verdict(Reason::catch_all);
    EXPECT_EQ(campaign(&risky, {}, true).decision, GateDecision::send);
    const VerdictRecord unknown = verdict(Reason::greylisted);
    EXPECT_EQ(campaign(&unknown, {}, false, now).decision, GateDecision::refuse);
    EXPECT_EQ(campaign(nullptr).decision, GateDecision::hold);
    EXPECT_EQ(campaign(nullptr).reason, "not_verified");
}

TEST(Gate, TransactionalMailPassesUnknownAndRiskyAndUnsubscribedButNoDeadAddress)
{
    const VerdictRecord unknown = verdict(Reason::timeout);
    const VerdictRecord risky = verdict(Reason::catch_all);
    const VerdictRecord dead = verdict(Reason::mailbox_not_found);
    EXPECT_EQ(transactional(nullptr).decision, GateDecision::send);
    EXPECT_EQ(transactional(&unknown).decision, GateDecision::send);
    EXPECT_EQ(transactional(&risky).decision, GateDecision::send);
    EXPECT_EQ(transactional(&dead).decision, GateDecision::refuse);
    EXPECT_EQ(transactional(nullptr, {{ScopeKind::list, SuppressionReason::unsubscribe}}).decision, GateDecision::send);
    for (SuppressionReason r : {SuppressionReason::bounce, SuppressionReason::complaint, SuppressionReason::manual,
                                SuppressionReason::erased})
        EXPECT_EQ(transactional(nullptr, {{ScopeKind::workspace, r}}).decision, GateDecision::refuse) << to_string(r);
}

TEST(Gate, TheStrongestSuppressionNamesTheRefusal)
{
    const VerdictRecord good = verdict(Reason::accepted);
    const GateAnswer answer = campaign(&good, {{ScopeKind::list, SuppressionReason::unsubscribe},
                                               {ScopeKind::workspace, SuppressionReason::complaint},
                                               {ScopeKind::global, SuppressionReason::bounce}});
    EXPECT_EQ(answer.decision, GateDecision::refuse);
    EXPECT_EQ(answer.reason, "suppressed:workspace:complaint");
    EXPECT_EQ(answer.reply.code, 550);
    EXPECT_EQ(answer.reply.enhanced.to_string(), "5.7.1");
}

TEST(Gate, SmtpRepliesUseTheCodesOfTheDesign)
{
    VerdictRecord null_mx = verdict(Reason::domain_no_mail);
    Evidence step;
    step.kind = EvidenceKind::dns;
    step.rule = "route.null_mx";
    null_mx.evidence.push_back(step);
    const VerdictRecord no_host = verdict(Reason::domain_no_mail);
    const VerdictRecord unknown_user = verdict(Reason::mailbox_not_found);
    const VerdictRecord no_domain = verdict(Reason::domain_not_found);
    const VerdictRecord disabled = verdict(Reason::mailbox_disabled);
    EXPECT_EQ(transactional(&null_mx).reply.enhanced.to_string(), "5.1.10");
    EXPECT_EQ(transactional(&no_host).reply.enhanced.to_string(), "5.1.2");
    EXPECT_EQ(transactional(&unknown_user).reply.enhanced.to_string(), "5.1.1");
    EXPECT_EQ(transactional(&no_domain).reply.enhanced.to_string(), "5.1.2");
    EXPECT_EQ(transactional(&disabled).reply.enhanced.to_string(), "5.7.1");
}

}  // namespace
}  // namespace winnow
