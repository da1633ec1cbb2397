#include "relay/campaign_people.hpp"

namespace winnow::relay {
namespace {

/// Long after the hold no campaign passes rows or releases messages any more.
constexpr milliseconds memory = std::chrono::days{365};

}  // namespace

CampaignPeople::CampaignPeople(storage::Engine& engine, const storage::CampaignRecord& campaign)
    : engine_(engine),
      prefix_("campaign/" + campaign.workspace + "/" + campaign.id + "/person/"),
      forgotten_(campaign.hold_until + memory)
{
}

std::string CampaignPeople::key(std::uint64_t person) const
{
    return prefix_ + std::to_string(person);
}

awaitable<Result<bool>> CampaignPeople::has_other(std::uint64_t person, std::string message_id)
{
    if (person == 0)
        co_return false;
    if (const auto given = given_.find(person); given != given_.end())
        co_return given->second != message_id;
    WINNOW_CO_TRY(const auto stored, co_await engine_.get_value(key(person)));
    co_return stored.has_value() && *stored != message_id;
}

void CampaignPeople::give(std::uint64_t person, const std::string& message_id, storage::OpList& ops)
{
    if (person == 0)
        return;
    given_[person] = message_id;
    ops.ops.emplace_back(storage::PutValue{key(person), message_id, forgotten_});
}

}  // namespace winnow::relay
