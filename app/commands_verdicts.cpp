// `winnow verdicts recompute`: stored evidence by the rules of today.
#include <nlohmann/json.hpp>

#include "api/explanation_json.hpp"
#include "app/either_end.hpp"
#include "app/report.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr const char* workspace = "default";

std::string count_of(const json& summary, const char* name)
{
    return with_commas(summary.at(name).get<std::uint64_t>());
}

std::string change_of(const json& change)
{
    return change.at("from").get<std::string>() + " -> " + change.at("to").get<std::string>();
}

std::string text_of(const json& summary, std::size_t columns)
{
    const bool dry_run = summary.at("dry_run").get<bool>();
    Summary text{columns};
    text.words(count_of(summary, "verdicts") + " stored verdicts, " + count_of(summary, "changed") +
               (dry_run ? " would change, " : " changed, ") + count_of(summary, "reread") +
               " keep their reason by another rule");
    if (summary.at("overtaken").get<std::uint64_t>() > 0)
        text.words(count_of(summary, "overtaken") + " were verified anew meanwhile and are left as they are");
    for (const json& change : summary.at("changes")) {
        text.title(change_of(change) + ": " + count_of(change, "count"));
        for (const json& sample : summary.at("samples")) {
            if (change_of(sample) != change_of(change))
                continue;
            text.words(sample.at("subject").get<std::string>());
            if (const auto answer = sample.at("answer").get<std::string>(); !answer.empty())
                text.words("- " + answer + " [" + sample.at("rule").get<std::string>() + "]", 2);
        }
    }
    return text.text();
}

}  // namespace

int run_verdicts_recompute(const Globals& globals, const RecomputeCommand& command)
{
    EitherEnd story;
    story.remote = [&](Client& client) -> awaitable<Result<int>> {
        const json form{{"dry_run", command.dry_run}};
        WINNOW_CO_TRY(const auto answer, co_await client.post("/verdicts/recompute", dump_json(form)));
        show(globals, answer, text_of);
        co_return 0;
    };
    story.local = [&](Runtime& runtime, const Config&, storage::Engine& engine) -> awaitable<Result<int>> {
        WINNOW_CO_TRY(const auto summary,
                      co_await verifier::recompute_verdicts(engine, rules_of(runtime), workspace, command.dry_run));
        show(globals, api::to_json(summary), text_of);
        co_return 0;
    };
    return at_either_end(globals, story);
}

}  // namespace winnow::app
