#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

/// The wire side that server and client share: HTTP/1.1 framing over a Stream. Internal to net/http*.cpp.
namespace winnow::net {

struct HttpRequestHead {
    std::string method;
    std::string target;
    bool http11 = true;
    bool keep_alive = true;
    bool expect_continue = false;
    HttpFields fields;
};

struct HttpResponseHead {
    int status = 0;
    HttpFields fields;
};

/// Lets the executor's other work run now and then. Sockets answer at once as long as they can, so a loop over a fast
/// peer would keep its thread for the whole upload.
class FairTurns {
public:
    awaitable<void> count(std::size_t octets);

private:
    std::size_t since_turn_ = 0;
};

/// Reads messages one after another from a stream that it does not own; what the peer sent ahead stays buffered for the
/// next one. Deadlines are the caller's (Stream::expires_after before each call). After an error the stream is useless.
class HttpWire {
public:
    explicit HttpWire(Stream& stream);
    ~HttpWire();
    HttpWire(const HttpWire&) = delete;
    HttpWire& operator=(const HttpWire&) = delete;

    /// True when the first octet of a message is there; false when the peer ended the connection between messages.
    awaitable<Result<bool>> wait_for_message();

    /// A request whose framing leaves no doubt where its body ends: several Content-Length, one beside a
    /// Transfer-Encoding, or a transfer coding other than "chunked" are errors (RFC 9112 section 11.2).
    awaitable<Result<HttpRequestHead>> read_request(std::size_t max_header_bytes, std::uint64_t max_body_bytes);

    /// `bodiless`: the response to a HEAD. Interim 1xx responses are returned like others.
    awaitable<Result<HttpResponseHead>> read_response(std::size_t max_header_bytes, bool bodiless);

    /// Next piece of the current message's body, at most 64 KB; empty at its end. Errc::protocol when the connection
    /// ends before the body does.
    awaitable<Result<std::string>> read_body();

    /// The current message has been read to its end.
    bool complete() const noexcept;
    /// Octets of the body still to come; nothing when only its end will tell (chunked, until close).
    std::optional<std::uint64_t> remaining() const;
    /// The status that tells the peer about the last error: 400, 408, 413, 431, 501 or 505; 0 when it is gone.
    int refusal() const noexcept { return refusal_; }

private:
    struct Impl;
    awaitable<Result<bool>> fill(std::size_t most);
    Error refuse(int status, Errc code, std::string what);

    Stream& stream_;
    FairTurns turns_;
    std::unique_ptr<Impl> impl_;
    int refusal_ = 0;
};

/// Without case (ASCII).
bool same_field_name(std::string_view a, std::string_view b) noexcept;
/// Appends "Name: value\r\n". Errc::invalid_argument when the name is no token or the value could end the line: the
/// caller's data must not be able to write header fields.
Result<> append_field(std::string& out, std::string_view name, std::string_view value);
/// "200 OK"
std::string status_line_text(int status);
/// One chunk of the chunked coding; an empty piece gives the last one, which ends the body.
std::string encode_chunk(std::string_view piece);

}  // namespace winnow::net
