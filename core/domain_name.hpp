#pragma once

#include <string>
#include <string_view>

#include "core/address.hpp"

namespace winnow {

/// Outcome of reading a domain name: the A-label form, or the fault and a sentence about it.
struct DomainReading {
    std::string ascii;  ///< lower case A-labels; meaningful when `fault` is none
    AddressFault fault = AddressFault::none;
    std::string detail;
};

/// The work behind to_ascii_domain(), for callers that must name the fault. No trailing dot allowed: RFC 5321 domains
/// have none.
DomainReading read_domain(std::string_view domain);

/// Top-level names below which no mailbox of the public internet can exist (RFC 6761, 6762, 7686, 8375, 9476 and
/// ICANN's reserved names). `ascii` is a lower-case A-label domain.
bool is_special_use(std::string_view ascii) noexcept;

}  // namespace winnow
