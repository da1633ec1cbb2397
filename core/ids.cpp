#include "core/ids.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "core/crypto.hpp"

namespace winnow {
namespace {

constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t ulid_length = 26;

constexpr std::size_t mac_size = 12;  // 96 bits
constexpr std::size_t max_verp_length = 48;
/// Keeps these tags apart from every other use of the same key.
constexpr std::string_view verp_purpose = "winnow-verp-1";

constexpr std::size_t expiry_size = 4;  // seconds since 1970, unsigned: until 2106

// Body of a token: one octet with the lengths of lane and seq (a nibble each), then lane, seq and expiry, big-endian.
// Leading zero octets are left out, so that young installations have short return paths and no text passes 47
// characters.

std::size_t significant_bytes(std::uint64_t value) noexcept
{
    return (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
}

void put(std::string& out, std::uint64_t value, std::size_t size)
{
    for (std::size_t i = size; i-- > 0;)
        out += static_cast<char>(value >> (8 * i));
}

std::uint64_t take(std::string_view& in, std::size_t size) noexcept
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value = value << 8 | static_cast<unsigned char>(in[i]);
    in.remove_prefix(size);
    return value;
}

std::string verp_mac(std::string_view key, std::string_view body)
{
    std::string message(verp_purpose);
    message += body;
    const crypto::Digest32 digest = crypto::hmac_sha256(key, message);
    return {reinterpret_cast<const char*>(digest.data()), mac_size};
}

}  // namespace

std::string make_ulid(TimePoint now, Rng& rng)
{
    std::array<std::byte, 16> bytes;
    rng.fill(std::span(bytes).subspan(6));
    const auto ms = static_cast<std::uint64_t>(to_unix_ms(now));
    for (std::size_t i = 0; i < 6; ++i)
        bytes[i] = static_cast<std::byte>(ms >> (40 - 8 * i));

    // 128 bits in 26 digits of 5: the first digit holds the two spare bits, as zero.
    std::string out;
    out.reserve(ulid_length);
    std::uint32_t pending = 0;
    unsigned have = 2;
    for (const std::byte b : bytes) {
        pending = pending << 8 | std::to_integer<std::uint32_t>(b);
        for (have += 8; have >= 5; have -= 5)
            out += crockford[pending >> (have - 5) & 31];
        pending &= (1u << have) - 1;
    }
    return out;
}

bool is_ulid(std::string_view text) noexcept
{
    return text.size() == ulid_length && text.front() <= '7' &&
           text.find_first_not_of(crockford) == std::string_view::npos;
}

std::string mint_verp(std::string_view key, const VerpToken& token)
{
    const std::uint64_t lane = token.message.lane.value;
    const std::uint64_t seq = token.message.seq;
    const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(token.expires).time_since_epoch().count();
    std::string body;
    body += static_cast<char>(significant_bytes(lane) << 4 | significant_bytes(seq));
    put(body, lane, significant_bytes(lane));
    put(body, seq, significant_bytes(seq));
    put(body, static_cast<std::uint64_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX)), expiry_size);
    return crypto::base32(body + verp_mac(key, body));
}

std::optional<VerpToken> read_verp(std::string_view key, std::string_view text, TimePoint now)
{
    if (text.size() > max_verp_length)
        return std::nullopt;
    const auto bytes = crypto::unbase32(text);
    if (!bytes || bytes->size() <= mac_size)
        return std::nullopt;
    const std::string_view all = *bytes;
    std::string_view body = all.substr(0, all.size() - mac_size);
    if (!crypto::equal(verp_mac(key, body), all.substr(body.size())))
        return std::nullopt;

    // Nobody without the key gets here, but the key may have signed something else of this form by mistake.
    const std::uint64_t sizes = take(body, 1);
    const std::size_t lane_size = sizes >> 4;
    const std::size_t seq_size = sizes & 15;
    if (lane_size > 4 || seq_size > 8 || body.size() != lane_size + seq_size + expiry_size)
        return std::nullopt;
    VerpToken token;
    token.message.lane.value = static_cast<std::uint32_t>(take(body, lane_size));
    token.message.seq = take(body, seq_size);
    token.expires = TimePoint{std::chrono::seconds{static_cast<std::int64_t>(take(body, expiry_size))}};
    if (token.expires <= now)
        return std::nullopt;
    return token;
}

}  // namespace winnow
