#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.hpp"
#include "api/api.hpp"

namespace winnow::api {

class Claim;

/// One request on its way through a handler.
struct Context {
    Services& services;
    net::HttpRequest& request;
    ApiKey key;        ///< of an open route: empty
    std::string id;    ///< the {id} of the pattern
    std::string body;  ///< the whole of it, except on streaming routes
    std::string request_id;
    Claim* claim = nullptr;  ///< of a request with an Idempotency-Key (api/idempotency.hpp)
};

/// The context outlives the coroutine.
using Handler = awaitable<Answer> (*)(Context& context);

enum class Body {
    none,      ///< not read
    buffered,  ///< read into the context, 1 MB at most
    streamed,  ///< the handler reads it
};

struct Route {
    std::string_view method;
    std::string_view pattern;  ///< "/api/v1/lists/{id}"; an id is a ULID
    Handler handler = nullptr;
    Body body = Body::none;
    bool query = false;      ///< the handler reads query parameters; without, any is refused
    bool open = false;       ///< needs no API key
    bool replayable = true;  ///< a POST that takes Idempotency-Key; false for those that change nothing
};

struct RouteMatch {
    const Route* route = nullptr;
    std::string id;
    std::string allow;  ///< when `route` is null: the methods of the path; empty when nothing has this path
};

/// A table of routes, looked through in order. HEAD finds GET.
class Router {
public:
    explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}
    RouteMatch match(std::string_view method, std::string_view path) const;
    const std::vector<Route>& routes() const noexcept { return routes_; }

private:
    std::vector<Route> routes_;
};

/// The resources, each in a source of its own.
std::vector<Route> list_routes();
std::vector<Route> forecast_routes();
std::vector<Route> job_routes();
std::vector<Route> campaign_routes();
std::vector<Route> suppression_routes();
std::vector<Route> risk_routes();
std::vector<Route> queue_routes();
std::vector<Route> reply_routes();
std::vector<Route> explain_routes();
std::vector<Route> health_routes();

}  // namespace winnow::api
