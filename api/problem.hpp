#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "net/http.hpp"

/// Answers of the API: JSON, and RFC 9457 problem details for everything that went wrong.
namespace winnow::api {

/// One wrong field of a request.
struct FieldError {
    std::string pointer;  ///< JSON pointer or query parameter: "/subject", "format"
    std::string detail;
};

struct Problem {
    int status = 500;
    std::string code;    ///< stable word for programs: "not_found", "probe_cap_reached"
    std::string title;   ///< the same for every occurrence of `code`
    std::string detail;  ///< this occurrence, one sentence with the cure
    std::vector<FieldError> errors;
    std::string request_id = {};                   ///< as in X-Request-Id and in the log; empty = left out
    std::optional<std::int64_t> retry_after = {};  ///< seconds
    std::string allow = {};                        ///< of a 405: the methods that the path knows
    std::string cause = {};                        ///< for the log alone: what an internal error was
};

/// Every field that is wrong at once, under the code "invalid_request".
Problem invalid_request(std::vector<FieldError> errors);
Problem invalid_request(std::string pointer, std::string detail);
Problem not_found(std::string detail);
/// Of a body that could not be read: too large, too slow, or broken on its way. Never our fault.
Problem unreadable_body(const Error& error);

/// application/problem+json with type (a stable URI reference), title, status, detail, code and errors.
net::HttpResponse to_response(const Problem& problem);
Problem problem_of(const Error& error);
net::HttpResponse to_response(const Error& error);

/// What the HTTP server itself refuses, as net::HttpServerOptions::refusal asks for it; with the common fields.
net::HttpResponse refusal(int status, std::string why);
/// Fields of every answer: nothing of ours is cached, framed, sniffed or run.
void add_common_fields(net::HttpResponse& response);

net::HttpResponse json_response(int status, const nlohmann::json& body);

}  // namespace winnow::api
