// `winnow replies unmatched`: what mail servers said that no row of the reply table reads.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "app/either_end.hpp"
#include "app/report.hpp"
#include "app/unmatched_keeper.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

std::string day_of(const json& time)
{
    return time.get<std::string>().substr(0, 10);
}

std::string text_of(const json& replies, std::size_t columns)
{
    Summary summary{columns};
    std::uint64_t heard = 0;
    for (const json& reply : replies)
        heard += reply.at("count").get<std::uint64_t>();
    summary.words(with_commas(replies.size()) + " wordings that no row reads, heard " + with_commas(heard) + " times");
    for (const json& reply : replies) {
        const std::string first = day_of(reply.at("first")), last = day_of(reply.at("last"));
        std::string title =
            with_commas(reply.at("count").get<std::uint64_t>()) + " at " + reply.at("stage").get<std::string>();
        if (!reply.at("provider").is_null())
            title += ", " + reply.at("provider").get<std::string>();
        summary.title(title + ", " + (first == last ? last : first + " to " + last));
        summary.words(std::to_string(reply.at("code").get<int>()) + " " + reply.at("text").get<std::string>());
    }
    return summary.text();
}

Result<int> show(const Globals& globals, const json& replies)
{
    if (globals.json) {
        for (const json& reply : replies)
            std::printf("%s\n", dump_json(reply).c_str());
    } else {
        std::fputs(text_of(replies, columns_of(STDOUT_FILENO)).c_str(), stdout);
    }
    return 0;
}

}  // namespace

int run_replies_unmatched(const Globals& globals, const RepliesUnmatchedCommand& command)
{
    EitherEnd story;
    story.remote = [&](Client& client) -> awaitable<Result<int>> {
        Query query{{"limit", std::to_string(command.limit)}};
        WINNOW_CO_TRY(const auto answer, co_await client.get("/replies/unmatched", query));
        co_return show(globals, answer.at("replies"));
    };
    story.local = [&](Runtime& runtime, const Config&, storage::Engine& engine) -> awaitable<Result<int>> {
        UnmatchedReplies unmatched{runtime.clock};
        WINNOW_CO_CHECK(co_await load_unmatched(engine, *runtime.replies, unmatched));
        json replies = json::array();
        for (const UnmatchedReply& reply : unmatched.all())
            if (replies.size() < static_cast<std::size_t>(command.limit))
                replies.push_back(api::to_json(reply));
        co_return show(globals, replies);
    };
    return at_either_end(globals, story);
}

}  // namespace winnow::app
