#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "net/http.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/spawn.hpp"

/// HTTP over real sockets on the loopback interface: what a scripted stream cannot show (flow control, resets).
namespace winnow::net {
namespace {

constexpr std::size_t mebi = 1024 * 1024;

void fail_on_exception(std::exception_ptr failure)
{
    if (failure)
        std::rethrow_exception(failure);
}

awaitable<void> accept_and_serve(Listener& listener, HttpHandler& handler, const HttpServerOptions& options)
{
    for (;;) {
        auto stream = co_await listener.accept();
        if (!stream)
            co_return;
        co_await serve_http(std::move(*stream), handler, options);
    }
}

class HttpOverTcp : public testing::Test {
protected:
    /// Serves on a free port; one connection after another.
    void serve(HttpHandler& handler)
    {
        const Endpoint any_port{"127.0.0.1", 0};
        listener_ = std::move(listen_tcp(io_.get_executor(), any_port).value());
        test::spawn(io_, accept_and_serve(*listener_, handler, options_), fail_on_exception);
    }
    void TearDown() override
    {
        if (listener_)
            listener_->close();
        io_.poll();
    }
    std::string url(std::string_view path) const
    {
        return "http://127.0.0.1:" + std::to_string(listener_->local().port) + std::string(path);
    }
    template <class T>
    T run(awaitable<T> story)
    {
        return test::run(io_, std::move(story));
    }

    boost::asio::io_context io_{1};
    HttpServerOptions options_;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<Connector> connector_ = make_tcp_connector(io_.get_executor());
};

/// Counts the octets of each body and the largest piece.
class CountingHandler final : public HttpHandler {
public:
    awaitable<HttpResponse> handle(HttpRequest& request) override
    {
        HttpResponse response;
        for (;;) {
            const auto piece = co_await request.body->read_some();
            if (!piece) {
                response.status = piece.error().code == Errc::limit_exceeded ? 413 : 400;
                co_return response;
            }
            if (piece->empty())
                break;
            total += piece->size();
            largest = std::max(largest, piece->size());
        }
        response.body = std::to_string(total);
        co_return response;
    }

    std::size_t total = 0;
    std::size_t largest = 0;
};

struct Repeat {
    std::string piece;
    std::size_t left = 0;
    static awaitable<Result<std::string>> next(Repeat* self)
    {
        if (self->left == 0)
            co_return std::string{};
        --self->left;
        co_return self->piece;
    }
};

TEST_F(HttpOverTcp, TakesAnUploadOf50MebibytesInPiecesOf64KibibytesAtMost)
{
    CountingHandler handler;
    serve(handler);
    Repeat source{std::string(100'000, 'x'), 525};
    HttpClientRequest request;
    request.method = "POST";
    request.url = url("/upload");
    request.body_source = [&source] { return Repeat::next(&source); };
    const auto response = run(http_request(*connector_, nullptr, std::move(request)));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "52500000");
    EXPECT_LE(handler.largest, 64u * 1024);
}

TEST_F(HttpOverTcp, A413ReachesAClientThatIsStillSending)
{
    options_.max_body_bytes = 1000;
    CountingHandler handler;
    serve(handler);
    HttpClientRequest request;
    request.method = "POST";
    request.url = url("/upload");
    request.body.assign(8 * mebi, 'x');
    const auto response = run(http_request(*connector_, nullptr, request));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 413);

    Repeat source{std::string(100'000, 'x'), 80};
    request.body.clear();
    request.body_source = [&source] { return Repeat::next(&source); };
    const auto chunked = run(http_request(*connector_, nullptr, request));
    ASSERT_TRUE(chunked) << chunked.error().message();
    EXPECT_EQ(chunked->status, 413);
}

/// Streams without end until the client leaves.
class EndlessHandler final : public HttpHandler {
public:
    awaitable<HttpResponse> handle(HttpRequest&) override
    {
        HttpResponse response;
        response.stream = [this](HttpSink& sink) { return pour(sink, *this); };
        co_return response;
    }
    static awaitable<Result<>> pour(HttpSink& sink, EndlessHandler& self)
    {
        for (;;) {
            auto written = co_await sink.write(std::string(64 * 1024, 'y'));
            if (!written) {
                self.stopped = true;
                co_return written;
            }
            self.poured += 64 * 1024;
        }
    }

    std::size_t poured = 0;
    bool stopped = false;
};

awaitable<Result<std::unique_ptr<Stream>>> ask_without_reading(Connector& connector, Endpoint to)
{
    const ConnectOptions options;
    WINNOW_CO_TRY(auto stream, co_await connector.connect(to, options));
    WINNOW_CO_CHECK(co_await stream->write("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_return stream;
}

awaitable<std::size_t> read_at_least(Stream& stream, std::size_t want)
{
    std::string buffer(256 * 1024, '\0');
    std::size_t got = 0;
    while (got < want) {
        const auto n = co_await stream.read_some(buffer);
        if (!n)
            break;
        got += *n;
    }
    co_return got;
}

TEST_F(HttpOverTcp, AStreamedAnswerWaitsForASlowClientAndEndsWhenItLeaves)
{
    EndlessHandler handler;
    serve(handler);
    auto stream = run(ask_without_reading(*connector_, listener_->local())).value();
    while (handler.poured == 0)
        io_.run_one();
    while (io_.poll_one() != 0) {}
    const std::size_t stalled_at = handler.poured;
    EXPECT_LT(stalled_at, 32 * mebi) << "only the sockets' buffers may fill";

    const std::size_t got = run(read_at_least(*stream, stalled_at + 4 * mebi));
    EXPECT_GE(got, stalled_at + 4 * mebi);
    EXPECT_GE(handler.poured, stalled_at + 3 * mebi);
    EXPECT_FALSE(handler.stopped);
    stream->close();
    while (!handler.stopped)
        io_.run_one();
}

TEST_F(HttpOverTcp, ARefusedConnectionNamesHostAndPort)
{
    CountingHandler handler;
    serve(handler);
    const auto target = url("/secret");
    const auto port = std::to_string(listener_->local().port);
    listener_->close();
    io_.poll();
    HttpClientRequest request;
    request.url = target;
    const auto response = run(http_request(*connector_, nullptr, std::move(request)));
    ASSERT_FALSE(response);
    EXPECT_NE(response.error().message().find("127.0.0.1:" + port), std::string::npos) << response.error().message();
    EXPECT_EQ(response.error().message().find("secret"), std::string::npos);
    EXPECT_EQ(response.error().disposition(), Disposition::transient);
}

TEST_F(HttpOverTcp, ASilentClientIsDroppedAtTheHeaderDeadline)
{
    options_.header_timeout = milliseconds{30};
    CountingHandler handler;
    serve(handler);
    const ConnectOptions options;
    const auto partial = [](Connector& connector, Endpoint to, ConnectOptions how) -> awaitable<std::size_t> {
        auto stream = co_await connector.connect(to, how);
        const auto written = co_await (*stream)->write("GET / HT");
        EXPECT_TRUE(written);
        co_return co_await read_at_least(**stream, 1);
    };
    EXPECT_EQ(run(partial(*connector_, listener_->local(), options)), 0u);
}

TEST_F(HttpOverTcp, ServesTlsAndTheClientVerifiesIt)
{
    const TimePoint now = SystemClock().now();
    options_.tls = TlsServerContext::self_signed("127.0.0.1", now).value();
    CountingHandler handler;
    serve(handler);
    HttpClientRequest request;
    request.url = "https" + url("/").substr(4);
    const auto response = run(http_request(*connector_, nullptr, std::move(request)));
    ASSERT_FALSE(response);
    EXPECT_NE(response.error().message().find("TLS handshake with 127.0.0.1:"), std::string::npos)
        << response.error().message();
}

}  // namespace
}  // namespace winnow::net
