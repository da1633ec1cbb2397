#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/answer.hpp"
#include "storage/engine.hpp"

namespace winnow::api {

struct SuppressionQuery {
    std::string workspace;
    storage::SuppressionFilter filter;
    /// Behind the entries of the workspace and its lists the global ones, unless the filter names a scope or a list.
    bool with_global = false;
    std::string after;  ///< "next" of the page before; empty = the first page
    std::size_t limit = 100;
};

bool is_suppression_position(std::string_view after);

/// {"entries": [...], "next": the `after` of the next page, null at the end}. Each page is read from the store as it is
/// then: an entry that stands all the while is in exactly one of them. Errc::invalid_argument when `after` is no
/// position of this query.
awaitable<Result<nlohmann::json>> suppression_page(storage::Engine& engine, SuppressionQuery query);

}  // namespace winnow::api
