#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "core/rng.hpp"
#include "net/http.hpp"
#include "tests/net/feed_stream.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using test::FeedState;
using test::FeedStream;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Echoes the request; what it does besides depends on the path.
class EchoHandler final : public HttpHandler {
public:
    awaitable<HttpResponse> handle(HttpRequest& request) override
    {
        ++requests;
        last_fields = request.fields;
        HttpResponse response;
        if (request.path == "/throw")
            throw std::runtime_error("secret detail");
        if (request.path == "/unread") {
            response.body = "unread";
            co_return response;
        }
        if (request.path == "/split") {
            response.fields.add("Location", "/x\r\nSet-Cookie: evil=1");
            co_return response;
        }
        if (request.path == "/304") {
            response.status = 304;
            response.body = "must not be sent";
            co_return response;
        }
        if (request.path == "/large") {
            response.body.assign(100'000, 'L');
            co_return response;
        }
        if (request.path == "/stream" || request.path == "/cut" || request.path == "/stream-throws") {
            response.stream = [path = request.path](HttpSink& sink) { return write_pieces(sink, path); };
            co_return response;
        }
        const auto body = co_await read_all(*request.body, 1 << 20);
        if (!body) {
            last_error = body.error();
            response.status = body.error().code == Errc::limit_exceeded ? 413 : 400;
            co_return response;
        }
        response.body = request.method + " " + request.path + " [" + *body + "]";
        for (const auto& [name, value] : request.query)
            response.body += " " + name + "=" + value;
        co_return response;
    }

    static awaitable<Result<>> write_pieces(HttpSink& sink, std::string path)
    {
        for (const char* piece : {"one", "", "two"}) {
            WINNOW_CO_CHECK(co_await sink.write(piece));
        }
        if (path == "/stream-throws")
            throw std::runtime_error("half way");
        if (path == "/cut")
            co_return Error{Errc::io_error, "the store went away"};
        co_return Result<>{};
    }

    int requests = 0;
    HttpFields last_fields;
    std::optional<Error> last_error;
};

struct Served {
    std::string output;
    int requests = 0;
    std::optional<Error> last_error;
    HttpFields last_fields;
    bool closed = false;
};

Served serve(std::string input, HttpServerOptions options = {}, std::size_t step = SIZE_MAX)
{
    auto state = std::make_shared<FeedState>();
    state->input = std::move(input);
    state->step = step;
    EchoHandler handler;
    test::run(serve_http(std::make_unique<FeedStream>(state), handler, options));
    return {state->output, handler.requests, handler.last_error, handler.last_fields, state->closed};
}

int count(std::string_view text, std::string_view what)
{
    int n = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
        ++n;
    return n;
}

TEST(HttpServer, ServesPipelinedRequestsInOrderWhereverTheInputIsCut)
{
    const std::string input =
        "GET /a+b%20c?q=x+y HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
        "\r\n"
        "PUT /put HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\n\r\n\r\n\r\n0\r\nX-T: "
        "1\r\n\r\n"
        "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        "GET /never HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto whole = serve(input);
    EXPECT_EQ(whole.requests, 4);
    EXPECT_EQ(whole.output,
              "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nGET /a+b c [] q=x+y"
              "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nPOST /post [hello]"
              "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nPUT /put [abc\r\n\r\n]"
              "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nGET /last []");
    EXPECT_TRUE(whole.closed);
    EXPECT_FALSE(whole.last_fields.has("X-T"));
    for (std::size_t step = 1; step < input.size(); step += 3)
        ASSERT_EQ(serve(input, {}, step).output, whole.output) << "step " << step;
}

TEST(HttpServer, EndsQuietlyWhenTheClientGoesBetweenRequests)
{
    EXPECT_EQ(serve("").output, "");
    const auto one = serve("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(one.requests, 1);
    EXPECT_TRUE(one.closed);
}

TEST(HttpServer, SaysNothingToAClientThatLeftWithinAHeader)
{
    const auto cut = serve("GET / HTTP/1.1\r\nHo");
    EXPECT_EQ(cut.output, "");
    EXPECT_EQ(cut.requests, 0);
}

struct Refusal {
    const char* why;
    std::string input;
    int status;
};

void PrintTo(const Refusal& refusal, std::ostream* out)
{
    *out << refusal.why;
}

class HttpServerRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(HttpServerRefuses, WithoutAskingTheHandlerAndEndsTheConnection)
{
    // Whatever follows must not be taken for a request: that is how requests are smuggled.
    const auto got = serve(GetParam().input + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(got.requests, 0);
    EXPECT_THAT(got.output, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
    EXPECT_THAT(got.output, HasSubstr("Connection: close\r\n"));
    EXPECT_EQ(count(got.output, "HTTP/1.1 "), 1);
    EXPECT_TRUE(got.closed);
}

std::string post(std::string_view fields, std::string_view body)
{
    return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HttpServerRefuses,
    testing::Values(
        Refusal{"length and chunked", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        Refusal{"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 400},
        Refusal{"two lengths", post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcd"), 400},
        Refusal{"two equal lengths", post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"), 400},
        Refusal{"list of lengths", post("Content-Length: 4, 4\r\n", "abcd"), 400},
        Refusal{"signed length", post("Content-Length: +4\r\n", "abcd"), 400},
        Refusal{"negative length", post("Content-Length: -4\r\n", "abcd"), 400},
        Refusal{"length in hex", post("Content-Length: 0x4\r\n", "abcd"), 400},
        Refusal{"length too long for a number", post("Content-Length: 99999999999999999999999\r\n", "abcd"), 400},
        Refusal{"empty length", post("Content-Length:\r\n", "abcd"), 400},
        Refusal{"two transfer encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
                400},
        Refusal{"identity then chunked", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", ""),
                400},
        Refusal{"unknown coding", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
        Refusal{"chunked not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501},
        Refusal{"coding in disguise",
                post("Transfer-Encoding: \x0b"
                     "chunked\r\n",
                     "0\r\n\r\n"),
                400},
        Refusal{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Refusal{"space before the colon", post("Content-Length : 4\r\n", "abcd"), 400},
        Refusal{"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", 400},
        Refusal{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
        Refusal{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Refusal{"no version", "GET /\r\nHost: h\r\n\r\n", 400},
        Refusal{"not HTTP", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8), 400},
        Refusal{"control character in a value",
                post("X: a\x01"
                     "b\r\n",
                     ""),
                400},
        Refusal{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Refusal{"encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Refusal{"authority form", "CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\n\r\n", 400},
        Refusal{"unknown expectation", post("Expect: 200-maybe\r\nContent-Length: 4\r\n", "abcd"), 417},
        Refusal{"header too large", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", 431},
        Refusal{"target too long", "GET /" + std::string(40'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431}));

TEST(HttpServer, RefusesABodyPastTheCapByItsLengthOrWhileReading)
{
    HttpServerOptions options;
    options.max_body_bytes = 10;
    const auto stated = serve(post("Content-Length: 11\r\n", "0123456789A"), options);
    EXPECT_THAT(stated.output, StartsWith("HTTP/1.1 413 "));
    EXPECT_EQ(stated.requests, 0);

    const auto chunked =
        serve(post("Transfer-Encoding: chunked\r\n", "8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n"), options);
    EXPECT_THAT(chunked.output, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(chunked.output, HasSubstr("Connection: close\r\n"));
    ASSERT_TRUE(chunked.last_error);
    EXPECT_EQ(chunked.last_error->code, Errc::limit_exceeded);

    EXPECT_THAT(serve(post("Content-Length: 10\r\n", "0123456789"), options).output, HasSubstr("[0123456789]"));
}

TEST(HttpServer, TellsTheHandlerOfABodyThatIsCutOrMalformedAndEndsTheConnection)
{
    for (const auto& input :
         {post("Content-Length: 10\r\n", "0123"), post("Transfer-Encoding: chunked\r\n", "5\r\nabc"),
          post("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n0\r\n"),
          post("Transfer-Encoding: chunked\r\n", "x\r\nabc\r\n"),
          post("Transfer-Encoding: chunked\r\n", "3\r\nabcdef\r\n0\r\n\r\n"),
          post("Transfer-Encoding: chunked\r\n", "3\nabc\n0\n\n"),
          post("Transfer-Encoding: chunked\r\n", "-3\r\nabc\r\n0\r\n\r\n"),
          post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n")}) {
        const auto got = serve(input);
        EXPECT_EQ(got.requests, 1);
        ASSERT_TRUE(got.last_error) << input;
        EXPECT_EQ(got.last_error->code, Errc::protocol) << input;
        EXPECT_THAT(got.output, HasSubstr("Connection: close\r\n"));
        EXPECT_TRUE(got.closed);
    }
}

TEST(HttpServer, BoundsChunkExtensionsAndTrailers)
{
    const auto extension =
        serve(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(200'000, 'x') + "\r\na\r\n0\r\n\r\n"));
    ASSERT_TRUE(extension.last_error);
    const auto trailer =
        serve(post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n"));
    ASSERT_TRUE(trailer.last_error);
    EXPECT_EQ(trailer.last_error->code, Errc::limit_exceeded);
}

TEST(HttpServer, AsksForTheBodyOnlyWhenTheHandlerReadsIt)
{
    const auto wanted = serve(post("Expect: 100-continue\r\nContent-Length: 4\r\n", "abcd"));
    EXPECT_THAT(wanted.output, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(wanted.output, HasSubstr("[abcd]"));
    EXPECT_THAT(wanted.output, Not(HasSubstr("Connection: close")));

    // The client may or may not send the body after a final answer, so nothing behind it can be framed.
    const auto unwanted =
        serve("POST /unread HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    EXPECT_THAT(unwanted.output, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(unwanted.output, HasSubstr("Connection: close\r\n"));
}

TEST(HttpServer, SkipsAShortUnreadBodyAndEndsTheConnectionAtALongOne)
{
    const std::string next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto head = [](std::string_view fields) {
        return "POST /unread HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
    };
    const auto brief = serve(head("Content-Length: 5\r\n") + "GET /" + next);
    EXPECT_EQ(brief.requests, 2);
    EXPECT_THAT(brief.output, HasSubstr("GET /next []"));

    const auto lengthy = serve(head("Content-Length: 100000\r\n") + std::string(100'000, 'x') + next);
    EXPECT_EQ(lengthy.requests, 1);
    EXPECT_THAT(lengthy.output, HasSubstr("Connection: close\r\n"));

    const auto unknown = serve(head("Transfer-Encoding: chunked\r\n") + "1\r\nx\r\n0\r\n\r\n" + next);
    EXPECT_EQ(unknown.requests, 1);
    EXPECT_THAT(unknown.output, HasSubstr("Connection: close\r\n"));
}

TEST(HttpServer, TurnsAnExceptionOfTheHandlerIntoA500WithoutDetailAndCloses)
{
    const auto got = serve("GET /throw HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(got.output, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_THAT(got.output, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(got.output, Not(HasSubstr("secret detail")));
    EXPECT_EQ(got.requests, 1);
}

HttpResponse teapot(int status, const std::string& why)
{
    HttpResponse response;
    response.status = status;
    response.fields.add("Content-Type", "application/teapot");
    response.body = "<" + why + ">";
    return response;
}

TEST(HttpServer, SaysItsOwnRefusalsInTheFormatOfItsOwner)
{
    HttpServerOptions options;
    options.refusal = teapot;
    options.max_body_bytes = 10;
    const std::pair<const char*, std::string> cases[] = {
        {"HTTP/1.1 400 ", "GET /%zz%00 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"HTTP/1.1 400 ", "BAD\r\n\r\n"},
        {"HTTP/1.1 413 ", post("Content-Length: 11\r\n", "0123456789A")},
        {"HTTP/1.1 417 ", post("Expect: 200-maybe\r\nContent-Length: 4\r\n", "abcd")},
        {"HTTP/1.1 431 ", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n"},
        {"HTTP/1.1 500 ", "GET /throw HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"HTTP/1.1 505 ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}};
    for (const auto& [status, input] : cases) {
        const auto got = serve(input, options);
        EXPECT_THAT(got.output, StartsWith(status));
        EXPECT_THAT(got.output, HasSubstr("Content-Type: application/teapot\r\n"));
        EXPECT_THAT(got.output, HasSubstr("\r\n\r\n<"));
        EXPECT_THAT(got.output, Not(HasSubstr("secret detail")));
    }
}

TEST(HttpServer, TurnsAConnectionAwayWithoutReadingFromIt)
{
    const auto turned_away = [](HttpServerOptions options) {
        auto state = std::make_shared<FeedState>();
        state->input = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        test::run(turn_away_http(std::make_unique<FeedStream>(state), options, 503, "full"));
        EXPECT_EQ(state->at, 0u);
        EXPECT_TRUE(state->closed);
        return state->output;
    };
    HttpServerOptions options;
    options.refusal = teapot;
    EXPECT_EQ(turned_away(options),
              "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/teapot\r\n"
              "Content-Length: 6\r\nConnection: close\r\n\r\n<full>");
    options.tls = TlsServerContext::self_signed("h.test", {}).value();
    EXPECT_EQ(turned_away(options), "") << "in clear, to a client that expects TLS";
}

TEST(HttpServer, NeverLetsAFieldValueEndItsLine)
{
    const auto got = serve("GET /split HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(got.output, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(got.output, Not(HasSubstr("evil")));
}

TEST(HttpServer, AnswersHeadLikeGetWithoutBody)
{
    const auto got = serve(
        "HEAD /large HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /304 HTTP/1.1\r\nHost: "
        "h\r\n\r\n");
    EXPECT_EQ(got.output,
              "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST(HttpServer, StreamsInChunksAndKeepsTheConnection)
{
    const auto got = serve("GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(
        got.output,
        StartsWith(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 200"));
}

TEST(HttpServer, CutsAStreamThatFailsSoThatTheClientSeesIt)
{
    for (const char* path : {"/cut", "/stream-throws"}) {
        const auto got =
            serve("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_THAT(got.output, testing::EndsWith("3\r\ntwo\r\n"));
        EXPECT_EQ(got.requests, 1);
        EXPECT_TRUE(got.closed);
    }
}

TEST(HttpServer, SpeaksHttp10WithoutChunksAndWithoutKeepAliveUnlessAsked)
{
    EXPECT_EQ(serve("GET /stream HTTP/1.0\r\n\r\n").output, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo");
    EXPECT_EQ(serve("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n").requests, 1);
    const auto kept = serve("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    EXPECT_EQ(kept.requests, 2);
    EXPECT_THAT(kept.output, HasSubstr("Connection: keep-alive\r\n"));
}

awaitable<void> count_turns(std::size_t& turns, const bool& over)
{
    const auto executor = co_await boost::asio::this_coro::executor;
    while (!over) {
        ++turns;
        co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
}

awaitable<void> serve_beside(std::unique_ptr<Stream> stream, HttpHandler& handler, std::size_t& turns)
{
    const HttpServerOptions options;
    bool over = false;
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::co_spawn(executor, count_turns(turns, over), boost::asio::detached);
    co_await serve_http(std::move(stream), handler, options);
    over = true;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

TEST(HttpServer, ALongUploadLetsOthersRunEvenWhenItsDataIsAlwaysThere)
{
    auto state = std::make_shared<FeedState>();
    state->input = post("Content-Length: 20000000\r\n", std::string(20'000'000, 'x'));
    std::size_t turns = 0;
    EchoHandler handler;
    test::run(serve_beside(std::make_unique<FeedStream>(state), handler, turns));
    EXPECT_THAT(state->output, StartsWith("HTTP/1.1 413 ")) << "the handler reads 1 MB; the rest is lingered over";
    EXPECT_GE(turns, 20u);
}

TEST(HttpServer, WhereDamagedInputIsCutMakesNoDifference)
{
    const std::string whole =
        "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
        "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\nT: 1\r\n\r\n"
        "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /e HTTP/1.1\r\nHost: h\r\n\r\n";
    constexpr std::string_view alphabet = "\r\n :;,/?%+09aFxX\t\x80\x01";
    SeededRng rng(5);
    int refused = 0;
    for (int round = 0; round < 400; ++round) {
        std::string text = whole;
        for (std::uint64_t edits = 1 + rng.below(3); edits > 0; --edits) {
            const auto at = static_cast<std::size_t>(rng.below(text.size()));
            if (rng.below(2) == 0)
                text.erase(at, 1 + rng.below(4));
            else
                text.insert(at, 1, alphabet[rng.below(alphabet.size())]);
        }
        const auto at_once = serve(text);
        const auto by_octet = serve(text, {}, 1);
        ASSERT_EQ(at_once.requests, by_octet.requests) << text;
        ASSERT_THAT(at_once.output, StartsWith(by_octet.output)) << text;
        // A damaged header that also lacks its end is refused when it comes at once, and waited for otherwise.
        const auto more = at_once.output.substr(by_octet.output.size());
        ASSERT_TRUE(more.empty() || more.starts_with("HTTP/1.1 4") || more.starts_with("HTTP/1.1 5")) << text;
        refused += at_once.output.find("HTTP/1.1 400 ") != std::string::npos;
    }
    EXPECT_GT(refused, 100);
}

class FixedClock final : public Clock {
public:
    TimePoint now() const noexcept override { return from_unix_ms(784'111'777'123); }
    SteadyPoint steady() const noexcept override { return {}; }
};

TEST(HttpServer, DatesItsAnswersWhenItHasAClock)
{
    FixedClock clock;
    HttpServerOptions options;
    options.clock = &clock;
    EXPECT_THAT(serve("GET / HTTP/1.1\r\nHost: h\r\n\r\n", options).output,
                HasSubstr("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
}

TEST(HttpServer, StopsWhenTheClientNoLongerTakesTheAnswer)
{
    auto state = std::make_shared<FeedState>();
    state->input = "GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n";
    state->write_limit = 1000;
    EchoHandler handler;
    const HttpServerOptions options;
    test::run(serve_http(std::make_unique<FeedStream>(state), handler, options));
    EXPECT_EQ(handler.requests, 1);
    EXPECT_TRUE(state->closed);
}

}  // namespace
}  // namespace winnow::net
