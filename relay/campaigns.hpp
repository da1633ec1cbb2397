#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "relay/relay.hpp"
#include "relay/sender_domains.hpp"

namespace winnow::relay {

struct CampaignRequest {
    std::string workspace = "default";
    std::string list_id;
    std::string name;
    std::string from, subject, text, html;
    std::map<std::string, std::string> headers;
    bool include_risky = false;
    milliseconds hold_for = std::chrono::hours{24};  ///< how long `unknown` rows wait for a verdict
    bool verify_held = true;                         ///< have held rows verified, as far as the key's cap allows
    std::string key_id;                              ///< of the API key whose cap that is
    SenderDomains allowed;                           ///< what `from` may be; Errc::permission_denied beyond it
    std::string id;                                  ///< a ULID; empty = a new one
    storage::OpList with;                            ///< committed together with the draft, its idempotency key too
};

/// Campaigns as durable state machines: rows through the gate into the lanes, resumed after a restart without sending
/// to anyone twice (one row = one idempotent enqueue), a verification asked for when rows are held, held rows asked
/// again when their verdict changes or the hold ends. Runs on one executor; not thread-safe.
class Campaigns {
public:
    Campaigns(Services services, RelayOptions options);
    ~Campaigns();

    /// Stores a draft. Errors begin with the field's name: list unknown or incomplete, From not an address, template
    /// place without a column, header that is ours to write.
    awaitable<Result<storage::CampaignRecord>> create(CampaignRequest request);
    awaitable<Result<storage::CampaignRecord>> start(std::string workspace, std::string id);
    awaitable<Result<storage::CampaignRecord>> get(std::string workspace, std::string id);
    /// At once for what is not in a transaction yet. It is `finished` when none of its messages is left, be it after a
    /// restart.
    awaitable<Result<>> cancel(std::string workspace, std::string id);
    /// Continues every campaign of the store that is running, or cancelled with messages left.
    awaitable<Result<>> resume();
    /// Returns when the campaign is done or cancelled, or when `until` passes. `progress` is told of every look.
    awaitable<Result<storage::CampaignRecord>> wait(std::string workspace, std::string id, SteadyPoint until,
                                                    std::function<void(const storage::CampaignRecord&)> progress);
    /// Ends the runners between two commits; what is left goes on with resume().
    awaitable<void> drain();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  ///< shared with the runners under way
};

}  // namespace winnow::relay
