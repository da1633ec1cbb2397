#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

/// Domain names between their text and wire forms (RFC 1035 sections 3.1 and 4.1.4). The text form has no trailing
/// dot, "." is the root, and octets that could be misread are escaped as in zone files: `\.`, `\\`, `\DDD`.
namespace winnow::net {

/// Labels of a name, unescaped, from the left; none for the root. Errc::invalid_argument for an empty label, a label
/// of more than 63 octets, or a name of more than 255 octets on the wire. One trailing dot is allowed.
Result<std::vector<std::string>> dns_labels(std::string_view name);

/// Text form of labels; the inverse of dns_labels, case kept.
std::string dns_name_text(std::span<const std::string> labels);

/// Reads the name at `offset`, case kept, and moves `offset` behind it. A compression pointer must point before the
/// place where this name started, each one before the last, so that loops cannot be written. Errc::protocol otherwise.
Result<std::string> read_dns_name(std::span<const std::uint8_t> message, std::size_t& offset);

/// ASCII lower case; other octets stay. DNS compares names this way (RFC 4343).
std::string dns_lower(std::string_view name);
/// The one spelling of a name that records and caches use: lower case, no trailing dot, escapes where needed and only
/// there. A name that is none comes back in lower case.
std::string dns_canonical(std::string_view name);
bool dns_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace winnow::net
