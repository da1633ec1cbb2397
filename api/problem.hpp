#pragma once

#include <nlohmann/json_fwd.hpp>
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
};

/// application/problem+json with type (a stable URI reference), title, status, detail, code and errors.
net::HttpResponse to_response(const Problem& problem);
Problem problem_of(const Error& error);
net::HttpResponse to_response(const Error& error);

net::HttpResponse json_response(int status, const nlohmann::json& body);

}  // namespace winnow::api
