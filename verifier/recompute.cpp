#include "verifier/recompute.hpp"

#include <algorithm>
#include <charconv>

#include "core/reply_by_code.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

struct NamedReason {
    std::string_view rule;
    Reason reason;
};

/// Rules of our own that decide alone, by the id that their step cites.
constexpr NamedReason decided[] = {
    {"list:disposable", Reason::disposable},
    {"route.nxdomain", Reason::domain_not_found},
    {"route.null_mx", Reason::domain_no_mail},
    {"route.no_mail", Reason::domain_no_mail},
    {"route.mx_without_address", Reason::domain_no_mail},
    {"route.dns_failure", Reason::dns_failure},
    {"route.nxdomain_unconfirmed", Reason::dns_failure},
    {"route.no_mail_unconfirmed", Reason::dns_failure},
    {"site:dead_hosts", Reason::no_connect},
    {"site:no_host", Reason::no_connect},
    {"eai:no_smtputf8", Reason::policy_refused},
    {"provider:parked", Reason::catch_all},
    {"provider:accepts_all", Reason::accepts_then_rejects},
    {"learnt:accepts_then_rejects", Reason::accepts_then_rejects},
    {"history:sorted_domain", Reason::accepted},
    {"history:not_returned", Reason::catch_all_likely_live},
    {"history:may_return", Reason::catch_all},
    {"history:returned", Reason::catch_all_likely_dead},
    {"history:untested_domain", Reason::catch_all},
    {"edge:another_accepted", Reason::mailbox_not_found},
    {"edge:postmaster_accepted", Reason::mailbox_not_found},
    {"suppression:not_asked", Reason::not_probed},
    {"budget:not_reached", Reason::not_probed},
    {"identity:missing", Reason::not_probed},
    {"prober:unhealthy", Reason::not_probed},
    {"breaker:open", Reason::prober_blocked},
    {"deadline:check", Reason::timeout},
};

bool is_reply_step(const Evidence& step)
{
    return step.kind == EvidenceKind::connect || step.kind == EvidenceKind::rcpt ||
           step.kind == EvidenceKind::catch_all;
}

/// The reply that a step quotes ("550 5.1.1 no such user"); nothing for words of our own and for silence.
std::optional<SmtpReply> quoted_reply(const Evidence& step)
{
    const std::string_view answer = step.answer;
    int code = 0;
    const auto [end, failed] =
        std::from_chars(answer.data(), answer.data() + std::min<std::size_t>(3, answer.size()), code);
    if (!is_reply_step(step) || failed != std::errc{} || end != answer.data() + 3 || code < 200 || code > 599)
        return std::nullopt;
    if (answer.size() > 3 && answer[3] != ' ')
        return std::nullopt;
    return SmtpReply::make(code, answer.substr(std::min<std::size_t>(4, answer.size())));
}

/// Whose row the host of a step ("mx.example.com[192.0.2.1]") is.
std::string provider_of(const Evidence& step, const Rules& rules)
{
    const Provider* const provider = rules.providers.find(std::string_view(step.of).substr(0, step.of.find('[')));
    return provider ? provider->name : std::string{};
}

Classified read_reply(const Evidence& step, const SmtpReply& reply, const Rules& rules)
{
    const std::string provider = provider_of(step, rules);
    ReplyContext context;
    context.stage = step.stage;
    context.provider = provider;
    return read_by_code(rules.replies, reply, context);
}

/// The steps of one verdict in their order; each may overrule what those before it said.
class Reading {
public:
    Reading(const std::vector<Evidence>& evidence, Flags flags, const Rules& rules) : flags_(flags), rules_(rules)
    {
        for (const Evidence& step : evidence)
            take(step);
    }

    std::optional<Reason> reason() const
    {
        if (!reason_ || !vouches_for_address(*reason_) || !asked_)
            return reason_;
        // A word for an address at a domain that says it of everybody, or may do so, proves little.
        const bool tested = tested_ || flags_.has(Flag::catch_all_unknown);
        if (stranger_refused_ || !tested)
            return reason_;
        return reason_without_proof(*reason_, strangers_accepted_ >= strangers_to_prove);
    }

private:
    void take(const Evidence& step)
    {
        for (const NamedReason& each : decided)
            if (step.rule == each.rule) {
                take_decided(each);
                return;
            }
        if (step.kind == EvidenceKind::syntax) {
            if (step.rule != "syntax:ok")
                reason_ = Reason::syntax_invalid;
        } else if (step.kind == EvidenceKind::delivery || step.kind == EvidenceKind::report) {
            // What a delivery is worth is said by a step after it; alone it is worth as much as a yes to RCPT.
            if (const auto told = reason_of_outcome(step))
                reason_ = *told == Reason::accepted ? Reason::catch_all : *told;
        } else if (step.rule == "route.refused_target") {
            reason_ = Reason::no_connect;
        } else if (step.rule == "route.mx" || step.rule == "route.implicit_mx") {
            reason_.reset();  // what was refused or failed was one host of several
        } else if (is_reply_step(step)) {
            take_answer(step);
        }
    }

    void take_decided(const NamedReason& rule)
    {
        const bool proof = rule.rule.starts_with("edge:");
        if (!proof || at_edge_)
            reason_ = rule.reason;
    }

    void take_answer(const Evidence& step)
    {
        const auto reply = quoted_reply(step);
        if (step.kind == EvidenceKind::catch_all) {
            take_stranger(step, reply);
            return;
        }
        if (step.kind == EvidenceKind::rcpt) {
            if (!recipient_.empty() && step.asked != recipient_)
                return;  // of the domain's postmaster
            recipient_ = step.asked;
            asked_ = true;
        }
        if (!reply) {
            reason_ = reason_of_silence(step);
            return;
        }
        const Classified meaning = read_reply(step, *reply, rules_);
        reason_ = reason_of(meaning, &*reply, {}, step.stage);
        at_edge_ = meaning.edge && reason_ == Reason::mailbox_not_found;
        if (at_edge_)
            reason_ = Reason::policy_refused;
    }

    void take_stranger(const Evidence& step, const std::optional<SmtpReply>& reply)
    {
        tested_ = true;
        if (!reply)
            return;
        const Classified meaning = read_reply(step, *reply, rules_);
        const Reason said = reason_of(meaning, &*reply, {}, step.stage);
        strangers_accepted_ += said == Reason::accepted;
        // A refusal at the edge counts where somebody was let in; the flag says that nobody was known to be.
        const bool counts = !meaning.edge || !flags_.has(Flag::catch_all_unknown);
        stranger_refused_ |= said == Reason::mailbox_not_found && counts;
    }

    static Reason reason_of_silence(const Evidence& step)
    {
        if (step.klass == ReplyClass::dns_failure)
            return Reason::dns_failure;
        if (step.stage == Stage::connect)
            return Reason::no_connect;
        return step.rule == "error:timeout" ? Reason::timeout : Reason::temp_failure;
    }

    const Flags flags_;
    const Rules& rules_;
    std::optional<Reason> reason_;
    std::string_view recipient_;  ///< RCPT command about the address; empty until it was asked about
    bool asked_ = false;
    bool at_edge_ = false;
    bool tested_ = false;  ///< a stranger was asked about
    bool stranger_refused_ = false;
    std::ptrdiff_t strangers_accepted_ = 0;
};

}  // namespace

Evidence reread(const Evidence& step, const Rules& rules)
{
    Evidence fresh = step;
    if (const auto reply = quoted_reply(step)) {
        const Classified meaning = read_reply(step, *reply, rules);
        fresh.klass = meaning.klass;
        fresh.rule = meaning.rule;
    }
    return fresh;
}

std::optional<Reason> reason_of_evidence(const std::vector<Evidence>& evidence, Flags flags, const Rules& rules)
{
    return Reading(evidence, flags, rules).reason();
}

VerdictRecord recompute(const VerdictRecord& stored, const Rules& rules)
{
    VerdictRecord fresh = stored;
    for (Evidence& step : fresh.evidence)
        step = reread(step, rules);
    conclude(fresh, reason_of_evidence(stored.evidence, stored.flags, rules).value_or(stored.reason),
             stored.checked_at);
    return fresh;
}

}  // namespace winnow::verifier
