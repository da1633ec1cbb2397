#include "api/router.hpp"

#include "core/ids.hpp"

namespace winnow::api {
namespace {

/// The next segment of a path, which is cut off; nothing at its end.
std::optional<std::string_view> next_segment(std::string_view& path)
{
    if (path.empty() || path.front() != '/')
        return std::nullopt;
    const auto end = path.find('/', 1);
    const auto segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
    path.remove_prefix(segment.size() + 1);
    return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::string& id)
{
    for (;;) {
        const auto wanted = next_segment(pattern);
        const auto given = next_segment(path);
        if (!wanted || !given)
            return wanted == given && path.empty();
        if (*wanted == "{id}") {
            // What cannot be an id names nothing: no store is asked for it.
            if (!is_ulid(*given))
                return false;
            id = std::string(*given);
        } else if (*wanted != *given) {
            return false;
        }
    }
}

}  // namespace

RouteMatch Router::match(std::string_view method, std::string_view path) const
{
    RouteMatch found;
    for (const Route& route : routes_) {
        std::string id;
        if (!matches(route.pattern, path, id))
            continue;
        if (route.method == method || (method == "HEAD" && route.method == "GET")) {
            found.route = &route;
            found.id = std::move(id);
            return found;
        }
        found.allow += (found.allow.empty() ? "" : ", ") + std::string(route.method);
        if (route.method == "GET")
            found.allow += ", HEAD";
    }
    return found;
}

}  // namespace winnow::api
