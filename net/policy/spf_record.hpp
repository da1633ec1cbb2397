#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

/// The syntax of SPF records (RFC 7208 sections 4.6.1, 5, 6, 7.1 and 12): text to terms, no evaluation.
namespace winnow::net {

/// One piece of a macro-string.
struct SpfMacroToken {
    std::string literal;          ///< text to copy; used when letter is 0
    char letter = 0;              ///< lower case: s l o d i p v h, and c r t in explanations
    bool url_escape = false;      ///< the letter was upper case
    unsigned keep = 0;            ///< rightmost parts to keep; 0 = all
    bool reverse = false;         ///< "r"
    std::string delimiters{"."};  ///< where to split
};
using SpfMacroString = std::vector<SpfMacroToken>;

/// What macros stand for (RFC 7208 section 7.2).
struct SpfMacroValues {
    boost::asio::ip::address ip;
    std::string local_part;
    std::string sender_domain;
    std::string domain;  ///< <domain> of the current check_host()
    std::string helo;
    std::string validated;  ///< %{p}: validated name of the address, or "unknown"
    std::string receiver;   ///< %{r}
    std::int64_t unix_seconds = 0;
};

/// `explanation` allows spaces and the letters c, r and t.
Result<SpfMacroString> parse_spf_macros(std::string_view text, bool explanation);
std::string expand_spf_macros(const SpfMacroString& macros, const SpfMacroValues& values);
bool uses_validated_name(const SpfMacroString& macros) noexcept;

enum class SpfQualifier : char { pass = '+', fail = '-', softfail = '~', neutral = '?' };
enum class SpfMechanismKind : std::uint8_t { all = 1, include, a, mx, ptr, ip4, ip6, exists };

struct SpfMechanism {
    SpfQualifier qualifier = SpfQualifier::pass;
    SpfMechanismKind kind = SpfMechanismKind::all;
    SpfMacroString domain;             ///< empty = the current domain
    boost::asio::ip::address network;  ///< ip4, ip6
    unsigned prefix4 = 32;
    unsigned prefix6 = 128;
    std::string text;  ///< the term as written, for reports
};

struct SpfRecord {
    std::vector<SpfMechanism> mechanisms;
    std::optional<SpfMacroString> redirect;
    std::optional<SpfMacroString> exp;
    bool has_all() const noexcept;
};

/// Is this TXT record of SPF version 1 (section 4.5)?
bool is_spf_record(std::string_view txt) noexcept;

/// The whole record, "v=spf1" included. Errc::protocol with the term that is wrong: a permerror for check_host().
Result<SpfRecord> parse_spf_record(std::string_view txt);

}  // namespace winnow::net
