#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/router.hpp"

namespace winnow::api {

/// RCPT probes taken out of a key's daily cap before they are made.
struct ProbeReservation {
    std::string counter;  ///< empty when nothing had to be reserved
    std::int64_t probes = 0;
    std::int64_t left = 0;          ///< of today
    std::int64_t seconds_left = 0;  ///< of today (UTC)
};

/// Of a key without a request: Errc::limit_exceeded with a sentence when its cap leaves less.
awaitable<Result<ProbeReservation>> reserve_probes(storage::Engine& engine, ApiKey key, std::int64_t probes);
awaitable<Result<>> give_back_probes(storage::Engine& engine, ProbeReservation reservation, std::int64_t unused);

/// Errors: the problem "probe_cap_reached" (429) with Retry-After until midnight UTC. Nothing is reserved while the
/// verifier does not probe at all.
awaitable<Checked<ProbeReservation>> reserve_probes(Context& context, std::int64_t probes);
/// Gives back what was not used. A failure is logged only: the cap errs on the side of fewer probes.
awaitable<void> give_back_probes(Context& context, ProbeReservation reservation, std::int64_t unused);
/// The RateLimit field of draft-ietf-httpapi-ratelimit-headers.
void add_rate_limit(net::HttpResponse& response, const ProbeReservation& reservation);

}  // namespace winnow::api
