#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/rng.hpp"
#include "core/timer.hpp"
#include "net/resolver.hpp"

namespace winnow::net {

/// Who we are to the receivers that we ask about mailboxes.
struct ProbeIdentity {
    std::string source_ip;  ///< the address that receivers see
    std::string ehlo_name;
    std::string mail_from;  ///< envelope sender without brackets
};

enum class IdentityItem : std::uint8_t {
    public_source = 1,  ///< the source is an address of the internet
    ehlo_resolves,      ///< the EHLO name has the source among its addresses
    reverse_dns,        ///< a PTR name of the source resolves back to it (FCrDNS)
    mail_from_accepts,  ///< the domain of MAIL FROM has a mail route
    spf_pass,           ///< SPF of MAIL FROM passes for the source
};
std::string_view to_string(IdentityItem) noexcept;

enum class IdentityStatus : std::uint8_t {
    passed = 1,
    failed,     ///< holds until somebody follows the cure
    undecided,  ///< the DNS did not answer: check again
};
std::string_view to_string(IdentityStatus) noexcept;

struct IdentityCheck {
    IdentityItem item = IdentityItem::public_source;
    IdentityStatus status = IdentityStatus::undecided;
    std::string asked;  ///< "A probe.example.com"
    std::string found;  ///< one sentence
    std::string cure;   ///< what to do, with the record to publish where one is missing; empty when passed
};

struct IdentityReport {
    std::string source_ip;              ///< whom it is about
    std::vector<IdentityCheck> checks;  ///< in the order of IdentityItem; those that could not be reached are left out

    /// Only then may public mailboxes be probed.
    bool ok() const noexcept;
    /// Something is undecided and nothing failed: worth checking again soon.
    bool try_again() const noexcept;
    /// Why not, each with its cure, in one line; empty when ok.
    std::string reason() const;
};

/// The conditions under which a public mailbox may be probed, asked from the DNS as receivers do. A source that is not
/// public ends the checks: nothing else can hold then.
awaitable<IdentityReport> check_probe_identity(Resolver& resolver, ProbeIdentity identity, const Clock& clock,
                                               Rng& rng);
/// The same for several sources: the first report that is not ok, else the last one.
awaitable<IdentityReport> check_probe_identities(Resolver& resolver, std::vector<ProbeIdentity> identities,
                                                 const Clock& clock, Rng& rng);

/// Waits and asks again, as long as nothing but the silence of the DNS is in the way: after 30 s, then twice as long
/// each time, up to five minutes. RFC 2308 section 7.1 lets resolvers hold on to a failure for no longer than that.
/// Ends with the last report; also, undecided, when `timer` is woken or cancelled: the owner stops.
awaitable<IdentityReport> await_probe_identities(Resolver& resolver, std::vector<ProbeIdentity> identities,
                                                 const Clock& clock, Rng& rng, Timer& timer);

}  // namespace winnow::net
