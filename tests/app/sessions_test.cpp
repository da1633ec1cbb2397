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

}  // namespace
