#include "core/gate.hpp"

#include <algorithm>

namespace winnow {
namespace {

bool blocks(SuppressionReason reason, MailClass mail_class) noexcept
{
    return mail_class == MailClass::bulk || reason != SuppressionReason::unsubscribe;
}

GateAnswer refuse(std::string reason, int code, std::string text)
{
    return {GateDecision::refuse, std::move(reason), SmtpReply::make(code, text)};
}

GateAnswer refuse_undeliverable(const VerdictRecord& verdict)
{
    const std::string reason{to_string(verdict.reason)};
    switch (verdict.reason) {
        case Reason::mailbox_not_found:
            return refuse(reason, 550, "5.1.1 recipient does not exist (mailbox_not_found)");
        case Reason::domain_not_found:
            return refuse(reason, 550, "5.1.2 domain does not exist (domain_not_found)");
        case Reason::domain_no_mail: {
            // RFC 7505 keeps 5.1.10 for a domain that says so itself; a domain without any mail host is a 5.1.2.
            const bool null_mx = std::any_of(verdict.evidence.begin(), verdict.evidence.end(), [](const Evidence& e) {
                return e.kind == EvidenceKind::dns && e.rule == "route.null_mx";
            });
            if (null_mx)
                return refuse(reason, 550, "5.1.10 domain accepts no mail, null MX (domain_no_mail)");
            return refuse(reason, 550, "5.1.2 domain has no mail host (domain_no_mail)");
        }
        case Reason::syntax_invalid:
            return refuse(reason, 553, "5.1.3 recipient address is not valid (syntax_invalid)");
        default:
            return refuse(reason, 550, "5.7.1 recipient refused: " + reason);
    }
}

}  // namespace

std::string_view to_string(GateDecision d) noexcept
{
    switch (d) {
        case GateDecision::send:
            return "send";
        case GateDecision::hold:
            return "hold";
        case GateDecision::refuse:
            return "refuse";
    }
    return "refuse";
}

GateAnswer decide_gate(const VerdictRecord* verdict, const std::vector<GateSuppression>& suppressions,
                       const GatePolicy& policy, TimePoint now)
{
    const GateSuppression* strongest = nullptr;
    for (const GateSuppression& s : suppressions)
        if (blocks(s.reason, policy.mail_class) && (!strongest || strength(s.reason) > strength(strongest->reason)))
            strongest = &s;
    if (strongest) {
        const std::string what =
            std::string(to_string(strongest->scope)) + ":" + std::string(to_string(strongest->reason));
        return refuse("suppressed:" + what, 550, "5.7.1 recipient is suppressed (" + what + ")");
    }
    if (verdict && verdict->verdict == Verdict::undeliverable)
        return refuse_undeliverable(*verdict);
    if (policy.mail_class == MailClass::transactional)
        return {GateDecision::send, verdict ? std::string(to_string(verdict->reason)) : "not_verified", {}};

    const std::string reason = verdict ? std::string(to_string(verdict->reason)) : "not_verified";
    if (verdict && verdict->verdict == Verdict::deliverable)
        return {GateDecision::send, reason, {}};
    if (verdict && verdict->verdict == Verdict::risky) {
        if (policy.include_risky)
            return {GateDecision::send, reason, {}};
        return refuse(reason, 550, "5.7.1 recipient is risky: " + reason);
    }
    if (now < policy.hold_until)
        return {GateDecision::hold, reason, SmtpReply::make(450, "4.7.1 recipient is not verified yet: " + reason)};
    return refuse(reason, 550, "5.7.1 recipient could not be verified: " + reason);
}

}  // namespace winnow
