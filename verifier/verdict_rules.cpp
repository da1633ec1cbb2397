#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr int bad_sequence = 503;

struct Belief {
    Reason reason;
    double p, low, high;
};

constexpr Belief beliefs[] = {
    {Reason::accepted, 0.02, 0.005, 0.05},
    {Reason::mailbox_busy, 0.03, 0.01, 0.08},
    {Reason::syntax_invalid, 1.0, 0.99, 1.0},
    {Reason::domain_not_found, 0.99, 0.97, 1.0},
    {Reason::domain_no_mail, 0.99, 0.97, 1.0},
    {Reason::mailbox_not_found, 0.97, 0.93, 0.99},
    {Reason::mailbox_disabled, 0.95, 0.85, 0.99},
    {Reason::catch_all, 0.25, 0.05, 0.60},
    {Reason::catch_all_likely_live, 0.08, 0.03, 0.20},
    {Reason::catch_all_likely_dead, 0.70, 0.45, 0.90},
    {Reason::mailbox_full, 0.60, 0.35, 0.85},
    {Reason::recipient_restricted, 0.60, 0.30, 0.90},
    {Reason::disposable, 0.30, 0.05, 0.70},
    {Reason::trap_risk, 0.30, 0.02, 0.90},
    {Reason::greylisted, 0.10, 0.02, 0.30},
    {Reason::temp_failure, 0.20, 0.05, 0.50},
    {Reason::no_connect, 0.60, 0.30, 0.90},
    {Reason::timeout, 0.40, 0.15, 0.75},
    {Reason::prober_blocked, 0.20, 0.05, 0.60},
    {Reason::policy_refused, 0.25, 0.05, 0.60},
    {Reason::accepts_then_rejects, 0.30, 0.05, 0.70},
    {Reason::dns_failure, 0.40, 0.10, 0.80},
    {Reason::not_probed, 0.20, 0.02, 0.60},
    {Reason::internal_error, 0.50, 0.0, 1.0},
};

Reason reason_of_silence(const Error& error, Stage stage)
{
    if (error.code == Errc::timed_out || error.code == boost::system::errc::timed_out)
        return stage == Stage::connect ? Reason::no_connect : Reason::timeout;
    return stage == Stage::connect ? Reason::no_connect : Reason::temp_failure;
}

Reason reason_of_delivery(ReplyClass klass)
{
    switch (klass) {
        case ReplyClass::delivered:
            return Reason::accepted;
        case ReplyClass::mailbox_unknown:
        case ReplyClass::mailbox_moved:
            return Reason::mailbox_not_found;
        case ReplyClass::mailbox_disabled:
            return Reason::mailbox_disabled;
        case ReplyClass::mailbox_full:
            return Reason::mailbox_full;
        case ReplyClass::recipient_filtered:
            return Reason::recipient_restricted;
        default:
            return Reason::not_probed;
    }
}

/// Only a 5xx or a bounce report is a fact about the mailbox; a deferral of the same class is not.
bool is_permanent(const Evidence& e)
{
    return e.kind == EvidenceKind::report || e.answer.rfind("5", 0) == 0;
}

}  // namespace

Reason reason_of(const Classified& meaning, const SmtpReply* reply, const Error& error, Stage stage)
{
    if (!reply)
        return meaning.klass == ReplyClass::dns_failure ? Reason::dns_failure : reason_of_silence(error, stage);
    if (reply->positive())
        return stage == Stage::rcpt && reply->accepts_recipient() ? Reason::accepted : Reason::temp_failure;
    const bool permanent = reply->permanent();
    const Reason refused = permanent ? Reason::policy_refused : Reason::temp_failure;
    // Before RCPT nobody was asked about, whatever the words are, nor where the command was not understood.
    const bool asked = stage == Stage::rcpt && !reply->about_dialogue();
    if (winnow::subject_of(meaning.klass) == Subject::address && !asked)
        return refused;
    switch (meaning.klass) {
        case ReplyClass::mailbox_unknown:
        case ReplyClass::mailbox_moved:
            return permanent ? Reason::mailbox_not_found : Reason::temp_failure;
        case ReplyClass::mailbox_disabled:
            return permanent ? Reason::mailbox_disabled : Reason::temp_failure;
        case ReplyClass::mailbox_full:
            return Reason::mailbox_full;
        case ReplyClass::mailbox_busy:
            return Reason::mailbox_busy;
        case ReplyClass::recipient_filtered:
            return permanent ? Reason::recipient_restricted : Reason::temp_failure;
        case ReplyClass::ip_blocked:
        case ReplyClass::sender_dns:
            return Reason::prober_blocked;
        case ReplyClass::greylisted:
            return Reason::greylisted;
        case ReplyClass::dns_failure:
            return Reason::dns_failure;
        // The server's own trouble or ours with it, whatever digit it chose.
        case ReplyClass::rate_limited:
        case ReplyClass::too_many_rcpts:
        case ReplyClass::network:
        case ReplyClass::server_error:
        case ReplyClass::tls:
            return Reason::temp_failure;
        // The host and we disagree about where the dialogue is; on another connection we may agree.
        case ReplyClass::protocol:
            return reply->code == bad_sequence ? Reason::temp_failure : refused;
        default:
            return refused;
    }
}

bool vouches_for_address(Reason reason) noexcept
{
    return reason == Reason::accepted || reason == Reason::mailbox_busy;
}

Reason reason_without_proof(Reason reason, bool accepts_strangers) noexcept
{
    return reason == Reason::mailbox_busy && !accepts_strangers ? Reason::temp_failure : Reason::catch_all;
}

bool worth_retrying(Reason reason, int attempts) noexcept
{
    switch (reason) {
        case Reason::greylisted:
            return attempts < 12;  // the deadline ends it earlier: the ladder's waits grow to hours
        case Reason::temp_failure:
            return attempts < 4;
        case Reason::dns_failure:
            return attempts < 3;
        case Reason::no_connect:
        case Reason::timeout:
            return attempts < 2;
        default:
            return false;
    }
}

bool settles_without_probe(SuppressionReason reason) noexcept
{
    return reason == SuppressionReason::erased || reason == SuppressionReason::complaint ||
           reason == SuppressionReason::manual || reason == SuppressionReason::trap;
}

void conclude(VerdictRecord& record, Reason reason, TimePoint now)
{
    record.reason = reason;
    record.verdict = verdict_of(reason);
    for (const Belief& belief : beliefs)
        if (belief.reason == reason) {
            record.p_bounce = belief.p;
            record.p_low = belief.low;
            record.p_high = belief.high;
        }
    record.checked_at = now;
    record.expires_at = now + default_ttl(reason);
}

std::optional<Reason> reason_of_outcome(const Evidence& step)
{
    if (step.kind != EvidenceKind::delivery && step.kind != EvidenceKind::report)
        return std::nullopt;
    const Reason reason = reason_of_delivery(step.klass);
    const bool fact = reason == Reason::accepted || is_permanent(step);
    if (reason == Reason::not_probed || !fact)
        return std::nullopt;
    return reason;
}

}  // namespace winnow::verifier
