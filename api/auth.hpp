#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/rng.hpp"
#include "relay/sender_domains.hpp"

namespace winnow::api {

/// The workspace of the installation itself: its keys may see and change what holds for all workspaces.
inline constexpr std::string_view home_workspace = "default";

struct ApiKey {
    std::string id;  ///< 12 characters, public
    std::string workspace = "default";
    std::string name;                      ///< the owner's words
    std::int64_t probes_per_day = 10'000;  ///< RCPT probes that checks and lists of this key may cause in a UTC day
    std::optional<TimePoint> expires;
    relay::SenderDomains from;  ///< what its mail may be from; keys made without a list may use any domain
};

/// A new key: the record, and the secret text that is shown once ("wnw_<id>_<43 characters><6 of CRC>").
struct NewApiKey {
    ApiKey key;
    std::string text;
};

/// The keys of an installation, from a file of one key a line (id, HMAC of the secret, workspace, cap, expiry, name,
/// and sender domains where the key is bound to some).
/// Immutable and thread-safe; a reload makes a new one. Comparison is constant-time; the file never holds a secret.
class KeyRing {
public:
    enum class Missing {
        is_empty,  ///< before the first key was made there is no file
        is_error,  ///< Errc::not_found: where keys were read before, a lost file must not revoke them all
    };
    /// Errors name file and line.
    static Result<KeyRing> load(const std::string& path, Missing missing);
    /// Makes a key and appends it to the file (created with mode 0600, synced).
    static Result<NewApiKey> create(const std::string& path, ApiKey properties, Rng& rng);

    /// The key that `text` is, when it is one, right and not expired at `now`.
    std::optional<ApiKey> verify(std::string_view text, TimePoint now) const;
    /// The key of a public id, unless it is none, or has expired at `now`. For work that a key began: it proves
    /// nothing.
    std::optional<ApiKey> find(std::string_view id, TimePoint now) const;
    std::size_t size() const noexcept;
    /// Those of the keys, the expired ones too, each once.
    std::vector<std::string> workspaces() const;

    KeyRing(KeyRing&&) noexcept;
    KeyRing& operator=(KeyRing&&) noexcept;
    ~KeyRing();

private:
    struct Impl;
    explicit KeyRing(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::api
