#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.hpp"
#include "core/vocabulary.hpp"
#include "sandbox/behaviour.hpp"

/// Behaviour out of the ordinary, as data: one row for each zone like tls-required.test (table in docs/sandbox.md).
namespace winnow::sandbox {

/// What DNS says of a zone's domains, and where their mail goes.
enum class Route : std::uint8_t {
    own_hosts = 1,  ///< MX mx1.<domain>, and mx2.<domain> for a third of them
    implicit,       ///< no MX: the domain's own address (RFC 5321 section 5.1)
    alias_host,     ///< the MX names an alias, against RFC 2181 section 10.3
    alias_domain,   ///< the domain is an alias of one that has MX
    dead_first,     ///< nobody listens at the first MX, the second takes mail
    dead,           ///< nobody listens at the only MX
    many_hosts,     ///< 40 MX: more than one datagram holds
    null_and_real,  ///< a null MX beside a real one, against RFC 7505 section 3
    dual_stack,     ///< the MX has an IPv6 address too, at which nobody listens
    bare_host,      ///< the MX host exists without address
    absent_host,    ///< the MX host does not exist
    numeric_host,   ///< the MX "name" is an IP address
    servfail_host,  ///< the address of the MX host cannot be had
    refused,        ///< the name server refuses to answer
    silent,         ///< the name server says nothing at all
    microsoft,      ///< the MX is named as those of Microsoft 365 are
};

/// When a session departs from the plain one, and for whom.
enum class When : std::uint8_t {
    never = 1,
    always,
    in_clear,         ///< until TLS is on
    extended,         ///< EHLO, not HELO
    null_sender,      ///< MAIL FROM:<>
    members,          ///< recipients that exist
    strangers,        ///< recipients that do not
    early_strangers,  ///< recipients that do not exist, as in `early`
    early,            ///< until Script::wait has passed since the triplet was first seen
    early_site,       ///< the same for the first recipient of the domain
    after_one,        ///< recipients answered in this session
    after_three,
};

/// How it departs.
enum class Act : std::uint8_t {
    say = 1,    ///< Script::words as a reply; {to} is the recipient
    raw,        ///< Script::words as they are on the wire; no words = no answer
    verbose,    ///< the usual reply, and 499 lines more
    long_line,  ///< a line of 1 MB
    endless,    ///< a reply that never comes to its last line
    hang_up,    ///< the connection is closed instead
};

/// Who has a mailbox.
enum class Holds : std::uint8_t {
    members = 1,         ///< as at *.deliverable.test
    all_but_magic,       ///< random local parts too: a catch-all that refuses a few
    everybody,           ///< all
    everybody_at_first,  ///< all at RCPT; a DSN follows for those who do not exist
};

enum class Tls : std::uint8_t {
    offered = 1,
    none,
    refused,  ///< offered, but STARTTLS is answered with a 5xx
    broken,   ///< what follows the 220 is not TLS
};

/// Chained as in `Script("x.test").departs(...).is(...)`, so that a row reads as a sentence.
struct Script {
    std::string_view apex;
    Route route = Route::own_hosts;
    Tls tls = Tls::offered;
    Holds holds = Holds::members;
    bool smtputf8 = true;
    milliseconds late{0};       ///< each reply
    milliseconds per_octet{0};  ///< replies come octet by octet, so far apart

    Stage stage = Stage::rcpt;
    When when = When::never;
    Act act = Act::say;
    std::string_view words;
    std::chrono::seconds wait{0};

    // The truth: of every address, or of those with and without a mailbox where it is not the usual one.
    std::optional<Reason> everybody, members, strangers;
    Outcome outcome = Outcome::delivered;          ///< of `everybody`
    Outcome strangers_outcome = Outcome::bounced;  ///< of addresses without mailbox

    constexpr explicit Script(std::string_view name) : apex(name) {}
    constexpr Script departs(Stage at, When whenever, std::string_view with) const
    {
        Script out = *this;
        out.stage = at;
        out.when = whenever;
        out.words = with;
        return out;
    }
    constexpr Script departs(Stage at, When whenever, Act how, std::string_view with = {}) const
    {
        Script out = departs(at, whenever, with);
        out.act = how;
        return out;
    }
    constexpr Script lasting(std::chrono::seconds how_long) const
    {
        Script out = *this;
        out.wait = how_long;
        return out;
    }
    constexpr Script by(Route way) const
    {
        Script out = *this;
        out.route = way;
        return out;
    }
    constexpr Script by(Tls way) const
    {
        Script out = *this;
        out.tls = way;
        return out;
    }
    constexpr Script holding(Holds whom) const
    {
        Script out = *this;
        out.holds = whom;
        return out;
    }
    constexpr Script slowly(milliseconds each_reply, milliseconds each_octet) const
    {
        Script out = *this;
        out.late = each_reply;
        out.per_octet = each_octet;
        return out;
    }
    constexpr Script without_utf8() const
    {
        Script out = *this;
        out.smtputf8 = false;
        return out;
    }
    /// Of every address.
    constexpr Script is(Reason truth, Outcome then) const
    {
        Script out = *this;
        out.everybody = truth;
        out.outcome = then;
        return out;
    }
    constexpr Script is_for_members(Reason truth) const
    {
        Script out = *this;
        out.members = truth;
        return out;
    }
    constexpr Script is_for_strangers(Reason truth, Outcome then) const
    {
        Script out = *this;
        out.strangers = truth;
        out.strangers_outcome = then;
        return out;
    }

    /// False where DNS ends the way.
    constexpr bool receives() const noexcept
    {
        return route != Route::dead && route != Route::bare_host && route != Route::absent_host &&
               route != Route::numeric_host && route != Route::servfail_host && route != Route::refused &&
               route != Route::silent;
    }
};

/// All of them, in an order that never changes: the address of a receiver is its row's number. New rows go to the end.
std::span<const Script> scripts() noexcept;
/// Of a domain in lower-case A-labels, without trailing dot; null when it has none.
const Script* script_of(std::string_view domain) noexcept;
/// The script whose receivers listen on this address; null for all others.
const Script* script_of_address(std::string_view ip) noexcept;
/// Where they listen.
std::string address_of_script(const Script& script);

/// What a host name below a zone with a script stands for, told by its first label.
enum class HostRole : std::uint8_t {
    domain = 1,  ///< no host: a mail domain
    receiver,    ///< mx1.<domain>, mx2.<domain> ...
    alias,       ///< alias.<domain>, of mx1.<domain>
    dead,        ///< dead.<domain>: an address at which nobody listens
    bare,        ///< bare.<domain>: no address
    absent,      ///< absent.<domain>: no such name
    broken,      ///< broken.<domain>: SERVFAIL
};
struct HostName {
    HostRole role = HostRole::domain;
    std::string_view domain;  ///< what follows the first label; all of it for a domain
};
HostName read_host(std::string_view name) noexcept;

/// MX hosts of a domain of this script, by preference.
std::vector<std::string> hosts_of(const Script& script, const std::string& domain);
/// The script of an MX host that is named as Microsoft 365 does; null for other names.
const Script* script_of_microsoft_host(std::string_view host) noexcept;
/// An address of the sandbox's network at which nobody ever listens.
inline constexpr std::string_view dead_address = "127.77.254.1";

}  // namespace winnow::sandbox
