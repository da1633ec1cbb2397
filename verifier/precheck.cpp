#include "verifier/precheck.hpp"

#include <algorithm>
#include <map>

#include "storage/domain_deliveries.hpp"
#include "verifier/own_history.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_domains = 20'000;  ///< whose remarks are kept

std::vector<std::string> owned(const std::vector<std::string_view>& views)
{
    return {views.begin(), views.end()};
}

void apply_lists(const AddressLists& lists, const DomainRemarks& remarks, Precheck& check, TimePoint now)
{
    const Address& address = check.address;
    VerdictRecord& verdict = check.verdict;
    if (address.eai)
        verdict.flags.set(Flag::eai);
    if (!address.tag().empty())
        verdict.flags.set(Flag::subaddress);
    if (lists.role(address.local) != RoleMark::none)
        verdict.flags.set(Flag::role);
    if (remarks.free_mail)
        verdict.flags.set(Flag::free_provider);
    if (remarks.meant) {
        verdict.flags.set(Flag::typo_suspect);
        verdict.suggestion = address.local + "@" + *remarks.meant;
        verdict.evidence.push_back(
            own_step(EvidenceKind::list, "popular domains", "looks like " + *remarks.meant, "list:typo", now));
    }
    if (remarks.disposable) {
        verdict.evidence.push_back(
            own_step(EvidenceKind::list, "disposable list", remarks.listed + " is on it", "list:disposable", now));
        conclude(verdict, Reason::disposable, now);
        check.decided = true;
    } else if (remarks.disposable_weak) {
        verdict.flags.set(Flag::disposable_weak);
    }
}

void take_cached(Precheck& check, VerdictRecord stored)
{
    // What the lists say today, beside what was found out then.
    stored.flags = Flags{stored.flags.bits() | check.verdict.flags.bits()};
    stored.suggestion = check.verdict.suggestion;
    stored.probes = 0;  // spent earlier, not now
    check.verdict = std::move(stored);
    check.decided = check.cached = true;
}

void apply_suppressions(const std::vector<storage::SuppressionHit>& hits, Precheck& check, TimePoint now)
{
    for (const storage::SuppressionHit& hit : hits) {
        if (hit.scope == ScopeKind::list || !settles_without_probe(hit.reason))
            continue;
        check.verdict.evidence.push_back(
            own_step(EvidenceKind::policy, "suppressions", hit.to_string(), "suppression:not_asked", now));
        conclude(check.verdict, Reason::not_probed, now);
        check.decided = true;
        return;
    }
}

/// What needs nothing but the address itself.
Precheck read_address(const AddressLists& lists, ListedDomains& domains, const std::string& text, TimePoint now)
{
    Precheck check;
    ParsedAddress parsed = parse_address(text);
    check.address = std::move(parsed.address);
    if (!parsed.usable) {
        const std::string rule = "syntax:" + std::string(to_string(parsed.fault));
        check.verdict.evidence.push_back(own_step(EvidenceKind::syntax, "syntax", parsed.detail, rule, now));
        conclude(check.verdict, Reason::syntax_invalid, now);
        check.decided = true;
        return check;
    }
    check.verdict.evidence.push_back(own_step(EvidenceKind::syntax, "syntax", "valid", "syntax:ok", now));
    apply_lists(lists, domains.of(check.address.domain), check, now);
    return check;
}

/// True = own history settles it.
bool apply_history(const Services& services, milliseconds catch_all_ttl, const storage::AddressKnowledge& known,
                   Precheck& check, TimePoint now)
{
    const auto& history = known.history;
    if (history.empty())
        return false;
    check.accepted_before = std::any_of(history.begin(), history.end(), [](const Evidence& e) {
        return e.kind == EvidenceKind::delivery && e.klass == ReplyClass::delivered;
    });
    const DomainHabit habit = habit_of(check.address.domain, history, known.catch_all, catch_all_ttl, services.lists,
                                       services.providers, now);
    const auto fact = read_outcomes(history, habit.sorting, now);
    if (fact && fact->untested)
        check.delivered = *fact->by;
    if (!fact || fact->untested)
        return false;
    conclude_by_outcome(check.verdict, *fact, habit);
    check.decided = true;
    return true;
}

/// Own history, the cached verdict, suppressions: the first that settles it.
void apply_knowledge(const Services& services, milliseconds catch_all_ttl, storage::AddressKnowledge known,
                     bool use_cache, Precheck& check, TimePoint now)
{
    check.digest = known.digest;
    if (known.suppressed)
        check.suppressed = std::move(*known.suppressed);
    if (apply_history(services, catch_all_ttl, known, check, now))
        return;
    const auto& stored = known.verdict;
    if (use_cache && stored && stored->verdict != Verdict::unknown && now < stored->expires_at &&
        !is_untested(*stored)) {
        take_cached(check, std::move(*known.verdict));
        return;
    }
    if (check.suppressed)
        apply_suppressions(*check.suppressed, check, now);
}

/// DNS said that nobody can write there: then the domain may well be a typo, whoever took mail of ours before.
bool has_no_mail(const VerdictRecord& verdict)
{
    return verdict.reason == Reason::domain_not_found || verdict.reason == Reason::domain_no_mail;
}

/// Which of those that look mistyped are domains that took mail of ours.
awaitable<void> apply_domain_history(storage::Engine& engine, std::string workspace, std::vector<Precheck>& checks)
{
    std::map<std::string, bool> known;
    for (Precheck& check : checks) {
        if (!check.verdict.flags.has(Flag::typo_suspect))
            continue;
        const auto [found, first] = known.try_emplace(check.address.domain, false);
        if (first) {
            const auto stored =
                co_await engine.get_value(storage::domain_delivery_key(workspace, check.address.domain));
            found->second = stored && *stored;
        }
        check.domain_has_history = found->second;
        if (check.domain_has_history && check.decided && !has_no_mail(check.verdict))
            forget_typo(check.verdict);
    }
}

}  // namespace

bool conclude_untested(Precheck& check)
{
    if (!check.delivered)
        return false;
    conclude_by_outcome(check.verdict, untested_fact(*check.delivered), {});
    return true;
}

void forget_typo(VerdictRecord& verdict)
{
    Flags remark;
    remark.set(Flag::typo_suspect);
    verdict.flags = Flags{verdict.flags.bits() & ~remark.bits()};
    verdict.suggestion.clear();
    std::erase_if(verdict.evidence, [](const Evidence& step) { return step.rule == "list:typo"; });
}

Evidence own_step(EvidenceKind kind, std::string asked, std::string answer, std::string rule, TimePoint at)
{
    Evidence step;
    step.kind = kind;
    step.at = at;
    step.asked = std::move(asked);
    step.answer = std::move(answer);
    step.rule = std::move(rule);
    return step;
}

Evidence unfit_step(const std::string& why, TimePoint at)
{
    return own_step(EvidenceKind::policy, "self-test", why, "prober:unhealthy", at);
}

ListedDomains::ListedDomains(const AddressLists& lists, bool typos) : lists_(lists), with_typos_(typos)
{
    start_anew();
}

void ListedDomains::start_anew()
{
    generation_ = lists_.generation();
    known_.clear();
    if (with_typos_)
        typos_.emplace(owned(lists_.popular_domains()), owned(lists_.top_level_domains()));
}

const DomainRemarks& ListedDomains::of(const std::string& domain)
{
    if (generation_ != lists_.generation())
        start_anew();
    if (known_.size() >= most_domains)
        known_.clear();
    const auto [found, fresh] = known_.try_emplace(domain);
    DomainRemarks& remarks = found->second;
    if (!fresh)
        return remarks;
    remarks.free_mail = lists_.is_free(domain);
    if (typos_)
        remarks.meant = typos_->suggest(domain);
    const std::string registrable = registrable_domain(domain);
    remarks.listed = registrable.empty() ? domain : registrable;
    // A popular provider wins over any list that names it: such lists are wrong now and then.
    if (!lists_.is_popular(remarks.listed)) {
        remarks.disposable = lists_.is_disposable(remarks.listed) || lists_.is_disposable(domain);
        remarks.disposable_weak = lists_.is_disposable_weak(remarks.listed);
    }
    return remarks;
}

awaitable<std::vector<Precheck>> precheck(Services services, const VerifierOptions& options, ListedDomains& domains,
                                          std::string workspace, std::string list_id, std::vector<PrecheckOrder> orders)
{
    const TimePoint now = services.engine.now();
    std::vector<Precheck> checks;
    checks.reserve(orders.size());
    std::vector<Address> addresses;
    std::vector<std::size_t> open;  // whose place in `checks` each address has
    for (const PrecheckOrder& order : orders) {
        checks.push_back(read_address(services.lists, domains, order.text, now));
        if (checks.back().decided)
            continue;
        addresses.push_back(checks.back().address);
        open.push_back(checks.size() - 1);
    }
    if (addresses.empty())
        co_return checks;
    auto known = co_await services.engine.knowledge(workspace, std::move(list_id), std::move(addresses), history_depth);
    if (!known)
        co_return checks;  // as if nothing was stored: what is asked anew cannot be wrong
    for (std::size_t i = 0; i < open.size(); ++i)
        apply_knowledge(services, options.catch_all_ttl, std::move((*known)[i]), orders[open[i]].use_cache,
                        checks[open[i]], now);
    co_await apply_domain_history(services.engine, std::move(workspace), checks);
    co_return checks;
}

awaitable<Precheck> precheck(Services services, const VerifierOptions& options, ListedDomains& domains,
                             std::string workspace, std::string text, bool use_cache)
{
    std::vector<PrecheckOrder> one;
    one.push_back({std::move(text), use_cache});
    std::string no_list;
    std::vector<Precheck> checks =
        co_await precheck(services, options, domains, std::move(workspace), std::move(no_list), std::move(one));
    co_return std::move(checks.front());
}

}  // namespace winnow::verifier
