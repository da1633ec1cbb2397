#pragma once

#include <optional>
#include <string>

#include "net/mail_route.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// What DNS says of a domain: its route, who runs it, and the reason when that decides already.
struct DomainFacts {
    net::MailRoute route;
    const Provider* provider = nullptr;  ///< of the first MX; null when no row covers it
    std::optional<Reason> decides;       ///< domain_not_found, domain_no_mail, dns_failure, no_connect (refused target)
};

awaitable<DomainFacts> look_up_domain(Services services, const VerifierOptions& options, std::string domain);

/// Puts the facts into a verdict: evidence, provider, SEG flag, and the conclusion when DNS decides. Where it does not,
/// a domain with a history of our own deliveries is no typo of another.
void apply_domain(const DomainFacts& facts, bool domain_has_history, VerdictRecord& verdict, TimePoint now);

}  // namespace winnow::verifier
