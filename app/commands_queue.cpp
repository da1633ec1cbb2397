// `winnow queue summary`: what waits, and what was heard last where most of it waits.
#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "api/waiting.hpp"
#include "app/either_end.hpp"
#include "app/queue_report.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr const char* workspace = "default";
constexpr std::size_t domains_shown = 10;

}  // namespace

int run_queue_summary(const Globals& globals)
{
    EitherEnd story;
    story.remote = [&](Client& client) -> awaitable<Result<int>> {
        Query query{{"domains", std::to_string(domains_shown)}};
        WINNOW_CO_TRY(const auto answer, co_await client.get("/queue", query));
        show(globals, answer, queue_text);
        co_return 0;
    };
    story.local = [&](Runtime&, const Config&, storage::Engine& engine) -> awaitable<Result<int>> {
        WINNOW_CO_TRY(const auto counts, co_await engine.queue_counts(workspace));
        WINNOW_CO_TRY(const auto waiting, co_await api::waiting_domains(engine, workspace, domains_shown));
        json answer = api::to_json(counts);
        answer["waiting"] = api::to_json(waiting);
        show(globals, answer, queue_text);
        co_return 0;
    };
    return at_either_end(globals, story);
}

}  // namespace winnow::app
