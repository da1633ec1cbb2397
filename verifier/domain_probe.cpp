#include "verifier/domain_probe.hpp"

#include "verifier/precheck.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

std::optional<Reason> decided_by(net::RouteStatus status)
{
    switch (status) {
        case net::RouteStatus::ok:
            return std::nullopt;
        case net::RouteStatus::null_mx:
        case net::RouteStatus::no_mail:
            return Reason::domain_no_mail;
        case net::RouteStatus::nxdomain:
            return Reason::domain_not_found;
        case net::RouteStatus::dns_failure:
            return Reason::dns_failure;
        // Mail hosts on private addresses: nobody outside can deliver there, but that is our guard's word, not the
        // domain's.
        case net::RouteStatus::refused_target:
            return Reason::no_connect;
    }
    return Reason::dns_failure;
}

}  // namespace

awaitable<DomainFacts> look_up_domain(Services services, const VerifierOptions& options, std::string domain)
{
    net::TargetGuard guard;
    guard.allow_private = options.allow_private_targets;
    guard.own = options.sources;
    // A lab is on other addresses of the loopback network: an MX of these two is the way back to whoever asks.
    guard.own.insert(guard.own.end(), {"127.0.0.1", "::1"});
    DomainFacts facts;
    facts.route = co_await net::resolve_mail_route(services.resolver, domain, guard, services.clock, services.rng);
    facts.decides = decided_by(facts.route.status);
    for (const net::MxHost& host : facts.route.hosts)
        if (!facts.provider)
            facts.provider = services.providers.find(host.name);
    co_return facts;
}

void apply_domain(const DomainFacts& facts, bool domain_has_history, VerdictRecord& verdict, TimePoint now)
{
    verdict.evidence.insert(verdict.evidence.end(), facts.route.steps.begin(), facts.route.steps.end());
    if (facts.provider) {
        verdict.provider = facts.provider->name;
        if (facts.provider->kind == ProviderKind::seg)
            verdict.flags.set(Flag::seg);
    }
    if (!facts.decides && domain_has_history)
        forget_typo(verdict);
    if (facts.decides)
        conclude(verdict, *facts.decides, now);
}

}  // namespace winnow::verifier
