#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "relay/campaigns.hpp"
#include "relay/content.hpp"

/// Campaigns from both sides: what callers ask for (campaigns.cpp) and the runner that passes rows through the gate
/// (campaign_runner.cpp) and has the held ones verified (campaign_verdicts.cpp).
namespace winnow::relay {

inline std::uint64_t count(const storage::CampaignRecord& campaign, MessageState state)
{
    const auto found = campaign.by_state.find(state);
    return found == campaign.by_state.end() ? 0 : found->second;
}

struct Campaigns::Impl : std::enable_shared_from_this<Campaigns::Impl> {
    Impl(Services s, RelayOptions o) : services(s), options(std::move(o)) {}

    Services services;
    RelayOptions options;
    std::set<std::string> running;        ///< "workspace/id" of the runners under way
    std::multiset<std::string> stopping;  ///< "workspace/id" of those being cancelled
    bool draining = false;
    std::uint64_t cancels = 0;  ///< wakes runners that rest

    awaitable<Result<storage::CampaignRecord>> load(std::string workspace, std::string id);
    awaitable<void> launch(std::string workspace, std::string id);

    /// What a runner knows beside the record: found out anew after a restart.
    struct Progress {
        bool all_passed = false;
        TimePoint next_request{};  ///< no verification is asked for before
    };

    // --- campaign_runner.cpp
    awaitable<void> run(std::string workspace, std::string id);
    /// What there is to do in the state that the campaign is in. True when the runner is done with it.
    awaitable<Result<bool>> step(storage::CampaignRecord campaign, Progress& progress);
    /// One commit of rows through the gate; true when there are no more.
    awaitable<Result<bool>> pass_rows(storage::CampaignRecord campaign);
    /// Asks the gate again about every held message, and counts in the campaign what became of it.
    awaitable<Result<>> revisit_held(storage::CampaignRecord campaign);
    awaitable<Result<>> revisit(storage::CampaignRecord& campaign, const std::vector<storage::MessageRecord>& held);
    awaitable<Result<bool>> wind_up(storage::CampaignRecord campaign);
    awaitable<Result<>> finish(storage::CampaignRecord campaign);
    /// False when the program is ending. Ends early when a campaign is cancelled.
    awaitable<bool> rest(milliseconds pause);
    storage::Enqueue message_for(const storage::CampaignRecord& campaign, const storage::ListRow& row,
                                 const Address& recipient, const GateAnswer& answer,
                                 std::map<std::string, std::string> merge);

    // --- campaign_verdicts.cpp
    /// Sees to it that a verification looks for the verdicts which held rows wait for, as often as makes sense.
    awaitable<Result<>> seek_verdicts(std::string workspace, std::string id, Progress& progress);
    /// Whether the job that the campaign knows leaves a new one to be asked for now.
    awaitable<Result<bool>> may_ask(const storage::CampaignRecord& campaign, Progress& progress);
    awaitable<Result<>> ask_for_verdicts(storage::CampaignRecord campaign, Progress& progress);
    awaitable<Result<>> store(storage::CampaignRecord campaign);
};

}  // namespace winnow::relay
