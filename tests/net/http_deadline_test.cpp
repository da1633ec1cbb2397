#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "net/http.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/virtual_timers.hpp"

/// Slow and silent clients, in virtual time.
namespace winnow::net {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class PlainHandler final : public HttpHandler {
public:
    awaitable<HttpResponse> handle(HttpRequest& request) override
    {
        ++requests;
        HttpResponse response;
        const auto body = co_await read_all(*request.body, 1 << 20);
        if (!body) {
            error = body.error();
            response.status = 408;
            co_return response;
        }
        response.body = request.path == "/large" ? std::string(1 << 20, 'L') : "ok";
        co_return response;
    }

    int requests = 0;
    std::optional<Error> error;
};

class HttpDeadlines : public testing::Test {
public:
    /// Serves one connection while `client` talks on the other end; seconds until the server was done.
    template <class Client>
    double serve(Client client)
    {
        const auto started = clock_.steady();
        auto pair = test::make_memory_pair(timers_);
        test::run(timers_, both(std::move(pair), client, this));
        return std::chrono::duration<double>(ended_ - started).count();
    }

    template <class Client>
    static awaitable<void> both(test::MemoryPair pair, Client client, HttpDeadlines* self)
    {
        const auto executor = co_await boost::asio::this_coro::executor;
        boost::asio::co_spawn(executor, client(*pair.client, self), [](std::exception_ptr failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
        co_await serve_http(std::move(pair.server), self->handler_, self->options_);
        self->ended_ = self->clock_.steady();
        // The client sees the end and leaves.
        while (!self->client_done_)
            co_await sleep_for(self->timers_, milliseconds{10});
    }

    static awaitable<std::string> read_to_end(Stream& stream)
    {
        std::string all;
        std::string buffer(4096, '\0');
        for (;;) {
            const auto got = co_await stream.read_some(buffer);
            if (!got)
                co_return all;
            all.append(buffer, 0, *got);
        }
    }

    test::ManualClock clock_;
    test::VirtualTimers timers_{clock_};
    PlainHandler handler_;
    HttpServerOptions options_;
    SteadyPoint ended_{};
    std::string received_;
    bool client_done_ = false;
};

TEST_F(HttpDeadlines, AClientThatNeverSpeaksIsDroppedAfterTheHeaderTimeout)
{
    const auto silent = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    EXPECT_DOUBLE_EQ(serve(silent), 15.0);
    EXPECT_EQ(received_, "");
    EXPECT_EQ(handler_.requests, 0);
}

TEST_F(HttpDeadlines, AHeaderThatTricklesInIsCutAtTheHeaderTimeoutHoweverSteadyItIs)
{
    const auto trickle = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        auto sent = co_await stream.write("GET / HTTP/1.1\r\nX: ");
        while (sent) {
            co_await sleep_for(self->timers_, milliseconds{1'000});
            sent = co_await stream.write("x");
        }
        self->client_done_ = true;
    };
    EXPECT_NEAR(serve(trickle), 15.0, 1.0);
    EXPECT_EQ(handler_.requests, 0);
}

TEST_F(HttpDeadlines, AnIdleConnectionIsKeptForTheIdleTimeoutThenClosed)
{
    const auto once = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        co_await sleep_for(self->timers_, milliseconds{59'000});
        (void)co_await stream.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    EXPECT_DOUBLE_EQ(serve(once), 119.0);
    EXPECT_EQ(handler_.requests, 2);
}

TEST_F(HttpDeadlines, ABodyMayTakeLongAsLongAsItMoves)
{
    const auto slow = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 10\r\n\r\n");
        for (int i = 0; i < 10; ++i) {
            co_await sleep_for(self->timers_, milliseconds{50'000});
            (void)co_await stream.write("x");
        }
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    EXPECT_DOUBLE_EQ(serve(slow), 500.0);
    EXPECT_THAT(received_, HasSubstr("200 OK"));
}

TEST_F(HttpDeadlines, ABodyThatStallsEndsTheHandlersReadAndTheConnection)
{
    const auto stall = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    EXPECT_DOUBLE_EQ(serve(stall), 60.0);
    ASSERT_TRUE(handler_.error);
    EXPECT_EQ(handler_.error->code, Errc::timed_out);
}

TEST_F(HttpDeadlines, AClientThatDoesNotReadIsDroppedAfterTheBodyTimeout)
{
    const auto deaf = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
        co_await sleep_for(self->timers_, milliseconds{100'000});
        self->client_done_ = true;
    };
    EXPECT_DOUBLE_EQ(serve(deaf), 60.0);
    EXPECT_EQ(handler_.requests, 1);
}

TEST_F(HttpDeadlines, AConnectionWithoutARequestUnderWayCanBeClosedForAnother)
{
    const auto half = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("GET / HTTP/1.1\r\nX: ");
        co_await sleep_for(self->timers_, milliseconds{2'000});
        EXPECT_TRUE(self->options_.waiting->close_longest());
        EXPECT_FALSE(self->options_.waiting->close_longest()) << "there was one";
        self->client_done_ = true;
    };
    options_.waiting = std::make_shared<HttpWaiting>();
    EXPECT_DOUBLE_EQ(serve(half), 2.0);
    EXPECT_EQ(handler_.requests, 0);
}

TEST_F(HttpDeadlines, ARequestThatIsUnderWayIsNotClosedForAnother)
{
    const auto slow = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
        co_await sleep_for(self->timers_, milliseconds{1'000});
        EXPECT_FALSE(self->options_.waiting->close_longest());
        (void)co_await stream.write("b");
        co_await sleep_for(self->timers_, milliseconds{1'000});
        EXPECT_TRUE(self->options_.waiting->close_longest()) << "kept alive, it waits again";
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    options_.waiting = std::make_shared<HttpWaiting>();
    EXPECT_DOUBLE_EQ(serve(slow), 2.0);
    EXPECT_EQ(handler_.requests, 1);
    EXPECT_THAT(received_, HasSubstr("200 OK"));
}

TEST_F(HttpDeadlines, AnEarlyAnswerWaitsALittleForTheClientToStopSending)
{
    options_.max_body_bytes = 10;
    const auto flood = [](Stream& stream, HttpDeadlines* self) -> awaitable<void> {
        (void)co_await stream.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
        for (bool open = true; open;) {
            const auto sent = co_await stream.write(std::string(1000, 'x'));
            open = sent.has_value();
            co_await sleep_for(self->timers_, milliseconds{500});
        }
        self->received_ = co_await read_to_end(stream);
        self->client_done_ = true;
    };
    EXPECT_NEAR(serve(flood), 3.0, 0.5);
}

}  // namespace
}  // namespace winnow::net
