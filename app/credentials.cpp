#include "app/credentials.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace winnow::app {
namespace {

/// 4 or 16 octets; an IPv4-mapped IPv6 address counts as IPv4. Empty when `ip` is not an address.
std::vector<std::uint8_t> address_bytes(std::string_view ip)
{
    const std::string text{ip};
    std::vector<std::uint8_t> bytes(4);
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
        return bytes;
    bytes.resize(16);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1)
        return {};
    const bool mapped = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; }) &&
                        bytes[10] == 0xff && bytes[11] == 0xff;
    if (mapped)
        bytes.erase(bytes.begin(), bytes.begin() + 12);
    return bytes;
}

constexpr int widest_ipv4 = 8, widest_ipv6 = 16;

/// Unique local (RFC 4193) and link-local addresses; for IPv4, no private range (RFC 1918, RFC 6598) is wider than /8.
bool is_private_ipv6(const Network& network)
{
    const auto& bytes = network.bytes;
    return (network.prefix >= 7 && (bytes[0] & 0xfe) == 0xfc) ||
           (network.prefix >= 10 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

bool too_wide(const Network& network)
{
    if (network.bytes.size() == 4)
        return network.prefix < widest_ipv4;
    return network.prefix < widest_ipv6 && !is_private_ipv6(network);
}

}  // namespace

bool Network::contains(std::string_view ip) const noexcept
{
    const auto other = address_bytes(ip);
    if (other.size() != bytes.size())
        return false;
    for (int bit = 0; bit < prefix; bit += 8) {
        const int left = std::min(8, prefix - bit);
        const auto mask = static_cast<std::uint8_t>(0xff << (8 - left));
        const auto index = static_cast<std::size_t>(bit / 8);
        if ((other[index] & mask) != (bytes[index] & mask))
            return false;
    }
    return true;
}

Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts)
{
    std::vector<Network> networks;
    for (const std::string& text : texts) {
        const auto slash = text.find('/');
        Network network;
        network.text = text;
        network.bytes = address_bytes(std::string_view(text).substr(0, slash));
        const int widest = static_cast<int>(network.bytes.size() * 8);
        network.prefix = widest;
        bool good = !network.bytes.empty();
        if (good && slash != std::string::npos) {
            const char* const end = text.data() + text.size();
            const auto [stop, failed] = std::from_chars(text.data() + slash + 1, end, network.prefix);
            good = failed == std::errc{} && stop == end && network.prefix >= 0 && network.prefix <= widest;
        }
        if (!good)
            return Error{Errc::invalid_argument,
                         "\"" + text + "\" is not a network; write it like \"10.1.0.0/16\" or \"2001:db8::/32\""};
        if (too_wide(network))
            return Error{
                Errc::invalid_argument,
                "\"" + text + "\" is wider than " + (network.bytes.size() == 4 ? "/8" : "/16") +
                    ": whoever is in it could send mail to anybody through this server; list your own networks"};
        networks.push_back(std::move(network));
    }
    return networks;
}

std::optional<relay::Submitter> KeyCredentials::authenticate(std::string_view user, std::string_view secret) const
{
    const auto key = ring_.verify(secret, clock_.now());
    if (!key || (user != "apikey" && user != key->id))
        return std::nullopt;
    return relay::Submitter{key->id, key->workspace, key->from};
}

std::optional<relay::Submitter> KeyCredentials::from_network(std::string_view ip) const
{
    for (const Network& network : networks_)
        if (network.contains(ip))
            return relay::Submitter{"network:" + network.text, "default"};
    return std::nullopt;
}

}  // namespace winnow::app
