// Client and server against each other: over memory in virtual time, over TCP on loopback, each with TLS.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "core/asio_timer.hpp"
#include "net/smtp_client.hpp"
#include "tests/support/fake_mx.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/spawn.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::net {
namespace {

namespace asio = boost::asio;
using test::run;

struct Plan {
    bool starttls = false;
    bool log_in = false;
    TlsClientOptions tls;
    std::vector<std::string> recipients{"a@example.test", "b@example.test"};
    std::string message = "Subject: x\n\n.dot\nlast";
};

awaitable<Result<SmtpTransaction>> deliver(SmtpClient& smtp, Plan plan)
{
    WINNOW_CO_CHECK(co_await smtp.greeting());
    WINNOW_CO_CHECK(co_await smtp.ehlo("c.test"));
    if (plan.starttls) {
        WINNOW_CO_CHECK(co_await smtp.starttls(std::move(plan.tls)));
        WINNOW_CO_CHECK(co_await smtp.ehlo("c.test"));
    }
    if (plan.log_in) {
        WINNOW_CO_TRY(SmtpReply welcome, co_await smtp.auth("user", "secret", false));
        EXPECT_EQ(welcome.code, 235);
    }
    MailParams params;
    params.envid = "an id";
    RcptParams rcpt_params;
    rcpt_params.orcpt = "rfc822;a+b@example.test";
    WINNOW_CO_TRY(SmtpTransaction outcome,
                  co_await smtp.transaction("s@example.test", std::move(params), std::move(plan.recipients),
                                            std::move(plan.message), std::move(rcpt_params)));
    co_await smtp.quit();
    co_return outcome;
}

void expect_delivered(const Result<SmtpTransaction>& outcome, const test::FakeMx& mx)
{
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->end_of_data.code, 250) << outcome->end_of_data.to_string();
    ASSERT_EQ(mx.messages.size(), 1u);
    EXPECT_EQ(mx.messages[0].mail.envid, "an id");
    ASSERT_EQ(mx.messages[0].rcpts.size(), 2u);
    EXPECT_EQ(mx.messages[0].rcpts[0].orcpt, "rfc822;a+b@example.test");
    EXPECT_EQ(mx.messages[0].content, "Subject: x\r\n\r\n.dot\r\nlast\r\n");
}

class OverMemory : public testing::Test {
protected:
    Result<SmtpTransaction> run_delivery(Plan plan)
    {
        test::MemoryPair pair = make_memory_pair(timers, wire);
        asio::io_context io{1};
        test::spawn(io, serve_smtp(*pair.server, mx, options, timers));
        SmtpClient smtp(*pair.client);
        auto outcome = run(io, timers, deliver(smtp, std::move(plan)));
        pair.client->close();
        timers.run_until_idle(io);
        return outcome;
    }

    test::ManualClock clock;
    test::VirtualTimers timers{clock};
    test::MemoryStreamOptions wire;
    test::FakeMx mx;
    SmtpServerOptions options;
};

TEST_F(OverMemory, AMessageArrivesWithAndWithoutPipelining)
{
    for (const bool pipelining : {true, false}) {
        options.pipelining = pipelining;
        mx.messages.clear();
        expect_delivered(run_delivery({}), mx);
    }
}

TEST_F(OverMemory, AMessageArrivesByteByByteAndThroughASmallWindow)
{
    wire.max_read = 1;
    wire.capacity = 7;
    options.pipelining = false;  // a group of commands and its replies must fit what is under way
    expect_delivered(run_delivery({}), mx);
}

TEST_F(OverMemory, AMessageArrivesOverTlsByteByByte)
{
    wire.max_read = 1;
    options.tls = TlsServerContext::self_signed("mx.example.test", clock.now()).value();
    Plan plan;
    plan.starttls = true;
    expect_delivered(run_delivery(plan), mx);
    EXPECT_TRUE(mx.messages.at(0).encrypted);
}

TEST_F(OverMemory, ALargeMessageArrivesWhole)
{
    Plan plan;
    plan.message.clear();
    for (int i = 0; i < 100'000; ++i)
        plan.message += ".line " + std::to_string(i) + "\r\n";
    const std::string expected = plan.message;
    ASSERT_TRUE(run_delivery(std::move(plan)));
    ASSERT_EQ(mx.messages.size(), 1u);
    EXPECT_TRUE(mx.messages[0].content == expected);
}

TEST_F(OverMemory, AThousandRecipientsFitOneTransaction)
{
    Plan plan;
    plan.recipients.clear();
    for (int i = 0; i < 1000; ++i)
        plan.recipients.push_back("user" + std::to_string(i) + "@example.test");
    wire.capacity = 4096;
    ASSERT_TRUE(run_delivery(std::move(plan)));
    EXPECT_EQ(mx.messages.at(0).rcpts.size(), 1000u);
}

TEST_F(OverMemory, AServerThatStallsIsGivenUpAtTheDeadline)
{
    test::MemoryPair pair = make_memory_pair(timers, wire);
    asio::io_context io{1};
    SmtpClient smtp(*pair.client);
    const auto outcome = run(io, timers, smtp.greeting());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::timed_out);
    EXPECT_EQ(clock.elapsed(), SmtpTimeouts{}.banner);
}

awaitable<void> drip(Stream& stream, TimerSource& timers)
{
    stream.expires_after(std::chrono::hours{24});
    for (;;) {
        std::string octet = "2";
        const auto sent = co_await stream.write(std::move(octet));
        if (!sent)
            co_return;
        co_await sleep_for(timers, milliseconds{1'000});
        octet = "20-x\r\n";
        const auto more = co_await stream.write(std::move(octet));
        if (!more)
            co_return;
    }
}

TEST_F(OverMemory, AServerThatDripsIsGivenUpAtTheSameDeadline)
{
    test::MemoryPair pair = make_memory_pair(timers, wire);
    asio::io_context io{1};
    test::spawn(io, drip(*pair.server, timers));
    SmtpClient smtp(*pair.client);
    const auto outcome = run(io, timers, smtp.greeting());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::timed_out);
    EXPECT_EQ(clock.elapsed(), SmtpTimeouts{}.banner);
    timers.run_until_idle(io);
}

/// Speaks its lines without listening, takes some of the message, refuses and hangs up.
awaitable<void> refuse_in_the_middle(std::unique_ptr<Stream> stream)
{
    stream->expires_after(milliseconds{60'000});
    std::string lines = "354 go\r\n";
    (void)co_await stream->write(std::move(lines));
    std::vector<char> space(100'000);
    const std::span<char> out(space);
    (void)co_await stream->read_some(out);
    (void)co_await stream->read_some(out);
    lines = "552 5.3.4 too big\r\n";
    (void)co_await stream->write(std::move(lines));
}

TEST_F(OverMemory, AServerThatRefusesInTheMiddleOfAMessageAndHangsUpIsHeard)
{
    test::MemoryPair pair = make_memory_pair(timers, wire);
    asio::io_context io{1};
    test::spawn(io, refuse_in_the_middle(std::move(pair.server)));
    SmtpClient smtp(*pair.client);
    Stage stage{};
    const auto outcome = run(io, timers, smtp.data(std::string(5'000'000, 'x'), &stage));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->code, 552);
    EXPECT_EQ(stage, Stage::end_of_data);
}

/// Somebody between the two sends commands in clear behind STARTTLS.
awaitable<Result<SmtpReply>> inject_behind_starttls(Stream& stream, SmtpClient& smtp)
{
    WINNOW_CO_CHECK(co_await smtp.greeting());
    WINNOW_CO_CHECK(co_await smtp.ehlo("c.test"));
    stream.expires_after(milliseconds{1'000});
    std::string both = "STARTTLS\r\nMAIL FROM:<evil@example.test>\r\n";
    WINNOW_CO_CHECK(co_await stream.write(std::move(both)));
    std::array<char, 100> space{};
    const std::span<char> out(space);
    WINNOW_CO_TRY(const std::size_t octets, co_await stream.read_some(out));
    EXPECT_EQ(std::string(space.data(), octets).substr(0, 3), "220");
    TlsClientOptions options;
    WINNOW_CO_CHECK(co_await stream.start_tls_client(std::move(options)));
    WINNOW_CO_TRY(SmtpReply before_ehlo, co_await smtp.mail("s@example.test"));
    EXPECT_EQ(before_ehlo.code, 503) << "what was said in clear is void";
    co_return co_await smtp.ehlo("c.test");
}

TEST_F(OverMemory, CommandsInjectedBehindStarttlsAreNotRead)
{
    options.tls = TlsServerContext::self_signed("mx.example.test", clock.now()).value();
    test::MemoryPair pair = make_memory_pair(timers, wire);
    asio::io_context io{1};
    test::spawn(io, serve_smtp(*pair.server, mx, options, timers));
    SmtpClient smtp(*pair.client);
    const auto outcome = run(io, timers, inject_behind_starttls(*pair.client, smtp));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_FALSE(smtp.capabilities().starttls) << "not offered twice";
    for (const std::string& call : mx.calls)
        EXPECT_EQ(call.find("evil"), std::string::npos);
    pair.client->close();
    timers.run_until_idle(io);
}

class OverTcp : public testing::Test {
protected:
    awaitable<void> serve_one(Listener& listener)
    {
        auto accepted = co_await listener.accept();
        if (!accepted)
            co_return;
        const std::unique_ptr<Stream> stream = std::move(*accepted);
        co_await serve_smtp(*stream, mx, options, timers);
    }

    Result<SmtpTransaction> run_delivery(Plan plan)
    {
        auto listener = listen_tcp(io.get_executor(), {"127.0.0.1", 0}).value();
        test::spawn(io, serve_one(*listener));
        auto stream = run(io, make_tcp_connector(io.get_executor())->connect(listener->local(), {})).value();
        SmtpClient smtp(*stream);
        auto outcome = run(io, deliver(smtp, std::move(plan)));
        stream->close();
        listener->close();
        while (io.run_one_for(std::chrono::seconds{2}) != 0) {}
        return outcome;
    }

    TlsClientOptions verifying(std::string name)
    {
        TlsClientOptions tls;
        tls.server_name = std::move(name);
        tls.verify = true;
        tls.ca_file = dir.write("ca.pem", options.tls->certificate_pem());
        tls.now = wall.now();
        return tls;
    }

    asio::io_context io{1};
    test::ManualClock wall;
    SystemClock clock;
    AsioTimerSource timers{io.get_executor(), clock};
    test::TempDir dir;
    test::FakeMx mx;
    SmtpServerOptions options;
};

TEST_F(OverTcp, AMessageArrives)
{
    expect_delivered(run_delivery({}), mx);
}

TEST_F(OverTcp, AnAuthenticatedMessageArrivesOverVerifiedStarttls)
{
    options.tls = TlsServerContext::self_signed("mx.example.test", wall.now()).value();
    options.auth = options.require_auth = true;
    Plan plan;
    plan.starttls = plan.log_in = true;
    plan.tls = verifying("mx.example.test");
    expect_delivered(run_delivery(plan), mx);
    EXPECT_EQ(mx.messages.at(0).user, "user");
    EXPECT_TRUE(mx.messages.at(0).encrypted);
}

TEST_F(OverTcp, NothingIsSentToAServerThatCannotProveItsName)
{
    options.tls = TlsServerContext::self_signed("mx.example.test", wall.now()).value();
    Plan plan;
    plan.starttls = true;
    plan.tls = verifying("other.example.test");
    const auto outcome = run_delivery(plan);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, SmtpErrc::tls_unverified);
    EXPECT_TRUE(mx.messages.empty());
}

}  // namespace
}  // namespace winnow::net
