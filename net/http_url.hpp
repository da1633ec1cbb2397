#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

/// Reading of request targets and URLs (RFC 3986, RFC 9112 section 3.2). Pure text functions.
namespace winnow::net {

struct HttpUrl {
    bool tls = false;
    std::string host;  ///< lower case; an IPv6 address without its brackets
    std::uint16_t port = 0;
    std::string target;  ///< path and query as written, without fragment; at least "/"

    /// "example.test:8080", "[::1]:80": for error texts, which never show the target (it may hold a token).
    std::string host_port() const;
    /// For the Host field: the port only when it is not the scheme's own.
    std::string authority() const;
};

/// "http://HOST[:PORT][/PATH][?QUERY]" or https. Errc::invalid_argument for anything else, for user names in the URL,
/// and for octets that have no place in a request line.
Result<HttpUrl> parse_http_url(std::string_view text);

struct HttpTarget {
    std::string path;  ///< percent-decoded
    std::vector<std::pair<std::string, std::string>> query;
};

/// Origin form ("/a?b=c"), absolute form ("http://host/a?b=c") or "*". Errc::protocol for other forms and for an
/// encoded NUL, which no resource of ours has and which C interfaces would cut at.
Result<HttpTarget> parse_http_target(std::string_view target);

}  // namespace winnow::net
