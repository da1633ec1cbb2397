// `winnow explain`: the whole reasoning about an address.
#include <nlohmann/json.hpp>

#include "api/explanation_json.hpp"
#include "app/either_end.hpp"
#include "app/explanation_text.hpp"
#include "core/email_column.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr const char* workspace = "default";

}  // namespace

int run_explain(const Globals& globals, const std::string& given)
{
    const std::string address{address_in_cell(given)};
    EitherEnd story;
    story.remote = [&](Client& client) -> awaitable<Result<int>> {
        Query query{{"address", address}};
        WINNOW_CO_TRY(const auto answer, co_await client.get("/explain", query));
        show(globals, answer, explanation_text);
        co_return 0;
    };
    story.local = [&](Runtime& runtime, const Config& config, storage::Engine& engine) -> awaitable<Result<int>> {
        verifier::ExplainSettings settings{rules_of(runtime), {}, config.verifier.catch_all_ttl};
        WINNOW_CO_TRY(const auto explanation, co_await verifier::explain(engine, settings, workspace, address));
        show(globals, api::to_json(explanation), explanation_text);
        co_return 0;
    };
    return at_either_end(globals, story);
}

}  // namespace winnow::app
