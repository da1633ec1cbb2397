#include "verifier/explain.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/rule_text.hpp"
#include "storage/domain_deliveries.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr milliseconds default_hold = std::chrono::hours{24};

/// The columns of a row that say when it holds, in words.
std::string in_words(const ReplyRowText& row)
{
    std::string text = row.klass;
    const auto add = [&text](std::string_view word, const std::string& value) {
        if (!value.empty() && value != "*" && value != "-")
            text.append(", ").append(word).append(value);
    };
    add("", row.code);
    add("", row.status);
    add("at ", row.stage);
    add("said by ", row.provider);
    if (!row.phrase.empty() && row.phrase != "-")
        text += ": \"" + row.phrase + "\"";
    add("marked ", row.marks);
    return text;
}

void cite(Explanation& to, const std::string& id, const Rules& rules)
{
    const auto known = [&id](const RuleText& rule) { return rule.id == id; };
    if (id.empty() || std::any_of(to.rules.begin(), to.rules.end(), known))
        return;
    if (const auto row = rules.replies.row(id))
        to.rules.push_back({id, in_words(*row), row->source});
    else if (auto text = rule_text(id); !text.empty())
        to.rules.push_back({id, std::move(text), {}});
}

void cite_all(Explanation& to, const Rules& rules)
{
    for (const storage::SuppressionEntry& entry : to.suppressions)
        cite(to, entry.rule, rules);
    for (const Evidence& step : to.history)
        cite(to, step.rule, rules);
    if (to.fact)
        cite(to, std::string(to.fact->rule), rules);
    for (const auto* verdict : {&to.verdict, &to.by_rules_of_today})
        if (*verdict)
            for (const Evidence& step : (*verdict)->evidence)
                cite(to, step.rule, rules);
}

void ask_gate(Explanation& to, TimePoint now)
{
    std::vector<GateSuppression> suppressions;
    for (const storage::SuppressionHit& hit : to.suppressed_by)
        suppressions.push_back({hit.scope, hit.reason});
    const VerdictRecord* const verdict = to.verdict ? &*to.verdict : nullptr;
    GatePolicy policy;
    policy.hold_until = now + default_hold;
    to.campaign = decide_gate(verdict, suppressions, policy, now);
    policy.include_risky = true;
    to.campaign_with_risky = decide_gate(verdict, suppressions, policy, now);
    policy.mail_class = MailClass::transactional;
    to.transactional = decide_gate(verdict, suppressions, policy, now);
}

/// The order of docs/verification.md: what comes first decides.
std::string next_step(const Explanation& e, const std::string& dns_only, TimePoint now)
{
    if (!e.parsed.usable)
        return "Nobody is asked: it is no address that mail can be sent to.";
    if (e.domain.disposable)
        return "Nobody is asked: the list of disposable domains decides.";
    if (e.fact && !e.fact->untested)
        return "Nobody is asked before " + format_time(e.fact->holds_until()) + ": own history decides.";
    if (e.verdict && e.verdict->verdict != Verdict::unknown && now < e.verdict->expires_at && !is_untested(*e.verdict))
        return "Nobody is asked before " + format_time(e.verdict->expires_at) + ": the stored verdict holds.";
    for (const storage::SuppressionHit& hit : e.suppressed_by)
        if (settles_without_probe(hit.reason))
            return "Nobody is asked: it is suppressed (" + hit.to_string() + "), and nothing will be sent.";
    if (!dns_only.empty())
        return "The DNS is asked about its domain, but no mail server about the mailbox: " + dns_only + ".";
    return "The DNS is asked about its domain, then the mail server about the mailbox, up to RCPT.";
}

}  // namespace

awaitable<Result<Explanation>> explain(storage::Engine& engine, ExplainSettings settings, std::string workspace,
                                       std::string address)
{
    const TimePoint now = engine.now();
    Explanation e;
    e.given = address;
    e.parsed = parse_address(address);
    if (!e.parsed.usable) {
        VerdictRecord verdict;
        verdict.evidence.push_back(own_step(EvidenceKind::syntax, "syntax", e.parsed.detail,
                                            "syntax:" + std::string(to_string(e.parsed.fault)), now));
        conclude(verdict, Reason::syntax_invalid, now);
        e.verdict = std::move(verdict);
    } else {
        const Address& who = e.parsed.address;
        ListedDomains listed{settings.rules.lists, true};
        e.domain = listed.of(who.domain);
        e.role = settings.rules.lists.role(who.local);
        WINNOW_CO_TRY(e.suppressed_by, engine.check(workspace, {}, who));
        WINNOW_CO_TRY(e.suppressions, co_await engine.find_suppressions(workspace, who));
        WINNOW_CO_TRY(e.history, co_await engine.history(workspace, who, history_depth));
        WINNOW_CO_TRY(const auto tested, co_await engine.get_catch_all(who.domain));
        const DomainHabit habit = habit_of(who.domain, e.history, tested, settings.catch_all_ttl, settings.rules.lists,
                                           settings.rules.providers, now);
        e.fact = read_outcomes(e.history, habit.sorting, now);
        WINNOW_CO_TRY(const auto known, co_await engine.get_value(storage::domain_delivery_key(workspace, who.domain)));
        if (known)
            e.domain.meant.reset();
        WINNOW_CO_TRY(e.verdict, co_await engine.get_verdict(workspace, who));
    }
    if (e.verdict) {
        VerdictRecord today = recompute(*e.verdict, settings.rules);
        if (today.reason != e.verdict->reason)
            e.by_rules_of_today = std::move(today);
    }
    ask_gate(e, now);
    e.next = next_step(e, settings.dns_only, now);
    cite_all(e, settings.rules);
    co_return Result<Explanation>{boost::system::in_place_value, std::move(e)};
}

}  // namespace winnow::verifier
