// A directory at the receiver's edge refuses whom it does not know. It says the same of everybody when it knows nobody
// of the domain, so its word counts only where it is known to let somebody in.
#include "verifier/precheck.hpp"
#include "verifier/prober_impl.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr milliseconds acceptance_counts = std::chrono::hours{24};
constexpr const char* contact = "postmaster";  // no guess: RFC 5321 section 4.5.1 asks it of every domain

}  // namespace

bool Prober::Impl::accepted_lately(const ProbeDomain& domain) const
{
    return domain.accepted && services.clock.steady() - *domain.accepted < acceptance_counts;
}

/// A recipient of the domain was accepted: its edge lets somebody in.
void Prober::Impl::note_accepted(ProbeSite& site, const std::string& name)
{
    ProbeDomain& domain = site.domain(name);
    domain.accepted = services.clock.steady();
    if (!domain.refused.empty())
        end_edge(domain, own_step(EvidenceKind::rcpt, "another recipient of the domain", "accepted",
                                  "edge:another_accepted", services.engine.now()));
}

/// The edge refused an address. It waits until another one is accepted or all have been asked.
void Prober::Impl::edge_refused(ProbeSite& site, ProbeTask task)
{
    ProbeDomain& domain = site.domain(task.address.domain);
    task.edge = true;
    conclude(task.verdict, Reason::policy_refused, services.engine.now());
    const bool known_here = accepted_lately(domain) || task.accepted_before;
    domain.refused.push_back(std::move(task));
    site.may_have_refused = true;
    if (known_here)
        end_edge(domain, own_step(EvidenceKind::history, "another recipient of the domain", "accepted lately",
                                  "edge:another_accepted", services.engine.now()));
}

/// When nobody else of the domain is to be asked: what is stored, or its postmaster, has to show whether the refusals
/// count.
awaitable<void> Prober::Impl::settle_edge(ProbeSite& site, std::string name)
{
    ProbeDomain& waiting = site.domain(name);
    if (waiting.refused.empty() || waiting.asks_postmaster || !waiting.tasks.empty())
        co_return;
    waiting.asks_postmaster = true;
    const std::string mx = waiting.refused.front().asked_mx;
    const bool is_postmaster = waiting.refused.size() == 1 && waiting.refused.front().address.local == contact;
    // A catch-all test is made when an address was accepted, and an answer of it tells that the domain lets somebody
    // in.
    const auto stored = co_await services.engine.get_catch_all(name);
    ProbeDomain& domain = site.domain(name);  // the other one may be gone: somebody was accepted meanwhile
    const bool tested = stored && *stored && (*stored)->site == site.name &&
                        (*stored)->answer != storage::CatchAllRecord::Answer::inconclusive &&
                        services.engine.now() < (*stored)->checked + acceptance_counts;
    if (tested) {
        end_edge(domain, own_step(EvidenceKind::history, "another recipient of the domain", "accepted within a day",
                                  "edge:another_accepted", (*stored)->checked));
        co_return;
    }
    if (is_postmaster || domain.refused.empty()) {
        end_edge(domain, std::nullopt);
        co_return;
    }
    ProbeTask errand;
    errand.address.local = contact;
    errand.address.domain = name;
    errand.only_mx = mx;
    errand.deadline = SteadyPoint::max();
    errand.stranger = errand.postmaster = true;
    site.push_front(std::move(errand));
}

/// For a connection that has nothing else to ask.
awaitable<void> Prober::Impl::settle_edges(ProbeSite& site)
{
    std::vector<std::string> names;
    for (const ProbeDomain* const domain : site.with_refused())
        names.push_back(domain->name);
    for (const std::string& name : names)
        co_await settle_edge(site, name);
}

/// Tasks were taken out of a site; when that leaves nobody to ask, refusals that wait for others wait in vain.
void Prober::Impl::end_idle_edges(ProbeSite& site)
{
    if (site.queued() > 0 || site.workers > 0)
        return;
    for (ProbeDomain* const domain : site.with_refused())
        end_edge(*domain, std::nullopt);
}

void Prober::Impl::postmaster_answered(ProbeSite& site, const ProbeTask& errand, const ProbeAnswer& answer)
{
    ProbeDomain& domain = site.domain(errand.address.domain);
    if (!domain.refused.empty()) {
        domain.refused.front().verdict.probes += errand.verdict.probes;
        for (ProbeTask& task : domain.refused)
            task.verdict.evidence.push_back(answer.evidence);
    }
    std::optional<Evidence> proof;
    if (answer.reason == Reason::accepted) {
        domain.accepted = services.clock.steady();
        proof = own_step(EvidenceKind::rcpt, "postmaster of the domain", "accepted", "edge:postmaster_accepted",
                         services.engine.now());
    }
    end_edge(domain, std::move(proof));
}

/// Concludes those whom the edge refused: with a `proof` that it lets somebody in they do not exist.
void Prober::Impl::end_edge(ProbeDomain& domain, std::optional<Evidence> proof)
{
    domain.asks_postmaster = false;
    std::vector<ProbeTask> refused;
    refused.swap(domain.refused);
    const TimePoint now = services.engine.now();
    for (ProbeTask& task : refused) {
        task.verdict.evidence.push_back(
            proof ? *proof
                  : own_step(EvidenceKind::policy, "refusal at the edge",
                             "nobody of the domain is known to be let in: it may refuse everybody", "edge:undecided",
                             now));
        if (proof)
            conclude(task.verdict, Reason::mailbox_not_found, now);
        finish(std::move(task));
    }
}

}  // namespace winnow::verifier
