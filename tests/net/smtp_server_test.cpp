#include "net/smtp_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "core/crypto.hpp"
#include "tests/support/fake_mx.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/spawn.hpp"
#include "tests/support/virtual_timers.hpp"

namespace winnow::net {
namespace {

namespace asio = boost::asio;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// A raw client: bytes in, bytes out, time under control.
class SmtpServerTest : public testing::Test {
protected:
    ~SmtpServerTest() override { stop(); }

    /// A new session; ends the one before.
    void start()
    {
        stop();
        ended = closed = false;
        received.clear();
        test::MemoryPair pair = make_memory_pair(timers, wire);
        client = std::move(pair.client);
        test::spawn(io, serve(std::move(pair.server)));
        test::spawn(io, collect(*client));
        test::VirtualTimers::poll(io);
    }

    void stop()
    {
        client.reset();
        timers.run_until_idle(io);
    }

    awaitable<void> serve(std::unique_ptr<Stream> stream)
    {
        co_await serve_smtp(*stream, mx, options, timers);
        ended = true;
    }

    awaitable<void> collect(Stream& stream)
    {
        std::array<char, 4096> space;
        const std::span<char> out(space);
        for (;;) {
            const auto got = co_await stream.read_some(out);
            if (!got)
                break;
            received.append(space.data(), *got);
        }
        closed = true;
    }

    /// What the server answers to `bytes` at once.
    std::string send(std::string bytes)
    {
        received.clear();
        test::spawn_then(io, client->write(std::move(bytes)), [](Result<>) {});
        test::VirtualTimers::poll(io);
        return received;
    }

    std::string wait(milliseconds time)
    {
        received.clear();
        timers.run_for(io, time);
        return received;
    }

    /// Up to an open transaction with one recipient.
    void begin_message()
    {
        send("EHLO c.test\r\n");
        ASSERT_THAT(send("MAIL FROM:<s@example.test>\r\nRCPT TO:<a@example.test>\r\n"), HasSubstr("250 2.1.5"));
        ASSERT_THAT(send("DATA\r\n"), StartsWith("354"));
    }

    test::ManualClock clock;
    asio::io_context io{1};
    test::VirtualTimers timers{clock};
    test::MemoryStreamOptions wire;
    test::FakeMx mx;
    SmtpServerOptions options;
    std::unique_ptr<Stream> client;
    std::string received;
    bool ended = false;   // serve_smtp has returned
    bool closed = false;  // the server has closed the connection
};

TEST_F(SmtpServerTest, TakesAMessageAndSaysGoodbye)
{
    start();
    EXPECT_EQ(received, "220 mx.example.test ESMTP\r\n");
    EXPECT_EQ(send("EHLO c.test\r\n"),
              "250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 26214400\r\n250-8BITMIME\r\n"
              "250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250 DSN\r\n");
    EXPECT_EQ(send("MAIL FROM:<s@example.test> SIZE=20\r\n"), "250 2.1.0 Ok\r\n");
    EXPECT_EQ(send("RCPT TO:<a@example.test>\r\n"), "250 2.1.5 Ok\r\n");
    EXPECT_EQ(send("DATA\r\n"), "354 go\r\n");
    EXPECT_EQ(send("Subject: x\r\n\r\n..dot\r\n.\r\n"), "250 2.0.0 Queued\r\n");
    EXPECT_EQ(send("QUIT\r\n"), "221 2.0.0 Bye\r\n");
    EXPECT_TRUE(ended && closed);
    ASSERT_EQ(mx.messages.size(), 1u);
    EXPECT_EQ(mx.messages[0].mail.reverse_path, "s@example.test");
    EXPECT_EQ(mx.messages[0].rcpts.at(0).recipient, "a@example.test");
    EXPECT_EQ(mx.messages[0].content, "Subject: x\r\n\r\n.dot\r\n");
}

TEST_F(SmtpServerTest, ReadsAByteAtATimeAndLowerCaseVerbs)
{
    wire.max_read = 1;
    start();
    EXPECT_THAT(send("ehlo c.test\r\n"), StartsWith("250-"));
    EXPECT_THAT(send("mail from: <s@example.test>\r\nrcpt to:<a@example.test>\r\n"), EndsWith("250 2.1.5 Ok\r\n"));
    EXPECT_THAT(send("data\r\n"), StartsWith("354"));
    EXPECT_EQ(send("x\r\n.\r\n"), "250 2.0.0 Queued\r\n");
    EXPECT_EQ(mx.messages.size(), 1u);
}

TEST_F(SmtpServerTest, SeveralTransactionsEachStartAfresh)
{
    start();
    begin_message();
    send("one\r\n.\r\n");
    EXPECT_THAT(send("RCPT TO:<b@example.test>\r\n"), StartsWith("503 5.5.1"));
    EXPECT_THAT(send("MAIL FROM:<>\r\n"), StartsWith("250"));
    EXPECT_THAT(send("MAIL FROM:<>\r\n"), StartsWith("503 5.5.1")) << "nested";
    EXPECT_THAT(send("RSET\r\n"), StartsWith("250"));
    EXPECT_THAT(send("DATA\r\n"), StartsWith("503"));
    EXPECT_THAT(send("MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\n"), EndsWith("250 2.1.5 Ok\r\n"));
    send("DATA\r\n");
    send("two\r\n.\r\n");
    ASSERT_EQ(mx.messages.size(), 2u);
    EXPECT_EQ(mx.messages[1].mail.reverse_path, "");
    EXPECT_EQ(mx.messages[1].rcpts.size(), 1u);
}

TEST_F(SmtpServerTest, CommandsOutOfOrderAreRefused)
{
    start();
    EXPECT_THAT(send("MAIL FROM:<s@example.test>\r\n"), StartsWith("503 5.5.1"));
    EXPECT_THAT(send("DATA\r\n"), StartsWith("503 5.5.1"));
    EXPECT_THAT(send("EHLO\r\n"), StartsWith("501 5.5.4"));
    EXPECT_THAT(send("EHLO a b\r\n"), StartsWith("501 5.5.4"));
    EXPECT_THAT(send("HELO c.test\r\n"), StartsWith("250 mx.example.test\r\n"));
    EXPECT_THAT(send("MAIL FROM:<s@example.test> SMTPUTF8\r\n"), StartsWith("555")) << "HELO offers nothing";
    EXPECT_THAT(send("MAIL FROM:<s@example.test>\r\n"), StartsWith("250"));
    EXPECT_THAT(send("DATA\r\n"), StartsWith("554 5.5.1")) << "no recipient";
    EXPECT_THAT(send("DATA now\r\n"), StartsWith("501"));
    EXPECT_THAT(send("BOGUS\r\n"), StartsWith("500 5.5.2"));
    EXPECT_THAT(send("VRFY a@example.test\r\n"), StartsWith("252"));
    EXPECT_THAT(send("EXPN list\r\n"), StartsWith("502"));
    EXPECT_THAT(send("NOOP x\r\n"), StartsWith("250"));
    EXPECT_THAT(send("HELP\r\n"), StartsWith("214"));
    EXPECT_FALSE(ended);
}

TEST_F(SmtpServerTest, TheHandlersRefusalsAreSentAsTheyAre)
{
    mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.starts_with("bad") ? SmtpReply::make(550, "5.1.1 No such user") : SmtpReply::make(250, "ok");
    };
    start();
    send("EHLO c.test\r\n");
    EXPECT_EQ(send("MAIL FROM:<>\r\nRCPT TO:<bad@example.test>\r\nRCPT TO:<good@example.test>\r\n"),
              "250 2.1.0 Ok\r\n550 5.1.1 No such user\r\n250 ok\r\n");
    send("DATA\r\n");
    mx.message_reply = SmtpReply::make(554, "5.7.1 Spam");
    EXPECT_EQ(send("x\r\n.\r\n"), "554 5.7.1 Spam\r\n");
    EXPECT_TRUE(mx.messages.empty());
    mx.mail_reply = SmtpReply::make(451, "4.3.0 Later");
    EXPECT_EQ(send("MAIL FROM:<>\r\n"), "451 4.3.0 Later\r\n");
    EXPECT_THAT(send("RCPT TO:<good@example.test>\r\n"), StartsWith("503"));
    mx.mail_reply = SmtpReply::make(421, "4.3.2 Shutting down");
    EXPECT_EQ(send("MAIL FROM:<>\r\n"), "421 4.3.2 Shutting down\r\n");
    wait(milliseconds{2'000});
    EXPECT_TRUE(ended && closed);
}

TEST_F(SmtpServerTest, ARefusedConnectionIsAnsweredUntilQuit)
{
    mx.greeting = SmtpReply::make(554, "5.7.1 You are listed");
    start();
    EXPECT_EQ(received, "554 5.7.1 You are listed\r\n");
    EXPECT_THAT(send("EHLO c.test\r\n"), StartsWith("503"));
    EXPECT_THAT(send("QUIT\r\n"), StartsWith("221"));
    EXPECT_TRUE(closed);
}

TEST_F(SmtpServerTest, AGreetingWithoutTextIsFilledIn)
{
    mx.greeting = SmtpReply::make(220, "");
    options.hostname = "in.example.test";
    start();
    EXPECT_EQ(received, "220 in.example.test ESMTP\r\n");
}

TEST_F(SmtpServerTest, AnExceptionOfTheHandlerEndsTheSessionNotTheServer)
{
    start();
    send("EHLO c.test\r\n");
    mx.on_each_call = [] { throw std::runtime_error("a bug"); };
    EXPECT_EQ(send("MAIL FROM:<>\r\n"), "421 4.3.0 Internal error\r\n");
    EXPECT_TRUE(ended && closed);
}

// ---- limits ----

TEST_F(SmtpServerTest, TooManyErrorsEndTheSessionButRefusedRecipientsAreNone)
{
    options.max_errors = 3;
    mx.rcpt_reply = [](const std::string&) { return SmtpReply::make(550, "5.1.1 no"); };
    start();
    send("EHLO c.test\r\n");
    send("MAIL FROM:<>\r\n");
    for (int i = 0; i < 20; ++i)
        ASSERT_THAT(send("RCPT TO:<a@example.test>\r\n"), StartsWith("550"));
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(send("BOGUS\r\n"), StartsWith("500"));
    EXPECT_THAT(send("BOGUS\r\n"), StartsWith("421 4.7.0"));
}

TEST_F(SmtpServerTest, TooManyCommandsEndTheSession)
{
    options.max_commands = 5;
    start();
    for (int i = 0; i < 5; ++i)
        EXPECT_THAT(send("NOOP\r\n"), StartsWith("250"));
    EXPECT_THAT(send("NOOP\r\n"), StartsWith("421 4.7.0"));
}

TEST_F(SmtpServerTest, ALongLineIsRefusedOnceAndTheSessionGoesOn)
{
    start();
    send("EHLO c.test\r\n");
    EXPECT_EQ(send(std::string(60'000, 'x')), "");
    EXPECT_EQ(send("\r\n"), "500 5.5.2 Line too long\r\n");
    EXPECT_THAT(send("NOOP\r\n"), StartsWith("250"));
    EXPECT_THAT(send(std::string("NOOP \0x\r\n", 9)), StartsWith("500 5.5.2"));
    EXPECT_THAT(send("NOOP a\rb\r\n"), StartsWith("500 5.5.2"));
}

TEST_F(SmtpServerTest, ADeclaredOrActualSizeAboveTheLimitIsRefused)
{
    options.max_message_size = 1000;
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("MAIL FROM:<> SIZE=1001\r\n"), StartsWith("552 5.3.4"));
    begin_message();
    EXPECT_THAT(send(std::string(1500, 'x') + "\r\n.\r\n"), StartsWith("552 5.3.4"));
    EXPECT_TRUE(mx.messages.empty());
    begin_message();
    EXPECT_THAT(send(std::string(998, 'x') + "\r\n.\r\n"), StartsWith("250"));
    begin_message();
    EXPECT_THAT(send(std::string(3000, 'x')), StartsWith("552 5.3.4")) << "one that does not end";
    wait(milliseconds{2'000});
    EXPECT_TRUE(ended && closed);
}

TEST_F(SmtpServerTest, AMessageThatTheMemoryOfAllSessionsCannotHoldIsForLater)
{
    const auto memory = std::make_shared<MemoryBudget>(100'000);
    options.message_memory = memory;
    start();
    begin_message();
    EXPECT_THAT(send(std::string(300'000, 'x') + "\r\n.\r\n"), StartsWith("452 4.3.1"));
    EXPECT_TRUE(mx.messages.empty());
    EXPECT_EQ(memory->used(), 0u);
    begin_message();
    EXPECT_THAT(send(std::string(5'000, 'x') + "\r\n.\r\n"), StartsWith("250")) << "the session goes on";
    EXPECT_EQ(memory->used(), 0u) << "given back with the reply";
}

TEST_F(SmtpServerTest, WhatIsOnItsWayCountsAndABrokenConnectionGivesItBack)
{
    const auto memory = std::make_shared<MemoryBudget>(100'000);
    options.message_memory = memory;
    start();
    begin_message();
    send(std::string(30'000, 'x'));
    EXPECT_GE(memory->used(), 30'000u);
    stop();
    EXPECT_EQ(memory->used(), 0u);
}

TEST_F(SmtpServerTest, WithoutMemoryNoMessageIsBegun)
{
    const auto memory = std::make_shared<MemoryBudget>(100'000);
    options.message_memory = memory;
    MemoryBudget::Share others(memory.get());
    ASSERT_TRUE(others.resize(90'000));
    start();
    send("EHLO c.test\r\n");
    send("MAIL FROM:<s@example.test>\r\nRCPT TO:<a@example.test>\r\n");
    EXPECT_THAT(send("DATA\r\n"), StartsWith("452 4.3.1"));
    ASSERT_TRUE(others.resize(0));
    begin_message();
    EXPECT_THAT(send("hello\r\n.\r\n"), StartsWith("250"));
}

TEST_F(SmtpServerTest, AClientThatGoesOnWithoutMemoryIsHungUpOn)
{
    options.message_memory = std::make_shared<MemoryBudget>(100'000);
    options.max_message_size = 1'000'000;
    start();
    begin_message();
    EXPECT_THAT(send(std::string(1'200'000, 'x')), StartsWith("421 4.3.1"));
    wait(milliseconds{2'000});
    EXPECT_TRUE(ended && closed);
}

TEST_F(SmtpServerTest, RecipientsBeyondTheLimitAreForTheNextTransaction)
{
    options.max_recipients = 2;
    start();
    send("EHLO c.test\r\n");
    send("MAIL FROM:<>\r\n");
    EXPECT_THAT(send("RCPT TO:<a@example.test>\r\n"), StartsWith("250"));
    EXPECT_THAT(send("RCPT TO:<b@example.test>\r\n"), StartsWith("250"));
    EXPECT_EQ(send("RCPT TO:<c@example.test>\r\n"), "452 4.5.3 Too many recipients\r\n");
    send("DATA\r\n");
    EXPECT_THAT(send("x\r\n.\r\n"), StartsWith("250"));
}

TEST_F(SmtpServerTest, ASilentClientAndOneThatDripsAreDroppedAtTheDeadline)
{
    start();
    send("EHLO c.test\r\n");
    wait(options.command_timeout - milliseconds{1});
    EXPECT_FALSE(ended);
    wait(milliseconds{2});
    EXPECT_TRUE(ended && closed);

    start();
    send("EHLO c.test\r\n");
    for (int i = 0; i < 10; ++i) {
        send("N");
        wait(options.command_timeout / 9);
    }
    EXPECT_TRUE(ended) << "the deadline is that of the line, not of an octet";
}

TEST_F(SmtpServerTest, WhoDoesNotSayHelloIsDroppedEarlier)
{
    start();
    wait(options.hello_timeout - milliseconds{1});
    EXPECT_FALSE(ended);
    wait(milliseconds{2});
    EXPECT_TRUE(ended && closed);

    start();
    send("NOOP\r\n");
    wait(options.hello_timeout + milliseconds{1});
    EXPECT_TRUE(ended) << "NOOP is no hello";
}

TEST_F(SmtpServerTest, AMessageThatDripsIsDropped)
{
    start();
    begin_message();
    for (int i = 0; i < 10 && !ended; ++i) {
        send("x");
        wait(options.data_timeout / 9);
    }
    EXPECT_TRUE(ended);
    EXPECT_EQ(mx.calls.back(), "reset");
}

TEST_F(SmtpServerTest, AConnectionThatBreaksInAMessageDeliversNothing)
{
    start();
    begin_message();
    send("half of it\r\n");
    client->close();
    test::VirtualTimers::poll(io);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(mx.messages.empty());
    EXPECT_EQ(mx.calls.back(), "reset");
}

TEST_F(SmtpServerTest, EveryReplyWaitsForTheConfiguredDelay)
{
    options.reply_delay = milliseconds{100};
    start();
    EXPECT_EQ(received, "");
    wait(milliseconds{100});
    EXPECT_THAT(received, StartsWith("220"));
    EXPECT_EQ(send("NOOP\r\n"), "");
    EXPECT_THAT(wait(milliseconds{100}), StartsWith("250"));
}

// ---- what the protocol's attackers do ----

TEST_F(SmtpServerTest, CommandsSentBeforeTheirTurnEndTheSession)
{
    for (const char* early : {"EHLO c.test\r\nMAIL FROM:<>\r\n", "HELO c.test\r\nNOOP\r\n", "NOOP\r\nNOOP\r\n"}) {
        start();
        EXPECT_THAT(send(early), testing::StartsWith("554 5.5.0")) << early;
        stop();
        EXPECT_TRUE(ended);
    }
    start();
    send("EHLO c.test\r\n");
    EXPECT_EQ(send("MAIL FROM:<>\r\nRCPT TO:<a@example.test>\r\nDATA\r\nSubject: x\r\n.\r\n"),
              "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n554 5.5.0 Commands were sent before their turn\r\n");
    EXPECT_TRUE(mx.messages.empty());
}

TEST_F(SmtpServerTest, PipeliningIsRefusedWhereItIsNotOffered)
{
    options.pipelining = false;
    start();
    EXPECT_THAT(send("EHLO c.test\r\n"), testing::Not(HasSubstr("PIPELINING")));
    EXPECT_THAT(send("MAIL FROM:<>\r\nRCPT TO:<a@example.test>\r\n"), StartsWith("554 5.5.0"));
}

TEST_F(SmtpServerTest, ASecondTransactionBehindTheFirstOnesEndIsNotRead)
{
    start();
    begin_message();
    EXPECT_EQ(send("x\r\n.\r\nMAIL FROM:<evil@example.test>\r\n"),
              "250 2.0.0 Queued\r\n421 4.5.0 Commands were sent before their turn\r\n");
    EXPECT_EQ(mx.messages.size(), 1u);
    EXPECT_THAT(mx.calls, testing::Not(testing::Contains("mail evil@example.test")));
}

TEST_F(SmtpServerTest, QuitBehindTheMessageIsTaken)
{
    start();
    begin_message();
    EXPECT_EQ(send("x\r\n.\r\nQUIT\r\n"), "250 2.0.0 Queued\r\n221 2.0.0 Bye\r\n");
    EXPECT_TRUE(ended);
}

TEST_F(SmtpServerTest, AFakeEndOfDataIsTextOrARefusal)
{
    for (const auto policy : {BareNewline::normalise, BareNewline::reject}) {
        for (const std::string& fake :
             {std::string("\n.\n"), std::string("\n.\r\n"), std::string("\r.\r\n"), std::string("\r\n\0.\r\n", 6)}) {
            options.bare_newline = policy;
            mx.messages.clear();
            start();
            begin_message();
            const std::string reply = send("x" + fake + "MAIL FROM:<evil@example.test>\r\n.\r\n");
            if (policy == BareNewline::reject) {
                EXPECT_THAT(reply, StartsWith("550 5.6.0"));
                EXPECT_TRUE(mx.messages.empty());
            } else {
                EXPECT_THAT(reply, StartsWith("250"));
                ASSERT_EQ(mx.messages.size(), 1u);
                EXPECT_THAT(mx.messages[0].content, HasSubstr("MAIL FROM:<evil@example.test>"));
            }
            EXPECT_THAT(mx.calls, testing::Not(testing::Contains("mail evil@example.test")));
        }
    }
}

TEST_F(SmtpServerTest, ABareLineFeedEndsACommandOnlyWhereItIsNormalised)
{
    start();
    EXPECT_THAT(send("NOOP\n"), StartsWith("250"));
    options.bare_newline = BareNewline::reject;
    start();
    EXPECT_THAT(send("NOOP\n"), StartsWith("500 5.5.2"));
}

TEST_F(SmtpServerTest, BrowsersAndBinaryGetNoAnswer)
{
    for (const std::string& first :
         {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("POST / HTTP/1.1\r\n"),
          std::string("CONNECT x:25 HTTP/1.1\r\n"), std::string("SSH-2.0-x\r\n"),
          std::string("\x16\x03\x01\x02\x00", 5), std::string("\0\0", 2)}) {
        start();
        EXPECT_EQ(send(first), "");
        EXPECT_TRUE(ended && closed);
    }
}

class SmtpDrainTest : public SmtpServerTest {
protected:
    SmtpDrainTest() { options.drain = drain; }

    /// What the client hears when the server begins to end.
    std::string begin_drain()
    {
        received.clear();
        drain->begin();
        test::VirtualTimers::poll(io);
        return received;
    }

    /// The client takes the hint; a server that lingers for it is done then.
    void expect_over()
    {
        client->close();
        test::VirtualTimers::poll(io);
        EXPECT_TRUE(ended);
    }

    auto mails() const
    {
        return std::count_if(mx.calls.begin(), mx.calls.end(),
                             [](const std::string& call) { return call.starts_with("mail "); });
    }

    static constexpr auto farewell = "421 4.3.2 The server is shutting down, try again later\r\n";
    std::shared_ptr<SmtpDrain> drain = std::make_shared<SmtpDrain>();
};

TEST_F(SmtpDrainTest, AnIdleSessionHearsAtOnceThatTheServerEnds)
{
    for (const std::string said : {"", "EHLO c.test\r\n", "MAIL FR"}) {
        start();
        send(said);
        EXPECT_EQ(begin_drain(), farewell) << said;
        expect_over();
        EXPECT_EQ(mails(), 0);
        options.drain = drain = std::make_shared<SmtpDrain>();
    }
}

TEST_F(SmtpDrainTest, ATransactionIsFinishedAndTheNextOneIsRefused)
{
    start();
    begin_message();
    send("half of ");
    EXPECT_EQ(begin_drain(), "");
    EXPECT_EQ(send("it\r\n.\r\n"), std::string("250 2.0.0 Queued\r\n") + farewell);
    expect_over();
    ASSERT_EQ(mx.messages.size(), 1u);
    EXPECT_EQ(mx.messages[0].content, "half of it\r\n");
}

TEST_F(SmtpDrainTest, ATransactionThatIsOnlyBegunGoesOnToo)
{
    start();
    send("EHLO c.test\r\n");
    send("MAIL FROM:<s@example.test>\r\n");
    EXPECT_EQ(begin_drain(), "");
    EXPECT_EQ(send("RCPT TO:<a@example.test>\r\n"), "250 2.1.5 Ok\r\n");
    EXPECT_EQ(send("DATA\r\n"), "354 go\r\n");
    EXPECT_EQ(send("x\r\n.\r\nQUIT\r\n"), "250 2.0.0 Queued\r\n221 2.0.0 Bye\r\n") << "who leaves is not sent away";
    EXPECT_TRUE(ended);
    EXPECT_EQ(mx.messages.size(), 1u);
}

TEST_F(SmtpDrainTest, AnAbandonedTransactionIsTheEndOfTheSession)
{
    start();
    begin_message();
    send("x\r\n.\r\n");
    send("MAIL FROM:<s@example.test>\r\n");
    EXPECT_EQ(begin_drain(), "");
    // Pipelined: what stands behind the end of the transaction gets the refusal, and is not carried out.
    EXPECT_EQ(send("RSET\r\nMAIL FROM:<s@example.test>\r\n"), std::string("250 2.0.0 Ok\r\n") + farewell);
    expect_over();
    EXPECT_EQ(mails(), 2);
}

TEST_F(SmtpDrainTest, WhoComesLateIsGreetedWithIt)
{
    drain->begin();
    start();
    EXPECT_EQ(received, farewell);
    expect_over();
}

TEST_F(SmtpDrainTest, ALoginUnderWayIsNoTransaction)
{
    options.auth = true;
    options.auth_requires_tls = false;
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("AUTH LOGIN\r\n"), StartsWith("334 "));
    EXPECT_EQ(begin_drain(), farewell);
    expect_over();
}

TEST_F(SmtpDrainTest, AClientThatDoesNotListenHoldsTheSessionForTheLingerOnly)
{
    start();
    EXPECT_EQ(begin_drain(), farewell);
    EXPECT_FALSE(ended);
    wait(milliseconds{1'000});
    EXPECT_TRUE(ended && closed);
}

TEST_F(SmtpServerTest, ABdatEndsTheSessionBecauseItsOctetsWouldBeReadAsCommands)
{
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("BDAT 20 LAST\r\n"), StartsWith("502 5.5.1"));
    EXPECT_EQ(send("MAIL FROM:<>\r\n"), "");
}

// ---- STARTTLS and AUTH ----

TEST_F(SmtpServerTest, StarttlsIsOfferedAndKeptInOrder)
{
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("STARTTLS\r\n"), StartsWith("502")) << "no certificate";
    options.tls = TlsServerContext::self_signed("mx.example.test", clock.now()).value();
    start();
    EXPECT_THAT(send("EHLO c.test\r\n"), HasSubstr("STARTTLS"));
    EXPECT_THAT(send("STARTTLS now\r\n"), StartsWith("501"));
    send("MAIL FROM:<>\r\n");
    EXPECT_THAT(send("STARTTLS\r\n"), StartsWith("503"));
}

class SmtpAuthTest : public SmtpServerTest {
protected:
    SmtpAuthTest()
    {
        options.auth = true;
        options.auth_requires_tls = false;
        options.require_auth = true;
    }
    static std::string b64(std::string_view text) { return crypto::base64(text); }
    static std::string plain(const std::string& user, const std::string& password, const std::string& as = "")
    {
        return b64(as + '\0' + user + '\0' + password);
    }
};

TEST_F(SmtpAuthTest, MailNeedsAuthentication)
{
    start();
    EXPECT_THAT(send("EHLO c.test\r\n"), HasSubstr("AUTH PLAIN LOGIN"));
    EXPECT_EQ(send("MAIL FROM:<s@example.test>\r\n"), "530 5.7.0 Authentication required\r\n");
    EXPECT_THAT(send("AUTH PLAIN " + plain("user@example.test", "secret") + "\r\n"), StartsWith("235"));
    EXPECT_THAT(send("MAIL FROM:<s@example.test>\r\n"), StartsWith("250"));
    EXPECT_THAT(mx.calls, testing::Contains("auth user@example.test"));
}

TEST_F(SmtpAuthTest, EveryFormOfPlainAndLoginWorks)
{
    const std::vector<std::vector<std::string>> forms{
        {"AUTH PLAIN " + plain("u", "secret")},    {"auth plain " + plain("u", "secret", "u")},
        {"AUTH PLAIN", plain("u", "secret")},      {"AUTH LOGIN", b64("u"), b64("secret")},
        {"AUTH LOGIN " + b64("u"), b64("secret")},
    };
    for (const auto& lines : forms) {
        start();
        send("EHLO c.test\r\n");
        std::string reply;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            reply = send(lines[i] + "\r\n");
            if (i + 1 < lines.size()) {
                EXPECT_THAT(reply, StartsWith("334 ")) << lines[0];
            }
        }
        EXPECT_THAT(reply, StartsWith("235")) << lines[0];
        EXPECT_EQ(mx.calls.back(), "auth u");
    }
}

TEST_F(SmtpAuthTest, UnicodeUsersArriveDecoded)
{
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("AUTH PLAIN " + plain("j\xC3\xB6rg@example.test", "secret") + "\r\n"), StartsWith("235"));
    EXPECT_EQ(mx.calls.back(), "auth j\xC3\xB6rg@example.test");
}

TEST_F(SmtpAuthTest, MalformedExchangesNeverReachTheHandler)
{
    options.max_errors = 100;
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("AUTH\r\n"), StartsWith("504 5.5.4"));
    EXPECT_THAT(send("AUTH CRAM-MD5\r\n"), StartsWith("504 5.5.4"));
    EXPECT_THAT(send("AUTH PLAIN ***\r\n"), StartsWith("501 5.5.2"));
    EXPECT_THAT(send("AUTH PLAIN =\r\n"), StartsWith("501 5.5.2"));
    EXPECT_THAT(send("AUTH PLAIN " + b64("no separators") + "\r\n"), StartsWith("501 5.5.2"));
    EXPECT_THAT(send("AUTH PLAIN " + plain("u", "secret", "somebody else") + "\r\n"), StartsWith("501 5.5.2"));
    EXPECT_THAT(send("AUTH PLAIN " + plain("", "secret") + "\r\n"), StartsWith("501 5.5.2"));
    EXPECT_THAT(send("AUTH PLAIN " + plain("u\r\nx", "secret") + "\r\n"), StartsWith("501 5.5.2"));
    EXPECT_EQ(send("AUTH PLAIN\r\n"), "334 \r\n");
    EXPECT_THAT(send("*\r\n"), StartsWith("501 5.7.0"));
    EXPECT_EQ(send("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
    EXPECT_THAT(send("not base64!\r\n"), StartsWith("501 5.5.2"));
    for (const std::string& call : mx.calls)
        EXPECT_THAT(call, testing::Not(StartsWith("auth")));
    EXPECT_THAT(send("AUTH PLAIN " + plain("u", "secret") + "\r\n"), StartsWith("235"));
    EXPECT_THAT(send("AUTH PLAIN " + plain("u", "secret") + "\r\n"), StartsWith("503")) << "twice";
}

TEST_F(SmtpAuthTest, AWrongPasswordCostsTimeAndTheThirdTheSession)
{
    start();
    send("EHLO c.test\r\n");
    for (const char* code : {"535", "535", "421"}) {
        EXPECT_EQ(send("AUTH PLAIN " + plain("u", "wrong") + "\r\n"), "");
        EXPECT_THAT(wait(milliseconds{2'000}), StartsWith(code));
    }
    wait(milliseconds{2'000});
    EXPECT_TRUE(ended && closed);
}

TEST_F(SmtpAuthTest, WithoutTlsItIsNeitherOfferedNorTaken)
{
    options.auth_requires_tls = true;
    start();
    EXPECT_THAT(send("EHLO c.test\r\n"), testing::Not(HasSubstr("AUTH")));
    EXPECT_THAT(send("AUTH PLAIN " + plain("u", "secret") + "\r\n"), StartsWith("538 5.7.11"));
    EXPECT_THAT(mx.calls, testing::Not(testing::Contains("auth u")));
}

TEST_F(SmtpAuthTest, IsRefusedWhereItIsNotConfigured)
{
    options.auth = options.require_auth = false;
    start();
    send("EHLO c.test\r\n");
    EXPECT_THAT(send("AUTH PLAIN " + plain("u", "secret") + "\r\n"), StartsWith("502 5.5.1"));
}

}  // namespace
}  // namespace winnow::net
