// /api/v1/lists/{id}/plan and /estimate: what a verification would do and find, told before it starts.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/probe_cap.hpp"
#include "verifier/forecast_json.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

constexpr std::int64_t most_rows_drawn = 1'000;

awaitable<Answer> get_plan(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const milliseconds deadline =
        query.duration("deadline", milliseconds{0}, std::chrono::seconds{1}, std::chrono::days{30});
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto plan, co_await context.services.jobs.plan(context.key.workspace, context.id, deadline));
    const json body{{"plan", verifier::plan_to_json(plan)}};
    co_return json_response(200, body);
}

awaitable<Answer> post_estimate(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    verifier::EstimateOptions options;
    options.rows =
        static_cast<std::uint64_t>(fields.integer("rows", static_cast<std::int64_t>(options.rows), 1, most_rows_drawn));
    options.time = fields.duration("time", options.time, std::chrono::seconds{1}, std::chrono::minutes{4});
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto list, co_await context.services.engine.get_list(context.key.workspace, context.id));
    if (!list)
        co_return not_found("There is no list " + context.id + ".");
    // As for the whole list: one for each address that may be asked about.
    const auto unique = list->rows - list->duplicates - list->malformed;
    WINNOW_CO_TRY(const auto reservation,
                  co_await reserve_probes(context, static_cast<std::int64_t>(std::min(options.rows, unique))));
    const auto estimate = co_await context.services.jobs.estimate(context.key.workspace, context.id, options);
    if (!estimate) {
        co_await give_back_probes(context, reservation, reservation.probes);
        co_return estimate.error();
    }
    // One that is being asked at this moment may be spent still.
    const auto spent = static_cast<std::int64_t>(estimate->probes + estimate->unfinished);
    co_await give_back_probes(context, reservation, reservation.probes - spent);
    const json body{{"estimate", verifier::estimate_to_json(*estimate)}};
    net::HttpResponse response = json_response(200, body);
    add_rate_limit(response, reservation);
    co_return response;
}

}  // namespace

std::vector<Route> forecast_routes()
{
    return {{"GET", "/api/v1/lists/{id}/plan", get_plan, Body::none, true},
            {"POST", "/api/v1/lists/{id}/estimate", post_estimate, Body::buffered}};
}

}  // namespace winnow::api
