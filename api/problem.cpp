#include "api/problem.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

struct Row {
    Errc code;
    int status;
    const char* word;
    const char* title;
};

constexpr Row rows[] = {
    {Errc::invalid_argument, 400, "invalid_request", "The request is not valid"},
    {Errc::not_found, 404, "not_found", "There is no such thing"},
    {Errc::already_exists, 409, "already_exists", "It exists already"},
    {Errc::conflict, 409, "conflict", "The state does not allow it"},
    {Errc::permission_denied, 403, "forbidden", "Not permitted"},
    {Errc::limit_exceeded, 413, "too_large", "A limit was exceeded"},
    {Errc::locked, 503, "unavailable", "Not available now"},
    {Errc::disk_full, 507, "out_of_storage", "The disk is full"},
    {Errc::unavailable, 503, "unavailable", "Not available now"},
    {Errc::timed_out, 504, "timed_out", "No answer in time"},
    {Errc::cancelled, 503, "unavailable", "Not available now"},
};

const Row& row_of(Errc code)
{
    for (const Row& row : rows)
        if (row.code == code)
            return row;
    return rows[0];
}

}  // namespace

Problem invalid_request(std::vector<FieldError> errors)
{
    const Row& row = row_of(Errc::invalid_argument);
    std::string detail;
    for (const FieldError& e : errors)
        detail += (detail.empty() ? "" : "; ") + e.pointer + ": " + e.detail;
    return {row.status, row.word, row.title, std::move(detail), std::move(errors)};
}

Problem invalid_request(std::string pointer, std::string detail)
{
    std::vector<FieldError> errors;
    errors.push_back({std::move(pointer), std::move(detail)});
    return invalid_request(std::move(errors));
}

Problem not_found(std::string detail)
{
    const Row& row = row_of(Errc::not_found);
    return {row.status, row.word, row.title, std::move(detail), {}};
}

Problem unreadable_body(const Error& error)
{
    if (error.code == Errc::limit_exceeded)
        return {413, "too_large", "A limit was exceeded", error.context, {}};
    if (error.code == Errc::timed_out)
        return {408, "timed_out", "The body did not come in time", error.context, {}};
    return {400, "malformed_body", "The body is broken", error.context, {}};
}

net::HttpResponse to_response(const Problem& problem)
{
    nlohmann::json body{{"type", "/problems/" + problem.code},
                        {"title", problem.title},
                        {"status", problem.status},
                        {"detail", problem.detail},
                        {"code", problem.code}};
    if (!problem.errors.empty()) {
        nlohmann::json errors = nlohmann::json::array();
        for (const FieldError& e : problem.errors)
            errors.push_back({{"pointer", e.pointer}, {"detail", e.detail}});
        body["errors"] = std::move(errors);
    }
    if (!problem.request_id.empty())
        body["request_id"] = problem.request_id;
    net::HttpResponse response;
    response.status = problem.status;
    response.fields.add("Content-Type", "application/problem+json");
    if (problem.status == 401)
        response.fields.add("WWW-Authenticate", "Bearer realm=\"winnow\"");
    if (!problem.allow.empty())
        response.fields.add("Allow", problem.allow);
    if (problem.retry_after)
        response.fields.add("Retry-After", std::to_string(*problem.retry_after));
    else if (problem.status == 503)
        response.fields.add("Retry-After", "5");
    response.body = dump_json(body) + "\n";
    return response;
}

Problem problem_of(const Error& error)
{
    for (const Row& row : rows) {
        if (error.code != row.code)
            continue;
        Problem problem{row.status, row.word, row.title, error.context, {}};
        if (error.code == Errc::disk_full) {
            // What the system says of it names files of the machine.
            problem.detail = "There is no room to store this. Make room, then send it again.";
            problem.cause = error.message();
        }
        return problem;
    }
    // The context of an internal error may name files of the machine: it goes to the log, not to the client.
    Problem problem{500, "internal_error", "Something went wrong inside winnow", "The log has the details.", {}};
    problem.cause = error.message();
    return problem;
}

net::HttpResponse to_response(const Error& error)
{
    return to_response(problem_of(error));
}

net::HttpResponse refusal(int status, std::string why)
{
    struct Kind {
        int status;
        const char* word;
        const char* title;
    };
    constexpr Kind malformed{400, "malformed_request", "The request is malformed"};
    constexpr Kind kinds[] = {
        {408, "timed_out", "The request did not come in time"},
        {413, "too_large", "A limit was exceeded"},
        {417, "expectation_failed", "The expectation cannot be met"},
        {431, "header_too_large", "The header of the request is too large"},
        {501, "not_implemented", "This part of HTTP is not implemented"},
        {503, "unavailable", "Not available now"},
        {505, "version_not_supported", "Only HTTP/1.0 and HTTP/1.1 are spoken here"},
    };
    Problem problem = problem_of(Error{Errc::internal, why});
    if (status != problem.status) {
        const auto* kind =
            std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return k.status == status; });
        if (kind == std::end(kinds))
            kind = &malformed;
        problem = {status, kind->word, kind->title, std::move(why), {}};
    }
    net::HttpResponse response = to_response(problem);
    add_common_fields(response);
    return response;
}

void add_common_fields(net::HttpResponse& response)
{
    response.fields.set("X-Content-Type-Options", "nosniff");
    response.fields.set("Cache-Control", "no-store");
    response.fields.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    response.fields.set("Referrer-Policy", "no-referrer");
}

net::HttpResponse json_response(int status, const nlohmann::json& body)
{
    net::HttpResponse response;
    response.status = status;
    response.fields.add("Content-Type", "application/json");
    response.body = dump_json(body) + "\n";
    return response;
}

}  // namespace winnow::api
