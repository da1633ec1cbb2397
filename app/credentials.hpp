#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/auth.hpp"
#include "relay/submission.hpp"

namespace winnow::app {

/// An address range, "10.0.0.0/8" or "2001:db8::/32".
struct Network {
    std::vector<std::uint8_t> bytes;  ///< 4 or 16
    int prefix = 0;
    std::string text;
    bool contains(std::string_view ip) const noexcept;
};
/// Errc::invalid_argument names the entry that is no network, or is one that nobody owns:
/// wider than /8 (IPv6: /16) and not private. Who is on a listed network may send to anybody.
Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts);

/// API keys and listed networks as SMTP credentials: user `apikey` (or the key's id) with the key as password.
class KeyCredentials final : public relay::Credentials {
public:
    KeyCredentials(const api::KeyRing& ring, std::vector<Network> networks, const Clock& clock)
        : ring_(ring), networks_(std::move(networks)), clock_(clock)
    {
    }
    std::optional<relay::Submitter> authenticate(std::string_view user, std::string_view secret) const override;
    std::optional<relay::Submitter> from_network(std::string_view ip) const override;

private:
    const api::KeyRing& ring_;
    std::vector<Network> networks_;
    const Clock& clock_;
};

}  // namespace winnow::app
