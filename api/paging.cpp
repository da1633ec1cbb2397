#include "api/paging.hpp"

#include <nlohmann/json.hpp>

namespace winnow::api {

Page read_page(Fields& query)
{
    Page page;
    page.after = query.text("after", {}, 26);
    page.limit = static_cast<std::size_t>(query.integer("limit", 100, 1, max_page));
    return page;
}

net::HttpResponse page_response(const std::string& name, nlohmann::json documents, const Page& page)
{
    nlohmann::json body{{"next", nullptr}};
    if (documents.size() == page.limit)
        body["next"] = documents.back()["id"];
    body[name] = std::move(documents);
    return json_response(200, body);
}

}  // namespace winnow::api
