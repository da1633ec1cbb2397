// /api/v1/queue, /api/v1/messages and /api/v1/events: what waits and what happened.
#include <limits>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/record_json.hpp"
#include "api/router.hpp"
#include "api/waiting.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

awaitable<Answer> get_queue(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const auto domains = static_cast<std::size_t>(query.integer("domains", 0, 0, 100));
    if (auto problem = query.problem())
        co_return *problem;
    storage::Engine& engine = context.services.engine;
    WINNOW_CO_TRY(const auto counts, co_await engine.queue_counts(context.key.workspace));
    json body = to_json(counts);
    if (domains > 0) {
        WINNOW_CO_TRY(const auto waiting, co_await waiting_domains(engine, context.key.workspace, domains));
        body["waiting"] = to_json(waiting);
    }
    co_return json_response(200, body);
}

awaitable<Answer> get_message(Context& context)
{
    WINNOW_CO_TRY(const auto message, co_await context.services.engine.find_message(context.key.workspace, context.id));
    if (!message)
        co_return not_found("There is no message " + context.id + ".");
    const json body{{"message", to_json(*message)}};
    co_return json_response(200, body);
}

awaitable<Answer> get_events(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const auto after =
        static_cast<std::uint64_t>(query.integer("after", 0, 0, std::numeric_limits<std::int64_t>::max()));
    const auto limit = static_cast<std::size_t>(query.integer("limit", 100, 1, 1'000));
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto events, co_await context.services.engine.events(context.key.workspace, after, limit));
    json all = json::array();
    for (const storage::EventRecord& event : events)
        all.push_back(to_json(event));
    // Always a number: whoever polls asks for what comes after it.
    const json body{{"events", std::move(all)}, {"next", events.empty() ? after : events.back().seq}};
    co_return json_response(200, body);
}

}  // namespace

std::vector<Route> queue_routes()
{
    return {{"GET", "/api/v1/queue", get_queue, Body::none, true},
            {"GET", "/api/v1/messages/{id}", get_message},
            {"GET", "/api/v1/events", get_events, Body::none, true}};
}

}  // namespace winnow::api
