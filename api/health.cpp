// /health and /metrics: for load balancers and Prometheus, without a key.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/router.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

awaitable<Answer> live(Context&)
{
    const json body{{"status", "live"}};
    co_return json_response(200, body);
}

Problem not_ready(std::string why)
{
    return {503, "not_ready", "winnow does not take work now", std::move(why), {}};
}

awaitable<Answer> ready(Context& context)
{
    std::string why = context.services.not_ready ? context.services.not_ready() : std::string{};
    if (!why.empty())
        co_return not_ready(std::move(why));
    const auto stats = co_await context.services.engine.stats();
    if (!stats)
        co_return not_ready("storage: " + stats.error().message());
    if (stats->read_only)
        co_return not_ready("storage is read-only: " + stats->read_only_reason);
    const json body{{"status", "ready"}};
    co_return json_response(200, body);
}

/// Over the workspaces that have a key, and "default", which listed networks submit to. A store that does not answer
/// must not silence the other metrics: these then keep their last values.
awaitable<void> count_queue(Services& services)
{
    std::vector<std::string> workspaces = services.keys.workspaces();
    if (std::find(workspaces.begin(), workspaces.end(), "default") == workspaces.end())
        workspaces.emplace_back("default");
    storage::QueueCounts sum;
    for (const std::string& workspace : workspaces) {
        const auto counts = co_await services.engine.queue_counts(workspace);
        if (!counts)
            co_return;
        sum.queued += counts->queued;
        sum.held += counts->held;
        sum.in_flight += counts->in_flight;
    }
    const auto show = [&services](std::string_view state, std::uint64_t count) {
        services.metrics
            .gauge("winnow_queue_messages", "Messages that are waiting (queued), held back, or in work (in_flight).",
                   {{"state", state}})
            .set(static_cast<double>(count));
    };
    show("queued", sum.queued);
    show("held", sum.held);
    show("in_flight", sum.in_flight);
}

awaitable<Answer> metrics(Context& context)
{
    co_await count_queue(context.services);
    net::HttpResponse response;
    response.fields.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.body = context.services.metrics.expose();
    co_return response;
}

}  // namespace

std::vector<Route> health_routes()
{
    std::vector<Route> routes{
        {"GET", "/health/live", live}, {"GET", "/health/ready", ready}, {"GET", "/metrics", metrics}};
    for (Route& route : routes)
        route.open = true;
    return routes;
}

}  // namespace winnow::api
