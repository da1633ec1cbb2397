#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/rng.hpp"

namespace winnow {

/// Public identifier: 48-bit Unix milliseconds and 80 random bits, as 26 characters of Crockford base32 (upper case).
/// Sorts by time. Unguessability never replaces the workspace check.
std::string make_ulid(TimePoint now, Rng& rng);
bool is_ulid(std::string_view text) noexcept;

/// Unit of order, lease and rate; fixed count per engine (storage meta).
struct LaneId {
    std::uint32_t value = 0;
    auto operator<=>(const LaneId&) const = default;
};

/// Internal name of a message: its lane and its commit sequence number.
struct MessageRef {
    LaneId lane;
    std::uint64_t seq = 0;
    auto operator<=>(const MessageRef&) const = default;
};

/// The keyed part of a VERP return path: names one message, expires, and cannot be made without the key. An incoming
/// bounce or complaint acts only with a valid one.
struct VerpToken {
    MessageRef message;
    TimePoint expires;  ///< second resolution
};

/// Lower-case base32 text, at most 48 characters, safe as part of a local part: lane, seq, expiry and 96 bits of
/// HMAC-SHA-256.
std::string mint_verp(std::string_view key, const VerpToken& token);
/// Nothing when malformed, forged or expired at `now`.
std::optional<VerpToken> read_verp(std::string_view key, std::string_view text, TimePoint now);

}  // namespace winnow
