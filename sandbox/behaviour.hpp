#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/vocabulary.hpp"

/// What the sandbox does with a name: a pure function of the name, so that a list means the same on every machine.
namespace winnow::sandbox {

/// What lies behind a domain. `acme.full.test` and `full.test` behave alike, and so does any other label below.
enum class Kind : std::uint8_t {
    deliverable = 1,     ///< *.deliverable.test
    catchall,            ///< *.catchall.test: takes every local part, magic ones too
    greylist,            ///< *.greylist-<N>s.test; m and h are minutes and hours
    nullmx,              ///< *.nullmx.test (RFC 7505)
    nomx,                ///< *.nomx.test: the name exists, without MX and address
    nxdomain,            ///< *.nxdomain.test, and every name that the sandbox does not know
    servfail,            ///< *.servfail.test
    ipblock,             ///< *.ipblock.test: the client's address is "listed"; at connect or at RCPT, by name
    full,                ///< *.full.test: 452 or 552, by name
    disabled,            ///< *.disabled.test
    slow,                ///< *.slow.test: every reply late
    accept_then_bounce,  ///< *.accept-then-bounce.test: 250, later a real DSN to the reverse-path
    complaint,           ///< *.complaint.test: 250, later a real ARF report
    provider,            ///< gmail.com and other well-known mailbox providers, played by the sandbox
    disposable,          ///< a few well-known disposable domains: every local part works
    infrastructure,      ///< sandbox.test: names for EHLO, MAIL FROM and MX hosts
    scripted,            ///< a zone with a row in sandbox/script.cpp
};
std::string_view to_string(Kind kind) noexcept;

struct Script;

/// Whose words a receiver uses when it says no.
enum class Dialect : std::uint8_t { postfix = 1, exim, exchange, google, yahoo, outlook };

struct DomainBehaviour {
    Kind kind = Kind::nxdomain;
    std::chrono::seconds greylist{0};       ///< greylist only: how long a new triplet waits
    std::chrono::seconds greylist_unit{1};  ///< in which the wait is told: seconds, minutes or hours
    Dialect dialect = Dialect::postfix;
    bool blocks_at_connect = false;  ///< ipblock only
    const Script* script = nullptr;  ///< scripted only
    std::vector<std::string> mx;     ///< host names by preference; empty where DNS knows none

    bool receives() const noexcept { return !mx.empty(); }
};

/// `domain` as A-labels or U-labels, any case, with or without trailing dot.
DomainBehaviour behaviour_of(std::string_view domain);

/// Where the sandbox's MX hosts listen: 127.77.<group>.<site>, one group per kind, `sites` addresses in each, so that
/// different domains are different sites and what happens before RCPT can depend on the address. A zone with a script
/// has one address. Nothing for a name that has no address.
std::optional<std::string> address_of_host(std::string_view host, int sites);
/// Every address that address_of_host can give.
std::vector<std::string> receiver_addresses(int sites);

/// What the local address of a connection alone decides.
struct ReceiverRole {
    bool blocks = false;  ///< refuse at connect
    bool slow = false;
};
ReceiverRole role_of_address(std::string_view ip) noexcept;

/// What a receiver holds behind a local part. `unknown-*`, `full-*` and `disabled-*` are magic at every receiver
/// but catch-alls (and scripts that say otherwise); a local part that looks drawn at random does not exist, so that
/// catch-all tests work; every other one exists.
enum class Mailbox : std::uint8_t { exists = 1, unknown, full, disabled };
Mailbox mailbox_of(const DomainBehaviour& domain, std::string_view local_part);
/// Takes the message and sends a DSN later.
bool bounces_later(const DomainBehaviour& domain, std::string_view local_part);
/// Long, or letters and digits in turn: nobody's name, but what a catch-all test asks for.
bool looks_random(std::string_view local_part) noexcept;

/// True for a full mailbox that answers 552 instead of 452; by name.
bool full_for_good(std::string_view local_part, std::string_view domain) noexcept;

/// What comes of a message that is sent regardless of the verdict.
enum class Outcome : std::uint8_t {
    delivered = 1,
    bounced,       ///< 5xx, or DNS says that the domain takes no mail
    deferred,      ///< until it expires
    async_bounce,  ///< delivered, then a DSN comes back
    complaint,     ///< delivered, then an ARF report comes back
};
std::string_view to_string(Outcome outcome) noexcept;

struct Expectation {
    Reason reason = Reason::accepted;  ///< its verdict is verdict_of(reason)
    Outcome outcome = Outcome::delivered;
};

/// The truth about an address, for truth files and tests, as far as anybody can find it out from outside: the verdict
/// after greylist waits have passed, but for those longer than `patience`.
Expectation expectation_of(std::string_view address, std::chrono::seconds patience = std::chrono::days{1});

/// FNV-1a with a final mix: the sandbox's only source of variety. Frozen: lists and truth files depend on it.
std::uint64_t name_hash(std::string_view text) noexcept;

/// Every kind's apex, in the order of the enum: "deliverable.test", ..., "greylist-300s.test", then those with a
/// script.
std::vector<std::string> apex_domains();
/// Providers and disposable domains that the sandbox plays.
std::vector<std::string> emulated_domains();

}  // namespace winnow::sandbox
