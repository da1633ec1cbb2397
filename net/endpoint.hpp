#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow::net {

/// A numeric IP address and a port. Port 0 when listening means: any free one.
struct Endpoint {
    std::string ip;  ///< "192.0.2.1" or "2001:db8::1", without brackets
    std::uint16_t port = 0;
    std::string to_string() const;  ///< "192.0.2.1:25", "[2001:db8::1]:25"
    bool operator==(const Endpoint&) const = default;
};

/// "127.0.0.1:25", "[::1]:25", ":2525" (all IPv4), "localhost:8080" (loopback only; no DNS here).
/// `default_port` is used when the text has none and is not 0.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port = 0);

bool is_ip_address(std::string_view text) noexcept;
/// False for loopback, private, link-local, CGNAT, multicast, documentation, unspecified and reserved ranges, and for
/// IPv6 forms that embed such an IPv4 address (mapped, NAT64, 6to4).
bool is_public_address(std::string_view ip) noexcept;
/// True when both are in the same /24 (IPv4) or /64 (IPv6).
bool same_neighbourhood(std::string_view a, std::string_view b) noexcept;
/// A number for the /24 (IPv4: its three octets) or the /64 (IPv6: a hash, top bit set) of an address; 0 for what is
/// none.
std::uint32_t neighbourhood_number(std::string_view ip) noexcept;
/// What one client of a server can have for itself: an IPv4 address, or the /64 of an IPv6 address
/// ("2001:db8:0:1::/64"). The text itself for what is no address.
std::string client_block(std::string_view ip);
bool is_loopback(std::string_view ip) noexcept;
/// "192.0.2.1" -> "1.2.0.192.in-addr.arpa", IPv6 likewise.
std::string reverse_name(std::string_view ip);

/// Which addresses winnow may connect to for mail. An MX of 127.0.0.1 or 10.0.0.1 is a probe into our own network.
struct TargetGuard {
    bool allow_private = false;                 ///< labs and the sandbox only
    std::vector<std::string> own;               ///< our own addresses: always a loop, also in labs
    Result<> check(std::string_view ip) const;  ///< Errc::refused_target with the reason
};

}  // namespace winnow::net
