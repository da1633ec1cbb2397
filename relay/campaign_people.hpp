#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "relay/relay.hpp"

namespace winnow::relay {

/// A person with several mailboxes in a list (storage::ListRow::person) gets one message of a campaign: that of the
/// first mailbox that the gate lets in. Which one it was is stored in the commit that makes the message due, so it
/// holds over restarts. What becomes of the message later changes nothing. An object serves one commit; `engine`
/// outlives it.
class CampaignPeople {
public:
    CampaignPeople(storage::Engine& engine, const storage::CampaignRecord& campaign);

    /// Whether the person has another message than `message_id`. A person of 0 is nobody, here and below.
    awaitable<Result<bool>> has_other(std::uint64_t person, std::string message_id);
    /// The message is the person's once `ops` are committed, and within this commit from now on.
    void give(std::uint64_t person, const std::string& message_id, storage::OpList& ops);

private:
    std::string key(std::uint64_t person) const;

    storage::Engine& engine_;
    std::string prefix_;
    TimePoint forgotten_;
    std::map<std::uint64_t, std::string> given_;  ///< in this commit
};

}  // namespace winnow::relay
