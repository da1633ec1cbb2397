// /api/v1/replies/unmatched: what the reply table could not read.
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/record_json.hpp"
#include "api/router.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

/// They are heard for all workspaces together, and a name in plain words cannot be told from other words.
std::optional<Problem> foreign_key_problem(const Context& context)
{
    if (context.key.workspace == home_workspace)
        return std::nullopt;
    Problem problem{403, "forbidden", "Not permitted", {}, {}};
    problem.detail = "Replies are collected for the whole installation: that takes a key of the workspace \"" +
                     std::string(home_workspace) + "\".";
    return problem;
}

awaitable<Answer> get_unmatched(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const auto limit = static_cast<std::size_t>(query.integer("limit", 100, 1, 1'000));
    if (auto problem = query.problem())
        co_return *problem;
    if (auto problem = foreign_key_problem(context))
        co_return *problem;
    json replies = json::array();
    const UnmatchedReplies* const unmatched = context.services.unmatched;
    if (unmatched) {
        for (const UnmatchedReply& reply : unmatched->all())
            if (replies.size() < limit)
                replies.push_back(to_json(reply));
    }
    const json body{{"replies", std::move(replies)}, {"passed_over", unmatched ? unmatched->passed_over() : 0}};
    co_return json_response(200, body);
}

}  // namespace

std::vector<Route> reply_routes()
{
    return {{"GET", "/api/v1/replies/unmatched", get_unmatched, Body::none, true}};
}

}  // namespace winnow::api
