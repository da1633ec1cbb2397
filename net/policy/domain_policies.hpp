#pragma once

#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/verdict.hpp"
#include "net/resolver.hpp"

namespace winnow::net {

/// What a domain publishes about its mail, as evidence: its SPF record, its DMARC record (at the domain, else at the
/// registrable domain above it, RFC 7489 section 6.6.3), and whether it has an MTA-STS policy (RFC 8461). One step
/// each, in this order, also for what is missing or could not be asked. Three or four TXT questions; nothing is
/// evaluated.
awaitable<std::vector<Evidence>> look_up_domain_policies(Resolver& resolver, std::string domain, const Clock& clock);

}  // namespace winnow::net
