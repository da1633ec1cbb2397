// /health and /metrics: for load balancers and Prometheus, without a key.
#include <nlohmann/json.hpp>

#include "api/router.hpp"
#include "core/duration.hpp"

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

/// Whether mail hosts can be asked. A member of the answer and no reason for "not ready": a prober that is not fit lets
/// jobs wait and checks say `not_probed`, while mail, suppressions and what is known are served as ever, and a load
/// balancer that took the instance out would stop those too.
json prober_state(const Services& services)
{
    const verifier::ProberReport report = services.verifier.prober();
    const auto text_or_null = [](const std::string& text) { return text.empty() ? json(nullptr) : json(text); };
    return {{"state", verifier::to_string(report.state)},
            {"reason", text_or_null(report.reason)},
            {"since", report.since == TimePoint{} ? json(nullptr) : json(format_time(report.since))}};
}

awaitable<Answer> ready(Context& context)
{
    std::string why = context.services.not_ready ? context.services.not_ready() : std::string{};
    if (!why.empty())
        co_return not_ready(std::move(why));
    const auto stats = co_await context.services.engine.stats();
    // To whoever asks: what failed, with the names of files, is in the log.
    if (!stats) {
        Problem problem = not_ready("the store does not answer; the log has the cause");
        problem.cause = stats.error().message();
        co_return problem;
    }
    if (stats->read_only)
        co_return not_ready("the store is read-only since a write failed; the log has the cause");
    const json body{{"status", "ready"}, {"prober", prober_state(context.services)}};
    co_return json_response(200, body);
}

/// Over all workspaces, also those whose last key is gone. A store that does not answer must not silence the other
/// metrics: these then keep their last values.
awaitable<void> count_queue(Services& services)
{
    const auto sum = co_await services.engine.queue_totals();
    if (!sum)
        co_return;
    const auto show = [&services](std::string_view state, std::uint64_t count) {
        services.metrics
            .gauge("winnow_queue_messages", "Messages that are waiting (queued), held back, or in work (in_flight).",
                   {{"state", state}})
            .set(static_cast<double>(count));
    };
    show("queued", sum->queued);
    show("held", sum->held);
    show("in_flight", sum->in_flight);
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
