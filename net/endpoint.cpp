#include "net/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace winnow::net {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

/// An address as bytes; IPv4 in the first four.
struct Ip {
    bool v6 = false;
    Bytes bytes{};
    bool operator==(const Ip&) const = default;
};

std::optional<Ip> parse_ip(std::string_view text) noexcept
{
    // inet_pton wants a terminated string; nothing longer than this is an address.
    std::array<char, INET6_ADDRSTRLEN + 1> buffer{};
    if (text.empty() || text.size() >= buffer.size() || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    std::copy(text.begin(), text.end(), buffer.begin());
    Ip ip;
    ip.v6 = text.find(':') != std::string_view::npos;
    if (inet_pton(ip.v6 ? AF_INET6 : AF_INET, buffer.data(), ip.bytes.data()) != 1)
        return std::nullopt;
    return ip;
}

struct Range {
    Bytes prefix;
    int bits;
};

bool in(const Bytes& address, const Range& range) noexcept
{
    const int whole = range.bits / 8;
    if (!std::equal(address.begin(), address.begin() + whole, range.prefix.begin()))
        return false;
    const int rest = range.bits % 8;
    if (rest == 0)
        return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    const auto at = static_cast<std::size_t>(whole);
    return (address[at] & mask) == (range.prefix[at] & mask);
}

template <std::size_t N>
bool in_any(const Bytes& address, const Range (&ranges)[N]) noexcept
{
    return std::any_of(std::begin(ranges), std::end(ranges), [&](const Range& r) { return in(address, r); });
}

// IANA special-purpose registries, RFC 6890 and its updates.
constexpr Range special_v4[] = {
    {{0}, 8},              // this network; connecting to 0.0.0.0 reaches ourselves
    {{10}, 8},             // private
    {{100, 64}, 10},       // carrier-grade NAT, RFC 6598
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local, cloud metadata
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // IETF protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 88, 99}, 24},   // 6to4 relays, withdrawn by RFC 7526
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarks
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved and broadcast
};

constexpr Range global_v6{{0x20}, 3};
constexpr Range special_v6[] = {
    {{0x20, 0x01, 0x00}, 23},        // IETF protocol assignments: Teredo, ORCHID, benchmarks
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x3f, 0xff, 0x00}, 20},        // documentation, RFC 9637
};
constexpr Range mapped_v4{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
constexpr Range loopback_v6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
constexpr Range nat64{{0x00, 0x64, 0xff, 0x9b}, 96};
constexpr Range six_to_four{{0x20, 0x02}, 16};

Ip v4_at(const Bytes& bytes, std::size_t offset) noexcept
{
    Ip ip;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), 4, ip.bytes.begin());
    return ip;
}

/// The IPv4 address that an IPv6 form stands for; nothing when it stands for itself.
std::optional<Ip> embedded_v4(const Ip& ip) noexcept
{
    if (!ip.v6)
        return std::nullopt;
    if (in(ip.bytes, mapped_v4) || in(ip.bytes, nat64))
        return v4_at(ip.bytes, 12);
    if (in(ip.bytes, six_to_four))
        return v4_at(ip.bytes, 2);
    return std::nullopt;
}

bool is_public(const Ip& ip) noexcept
{
    if (!ip.v6)
        return !in_any(ip.bytes, special_v4);
    if (const auto v4 = embedded_v4(ip))
        return is_public(*v4);
    return in(ip.bytes, global_v6) && !in_any(ip.bytes, special_v6);
}

/// Not the address of one host, whoever asks.
bool is_no_host(const Ip& ip) noexcept
{
    if (ip.v6)
        return ip.bytes == Bytes{} || ip.bytes[0] == 0xff;
    return ip.bytes[0] == 0 || ip.bytes[0] >= 224;
}

Ip without_embedding(const Ip& ip) noexcept
{
    const auto v4 = embedded_v4(ip);
    return v4 ? *v4 : ip;
}

std::string quoted(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole)
{
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value > 65535)
        return Error{Errc::invalid_argument, quoted(whole) + " has no port between 0 and 65535"};
    return static_cast<std::uint16_t>(value);
}

}  // namespace

std::string Endpoint::to_string() const
{
    const bool v6 = ip.find(':') != std::string::npos;
    return (v6 ? '[' + ip + ']' : ip) + ':' + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port)
{
    std::string_view host = text;
    std::optional<std::string_view> port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return Error{Errc::invalid_argument, quoted(text) + " lacks a closing bracket"};
        host = text.substr(1, close - 1);
        const std::string_view rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':')
            return Error{Errc::invalid_argument, quoted(text) + " has text behind the bracket; write [address]:port"};
        if (!rest.empty())
            port = rest.substr(1);
        if (host.find(':') == std::string_view::npos)
            return Error{Errc::invalid_argument, quoted(text) + " has brackets around what is not IPv6"};
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }

    Endpoint endpoint;
    if (host == "localhost")
        endpoint.ip = "127.0.0.1";
    else if (host.empty() && port)
        endpoint.ip = "0.0.0.0";
    else if (is_ip_address(host))
        endpoint.ip = std::string(host);
    else
        return Error{Errc::invalid_argument,
                     quoted(text) + " does not start with an IP address; write 127.0.0.1:25 or [::1]:25"};

    if (port) {
        WINNOW_TRY(endpoint.port, parse_port(*port, text));
    } else if (default_port != 0) {
        endpoint.port = default_port;
    } else {
        return Error{Errc::invalid_argument, quoted(text) + " has no port; write address:port"};
    }
    return endpoint;
}

bool is_ip_address(std::string_view text) noexcept
{
    return parse_ip(text).has_value();
}

bool is_public_address(std::string_view ip) noexcept
{
    const auto parsed = parse_ip(ip);
    return parsed && is_public(*parsed);
}

bool same_neighbourhood(std::string_view a, std::string_view b) noexcept
{
    const auto left = parse_ip(a);
    const auto right = parse_ip(b);
    if (!left || !right)
        return false;
    const Ip x = without_embedding(*left);
    const Ip y = without_embedding(*right);
    return x.v6 == y.v6 && in(x.bytes, Range{y.bytes, x.v6 ? 64 : 24});
}

std::uint32_t neighbourhood_number(std::string_view ip) noexcept
{
    const auto parsed = parse_ip(ip);
    if (!parsed)
        return 0;
    const Ip address = without_embedding(*parsed);
    if (!address.v6)
        return static_cast<std::uint32_t>(address.bytes[0]) << 16 | static_cast<std::uint32_t>(address.bytes[1]) << 8 |
               address.bytes[2];
    std::uint32_t hash = 2'166'136'261u;  // FNV-1a
    for (std::size_t i = 0; i < 8; ++i)
        hash = (hash ^ address.bytes[i]) * 16'777'619u;
    return hash | 0x8000'0000u;
}

std::string client_block(std::string_view ip)
{
    const auto parsed = parse_ip(ip);
    if (!parsed)
        return std::string(ip);
    Ip address = *parsed;
    // Only what the kernel makes of an IPv4 client: 6to4 and NAT64 prefixes are networks of their own.
    if (address.v6 && in(address.bytes, mapped_v4))
        address = v4_at(address.bytes, 12);
    if (address.v6)
        std::fill(address.bytes.begin() + 8, address.bytes.end(), std::uint8_t{0});
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
    return std::string(text.data()) + (address.v6 ? "/64" : "");
}

bool is_loopback(std::string_view ip) noexcept
{
    const auto parsed = parse_ip(ip);
    if (!parsed)
        return false;
    if (!parsed->v6)
        return parsed->bytes[0] == 127;
    if (in(parsed->bytes, mapped_v4))
        return parsed->bytes[12] == 127;
    return in(parsed->bytes, loopback_v6);
}

std::string reverse_name(std::string_view ip)
{
    const auto parsed = parse_ip(ip);
    if (!parsed)
        return {};
    std::string name;
    if (!parsed->v6) {
        for (int i = 3; i >= 0; --i)
            name += std::to_string(parsed->bytes[static_cast<std::size_t>(i)]) + '.';
        return name + "in-addr.arpa";
    }
    constexpr std::string_view digits = "0123456789abcdef";
    for (int i = 15; i >= 0; --i) {
        const std::uint8_t byte = parsed->bytes[static_cast<std::size_t>(i)];
        name += {digits[byte & 0x0f], '.', digits[byte >> 4], '.'};
    }
    return name + "ip6.arpa";
}

Result<> TargetGuard::check(std::string_view ip) const
{
    const auto parsed = parse_ip(ip);
    if (!parsed)
        return Error{Errc::refused_target, quoted(ip) + " is not an IP address"};
    const Ip target = without_embedding(*parsed);
    for (const std::string& mine : own) {
        const auto other = parse_ip(mine);
        if (other && without_embedding(*other) == target)
            return Error{Errc::refused_target, std::string(ip) + " is our own address: mail would loop"};
    }
    if (is_no_host(target))
        return Error{Errc::refused_target, std::string(ip) + " is not the address of a host"};
    if (!allow_private && !is_public(*parsed))
        return Error{Errc::refused_target, std::string(ip) + " is not on the public internet"};
    return {};
}

}  // namespace winnow::net
