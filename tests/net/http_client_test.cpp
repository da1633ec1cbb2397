#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http.hpp"
#include "tests/net/feed_stream.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using test::FakeResolver;
using test::FeedState;
using test::FeedStream;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Connects to a peer that has its answer ready; refuses the addresses in `down`.
class FeedConnector final : public Connector {
public:
    explicit FeedConnector(std::string answer, std::size_t step = SIZE_MAX)
    {
        state->input = std::move(answer);
        state->step = step;
    }

    awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint to, ConnectOptions) override
    {
        tried.push_back(to.to_string());
        for (const auto& ip : down)
            if (ip == to.ip)
                co_return Error{boost::system::error_code(boost::asio::error::connection_refused), to.to_string()};
        co_return std::make_unique<FeedStream>(state);
    }

    std::shared_ptr<FeedState> state = std::make_shared<FeedState>();
    std::vector<std::string> tried;
    std::vector<std::string> down;
};

HttpClientRequest get(std::string url = "http://192.0.2.1:8080/x?y=z")
{
    HttpClientRequest request;
    request.url = std::move(url);
    return request;
}

Result<HttpClientResponse> ask(FeedConnector& connector, HttpClientRequest request, Resolver* resolver = nullptr,
                               std::function<Result<>(std::string_view)> sink = {})
{
    return test::run(http_request(connector, resolver, std::move(request), std::move(sink)));
}

TEST(HttpClient, SendsOneRequestAndReadsTheAnswer)
{
    FeedConnector connector("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
    auto request = get();
    request.method = "POST";
    request.body = "data";
    request.fields.add("Content-Type", "text/plain");
    request.fields.add("content-length", "999");
    const auto response = ask(connector, std::move(request)).value();
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(response.fields.get("x-a"), "b");
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(connector.state->output,
              "POST /x?y=z HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: winnow\r\nContent-Type: text/plain\r\n"
              "Content-Length: 4\r\nConnection: close\r\n\r\ndata");
}

TEST(HttpClient, ReadsChunkedLengthAndUntilCloseWhereverTheAnswerIsCut)
{
    for (const std::string answer :
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;e\r\ncde\r\n0\r\nT: 1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.0 200 OK\r\n\r\nabcde",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde and more"})
        for (std::size_t step = 1; step <= answer.size(); ++step) {
            FeedConnector connector(answer, step);
            const auto response = ask(connector, get());
            ASSERT_TRUE(response) << response.error().context;
            ASSERT_EQ(response->body, "abcde") << "step " << step;
            ASSERT_EQ(response->status, 200);
        }
}

TEST(HttpClient, AnAnswerCutShortIsAnErrorAtEveryPlace)
{
    for (const std::string whole : {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
                                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"})
        for (std::size_t length = 0; length < whole.size(); ++length) {
            FeedConnector connector(whole.substr(0, length));
            const auto response = ask(connector, get());
            ASSERT_FALSE(response) << length;
            ASSERT_THAT(response.error().context, StartsWith("response of 192.0.2.1:8080: "));
        }
}

TEST(HttpClient, RefusesMalformedAnswers)
{
    for (const char* answer :
         {"SSH-2.0-x\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        FeedConnector connector(answer);
        const auto response = ask(connector, get());
        ASSERT_FALSE(response) << answer;
        EXPECT_EQ(response.error().code, Errc::protocol);
    }
}

TEST(HttpClient, HeadAnd204HaveNoBody)
{
    FeedConnector head("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    auto request = get();
    request.method = "HEAD";
    EXPECT_EQ(ask(head, std::move(request)).value().fields.get("Content-Length"), "500");
    FeedConnector nothing("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(ask(nothing, get()).value().status, 204);
}

TEST(HttpClient, TheSinkTakesTheBodyOfASuccessOnly)
{
    std::string taken;
    const auto sink = [&taken](std::string_view piece) -> Result<> {
        taken += piece;
        return {};
    };
    FeedConnector good("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", 30);
    const auto response = ask(good, get(), nullptr, sink).value();
    EXPECT_EQ(taken, "abcde");
    EXPECT_EQ(response.body, "");

    FeedConnector bad("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
    EXPECT_EQ(ask(bad, get(), nullptr, sink).value().body, "gone");
    EXPECT_EQ(taken, "abcde");

    FeedConnector full("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    const auto failed = ask(full, get(), nullptr, [](std::string_view) -> Result<> { return Error{Errc::disk_full}; });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::disk_full);
}

TEST(HttpClient, BoundsABodyThatItKeeps)
{
    FeedConnector connector("HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'), 100);
    auto request = get();
    request.max_response_bytes = 1000;
    const auto response = ask(connector, std::move(request));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::limit_exceeded);
}

/// Gives the pieces one by one, then the end, or the error.
std::function<awaitable<Result<std::string>>()> source_of(std::vector<std::string> pieces,
                                                          std::optional<Error> error = {})
{
    struct Source {
        std::vector<std::string> pieces;
        std::optional<Error> error;
        std::size_t at = 0;
        static awaitable<Result<std::string>> next(std::shared_ptr<Source> self)
        {
            if (self->at < self->pieces.size())
                co_return self->pieces[self->at++];
            if (self->error)
                co_return *self->error;
            co_return std::string{};
        }
    };
    auto source = std::make_shared<Source>(Source{std::move(pieces), std::move(error)});
    return [source] { return Source::next(source); };
}

TEST(HttpClient, SendsASourceInChunks)
{
    FeedConnector connector("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    auto request = get();
    request.method = "PUT";
    request.body_source = source_of({"abc", "defghijklmnopqrs"});
    EXPECT_TRUE(ask(connector, std::move(request)));
    EXPECT_THAT(
        connector.state->output,
        testing::EndsWith(
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n10\r\ndefghijklmnopqrs\r\n0\r\n\r\n"));
}

TEST(HttpClient, AFailingSourceNeverLooksLikeAWholeBody)
{
    FeedConnector connector("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    auto request = get();
    request.method = "PUT";
    request.body_source = source_of({"abc"}, Error{Errc::io_error, "the file went away"});
    const auto response = ask(connector, std::move(request));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::io_error);
    EXPECT_THAT(connector.state->output, Not(HasSubstr("0\r\n\r\n")));
}

TEST(HttpClient, AnEarlyAnswerIsReadEvenWhenTheServerStopsTakingTheBody)
{
    FeedConnector connector("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig");
    connector.state->write_limit = 1000;
    auto request = get();
    request.method = "POST";
    request.body.assign(5000, 'x');
    const auto response = ask(connector, request);
    ASSERT_TRUE(response) << response.error().context;
    EXPECT_EQ(response->status, 413);

    FeedConnector silent("");
    silent.state->write_limit = 1000;
    const auto failed = ask(silent, request);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().context, StartsWith("sending to 192.0.2.1:8080: "));
}

TEST(HttpClient, NeverWritesAFieldThatTheCallerDidNotMean)
{
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nHost: b"}, {"X: y", "a"}, {"", "a"}}) {
        FeedConnector connector("");
        auto request = get();
        request.fields.add(name, value);
        EXPECT_FALSE(ask(connector, std::move(request)));
        EXPECT_EQ(connector.state->output, "");
    }
    FeedConnector connector("");
    auto request = get();
    request.method = "GET /admin HTTP/1.1\r\nX:";
    EXPECT_FALSE(ask(connector, std::move(request)));
}

TEST(HttpClient, LooksUpTheHostAndTriesEachAddress)
{
    FakeResolver dns("api.test. A 192.0.2.1\napi.test. A 192.0.2.2\napi.test. AAAA 2001:db8::3");
    FeedConnector connector("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    connector.down = {"192.0.2.1", "192.0.2.2"};
    EXPECT_TRUE(ask(connector, get("http://api.test/"), &dns));
    EXPECT_EQ(connector.tried, (std::vector<std::string>{"192.0.2.1:80", "192.0.2.2:80", "[2001:db8::3]:80"}));
    EXPECT_THAT(connector.state->output, HasSubstr("Host: api.test\r\n"));
}

TEST(HttpClient, ErrorsNameHostAndPortButNeverThePath)
{
    FakeResolver dns("api.test. A 192.0.2.1\nbroken.test. SERVFAIL");
    FeedConnector connector("");
    connector.down = {"192.0.2.1", "127.0.0.1", "::1"};
    const auto refused = ask(connector, get("http://api.test:81/hook/s3cret"), &dns);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, boost::asio::error::connection_refused);
    EXPECT_THAT(refused.error().context, StartsWith("connecting to api.test:81: "));
    EXPECT_THAT(refused.error().context, HasSubstr("192.0.2.1:81"));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("s3cret")));

    const auto absent = ask(connector, get("http://absent.test/"), &dns);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, Errc::not_found);
    EXPECT_THAT(absent.error().context, HasSubstr("absent.test:80: nxdomain"));
    const auto broken = ask(connector, get("http://broken.test/"), &dns);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::unavailable);
    EXPECT_FALSE(ask(connector, get("http://api.test/")));
    EXPECT_FALSE(ask(connector, get("http://localhost:82/")));
}

TEST(HttpClient, AGuardKeepsNamesFromPointingIntoOurNetwork)
{
    FakeResolver dns(
        "rebind.test. A 127.0.0.1\nrebind.test. A 10.1.2.3\nmixed.test. A 192.168.1.1\nmixed.test. A 8.8.8.8");
    FeedConnector connector("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (const char* url :
         {"http://rebind.test/", "http://127.0.0.1/", "http://localhost/", "http://[::ffff:10.0.0.1]/"}) {
        auto request = get(url);
        request.guard.emplace();
        const auto response = ask(connector, std::move(request), &dns);
        ASSERT_FALSE(response) << url;
        EXPECT_EQ(response.error().code, Errc::refused_target) << url;
    }
    EXPECT_TRUE(connector.tried.empty());
    auto request = get("http://mixed.test/");
    request.guard.emplace();
    EXPECT_TRUE(ask(connector, std::move(request), &dns));
    EXPECT_EQ(connector.tried, std::vector<std::string>{"8.8.8.8:80"});
}

}  // namespace
}  // namespace winnow::net
