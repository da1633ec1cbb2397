#include "sandbox/sandbox.hpp"

#include <gtest/gtest.h>

#include <array>

#include "core/asio_timer.hpp"
#include "net/mail_route.hpp"
#include "net/resolver.hpp"
#include "net/smtp_client.hpp"
#include "net/smtp_server.hpp"
#include "sandbox/behaviour.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::sandbox {
namespace {

using net::awaitable;

/// A sandbox on free ports with a client beside it, all on one context.
class SandboxTest : public testing::Test {
protected:
    void start(SandboxOptions options = {})
    {
        options.keep_messages = true;
        options.sites = 1;
        options.report_delay = milliseconds{1};
        auto started = Sandbox::start(io.get_executor(), timers, *connector, null_log(), options);
        ASSERT_TRUE(started) << started.error().message();
        sandbox = *std::move(started);
        net::ResolverOptions dns;
        dns.servers = {sandbox->dns_endpoint()};
        auto made = net::make_cares_resolver(io.get_executor(), dns);
        ASSERT_TRUE(made) << made.error().message();
        resolver = *std::move(made);
    }

    void TearDown() override
    {
        resolver.reset();
        if (sandbox)
            sandbox->stop();
        timers.stop();
        io.poll();
    }

    net::MailRoute route(std::string domain)
    {
        net::TargetGuard guard;
        guard.allow_private = true;
        return test::run(io, net::resolve_mail_route(*resolver, std::move(domain), guard, clock, rng));
    }

    /// The reply to RCPT, or to the last command that was answered.
    awaitable<SmtpReply> talk(std::string ip, std::string recipient, std::string message)
    {
        net::Endpoint to{std::move(ip), sandbox->smtp_port()};
        net::ConnectOptions options;
        auto stream = co_await connector->connect(to, options);
        if (!stream)
            throw std::runtime_error(stream.error().message());
        net::SmtpClient smtp(**stream);
        auto reply = co_await smtp.greeting();
        if (!reply.value().positive())
            co_return *reply;
        reply = co_await smtp.ehlo("probe.sandbox.test");
        reply = co_await smtp.mail("sender@bounce.sandbox.test");
        reply = co_await smtp.rcpt(std::move(recipient));
        if (!message.empty() && reply.value().positive())
            reply = co_await smtp.data(std::move(message));
        co_await smtp.quit();
        co_return reply.value();
    }

    SmtpReply rcpt(const std::string& recipient, std::string message = {})
    {
        const auto found = route(recipient.substr(recipient.find('@') + 1));
        EXPECT_EQ(found.status, net::RouteStatus::ok) << found.detail;
        if (found.hosts.empty() || found.hosts[0].addresses.empty())
            return {};
        return test::run(io, talk(found.hosts[0].addresses[0], recipient, std::move(message)));
    }

    boost::asio::io_context io{1};
    SystemClock clock;
    SeededRng rng{1};
    AsioTimerSource timers{io.get_executor(), clock};
    std::unique_ptr<net::Connector> connector = net::make_tcp_connector(io.get_executor());
    std::unique_ptr<Sandbox> sandbox;
    std::unique_ptr<net::Resolver> resolver;
};

TEST_F(SandboxTest, AnswersByTheNameOfTheRecipient)
{
    start();
    EXPECT_EQ(rcpt("ada@acme.deliverable.test").code, 250);
    EXPECT_EQ(rcpt("unknown-1@acme.deliverable.test").code, 550);
    EXPECT_EQ(rcpt("unknown-1@acme.catchall.test").code, 250);
    EXPECT_EQ(rcpt("disabled-1@acme.deliverable.test").code, 550);
    EXPECT_EQ(rcpt("ada@gmail.com").code, 250);
    const auto unknown = rcpt("unknown-1@gmail.com");
    EXPECT_EQ(unknown.code, 550);
    EXPECT_EQ(unknown.enhanced.to_string(), "5.1.1");
    const auto full = rcpt("ada@acme.full.test").code;
    EXPECT_TRUE(full == 452 || full == 552);
    EXPECT_EQ(sandbox->count("ada@acme.deliverable.test").rcpts, 1u);
    EXPECT_EQ(sandbox->count("unknown-1@acme.deliverable.test").accepted, 0u);
    EXPECT_EQ(sandbox->totals().rcpts, 7u);
    EXPECT_EQ(sandbox->totals().messages, 0u);
}

TEST_F(SandboxTest, DnsTellsDomainsWithoutMail)
{
    start();
    EXPECT_EQ(route("x.nullmx.test").status, net::RouteStatus::null_mx);
    EXPECT_EQ(route("x.nomx.test").status, net::RouteStatus::no_mail);
    EXPECT_EQ(route("x.nxdomain.test").status, net::RouteStatus::nxdomain);
    EXPECT_EQ(route("x.servfail.test").status, net::RouteStatus::dns_failure);
    EXPECT_GT(sandbox->dns_queries(), 0u);
}

TEST_F(SandboxTest, GreylistsATripletUntilItsTimeHasPassed)
{
    start();
    EXPECT_TRUE(rcpt("ada@x.greylist-300s.test").transient());
    EXPECT_TRUE(rcpt("ada@x.greylist-300s.test").transient());
    EXPECT_EQ(rcpt("ada@x.greylist-0s.test").code, 250);
    EXPECT_TRUE(rcpt("unknown-1@x.greylist-300s.test").permanent()) << "known not to exist: no need to wait";
}

TEST_F(SandboxTest, BlockedClientsAreTurnedAwayAtConnectOrAtRcpt)
{
    start();
    bool at_connect = false;
    bool at_rcpt = false;
    for (int i = 0; i < 12; ++i) {
        const auto domain = "d" + std::to_string(i) + ".ipblock.test";
        EXPECT_TRUE(rcpt("ada@" + domain).permanent());
        (behaviour_of(domain).blocks_at_connect ? at_connect : at_rcpt) = true;
    }
    EXPECT_TRUE(at_connect && at_rcpt);
    EXPECT_GT(sandbox->totals().refused_connections, 0u);
}

TEST_F(SandboxTest, ScriptsDepartFromTheUsualAtTheirMoment)
{
    start();
    const auto said = [&](const char* recipient) {
        const auto reply = rcpt(recipient);
        return std::to_string(reply.code) + ' ' + reply.enhanced.to_string();
    };
    EXPECT_EQ(said("ada@x.busy-banner.test"), "421 4.3.2");
    EXPECT_EQ(said("ada@x.helo-only.test"), "250 2.1.5");
    EXPECT_EQ(said("ada@x.tls-required.test"), "503 5.5.1") << "in clear MAIL is refused, so RCPT is out of order";
    EXPECT_EQ(said("ada@x.moved.test"), "551 5.1.6");
    EXPECT_EQ(said("ada@x.inactive.test"), "550 5.2.1");
    EXPECT_EQ(said("unknown-1@x.inactive.test").substr(0, 3), "550");
    EXPECT_EQ(said("unknown-1@x.cannot-verify.test"), "252 2.1.5");
    EXPECT_EQ(said("unknown-1@x.enumeration-proof.test"), "250 2.1.5");
    EXPECT_EQ(said("ada@x.verify-first.test"), "450 4.1.1");
    EXPECT_EQ(said("ada@x.ms-edge.test"), "250 2.1.5");
    EXPECT_EQ(said("unknown-1@x.ms-edge.test"), "550 5.4.1");
    EXPECT_EQ(said("ada@x.bytewise.test"), "250 2.1.5");
    EXPECT_EQ(said("ada@x.many-mx.test"), "250 2.1.5");
    EXPECT_EQ(rcpt("ada@x.verbose.test").lines.size(), 500u);
    EXPECT_EQ(said("ada@x.code-only.test"), "550 ");
    EXPECT_EQ(rcpt("unknown-1@x.nul-text.test").text(), "User? unknown");
}

TEST_F(SandboxTest, WhatIsNoReplyEndsTheDialogueWithAnError)
{
    start();
    for (const auto* recipient : {"ada@x.not-smtp.test", "ada@x.long-line.test", "ada@x.endless-rcpt.test",
                                  "ada@x.mixed-codes.test", "ada@x.hangup-rcpt.test", "ada@x.hangup-ehlo.test"})
        EXPECT_ANY_THROW(rcpt(recipient)) << recipient;
    EXPECT_EQ(sandbox->count("ada@x.hangup-rcpt.test").accepted, 0u);
}

TEST_F(SandboxTest, EnumerationProofReceiversBounceLater)
{
    start();
    EXPECT_EQ(rcpt("ada@x.enumeration-proof.test", "Subject: x\r\n\r\nhi\r\n").code, 250);
    EXPECT_EQ(rcpt("unknown-1@x.enumeration-proof.test", "Subject: x\r\n\r\nhi\r\n").code, 250);
    EXPECT_EQ(sandbox->totals().reports_failed, 1u) << "a DSN for the one, and nobody who would take it";
}

TEST_F(SandboxTest, TakesMailAndKeepsIt)
{
    start();
    EXPECT_EQ(rcpt("ada@acme.deliverable.test", "Subject: hi\r\n\r\n.dot\r\n").code, 250);
    const auto messages = sandbox->messages();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].reverse_path, "sender@bounce.sandbox.test");
    EXPECT_EQ(messages[0].recipients, (std::vector<std::string>{"ada@acme.deliverable.test"}));
    EXPECT_NE(messages[0].content.find("\r\n.dot\r\n"), std::string::npos);
    EXPECT_EQ(sandbox->count("ada@acme.deliverable.test").messages, 1u);
}

TEST_F(SandboxTest, RelaysNothing)
{
    start();
    const auto ip = *address_of_host("mx1.acme.deliverable.test", 1);
    EXPECT_EQ(test::run(io, talk(ip, "someone@example.com", "")).code, 550);
}

/// Takes one report.
class Intake final : public net::SmtpHandler {
public:
    awaitable<SmtpReply> on_connect(const net::SmtpSessionInfo&) override { co_return SmtpReply::make(220, "bounce"); }
    awaitable<SmtpReply> on_mail(const net::SmtpSessionInfo&, net::MailCommand command) override
    {
        reverse_path = std::move(command.reverse_path);
        co_return SmtpReply::make(250, "ok");
    }
    awaitable<SmtpReply> on_rcpt(const net::SmtpSessionInfo&, net::RcptCommand command) override
    {
        recipient = std::move(command.recipient);
        co_return SmtpReply::make(250, "ok");
    }
    awaitable<SmtpReply> on_message(const net::SmtpSessionInfo&, std::string message) override
    {
        content = std::move(message);
        co_return SmtpReply::make(250, "ok");
    }
    std::string reverse_path = "unset", recipient, content;
};

awaitable<void> take_one(net::Listener& listener, Intake& intake, TimerSource& timers)
{
    auto stream = co_await listener.accept();
    net::SmtpServerOptions options;
    co_await net::serve_smtp(*stream.value(), intake, options, timers);
}

TEST_F(SandboxTest, AcceptThenBounceSendsARealDsnToTheReversePath)
{
    start();
    auto listener = net::listen_tcp(io.get_executor(), {"127.0.0.1", 0});
    ASSERT_TRUE(listener);
    sandbox->set_bounce_to((*listener)->local());
    EXPECT_EQ(rcpt("ada@x.accept-then-bounce.test", "Message-ID: <m1@x>\r\n\r\nhi\r\n").code, 250);
    Intake intake;
    test::run(io, take_one(**listener, intake, timers));
    EXPECT_EQ(intake.reverse_path, "");
    EXPECT_EQ(intake.recipient, "sender@bounce.sandbox.test");
    EXPECT_NE(intake.content.find("Final-Recipient: rfc822; ada@x.accept-then-bounce.test"), std::string::npos);
    EXPECT_NE(intake.content.find("Message-ID: <m1@x>"), std::string::npos);
    io.poll();
    EXPECT_EQ(sandbox->totals().dsns_sent, 1u);
}

TEST_F(SandboxTest, ComplaintSendsARealArfReport)
{
    SandboxOptions options;
    options.complaint_to = "fbl@bounce.sandbox.test";
    start(options);
    auto listener = net::listen_tcp(io.get_executor(), {"127.0.0.1", 0});
    ASSERT_TRUE(listener);
    sandbox->set_bounce_to((*listener)->local());
    EXPECT_EQ(rcpt("ada@x.complaint.test", "Message-ID: <m1@x>\r\n\r\nhi\r\n").code, 250);
    Intake intake;
    test::run(io, take_one(**listener, intake, timers));
    EXPECT_EQ(intake.recipient, "fbl@bounce.sandbox.test");
    EXPECT_NE(intake.content.find("Feedback-Type: abuse"), std::string::npos);
    EXPECT_NE(intake.content.find("Return-Path: <sender@bounce.sandbox.test>"), std::string::npos);
}

TEST_F(SandboxTest, WithoutABounceListenerReportsAreCountedAsFailed)
{
    start();
    rcpt("ada@x.accept-then-bounce.test", "Subject: x\r\n\r\nhi\r\n");
    rcpt("ada@x.complaint.test", "Subject: x\r\n\r\nhi\r\n");
    EXPECT_EQ(sandbox->totals().reports_failed, 2u);
}

TEST_F(SandboxTest, RefusesToListenOnAnAddressThatOthersReach)
{
    SandboxOptions options;
    options.dns = {"0.0.0.0", 0};
    auto started = Sandbox::start(io.get_executor(), timers, *connector, null_log(), options);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, make_error_code(Errc::invalid_argument));
}

TEST_F(SandboxTest, RepliesAreLateByTheRoundTripAsked)
{
    SandboxOptions options;
    options.rtt = milliseconds{20};
    start(options);
    const auto before = clock.steady();
    EXPECT_EQ(rcpt("ada@acme.deliverable.test").code, 250);
    // Two DNS answers and at least four SMTP replies.
    EXPECT_GE(clock.steady() - before, milliseconds{6 * 20});
}

}  // namespace
}  // namespace winnow::sandbox
