#include "api/api.hpp"

#include <array>
#include <exception>

#include "api/fields.hpp"
#include "api/idempotency.hpp"
#include "api/router.hpp"
#include "api/wrong_keys.hpp"
#include "core/ids.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t max_body = 1u << 20;

std::vector<Route> all_routes()
{
    std::vector<Route> all;
    for (auto routes : {list_routes(), forecast_routes(), job_routes(), campaign_routes(), suppression_routes(),
                        risk_routes(), queue_routes(), reply_routes(), explain_routes(), health_routes()})
        all.insert(all.end(), routes.begin(), routes.end());
    return all;
}

bool starts_with_word(std::string_view text, std::string_view word)
{
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), same);
}

/// Authorization: Bearer KEY, or X-API-Key: KEY.
std::string_view key_text(const net::HttpFields& fields)
{
    constexpr std::string_view bearer = "bearer ";
    std::string_view text = fields.get("Authorization");
    if (starts_with_word(text, bearer)) {
        text.remove_prefix(bearer.size());
        while (!text.empty() && text.front() == ' ')
            text.remove_prefix(1);
        return text;
    }
    return fields.get("X-API-Key");
}

Problem no_key()
{
    return {401, "unauthorized", "A valid API key is needed", {}, {}};
}

/// The cause of an unknown exception stays ours; its text goes to the log.
Problem broken(std::string cause)
{
    return problem_of(Error{Errc::internal, std::move(cause)});
}

}  // namespace

struct Api::Impl {
    explicit Impl(Services s) : services(std::move(s)), router(all_routes()) {}

    Services services;
    Router router;
    Idempotency idempotency;
    WrongKeys wrong_keys;

    awaitable<Answer> answer(const RouteMatch& match, Context& context);
    awaitable<Answer> answer_or_problem(const RouteMatch& match, Context& context);
    std::optional<Problem> admit(const RouteMatch& match, Context& context);
    Problem wrong_key(const Context& context);
    net::HttpResponse finish(Answer answer, const RouteMatch& match, const Context& context, SteadyPoint started);
    void count(std::string_view route, int status, double seconds);
};

Problem Api::Impl::wrong_key(const Context& context)
{
    Problem problem = no_key();
    problem.detail = "The API key is unknown, mistyped or expired.";
    const auto wait = wrong_keys.came(context.request.peer.ip, services.clock.steady());
    if (wait) {
        problem = {429, "too_many_wrong_keys", "Too many wrong API keys", {}, {}};
        problem.detail = "Too many wrong API keys came from your network; a right one is let in at any time.";
        problem.retry_after = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    }
    services.metrics
        .counter("winnow_http_wrong_keys_total", "Wrong API keys by status of the answer: 401, or 429 when too many",
                 {{"answer", wait ? "429" : "401"}})
        .add();
    return problem;
}

/// Path, method and key, before anything is read.
std::optional<Problem> Api::Impl::admit(const RouteMatch& match, Context& context)
{
    if (!match.route && match.allow.empty())
        return not_found("Nothing is served here.");
    if (!match.route) {
        Problem problem{405, "method_not_allowed", "The method is not allowed here", {}, {}};
        problem.detail = "This path knows: " + match.allow + ".";
        problem.allow = match.allow;
        return problem;
    }
    if (match.route->open)
        return std::nullopt;
    const std::string_view text = key_text(context.request.fields);
    if (text.empty()) {
        Problem problem = no_key();
        problem.detail = "Send the key as Authorization: Bearer KEY or X-API-Key: KEY; winnow key create makes one.";
        return problem;
    }
    auto key = services.keys.verify(text, services.clock.now());
    if (!key)
        return wrong_key(context);
    context.key = std::move(*key);
    return std::nullopt;
}

awaitable<Answer> Api::Impl::answer(const RouteMatch& match, Context& context)
{
    if (auto problem = admit(match, context))
        co_return *problem;
    const Route& route = *match.route;
    if (!route.query) {
        const Fields none = Fields::of_texts(context.request.query);
        if (auto problem = none.problem())
            co_return *problem;
    }
    if (route.body == Body::buffered) {
        auto body = co_await net::read_all(*context.request.body, max_body);
        if (!body)
            co_return unreadable_body(body.error());
        context.body = std::move(*body);
    }
    if (route.method == "POST" && route.replayable && context.request.fields.has("Idempotency-Key"))
        co_return co_await idempotency.run(route, context);
    co_return co_await route.handler(context);
}

awaitable<Answer> Api::Impl::answer_or_problem(const RouteMatch& match, Context& context)
{
    std::string thrown;
    try {
        co_return co_await answer(match, context);
    } catch (const std::exception& e) {
        thrown = e.what();
    }
    co_return broken(std::move(thrown));
}

void Api::Impl::count(std::string_view route, int status, double seconds)
{
    const std::array<char, 4> status_class{static_cast<char>('0' + status / 100), 'x', 'x', '\0'};
    services.metrics
        .counter("winnow_http_requests_total", "HTTP requests by route and class of status",
                 {{"route", route}, {"status", status_class.data()}})
        .add();
    services.metrics
        .histogram("winnow_http_request_seconds", "Time from the request's head to the answer's",
                   {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60}, {{"route", route}})
        .observe(seconds);
}

net::HttpResponse Api::Impl::finish(Answer answer, const RouteMatch& match, const Context& context, SteadyPoint started)
{
    const std::string_view route = match.route ? match.route->pattern : "none";
    net::HttpResponse response;
    if (Problem* problem = answer.problem()) {
        problem->request_id = context.request_id;
        if (!problem->cause.empty())
            services.log.error("http.internal_error", {{"request_id", context.request_id}, {"what", problem->cause}});
        response = to_response(*problem);
    } else {
        response = std::move(*answer.response());
    }
    response.fields.set("X-Request-Id", context.request_id);
    add_common_fields(response);

    const double seconds = std::chrono::duration<double>(services.clock.steady() - started).count();
    count(route, response.status, seconds);
    // The route's pattern stands for the target, which may hold addresses.
    services.log.info("http.request", {{"request_id", context.request_id},
                                       {"method", context.request.method},
                                       {"route", route},
                                       {"status", response.status},
                                       {"seconds", seconds},
                                       {"workspace", context.key.workspace},
                                       {"key", context.key.id},
                                       {"peer", context.request.peer.ip}});
    return response;
}

Api::Api(Services services) : impl_(std::make_unique<Impl>(std::move(services))) {}
Api::~Api() = default;

net::awaitable<net::HttpResponse> Api::handle(net::HttpRequest& request)
{
    Impl& self = *impl_;
    const SteadyPoint started = self.services.clock.steady();
    RouteMatch match = self.router.match(request.method, request.path);
    Context context{self.services, request, {}, match.id, {}, make_ulid(self.services.clock.now(), self.services.rng),
                    nullptr};
    context.key.workspace.clear();
    auto answer = co_await self.answer_or_problem(match, context);
    co_return self.finish(std::move(answer), match, context, started);
}

}  // namespace winnow::api
