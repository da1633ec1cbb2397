// Both ends of SMTP against peers that send anything: the session ends, and nothing is taken for what it is not.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <boost/asio/io_context.hpp>

#include "net/smtp_client.hpp"
#include "net/smtp_reply_parser.hpp"
#include "tests/support/fake_mx.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::net {
namespace {

namespace asio = boost::asio;

/// Pieces of conversation, true and false ones, with noise between.
std::vector<std::string> any_pieces(const std::vector<std::string>& phrases)
{
    const auto phrase = rc::gen::elementOf(phrases);
    const auto noise = rc::gen::map(rc::gen::container<std::string>(rc::gen::arbitrary<char>()),
                                    [](std::string s) { return s.substr(0, 50); });
    return *rc::gen::container<std::vector<std::string>>(
        rc::gen::weightedOneOf<std::string>({{8, phrase}, {1, noise}}));
}

/// Sends each piece in a write of its own, now and then letting the other side answer first.
awaitable<void> send_pieces(Stream& stream, std::vector<std::string> pieces, TimerSource& timers)
{
    stream.expires_after(std::chrono::hours{24});
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (i % 4 != 3)
            co_await sleep_for(timers, milliseconds{10});
        const auto sent = co_await stream.write(std::move(pieces[i]));
        if (!sent)
            co_return;
    }
    co_await sleep_for(timers, milliseconds{10});
}

awaitable<std::string> read_to_the_end(Stream& stream)
{
    std::string all;
    std::array<char, 4096> space;
    const std::span<char> out(space);
    for (;;) {
        const auto got = co_await stream.read_some(out);
        if (!got)
            co_return all;
        all.append(space.data(), *got);
    }
}

std::size_t count(std::string_view text, std::string_view what)
{
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
        ++found;
    return found;
}

TEST(HostileClient, GetsWellFormedRepliesAndDeliversOnlyWhatItEnded)
{
    const std::vector<std::string> phrases{
        "EHLO c.test\r\n",
        "HELO c.test\r\n",
        "MAIL FROM:<s@example.test>\r\n",
        "RCPT TO:<a@example.test>\r\n",
        "DATA\r\n",
        "text\r\n",
        ".\r\n",
        "\n.\n",
        "\r.\r\n",
        "RSET\r\n",
        "NOOP\r\n",
        "AUTH PLAIN\r\n",
        "AUTH LOGIN dQ==\r\n",
        "c2VjcmV0\r\n",
        "*\r\n",
        "STARTTLS\r\n",
        "VRFY a\r\n",
        "MAIL FROM:<",
        "\r\n",
        "bogus\r\n",
    };
    int delivered = 0;
    const bool ok = rc::check([&] {
        std::vector<std::string> pieces = any_pieces(phrases);
        // A good start, so that most runs get somewhere.
        const std::vector<std::string> good{phrases[0], phrases[2], phrases[3], phrases[4], phrases[5], phrases[6]};
        pieces.insert(pieces.begin(), good.begin(), good.begin() + *rc::gen::inRange(0, 7));
        std::string sent;
        for (const std::string& piece : pieces)
            sent += piece;

        test::ManualClock clock;
        asio::io_context io{1};
        test::VirtualTimers timers(clock);
        test::FakeMx mx;
        SmtpServerOptions options;
        options.auth = true;
        options.auth_requires_tls = false;
        test::MemoryPair pair = make_memory_pair(timers);
        bool ended = false;
        std::string received;
        test::spawn(io, serve_smtp(*pair.server, mx, options, timers), [&](std::exception_ptr failure) {
            RC_ASSERT(!failure);
            ended = true;
        });
        test::spawn_then(io, read_to_the_end(*pair.client), [&](std::string all) { received = std::move(all); });
        test::spawn(io, send_pieces(*pair.client, pieces, timers), [&](std::exception_ptr) { pair.client->close(); });
        timers.run_until_idle(io);

        RC_ASSERT(ended);
        RC_ASSERT(mx.messages.size() <= count(sent, "\n.\r\n"));
        delivered += static_cast<int>(mx.messages.size());
        SmtpReplyParser parser;
        parser.feed(received);
        for (auto reply = parser.next(); reply && *reply; reply = parser.next()) {}
        RC_ASSERT(parser.next().has_value());
        RC_ASSERT(parser.idle());
    });
    EXPECT_TRUE(ok);
    EXPECT_GT(delivered, 0) << "no run got as far as a message";
}

awaitable<Result<SmtpTransaction>> converse(SmtpClient& smtp)
{
    WINNOW_CO_TRY(SmtpReply greeting, co_await smtp.greeting());
    WINNOW_CO_TRY(SmtpReply hello, co_await smtp.ehlo("c.test"));
    MailParams params;
    std::vector<std::string> recipients{"a@example.test", "b@example.test"};
    co_return co_await smtp.transaction("s@example.test", std::move(params), std::move(recipients), "x\n");
}

TEST(HostileServer, NeverGetsADeliveryOutOfAnythingButAReplyToTheDot)
{
    const std::vector<std::string> phrases{
        "220 mx.example.test\r\n",
        "250-mx.example.test\r\n250-PIPELINING\r\n250 SIZE\r\n",
        "250 ok\r\n",
        "550 5.1.1 no\r\n",
        "354 go\r\n",
        "421 4.3.2 bye\r\n",
        "250-more\r\n",
        "250",
        "\r\n",
        "\n",
        "999 x\r\n",
        "503 what\r\n",
    };
    int answered = 0;
    const bool ok = rc::check([&] {
        std::vector<std::string> pieces = any_pieces(phrases);
        const std::vector<std::string> good{phrases[0], phrases[1], phrases[2], phrases[2],
                                            phrases[3], phrases[4], phrases[2]};
        pieces.insert(pieces.begin(), good.begin(), good.begin() + *rc::gen::inRange<int>(0, 8));

        test::ManualClock clock;
        asio::io_context io{1};
        test::VirtualTimers timers(clock);
        test::MemoryStreamOptions wire;
        wire.max_read = static_cast<std::size_t>(*rc::gen::element(1, 3, 1000));
        test::MemoryPair pair = make_memory_pair(timers, wire);
        SmtpClient smtp(*pair.client);
        std::optional<Result<SmtpTransaction>> outcome;
        test::spawn_then(io, converse(smtp), [&](Result<SmtpTransaction> result) { outcome = std::move(result); });
        test::spawn(io, send_pieces(*pair.server, pieces, timers), [&](std::exception_ptr) { pair.server->close(); });
        timers.run_until_idle(io);

        RC_ASSERT(outcome.has_value());
        if (!*outcome)
            return;
        ++answered;
        const SmtpTransaction& got = **outcome;
        RC_ASSERT(got.rcpts.size() == 2u);
        if (got.end_of_data.code != 0) {
            RC_ASSERT(got.mail.positive());
            RC_ASSERT(got.data.code >= 300 && got.data.code < 400);
            RC_ASSERT(got.rcpts[0].positive() || got.rcpts[1].positive());
        }
        if (!got.mail.positive())
            RC_ASSERT(got.rcpts[0].code == 0 && got.rcpts[1].code == 0);
    });
    EXPECT_TRUE(ok);
    EXPECT_GT(answered, 0) << "no run got an answer";
}

}  // namespace
}  // namespace winnow::net
