// /health and /metrics: for load balancers and Prometheus, without a key.
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

awaitable<Answer> metrics(Context& context)
{
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
