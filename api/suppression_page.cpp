#include "api/suppression_page.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "api/record_json.hpp"
#include "core/crypto.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

/// A place in one of the two spaces that the store keeps apart: "w" or "g" and the cursor's position in hex.
struct Position {
    bool global = false;
    std::string in_space;  ///< empty = its beginning

    std::string to_string() const { return (global ? "g" : "w") + crypto::hex(in_space); }
};

std::optional<Position> read_position(std::string_view text)
{
    if (text.empty() || (text.front() != 'w' && text.front() != 'g'))
        return std::nullopt;
    auto in_space = crypto::unhex(text.substr(1));
    if (!in_space)
        return std::nullopt;
    return Position{text.front() == 'g', std::move(*in_space)};
}

/// The spaces of a query, in the order of its pages.
std::vector<Position> spaces_of(const SuppressionQuery& query)
{
    if (query.filter.scope == ScopeKind::global)
        return {{true, {}}};
    std::vector<Position> spaces{{false, {}}};
    if (query.with_global && !query.filter.scope && query.filter.list_id.empty())
        spaces.push_back({true, {}});
    return spaces;
}

}  // namespace

bool is_suppression_position(std::string_view after)
{
    return read_position(after).has_value();
}

awaitable<Result<json>> suppression_page(storage::Engine& engine, SuppressionQuery query)
{
    std::vector<Position> spaces = spaces_of(query);
    if (!query.after.empty()) {
        const auto position = read_position(query.after);
        const auto begin = std::find_if(spaces.begin(), spaces.end(),
                                        [&](const Position& p) { return position && p.global == position->global; });
        if (begin == spaces.end())
            co_return Error{Errc::invalid_argument, "after: has to be the \"next\" of an earlier page"};
        spaces.erase(spaces.begin(), begin);
        spaces.front() = *position;
    }
    json entries = json::array();
    json next;
    for (const Position& space : spaces) {
        storage::SuppressionFilter filter = query.filter;
        filter.after = space.in_space;
        if (space.global)
            filter.scope = ScopeKind::global;
        WINNOW_CO_TRY(const auto cursor, co_await engine.open_suppressions(query.workspace, std::move(filter)));
        WINNOW_CO_TRY(const auto found, co_await cursor->next(query.limit - entries.size()));
        for (const storage::SuppressionEntry& entry : found)
            entries.push_back(to_json(entry));
        if (entries.size() >= query.limit) {
            next = Position{space.global, cursor->position()}.to_string();
            break;
        }
    }
    json page{{"entries", std::move(entries)}, {"next", std::move(next)}};
    co_return Result<json>{boost::system::in_place_value, std::move(page)};
}

}  // namespace winnow::api
