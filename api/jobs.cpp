// /api/v1/jobs: verifications of lists.
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/record_json.hpp"
#include "api/router.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;
using storage::JobRecord;

awaitable<Answer> answer_with_job(Context& context, int status)
{
    WINNOW_CO_TRY(const auto job, co_await context.services.jobs.get(context.key.workspace, context.id));
    const json body{{"job", to_json(job, context.services.jobs.progress(job))}};
    co_return json_response(status, body);
}

/// A conversation with a mail host ends within seconds, or is a tarpit, for which nobody waits.
constexpr milliseconds stop_patience = std::chrono::seconds{5};

/// 202 while the job is still on its way to `becomes`; the answer then says so.
awaitable<Answer> answer_with_stopped(Context& context, JobState becomes)
{
    WINNOW_CO_TRY(const auto job,
                  co_await context.services.jobs.settled(context.key.workspace, context.id, stop_patience));
    json body{{"job", to_json(job, context.services.jobs.progress(job))}};
    const bool ended = job.state == JobState::done || job.state == JobState::cancelled || job.state == JobState::failed;
    const bool on_its_way = !ended && job.state != becomes;
    if (on_its_way)
        body["becomes"] = to_string(becomes);
    co_return json_response(on_its_way ? 202 : 200, body);
}

awaitable<Answer> get_job(Context& context)
{
    co_return co_await answer_with_job(context, 200);
}

awaitable<Answer> pause_job(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const std::string note = fields.text("note", "paused by API key " + context.key.id, 200);
    if (auto problem = fields.problem())
        co_return *problem;
    // First whether it exists: pausing asks only what runs in this process.
    WINNOW_CO_TRY(const auto job, co_await context.services.jobs.get(context.key.workspace, context.id));
    WINNOW_CO_CHECK(co_await context.services.jobs.pause(context.key.workspace, job.id, note));
    co_return co_await answer_with_stopped(context, JobState::paused);
}

awaitable<Answer> resume_job(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await context.services.jobs.unpause(context.key.workspace, context.id));
    co_return co_await answer_with_job(context, 200);
}

awaitable<Answer> cancel_job(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await context.services.jobs.cancel(context.key.workspace, context.id));
    co_return co_await answer_with_stopped(context, JobState::cancelled);
}

}  // namespace

std::vector<Route> job_routes()
{
    return {{"GET", "/api/v1/jobs/{id}", get_job},
            {"POST", "/api/v1/jobs/{id}/pause", pause_job, Body::buffered},
            {"POST", "/api/v1/jobs/{id}/resume", resume_job, Body::buffered},
            {"POST", "/api/v1/jobs/{id}/cancel", cancel_job, Body::buffered}};
}

}  // namespace winnow::api
