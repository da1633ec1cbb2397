// `winnow explain`: the whole reasoning about an address.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/explanation_json.hpp"
#include "app/either_end.hpp"
#include "app/explanation_text.hpp"
#include "app/report.hpp"
#include "core/email_column.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr const char* workspace = "default";

int show(const Globals& globals, const json& explanation)
{
    const std::string text =
        globals.json ? dump_json(explanation) + "\n" : explanation_text(explanation, columns_of(STDOUT_FILENO));
    std::fputs(text.c_str(), stdout);
    return 0;
}

}  // namespace

int run_explain(const Globals& globals, const std::string& given)
{
    const std::string address{address_in_cell(given)};
    EitherEnd story;
    story.remote = [&](Client& client) -> awaitable<Result<int>> {
        Query query{{"address", address}};
        WINNOW_CO_TRY(const auto answer, co_await client.get("/explain", query));
        co_return show(globals, answer);
    };
    story.local = [&](Runtime& runtime, const Config&, storage::Engine& engine) -> awaitable<Result<int>> {
        verifier::ExplainSettings settings{rules_of(runtime), {}};
        WINNOW_CO_TRY(const auto explanation, co_await verifier::explain(engine, settings, workspace, address));
        co_return show(globals, api::to_json(explanation));
    };
    return at_either_end(globals, story);
}

}  // namespace winnow::app
