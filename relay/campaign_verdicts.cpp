// A campaign's held rows get their verdicts: when a verification of the list is asked for, and when not.
#include "core/ids.hpp"
#include "relay/campaign_impl.hpp"

namespace winnow::relay {
namespace {

using storage::CampaignRecord;
using storage::JobRecord;

/// Whoever gave no answer within a whole verification hardly gives one within minutes.
constexpr milliseconds between_requests = std::chrono::hours{1};
/// A verification waits for greylisting: with less time than that, another one finds what the last one found.
constexpr milliseconds least_time = std::chrono::hours{1};

bool is_over(JobState state) noexcept
{
    return state == JobState::done || state == JobState::failed;
}

TimePoint midnight_after(TimePoint now)
{
    return std::chrono::floor<std::chrono::days>(now) + std::chrono::days{1};
}

}  // namespace

awaitable<Result<>> Campaigns::Impl::store(CampaignRecord campaign)
{
    auto ops = storage::OpList::of(storage::PutCampaign{std::move(campaign)});
    WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<>> Campaigns::Impl::seek_verdicts(std::string workspace, std::string id, Progress& progress)
{
    if (!services.verdicts || services.engine.now() < progress.next_request)
        co_return Result<>{};
    // Read again: the held ones have just been looked at, and each commit of that changed the campaign.
    WINNOW_CO_TRY(auto campaign, co_await load(std::move(workspace), std::move(id)));
    if (campaign.state != CampaignState::running || count(campaign, MessageState::held) == 0 || !campaign.verify_held ||
        services.engine.now() >= campaign.hold_until)
        co_return Result<>{};
    WINNOW_CO_TRY(const bool now, co_await may_ask(campaign, progress));
    if (now) {
        WINNOW_CO_CHECK(co_await ask_for_verdicts(std::move(campaign), progress));
    }
    co_return Result<>{};
}

awaitable<Result<bool>> Campaigns::Impl::may_ask(const CampaignRecord& campaign, Progress& progress)
{
    if (campaign.verification.empty())
        co_return true;
    const TimePoint now = services.engine.now();
    WINNOW_CO_TRY(const auto job, co_await services.engine.get_job(campaign.workspace, campaign.verification));
    // Somebody wants no verification: neither this one nor one that comes in its place.
    if (job && job->state == JobState::cancelled)
        progress.next_request = TimePoint::max();
    if (job && !is_over(job->state))
        co_return false;
    if (campaign.hold_until - now <= least_time)
        progress.next_request = campaign.hold_until;
    else if (job && now < job->created + between_requests)
        progress.next_request = job->created + between_requests;
    co_return now >= progress.next_request;
}

awaitable<Result<>> Campaigns::Impl::ask_for_verdicts(CampaignRecord campaign, Progress& progress)
{
    const TimePoint now = services.engine.now();
    const CampaignRecord before = campaign;
    campaign.note.clear();
    WINNOW_CO_TRY(const auto open, co_await services.engine.open_jobs());
    for (const JobRecord& job : open) {
        if (job.workspace != campaign.workspace || job.list_id != campaign.list_id)
            continue;
        // Who started it does not matter: it looks for the same verdicts.
        campaign.verification = job.id;
        co_return co_await store(std::move(campaign));
    }

    VerdictRequest request;
    request.workspace = campaign.workspace;
    request.list_id = campaign.list_id;
    request.key_id = campaign.key_id;
    request.rows = count(campaign, MessageState::held);
    request.until = campaign.hold_until;
    request.job_id = make_ulid(now, services.rng);
    campaign.verification = request.job_id;
    // In one commit with the job: after a crash the campaign knows that it has asked.
    request.with = storage::OpList::of(storage::PutCampaign{campaign});
    const auto asked = co_await services.verdicts->ask_for(std::move(request));
    if (asked) {
        services.log.info("campaign.verifies", {{"campaign", campaign.id}, {"job", campaign.verification}});
        co_return Result<>{};
    }
    // Changed in between, or verified by somebody in between: the next look sees it.
    if (asked.error().code == Errc::conflict || asked.error().code == Errc::already_exists)
        co_return asked.error();
    progress.next_request = asked.error().code == Errc::limit_exceeded ? midnight_after(now) : now + between_requests;
    if (before.note == asked.error().context)
        co_return Result<>{};
    CampaignRecord refused = before;
    refused.note = asked.error().context;
    co_return co_await store(std::move(refused));
}

}  // namespace winnow::relay
