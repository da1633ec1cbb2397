#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>

#include "core/log.hpp"
#include "net/http.hpp"
#include "net/http_url.hpp"
#include "net/http_wire.hpp"

namespace winnow::net {
namespace {

/// A body that nobody wants is read and dropped up to here to keep the connection; past it closing is cheaper.
constexpr std::uint64_t max_skipped_body = 64 * 1024;
/// Bodies up to here share one write with their header.
constexpr std::size_t small_body = 16 * 1024;
/// How long and how much a peer may go on sending after an early answer before the connection is cut: closing at once
/// would reset the connection and could destroy the answer on its way (RFC 9112 section 9.6).
constexpr milliseconds linger_time{3'000};
constexpr std::uint64_t linger_octets = 64ull << 20;
constexpr milliseconds turn_away_time{1'000};

/// IMF-fixdate (RFC 9110 section 5.6.7).
std::string http_date(TimePoint t)
{
    using namespace std::chrono;
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<std::chrono::days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<seconds>(t - day)};
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", days[weekday{day}.c_encoding()],
                  static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                  static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return text;
}

HttpResponse refusal(const HttpServerOptions& options, int status, std::string text)
{
    if (options.refusal)
        return options.refusal(status, std::move(text));
    HttpResponse response;
    response.status = status;
    response.fields.add("Content-Type", "text/plain; charset=utf-8");
    response.body.append(text).append("\n");
    return response;
}

bool has_no_body(int status) noexcept
{
    return status / 100 == 1 || status == 204 || status == 304;
}

/// Status line and header fields. Framing is ours: a handler's Transfer-Encoding and Connection are dropped, and
/// its Content-Length counts only for HEAD, where it tells the length of what GET would send.
Result<std::string> encode_head(const HttpServerOptions& options, const HttpRequestHead& head,
                                const HttpResponse& response, bool close)
{
    if (response.status < 200 || response.status > 599)
        return Error{Errc::invalid_argument, "a final status is between 200 and 599"};
    const bool keep_length = head.method == "HEAD" && !response.stream;
    std::string out = "HTTP/1.1 " + status_line_text(response.status) + "\r\n";
    for (const auto& [name, value] : response.fields.all()) {
        if (same_field_name(name, "Transfer-Encoding") || same_field_name(name, "Connection") ||
            (same_field_name(name, "Content-Length") && !keep_length))
            continue;
        WINNOW_CHECK(append_field(out, name, value));
    }
    if (options.clock && !response.fields.has("Date"))
        out += "Date: " + http_date(options.clock->now()) + "\r\n";
    if (!has_no_body(response.status)) {
        if (!response.stream && !(keep_length && response.fields.has("Content-Length")))
            out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
        else if (response.stream && head.http11)
            out += "Transfer-Encoding: chunked\r\n";
    }
    if (close)
        out += "Connection: close\r\n";
    else if (!head.http11)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
    return out;
}

/// The body of one request; says 100 Continue at the first read when the client waits for it.
class RequestBody final : public HttpBody {
public:
    RequestBody(Stream& stream, HttpWire& wire, milliseconds timeout, bool expect_continue)
        : stream_(stream), wire_(wire), timeout_(timeout), continue_owed_(expect_continue)
    {
    }

    awaitable<Result<std::string>> read_some() override
    {
        if (failed_)
            co_return *failed_;
        stream_.expires_after(timeout_);
        if (continue_owed_ && !wire_.complete()) {
            continue_owed_ = false;
            auto sent = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
            if (!sent) {
                failed_ = sent.error();
                co_return *failed_;
            }
        }
        auto piece = co_await wire_.read_body();
        if (!piece)
            failed_ = piece.error();
        co_return piece;
    }

    bool continue_owed() const noexcept { return continue_owed_; }
    bool failed() const noexcept { return failed_.has_value(); }

private:
    Stream& stream_;
    HttpWire& wire_;
    milliseconds timeout_;
    bool continue_owed_;
    std::optional<Error> failed_;
};

class ChunkSink final : public HttpSink {
public:
    ChunkSink(Stream& stream, milliseconds timeout, bool chunked)
        : stream_(stream), timeout_(timeout), chunked_(chunked)
    {
    }

    awaitable<Result<>> write(std::string piece) override
    {
        if (piece.empty())  // would read as the end
            co_return Result<>{};
        co_await turns_.count(piece.size());
        stream_.expires_after(timeout_);
        if (chunked_)
            co_return co_await stream_.write(encode_chunk(piece));
        co_return co_await stream_.write(std::move(piece));
    }

    awaitable<Result<>> finish()
    {
        if (!chunked_)
            co_return Result<>{};
        stream_.expires_after(timeout_);
        co_return co_await stream_.write(encode_chunk(std::string_view{}));
    }

private:
    Stream& stream_;
    milliseconds timeout_;
    bool chunked_;
    FairTurns turns_;
};

class ServerConnection {
public:
    ServerConnection(Stream& stream, HttpHandler& handler, const HttpServerOptions& options)
        : stream_(stream), handler_(handler), options_(options), wire_(stream)
    {
    }

    awaitable<void> run()
    {
        if (options_.tls) {
            const HttpWaiting::Entry waiting(options_.waiting, stream_);
            stream_.expires_after(options_.header_timeout);
            const auto secured = co_await stream_.start_tls_server(options_.tls);
            if (!secured)
                co_return;
        }
        milliseconds patience = options_.header_timeout;
        for (;;) {
            std::optional<HttpWaiting::Entry> waiting(std::in_place, options_.waiting, stream_);
            stream_.expires_after(patience);
            const auto ready = co_await wire_.wait_for_message();
            if (!ready || !*ready)
                co_return;
            const bool again = co_await serve_one(waiting);
            if (!again)
                co_return;
            patience = options_.idle_timeout;
        }
    }

private:
    /// One request and its answer; false when the connection is over. `waiting` ends with the request's header.
    awaitable<bool> serve_one(std::optional<HttpWaiting::Entry>& waiting)
    {
        stream_.expires_after(options_.header_timeout);
        const auto head = co_await wire_.read_request(options_.max_header_bytes, options_.max_body_bytes);
        waiting.reset();
        if (!head) {
            if (wire_.refusal() != 0)
                co_await refuse(wire_.refusal(), head.error().context);
            co_return false;
        }
        auto target = parse_http_target(head->target);
        if (!target) {
            co_await refuse(400, target.error().context);
            co_return false;
        }
        if (head->http11 && head->fields.has("Expect") && !head->expect_continue) {
            co_await refuse(417, "only the expectation 100-continue is understood");
            co_return false;
        }
        RequestBody body(stream_, wire_, options_.body_timeout, head->expect_continue);
        HttpRequest request;
        request.method = head->method;
        request.target = head->target;
        request.path = std::move(target->path);
        request.query = std::move(target->query);
        request.fields = head->fields;
        request.peer = stream_.peer();
        request.body = &body;
        Answer answer = co_await ask_handler(request);
        co_return co_await finish(*head, std::move(answer), body);
    }

    struct Answer {
        HttpResponse response;
        bool close = false;
    };

    awaitable<Answer> ask_handler(HttpRequest& request)
    {
        Answer answer;
        std::string thrown;
        try {
            answer.response = co_await handler_.handle(request);
        } catch (const std::exception& e) {
            thrown = std::string("exception: ") + e.what();
        } catch (...) {
            thrown = "unknown exception";
        }
        if (!thrown.empty()) {
            report("http_handler_threw", thrown);
            answer.response = refusal(options_, 500, "internal error");
            answer.close = true;
        }
        co_return answer;
    }

    /// Sends the answer and leaves the connection at the start of the next request, or closes it (false).
    awaitable<bool> finish(const HttpRequestHead& head, Answer answer, RequestBody& body)
    {
        const auto left = wire_.remaining();
        const bool read_whole = wire_.complete();
        const bool skip = !read_whole && !body.failed() && !body.continue_owed() && left && *left <= max_skipped_body;
        answer.close = answer.close || !head.keep_alive || (!read_whole && !skip) ||
                       (answer.response.stream && !head.http11) ||
                       same_field_name(answer.response.fields.get("Connection"), "close");
        const bool sent = co_await send(head, std::move(answer.response), answer.close);
        if (!sent) {
            stream_.close();
            co_return false;
        }
        if (answer.close && !wire_.complete())
            co_await linger();
        if (answer.close)
            co_return false;
        while (!wire_.complete()) {
            const auto piece = co_await body.read_some();
            if (!piece)
                co_return false;
        }
        co_return true;
    }

    awaitable<void> refuse(int status, std::string why)
    {
        const HttpRequestHead head;
        const bool sent = co_await send(head, refusal(options_, status, std::move(why)), true);
        if (sent)
            co_await linger();
    }

    /// Reads and drops what the peer still sends, within bounds, until it closes.
    awaitable<void> linger()
    {
        stream_.expires_after(linger_time);
        std::string drop(16 * 1024, '\0');
        FairTurns turns;
        for (std::uint64_t dropped = 0; dropped < linger_octets;) {
            const auto got = co_await stream_.read_some(drop);
            if (!got)
                co_return;
            dropped += *got;
            co_await turns.count(*got);
        }
    }

    /// True when the whole answer went out.
    awaitable<bool> send(const HttpRequestHead& head, HttpResponse response, bool close)
    {
        auto encoded = encode_head(options_, head, response, close);
        if (!encoded) {
            report("http_answer_refused", encoded.error().context);
            response = refusal(options_, 500, "internal error");
            encoded = encode_head(options_, head, response, close);
        }
        std::string out = std::move(*encoded);
        const bool bodiless = has_no_body(response.status) || head.method == "HEAD";
        const bool streamed = !bodiless && response.stream;
        const bool whole = !bodiless && !streamed && response.body.size() <= small_body;
        if (whole)
            out += response.body;
        stream_.expires_after(options_.body_timeout);
        const auto written = co_await stream_.write(std::move(out));
        if (!written)
            co_return false;
        if (streamed)
            co_return co_await send_stream(response, head.http11);
        if (bodiless || whole)
            co_return true;
        stream_.expires_after(options_.body_timeout);
        const auto body_written = co_await stream_.write(std::move(response.body));
        co_return body_written.has_value();
    }

    awaitable<bool> send_stream(HttpResponse& response, bool chunked)
    {
        ChunkSink sink(stream_, options_.body_timeout, chunked);
        bool whole = false;
        try {
            const auto done = co_await response.stream(sink);
            whole = done.has_value();
        } catch (const std::exception& e) {
            report("http_handler_threw", e.what());
        } catch (...) {
            report("http_handler_threw", "unknown exception");
        }
        if (!whole)
            co_return false;  // no last chunk: the client has to see that something is missing
        const auto finished = co_await sink.finish();
        co_return finished.has_value();
    }

    /// The target stays out of the log: it may hold addresses and tokens.
    void report(std::string_view event, std::string_view why) const
    {
        if (options_.log)
            options_.log->error(event, {{"detail", why}});
    }

    Stream& stream_;
    HttpHandler& handler_;
    const HttpServerOptions& options_;
    HttpWire wire_;
};

}  // namespace

awaitable<void> serve_http(std::unique_ptr<Stream> stream, HttpHandler& handler, const HttpServerOptions& options)
{
    ServerConnection connection(*stream, handler, options);
    co_await connection.run();
    stream->close();
}

awaitable<void> turn_away_http(std::unique_ptr<Stream> stream, const HttpServerOptions& options, int status,
                               std::string why)
{
    const HttpRequestHead nothing_read;
    const HttpResponse response = refusal(options, status, std::move(why));
    auto out = encode_head(options, nothing_read, response, true);
    if (out && !options.tls) {
        stream->expires_after(turn_away_time);
        (void)co_await stream->write(*out + response.body);
    }
    stream->close();
}

}  // namespace winnow::net
