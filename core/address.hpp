#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace winnow {

/// An address as used in an SMTP envelope (RFC 5321 Mailbox, RFC 6531 when `eai`). Immutable value.
struct Address {
    std::string local;     ///< NFC, case as written; quoted only when the form needs it, with the fewest backslashes
    std::string domain;    ///< A-label, lower case, no trailing dot; for a literal the bracketed form "[192.0.2.1]"
    bool quoted = false;   ///< local part is a quoted-string
    bool literal = false;  ///< domain is an address literal
    bool eai = false;      ///< local part holds non-ASCII characters: needs SMTPUTF8

    /// local@domain, for the envelope.
    std::string to_string() const { return local + '@' + domain; }
    /// The tag of a subaddress "user+tag", without the plus; empty when there is none.
    std::string_view tag() const noexcept;
    bool operator==(const Address&) const = default;
};

/// Why a text is not an address, or not a usable one. Spelled as the enumerator in reports.
enum class AddressFault : std::uint8_t {
    none,
    empty,
    no_at,
    local_empty,
    local_too_long,
    local_syntax,
    domain_empty,
    domain_too_long,
    label_too_long,
    domain_syntax,
    domain_single_label,
    idna,
    literal_syntax,
    too_long,
    control_character,
    trailing_text,
    // The rest is valid but not usable, like domain_single_label.
    invisible_character,  ///< local part with a non-ASCII space, control, direction mark or leading combining mark
    literal,              ///< an address literal; no host takes mail for one from strangers
    tld_syntax,           ///< the last label is not one that a registry could issue: digits, a hyphen, one letter
    special_use           ///< the top-level name is reserved away from the public DNS (.local, .invalid ...)
};
std::string_view to_string(AddressFault fault) noexcept;

struct ParsedAddress {
    Address address;  ///< meaningful when valid
    AddressFault fault = AddressFault::none;
    bool valid = false;   ///< a Mailbox by RFC 5321/6531 (quoted local parts and literals allowed; no comments, no
                          ///< folding, no source route)
    bool usable = false;  ///< also usable on today's internet: host name domain with a dot, no literal, not special-use
    std::string detail;   ///< one sentence: what is wrong and where; empty when usable
};

/// Strict parser shared by verifier, relay and API. Never fails: faults are in the value. Surrounding white space is
/// not removed here (list parsing does that and says so).
ParsedAddress parse_address(std::string_view text);

/// canonical-v1, FROZEN (golden vectors in tests/core/canonical_test.cpp): A-label domain, lower-cased local part
/// (ASCII and simple Unicode lower-casing after NFC), tag kept, quotes removed when not needed. Key of suppression and
/// bounces.
std::string canonical_v1(const Address& address);
/// Loose form: canonical-v1 with the subaddress removed, and dots removed for gmail.com and googlemail.com (which are
/// one). For complaint, unsubscribe and dedupe.
std::string loose_form(const Address& address);

/// A-label form of a host name (UTS 46, non-transitional, IDNA2008), lower case, without trailing dot.
Result<std::string> to_ascii_domain(std::string_view domain);
/// U-label form for display; the input when it cannot be decoded.
std::string to_unicode_domain(std::string_view domain);
/// RFC 1123 host name with RFC 5891 A-labels, 253 octets at most.
bool is_hostname(std::string_view name);

/// Registrable domain by the Public Suffix List ("mail.example.co.uk" -> "example.co.uk"); empty when there is none.
/// Uses the data file set by set_public_suffix_file, else Debian's, else libpsl's built-in copy. Thread-safe.
std::string registrable_domain(std::string_view domain);
Result<> set_public_suffix_file(const std::string& path);

}  // namespace winnow
