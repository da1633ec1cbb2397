#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/fields.hpp"

/// Lists of documents in pages: `limit` (1 to 1,000, default 100) and `after`, the id of the last one seen.
namespace winnow::api {

constexpr std::int64_t max_page = 1'000;

struct Page {
    std::string after;
    std::size_t limit = 100;
};

Page read_page(Fields& query);
/// {"NAME": documents, "next": the id of the last of a full page, else null}.
net::HttpResponse page_response(const std::string& name, nlohmann::json documents, const Page& page);

}  // namespace winnow::api
