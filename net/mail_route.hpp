#pragma once

#include <string>
#include <vector>

#include "core/rng.hpp"
#include "core/verdict.hpp"
#include "net/resolver.hpp"

namespace winnow::net {

enum class RouteStatus : std::uint8_t {
    ok = 1,
    null_mx,         ///< RFC 7505
    no_mail,         ///< neither MX nor A/AAAA, or no MX has an address; confirmed past our cache
    nxdomain,        ///< confirmed likewise
    dns_failure,     ///< SERVFAIL, refused, timeout, malformed: says nothing about the domain
    refused_target,  ///< every address is loopback, private or our own
};
std::string_view to_string(RouteStatus) noexcept;

struct MxHost {
    std::string name;  ///< lower case
    std::uint16_t preference = 0;
    std::vector<std::string> addresses;  ///< IPv4 first as returned, then IPv6; only allowed targets
    bool implicit = false;               ///< the domain itself, RFC 5321 section 5.1
};

/// Where mail for a domain goes.
struct MailRoute {
    RouteStatus status = RouteStatus::dns_failure;
    std::vector<MxHost> hosts;  ///< by preference; equal preferences shuffled by the caller's Rng
    std::string site;  ///< name of the MX set: the sorted host names joined, hashed to 16 hex digits; empty unless ok
    std::uint32_t ttl = 0;        ///< seconds
    std::string detail;           ///< one sentence for evidence and errors
    std::vector<Evidence> steps;  ///< each query asked, `at` filled from the clock
};

/// MX in order, implicit MX, null MX, MX to CNAME followed, addresses guarded. At most 40 MX hosts are read.
/// `domain` is an A-label name or an address literal "[192.0.2.1]" (route to that address).
awaitable<MailRoute> resolve_mail_route(Resolver& resolver, std::string domain, const TargetGuard& guard,
                                        const Clock& clock, Rng& rng);

}  // namespace winnow::net
