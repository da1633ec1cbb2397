#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "net/resolver.hpp"

namespace winnow::net {

/// RFC 7208 section 2.6; spelled as in Received-SPF.
enum class SpfResult : std::uint8_t { none = 1, neutral, pass, fail, softfail, temperror, permerror };
std::string_view to_string(SpfResult) noexcept;

struct SpfQuestion {
    std::string ip;         ///< of the sending host
    std::string helo;       ///< name given in HELO/EHLO
    std::string mail_from;  ///< reverse-path without brackets; empty = postmaster@helo
};

struct SpfOptions {
    int max_lookups = 10;      ///< terms that ask the DNS, section 4.6.4
    int max_void_lookups = 2;  ///< of those, answers with nothing in them
    milliseconds max_time{20'000};
    std::string receiver = "unknown";  ///< %{r} in explanations
    std::string default_explanation;   ///< when the domain publishes none
};

struct SpfCheck {
    SpfResult result = SpfResult::none;
    std::string domain;       ///< whose record decided (after redirect)
    std::string record;       ///< that record
    std::string mechanism;    ///< the term that matched, as written; empty when none did
    std::string explanation;  ///< only for fail; from the domain, hence not to be trusted
    std::string detail;       ///< one sentence: what was found or what is wrong
    int lookups = 0;
};

/// check_host() of RFC 7208. Never fails: DNS failures are temperror, broken records permerror.
awaitable<SpfCheck> check_spf(Resolver& resolver, SpfQuestion question, const Clock& clock, SpfOptions options);

}  // namespace winnow::net
