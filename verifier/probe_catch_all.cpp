// The catch-all test: does a domain accept anybody?
#include <algorithm>

#include "storage/late_refusals.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober_impl.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using Answer = storage::CatchAllRecord::Answer;

constexpr std::size_t most_stranger_steps = 4;  ///< of one test, those that were put off included
constexpr milliseconds inconclusive_lifetime = std::chrono::hours{1};

/// "Not now" to RCPT: greylisting, or a server that looks recipients up before it says yes or no.
bool is_deferral(const Evidence& step)
{
    return step.klass == ReplyClass::greylisted || (step.stage == Stage::rcpt && step.answer.starts_with('4'));
}

/// The catch-all test was put off: the same stranger is asked again when the domain's own addresses are.
bool is_put_off(const storage::CatchAllRecord& record)
{
    return record.answer == Answer::inconclusive && !record.evidence.empty() &&
           record.evidence.size() < most_stranger_steps && is_deferral(record.evidence.back());
}

/// It was put off once: the second question may well be answered.
bool is_put_off_once(const storage::CatchAllRecord& record)
{
    return is_put_off(record) && record.evidence.size() == 1;
}

/// One bad moment of a server is no fact about its domain: what could not be found out is asked again soon. A stranger
/// that waits for its second question is remembered as long as the triplet may be.
milliseconds lifetime(const storage::CatchAllRecord& record, const VerifierOptions& options)
{
    if (record.answer == Answer::inconclusive && !is_put_off(record))
        return std::min(options.catch_all_ttl, inconclusive_lifetime);
    return options.catch_all_ttl;
}

auto strangers_accepted(const storage::CatchAllRecord& record)
{
    return std::count_if(record.evidence.begin(), record.evidence.end(),
                         [](const Evidence& step) { return step.klass == ReplyClass::delivered; });
}

/// The recipient of a step that read() of a ProbeSession made.
std::string asked_recipient(const Evidence& step)
{
    const auto open = step.asked.find('<');
    return open == std::string::npos ? std::string{} : step.asked.substr(open + 1, step.asked.size() - open - 2);
}

}  // namespace

/// A mailbox provider's own domain: it refuses strangers, no test is needed.
bool Prober::Impl::is_free_mail(const ProbeSite& site, const std::string& domain) const
{
    return services.lists.is_popular(domain) || (site.large && services.lists.is_free(domain));
}

bool Prober::Impl::is_fresh(const ProbeSite& site, const storage::CatchAllRecord& known) const
{
    return known.site == site.name && services.engine.now() < known.checked + lifetime(known, options);
}

/// Why a yes to strangers does not make a catch-all of the domain: its provider's habit, or what our own messages met.
awaitable<std::optional<Evidence>> Prober::Impl::refuses_later(const ProbeSite& site, std::string domain)
{
    const TimePoint now = services.engine.now();
    const auto stored = co_await services.engine.get_value(storage::late_refusals_key(domain));
    const std::int64_t count = stored && *stored ? storage::late_refusals(**stored) : 0;
    if (count >= storage::late_refusals_to_learn)
        co_return own_step(EvidenceKind::history, "own outcomes",
                           std::to_string(count) + " recipients that RCPT had accepted turned out not to exist",
                           "learnt:accepts_then_rejects", now);
    const Provider* const provider = site.facts->provider;
    if (provider && provider->accepts_all)
        co_return own_step(EvidenceKind::list, "provider class",
                           provider->name + " accepts RCPT for mailboxes that do not exist, and refuses later",
                           "provider:accepts_all", now);
    co_return std::nullopt;
}

/// What the provider's class says of an acceptance. True = it says all that there is to know.
bool Prober::Impl::judge_by_class(const ProbeSite& site, VerdictRecord& verdict) const
{
    const Provider* const provider = site.facts->provider;
    const TimePoint now = services.engine.now();
    if (provider && provider->kind == ProviderKind::parked) {
        verdict.evidence.push_back(own_step(EvidenceKind::list, "provider class",
                                            provider->name + " takes mail for unused domains: that proves nothing",
                                            "provider:parked", now));
        conclude(verdict, Reason::catch_all, now);
        return true;
    }
    if (provider && provider->kind == ProviderKind::forwarding)
        verdict.evidence.push_back(
            own_step(EvidenceKind::list, "provider class",
                     provider->name + " passes mail on: it knows the address, not what becomes of the mail behind it",
                     "provider:forwarding", now));
    return false;
}

/// An address was accepted, or is said to be busy: does its domain say so of everybody? Or it was put off: then a
/// stranger is introduced now, so that both have waited when the address is asked again.
awaitable<void> Prober::Impl::learn(ProbeSite& site, ProbeTask task)
{
    const bool vouched = vouches_for_address(task.verdict.reason);
    if (task.verdict.reason == Reason::accepted)
        note_accepted(site, task.address.domain);
    const Provider* const provider = site.facts->provider;
    const bool told_apart = is_free_mail(site, task.address.domain) && !(provider && provider->accepts_all);
    if ((vouched && judge_by_class(site, task.verdict)) || told_apart) {
        finish(std::move(task));
        co_return;
    }
    ProbeDomain& domain = site.domain(task.address.domain);
    // Not with each address of a list: "not now" does not change within the second.
    const TimePoint now = services.engine.now();
    const auto enough = [vouched, now, pause = options.greylist_min / 2](const storage::CatchAllRecord& known) {
        return !vouched || !is_put_off(known) || now < known.checked + pause;
    };
    if (domain.catch_all && !domain.settling && !is_fresh(site, *domain.catch_all))
        domain.catch_all.reset();
    if (domain.catch_all && enough(*domain.catch_all)) {
        conclude_accepted(domain, task);
        finish(std::move(task));
        co_return;
    }
    if (unwanted(site, task)) {
        take_back(site, std::move(task));
        co_return;
    }
    ProbeTask like;
    like.only_mx = task.asked_mx;
    domain.parked.push_back(std::move(task));
    domain.forsaken = false;
    if (domain.settling)
        co_return;
    domain.settling = true;
    domain.refuses_later = co_await refuses_later(site, domain.name);
    std::optional<storage::CatchAllRecord> known = domain.catch_all;
    if (!known) {
        auto stored = co_await services.engine.get_catch_all(domain.name);
        if (stored && *stored && is_fresh(site, **stored))
            known = std::move(**stored);
    }
    if (known && enough(*known)) {
        domain.found = std::move(*known);
        end_settling(domain);
        co_return;
    }
    std::string stranger;
    if (known)
        stranger = asked_recipient(known->evidence.back());
    domain.found = known ? std::move(*known) : storage::CatchAllRecord{};
    domain.found.site = site.name;
    domain.found.answer = Answer::inconclusive;
    send_stranger(site, domain, std::move(stranger), like);
}

/// Queues the next question of a catch-all test; an empty `address` is drawn anew.
void Prober::Impl::send_stranger(ProbeSite& site, const ProbeDomain& domain, std::string address, const ProbeTask& like)
{
    ProbeTask stranger;
    stranger.address.local = address.substr(0, address.rfind('@'));
    if (address.empty())
        stranger.address.local = unlikely_local_part(services.rng);
    stranger.address.domain = domain.name;
    stranger.only_mx = like.only_mx;
    stranger.deadline = SteadyPoint::max();
    stranger.stranger = true;
    site.push_front(std::move(stranger));
}

/// Two strangers at most: the first refusal as unknown proves that the domain tells its users from others.
awaitable<void> Prober::Impl::stranger_answered(ProbeSite& site, ProbeTask stranger, const ProbeAnswer& answer)
{
    ProbeDomain& domain = site.domain(stranger.address.domain);
    domain.found.checked = services.engine.now();
    domain.found.evidence.push_back(answer.evidence);
    domain.found.evidence.back().kind = EvidenceKind::catch_all;
    if (!domain.parked.empty())
        domain.parked.front().verdict.probes += stranger.verdict.probes;
    const bool refused = answer.reason == Reason::mailbox_not_found;
    if (refused && (!answer.meaning.edge || accepted_lately(domain))) {
        domain.found.answer = Answer::no;
    } else if (answer.reason == Reason::accepted) {
        if (strangers_accepted(domain.found) < strangers_to_prove) {
            send_stranger(site, domain, {}, stranger);
            co_return;
        }
        domain.found.answer = Answer::yes;
    }
    auto ops = storage::OpList::of(storage::PutCatchAll{domain.name, domain.found});
    const auto kept = co_await services.engine.commit(std::move(ops));
    if (!kept)
        services.log.warn("catch_all.not_stored", {{"why", kept.error().message()}});
    end_settling(domain);
}

/// A question of our own came to its end without an answer: those who waited for it go on.
void Prober::Impl::end_errand(ProbeDomain& domain, const ProbeTask& errand)
{
    if (errand.postmaster)
        end_edge(domain, std::nullopt);
    else
        end_settling(domain);
}

/// Whatever was found out, also nothing: those who waited for it go on.
void Prober::Impl::end_settling(ProbeDomain& domain)
{
    if (domain.settling && !domain.found.evidence.empty())
        domain.catch_all = domain.found;
    domain.settling = domain.forsaken = false;
    std::vector<ProbeTask> parked;
    parked.swap(domain.parked);
    for (ProbeTask& task : parked) {
        conclude_accepted(domain, task);
        finish(std::move(task));
    }
}

/// A word for an address at a domain that says it of everybody, or may do so, proves little.
void Prober::Impl::conclude_accepted(const ProbeDomain& domain, ProbeTask& task)
{
    VerdictRecord& verdict = task.verdict;
    if (!vouches_for_address(verdict.reason))
        return;
    if (domain.catch_all) {
        const auto& steps = domain.catch_all->evidence;
        verdict.evidence.insert(verdict.evidence.end(), steps.begin(), steps.end());
        if (domain.catch_all->answer == Answer::no)
            return;
    }
    if (domain.refuses_later) {
        verdict.evidence.push_back(*domain.refuses_later);
        conclude(verdict, Reason::accepts_then_rejects, services.engine.now());
        return;
    }
    if (!domain.catch_all || domain.catch_all->answer == Answer::inconclusive)
        verdict.flags.set(Flag::catch_all_unknown);
    task.stranger_put_off = domain.catch_all && is_put_off_once(*domain.catch_all);
    const bool accepts_strangers = domain.catch_all && domain.catch_all->answer == Answer::yes;
    conclude(verdict, reason_without_proof(verdict.reason, accepts_strangers), services.engine.now());
}

}  // namespace winnow::verifier
