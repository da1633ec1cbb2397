#pragma once

#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/smtp_reply.hpp"
#include "core/verdict.hpp"

namespace winnow {

enum class GateDecision : std::uint8_t { send = 1, hold, refuse };
std::string_view to_string(GateDecision) noexcept;

struct GatePolicy {
    MailClass mail_class = MailClass::bulk;
    bool include_risky = false;  ///< campaign: the opt-in for risky rows
    TimePoint hold_until{};      ///< campaign: unknown rows are held until then, refused after
};

/// A suppression as the gate sees it.
struct GateSuppression {
    ScopeKind scope = ScopeKind::workspace;
    SuppressionReason reason = SuppressionReason::manual;
};

struct GateAnswer {
    GateDecision decision = GateDecision::refuse;
    std::string reason;  ///< vocabulary: a Reason, "suppressed:<scope>:<reason>", or "not_verified"
    SmtpReply
        reply;  ///< for refuse on SMTP; 5.1.1 only for mailbox_not_found, 5.1.2 domain, 5.1.10 null MX, else 5.7.1
};

/// The default gate, a pure function. `verdict` is null when the address was never verified. Campaign:
/// send deliverable, hold unknown until the deadline, risky only by opt-in, refuse undeliverable and suppressed.
/// Transactional: refuse undeliverable and bounce/complaint/manual/erased (and trap, invalid); pass unknown and risky;
/// unsubscribe never blocks.
GateAnswer decide_gate(const VerdictRecord* verdict, const std::vector<GateSuppression>& suppressions,
                       const GatePolicy& policy, TimePoint now);

}  // namespace winnow
