#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/endpoint.hpp"
#include "net/http_waiting.hpp"
#include "net/stream.hpp"

namespace winnow {
class Log;
}

/// HTTP/1.1 as the rest of winnow sees it. Beast stays inside net/http*.cpp.
namespace winnow::net {

class Resolver;

/// Field names compare without case; order kept.
class HttpFields {
public:
    void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
    void set(std::string name, std::string value);
    std::string_view get(std::string_view name) const noexcept;  ///< first value; empty when absent
    bool has(std::string_view name) const noexcept;
    const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return fields_; }

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

/// A body that is read in pieces, so that a 10 million row upload needs no memory.
class HttpBody {
public:
    virtual ~HttpBody() = default;
    /// The next piece (at most ~64 KB); empty at the end. Errc::limit_exceeded past the server's cap.
    virtual awaitable<Result<std::string>> read_some() = 0;
};
/// The whole body; Errc::limit_exceeded past `limit` octets.
awaitable<Result<std::string>> read_all(HttpBody& body, std::size_t limit);

struct HttpRequest {
    std::string method;                                      ///< upper case
    std::string target;                                      ///< as sent
    std::string path;                                        ///< percent-decoded, without query; a raw '+' stays a plus
    std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded; a raw '+' stays a plus
    HttpFields fields;
    Endpoint peer;
    HttpBody* body = nullptr;  ///< never null in a handler

    std::optional<std::string> query_value(std::string_view name) const;
};

/// Writes a body in pieces; waits when the peer is slow, so memory stays bounded.
class HttpSink {
public:
    virtual ~HttpSink() = default;
    virtual awaitable<Result<>> write(std::string piece) = 0;
};

struct HttpResponse {
    int status = 200;
    HttpFields fields;
    std::string body;
    /// When set, `body` is ignored and the answer is sent chunked; an error cuts the connection, so that the client
    /// sees an incomplete body rather than a short whole one.
    std::function<awaitable<Result<>>(HttpSink&)> stream;
};

class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    virtual awaitable<HttpResponse> handle(HttpRequest& request) = 0;
};

struct HttpServerOptions {
    std::size_t max_header_bytes = 32 * 1024;
    std::uint64_t max_body_bytes = 8ull << 30;
    milliseconds header_timeout{15'000};
    milliseconds body_timeout{60'000};  ///< per piece
    milliseconds idle_timeout{60'000};  ///< keep-alive
    std::shared_ptr<TlsServerContext> tls;
    std::shared_ptr<HttpWaiting> waiting;  ///< null = nobody closes a connection that waits before its timeout
    const Clock* clock = nullptr;          ///< when set, answers carry Date (RFC 9110 section 6.6.1)
    Log* log = nullptr;                    ///< when set, told of handlers that throw
    /// The answer to what no handler answers: a request that is malformed or too large, a handler that threw, a
    /// connection too many. Empty = plain text. Called on the connection's executor.
    std::function<HttpResponse(int status, std::string why)> refusal;
};

/// Serves one connection until it closes (keep-alive, pipelined requests one after another). Malformed requests get a
/// 400, a header past its limit 431, a body past its limit 413, a handler that throws 500; then the connection closes.
/// A body that the handler did not read is skipped when short, else the connection closes. `100 Continue` is sent when
/// the handler first reads the body, so a refusal costs the client no upload. HEAD is the handler's GET without body:
/// it may set Content-Length itself. The handler outlives the coroutine.
awaitable<void> serve_http(std::unique_ptr<Stream> stream, HttpHandler& handler, const HttpServerOptions& options);
/// For a connection that is not to be served: one refusal, without reading, then it closes. Says nothing where it would
/// have to speak TLS: a handshake is what there is no room for.
awaitable<void> turn_away_http(std::unique_ptr<Stream> stream, const HttpServerOptions& options, int status,
                               std::string why);

struct HttpClientRequest {
    std::string method = "GET";
    std::string url;  ///< http://HOST:PORT/PATH?QUERY, or https (the certificate is verified)
    HttpFields fields;
    std::string body;
    /// When set: called for pieces of the body until it returns an empty one; sent chunked.
    std::function<awaitable<Result<std::string>>()> body_source;
    milliseconds timeout{30'000};  ///< per wait
    /// When set, only addresses of the host that pass it are connected to, and each is checked as it was looked up, so
    /// that a name cannot point into our own network (webhooks, MTA-STS). Errc::refused_target when none passes.
    std::optional<TargetGuard> guard;
    std::string source_ip;                           ///< empty = the system's choice
    std::string ca_file;                             ///< PEM, for https; empty = the system's store
    std::uint64_t max_response_bytes = 64ull << 20;  ///< of a body without sink; Errc::limit_exceeded past it
};

struct HttpClientResponse {
    int status = 0;
    HttpFields fields;
    std::string body;  ///< empty when a sink took it
};

/// One request on one connection (Connection: close). `sink`, when set, takes the body in pieces on 2xx. Redirects are
/// answers, not followed. `resolver` may be null when the host is an address or "localhost". A body cut short is an
/// error. Errors name host and port, never path or query: those may hold a token.
awaitable<Result<HttpClientResponse>> http_request(Connector& connector, Resolver* resolver, HttpClientRequest request,
                                                   std::function<Result<>(std::string_view)> sink = {});

std::string percent_encode(std::string_view text);
/// Malformed escapes stay as they are.
std::string percent_decode(std::string_view text);

}  // namespace winnow::net
