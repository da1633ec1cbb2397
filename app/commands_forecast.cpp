// What a verification on a running server would do and find: `winnow list plan` and `winnow list estimate`.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/client.hpp"
#include "app/forecast_report.hpp"
#include "app/report.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

}  // namespace

int run_list_plan(const Globals& globals, const ListPlanCommand& command)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query query{{"deadline", command.deadline}};
        const std::string path = "/lists/" + net::percent_encode(command.id) + "/plan";
        const auto answer = co_await client.get(path, query);
        if (!answer)
            co_return about("list", command.id, client, answer.error());
        if (globals.json)
            print_json(*answer);
        else
            std::fputs(plan_text(answer->at("plan"), columns_of(STDOUT_FILENO)).c_str(), stdout);
        co_return 0;
    };
    return with_client(globals, story);
}

int run_list_estimate(const Globals& globals, const ListEstimateCommand& command)
{
    json body{{"rows", command.rows}};
    if (!command.time.empty())
        body["time"] = command.time;
    const auto story = [&](Client& client, Runtime& runtime) -> awaitable<Result<int>> {
        ProgressLine progress{globals.quiet, runtime.clock};
        progress.show("asking about " + with_commas(static_cast<std::uint64_t>(command.rows)) + " rows");
        const std::string path = "/lists/" + net::percent_encode(command.id) + "/estimate";
        const auto answer = co_await client.post(path, dump_json(body));
        progress.clear();
        if (!answer)
            co_return about("list", command.id, client, answer.error());
        if (globals.json)
            print_json(*answer);
        else
            std::fputs(estimate_text(answer->at("estimate"), columns_of(STDOUT_FILENO)).c_str(), stdout);
        co_return 0;
    };
    return with_client(globals, story);
}

}  // namespace winnow::app
