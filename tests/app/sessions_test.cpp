#include "app/sessions.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/virtual_timers.hpp"

namespace {

using boost::asio::awaitable;
using winnow::app::Sessions;
namespace net = winnow::net;

awaitable<void> throwing(Sessions& sessions, std::unique_ptr<net::Stream> stream)
{
    const auto open = sessions.enter(*stream);
    throw std::runtime_error("broken");
    co_return;
}

awaitable<void> reading(Sessions& sessions, std::unique_ptr<net::Stream> stream)
{
    const auto open = sessions.enter(*stream);
    std::array<char, 1> octet{};
    (void)co_await stream->read_some(octet);
}

class SessionsTest : public testing::Test {
protected:
    void start(awaitable<void> session)
    {
        boost::asio::co_spawn(io, std::move(session), [this](std::exception_ptr failed) {
            ended = true;
            threw = failed != nullptr;
        });
        io.poll();
        io.restart();
    }

    /// Destroys the coroutine that waits, without resuming it.
    void abandon()
    {
        timers.abandon();
        io.poll();
    }

    boost::asio::io_context io;
    winnow::test::ManualClock clock;
    winnow::test::VirtualTimers timers{clock};
    winnow::test::MemoryPair pair = winnow::test::make_memory_pair(timers);
    bool ended = false, threw = false;
};

TEST_F(SessionsTest, ASessionThatThrowsIsForgotten)
{
    Sessions sessions;
    start(throwing(sessions, std::move(pair.server)));
    EXPECT_TRUE(threw);
    EXPECT_TRUE(sessions.empty());
}

TEST_F(SessionsTest, CloseAllEndsASessionThatWaits)
{
    Sessions sessions;
    start(reading(sessions, std::move(pair.server)));
    ASSERT_EQ(sessions.size(), 1u);
    EXPECT_FALSE(ended);
    sessions.close_all();
    io.poll();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(sessions.empty());
}

TEST_F(SessionsTest, ASessionWhoseCoroutineIsDestroyedIsForgotten)
{
    Sessions sessions;
    start(reading(sessions, std::move(pair.server)));
    ASSERT_EQ(sessions.size(), 1u);
    abandon();
    EXPECT_FALSE(ended);
    EXPECT_TRUE(sessions.empty());
}

TEST_F(SessionsTest, ACoroutineMayBeDestroyedAfterTheSessions)
{
    std::optional<Sessions> sessions{std::in_place};
    start(reading(*sessions, std::move(pair.server)));
    sessions.reset();
    abandon();
    EXPECT_FALSE(ended);
}

TEST_F(SessionsTest, TheRoomOfOneListenerAndOfOneSourceEnds)
{
    Sessions sessions({3, 2});
    const auto from = [this](const char* ip) {
        winnow::test::MemoryStreamOptions wire;
        wire.client = {ip, 40'000};
        return winnow::test::make_memory_pair(timers, wire).server;
    };
    const net::Endpoint one{"2001:db8:0:1::1", 9}, neighbour{"2001:db8:0:1:ffff::2", 9}, other{"192.0.2.9", 9};
    const auto first = from("2001:db8:0:1::1");
    const auto second = from("2001:db8:0:1::2");
    const auto third = from("192.0.2.9");
    EXPECT_FALSE(sessions.full_of(one));
    std::optional<Sessions::Entry> a{sessions.enter(*first)}, b{sessions.enter(*second)};
    EXPECT_TRUE(sessions.full_of(one));
    EXPECT_TRUE(sessions.full_of(neighbour)) << "one network of one customer";
    EXPECT_FALSE(sessions.full_of(other));
    EXPECT_FALSE(sessions.full());
    std::optional<Sessions::Entry> c{sessions.enter(*third)};
    EXPECT_TRUE(sessions.full());
    EXPECT_FALSE(sessions.full_of(other));

    const Sessions::Entry moved{std::move(*a)};
    a.reset();
    EXPECT_EQ(sessions.size(), 3u) << "an entry that was moved counts once";
    b.reset();
    EXPECT_FALSE(sessions.full_of(one));
    EXPECT_FALSE(sessions.full());
}

}  // namespace
