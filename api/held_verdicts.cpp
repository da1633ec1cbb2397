#include "api/held_verdicts.hpp"

#include <algorithm>

#include "api/list_memory.hpp"
#include "api/probe_cap.hpp"

namespace winnow::api {

boost::asio::awaitable<Result<>> HeldVerdicts::ask_for(relay::VerdictRequest request)
{
    const std::string dns_only = verifier_.dns_only_reason();
    if (!dns_only.empty())
        co_return Error{Errc::unavailable, "held rows are not verified now: " + dns_only};
    const auto key = keys_.find(request.key_id, clock_.now());
    if (!key || key->workspace != request.workspace)
        co_return Error{Errc::permission_denied, "held rows are not verified: the API key that made the campaign, " +
                                                     request.key_id + ", is gone or has expired, and its cap with it"};
    WINNOW_CO_TRY(auto memory, co_await recall(engine_, request.workspace, request.list_id));

    // One for each held row, as for each row of a list that is verified whole: the others have verdicts.
    auto reserved = co_await reserve_probes(engine_, *key, static_cast<std::int64_t>(request.rows));
    if (!reserved && reserved.error().code == Errc::limit_exceeded)
        co_return Error{Errc::limit_exceeded,
                        "held rows are not verified before midnight UTC: " + reserved.error().context};
    if (!reserved)
        co_return reserved.error();

    memory.job_id = request.job_id;
    verifier::JobCreation creation;
    creation.id = request.job_id;
    creation.with = std::move(request.with);
    creation.with.ops.emplace_back(memory_op(request.workspace, request.list_id, memory));
    const milliseconds deadline = std::max(request.until - engine_.now(), milliseconds{1});
    const auto job = co_await jobs_.start(request.workspace, request.list_id, deadline, std::move(creation));
    if (job)
        co_return Result<>{};
    const auto given =
        co_await give_back_probes(engine_, std::move(*reserved), static_cast<std::int64_t>(request.rows));
    if (!given)
        log_.warn("probe_cap.not_given_back", {{"why", given.error().message()}});
    co_return job.error();
}

}  // namespace winnow::api
