#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// Thresholds of the strike rules (docs/relay.md, "From outcome to suppression"). All are settings.
struct SuppressionOptions {
    int unknown_clear_strikes = 1;  ///< mailbox_unknown/moved, clear text or code, at RCPT
    int unknown_ambiguous_strikes = 2;
    milliseconds unknown_spacing =
        std::chrono::hours{1};  ///< strikes closer than this count once; a clear one decides at once
    int disabled_strikes = 2;   ///< 1 for rows marked final
    milliseconds disabled_spacing = std::chrono::days{7};  ///< strikes closer than this count once
    milliseconds disabled_duration = std::chrono::days{180};
    int full_strikes = 3;
    milliseconds full_window = std::chrono::days{14};
    milliseconds full_spacing = std::chrono::days{1};  ///< several campaigns of one day count once
    milliseconds full_duration = std::chrono::days{30};
    int filtered_strikes = 2;
    milliseconds filtered_spacing = std::chrono::days{1};
    milliseconds filtered_duration = std::chrono::days{90};
    milliseconds strike_memory = std::chrono::days{180};  ///< strikes older than this are forgotten
    int domain_strikes = 2;                               ///< domain_invalid; 1 when our own look-up is clear (null MX)
    milliseconds domain_spacing = std::chrono::hours{1};
    milliseconds domain_duration = std::chrono::days{30};
    milliseconds null_mx_duration = std::chrono::days{90};
};

/// What is remembered of an address between outcomes. Plain, serialisable; all zero when nothing happened yet.
struct StrikeState {
    struct Count {
        std::uint32_t strikes = 0;
        TimePoint first{};
        TimePoint last{};
        bool operator==(const Count&) const = default;
    };
    Count unknown;  ///< mailbox_unknown, mailbox_moved, and domain_invalid in somebody else's words
    Count disabled;
    Count full;
    Count filtered;
    bool operator==(const StrikeState&) const = default;
};

/// An outcome as the rules see it.
struct StrikeOutcome {
    ReplyClass klass = ReplyClass::unknown;
    bool clear = false;
    bool final_ = false;
    Stage stage = Stage::rcpt;
    /// Class digit 5, a bounce mail, or the end of a message that expired on 4.2.2. False while the message stays
    /// queued: no strike, whatever the class, since a 4xx never says that an address is dead.
    bool permanent = true;
    TimePoint at{};
    /// Our own resolver established it. What a server or a report says of a domain may be forged, be about another
    /// domain (mail that was sent on), or mean the mailbox: it never strikes a domain.
    bool own_dns = false;
};

struct NewSuppression {
    SuppressionReason reason = SuppressionReason::bounce;
    ScopeKind scope = ScopeKind::workspace;  ///< unsubscribe: list
    std::optional<TimePoint> expires;        ///< none = permanent
    int strikes = 1;
};

struct StrikeResult {
    StrikeState state;
    std::optional<NewSuppression> suppression;
};

/// The rule: prior state and one outcome give the next state and perhaps a suppression. A delivery clears all strikes;
/// classes about us, the network or nobody change nothing; `unknown` never suppresses. `domain_invalid` in somebody
/// else's words is an ambiguous strike of this address, whatever its marks. Pure. Outcomes may come out of
/// order: a delivery clears only the strikes that are not newer than itself, and a strike older than the last one of
/// its class only moves `first`.
StrikeResult apply_outcome(const StrikeState& prior, const StrikeOutcome& outcome, const SuppressionOptions& options);

/// The same for a whole domain (`domain_invalid`, `own_dns`): two DNS answers an hour apart, or one null MX (`clear`).
/// The state is kept under the domain, not under an address; a delivery clears it, all else changes nothing.
struct DomainStrikeResult {
    StrikeState::Count state;
    std::optional<NewSuppression> suppression;  ///< for a whole-domain entry
};
DomainStrikeResult apply_domain_outcome(const StrikeState::Count& prior, const StrikeOutcome& outcome,
                                        const SuppressionOptions& options);

/// The parts of a suppression that merge. merge() is commutative, associative and idempotent: the strongest reason
/// wins, first is the earliest, last the latest, and the expiry is that of the strongest reason (the later one among
/// equals; none = permanent is latest).
struct SuppressionCore {
    SuppressionReason reason = SuppressionReason::manual;
    TimePoint first{};
    TimePoint last{};
    std::optional<TimePoint> expires;
    int strikes = 0;
    bool operator==(const SuppressionCore&) const = default;
};
SuppressionCore merge(const SuppressionCore& a, const SuppressionCore& b);

}  // namespace winnow
