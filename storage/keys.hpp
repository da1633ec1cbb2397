#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/result.hpp"

namespace winnow::storage {

/// First 16 bytes of HMAC-SHA-256(index key, tag || text): names an address or a domain without showing it.
struct H16 {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const H16&) const = default;
    std::string_view view() const noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
    std::string hex() const;
};

/// The three secrets of an installation, kept outside data_dir; each 32 octets.
struct EngineKeys {
    std::string index;  ///< address and domain digests; never rotated in place
    std::string seal;   ///< clear text at rest
    std::string verp;   ///< return-path tokens
    /// Public name of the set (8 hex digits of a digest): stored in `meta`, so that a wrong key file is refused at
    /// open.
    std::string id() const;

    /// Reads the key file, or writes a fresh one (mode 0600) when it does not exist and `create` is set.
    static Result<EngineKeys> load_or_create(const std::string& path, bool create);
    /// For tests and simulation.
    static EngineKeys fixed(std::string_view seed);
};

/// Digests under the index key. Copyable, thread-safe.
class AddressDigester {
public:
    explicit AddressDigester(const EngineKeys& keys);
    H16 address(const Address& a) const;  ///< canonical-v1: bounces, verdicts, manual
    H16 loose(const Address& a) const;    ///< loose form: complaint, unsubscribe, dedupe
    H16 domain(std::string_view a_label) const;
    H16 text(std::string_view tag, std::string_view text) const;

private:
    std::string index_key_;
};

}  // namespace winnow::storage
