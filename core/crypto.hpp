#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/rng.hpp"

/// Thin, allocation-light wrappers of OpenSSL 3. All functions are thread-safe. Only core/crypto*.cpp and net/tls*.cpp
/// see OpenSSL. A failure of OpenSSL itself (no memory, no provider) or a key of the wrong size is a broken invariant
/// and throws.
namespace winnow::crypto {

using Digest16 = std::array<std::uint8_t, 16>;
using Digest20 = std::array<std::uint8_t, 20>;
using Digest32 = std::array<std::uint8_t, 32>;

Digest16 md5(std::string_view data);
Digest20 sha1(std::string_view data);
Digest32 sha256(std::string_view data);
Digest32 hmac_sha256(std::string_view key, std::string_view data);

/// HMAC-SHA-256 with the key schedule done once: one per thread of use (not thread-safe), for hot paths.
class HmacSha256 {
public:
    explicit HmacSha256(std::string_view key);
    ~HmacSha256();
    HmacSha256(HmacSha256&&) noexcept;
    HmacSha256& operator=(HmacSha256&&) noexcept;
    Digest32 operator()(std::string_view data);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Incremental SHA-256 (file digests).
class Sha256 {
public:
    Sha256();
    ~Sha256();
    void update(std::string_view data);
    /// The digest of everything since construction or the last finish().
    Digest32 finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// AES-256-GCM. `key` is 32 bytes. The sealed form is nonce(12) || ciphertext || tag(16).
std::string seal(std::string_view key, std::string_view plain, std::string_view associated, Rng& rng);
/// Errc::corrupt when the tag does not match.
Result<std::string> open(std::string_view key, std::string_view sealed, std::string_view associated);

/// Constant-time comparison; false at once only when the lengths differ.
bool equal(std::string_view a, std::string_view b) noexcept;

/// RFC 3720 (Castagnoli). `seed` is the checksum of the bytes before `data`, to go on from there.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0) noexcept;

// The readers are strict, so that one value has one text (but for the case of hex and base32): Errc::invalid_argument.

std::string hex(std::span<const std::uint8_t> bytes);
std::string hex(std::string_view bytes);
Result<std::string> unhex(std::string_view text);
/// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);
Result<std::string> unbase64(std::string_view text);
/// RFC 4648 base32, lower case, no padding: safe in local parts, host names and file names.
std::string base32(std::string_view bytes);
Result<std::string> unbase32(std::string_view text);

}  // namespace winnow::crypto
