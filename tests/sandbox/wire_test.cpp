#include "sandbox/wire.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_coro.hpp"
#include "tests/support/virtual_timers.hpp"

namespace winnow::sandbox {
namespace {

/// Keeps what is written, write by write.
class Recorder final : public net::Stream {
public:
    void expires_after(milliseconds) override {}
    net::awaitable<Result<std::size_t>> read_some(std::span<char>) override { co_return Error{Errc::cancelled}; }
    net::awaitable<Result<>> write(std::string data) override
    {
        writes.push_back(std::move(data));
        co_return Result<>{};
    }
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions) override { co_return Result<>{}; }
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext>) override
    {
        ++handshakes;
        co_return Result<>{};
    }
    bool encrypted() const noexcept override { return false; }
    net::TlsInfo tls_info() const override { return {}; }
    net::Endpoint peer() const override { return {"192.0.2.1", 1}; }
    net::Endpoint local() const override { return {"192.0.2.2", 25}; }
    void close() override { closed = true; }

    std::vector<std::string> writes;
    int handshakes = 0;
    bool closed = false;
};

class WireTest : public testing::Test {
protected:
    test::ManualClock clock;
    test::VirtualTimers timers{clock};
    Recorder below;
    Wire wire{below, timers};
};

TEST_F(WireTest, PassesThroughWhatNothingWasDoneTo)
{
    EXPECT_TRUE(test::run(timers, wire.write("250 Ok\r\n")));
    EXPECT_TRUE(test::run(timers, wire.start_tls_server(nullptr)));
    EXPECT_EQ(below.writes, (std::vector<std::string>{"250 Ok\r\n"}));
    EXPECT_EQ(below.handshakes, 1);
    EXPECT_EQ(wire.local().ip, "192.0.2.2");
}

TEST_F(WireTest, ReplacesOneWriteAndNoOther)
{
    wire.replace_next("550\r\n");
    EXPECT_TRUE(test::run(timers, wire.write("250 Ok\r\n")));
    EXPECT_TRUE(test::run(timers, wire.write("221 Bye\r\n")));
    EXPECT_EQ(below.writes, (std::vector<std::string>{"550\r\n", "221 Bye\r\n"}));
}

TEST_F(WireTest, SwallowsAReplyThatIsReplacedByNothing)
{
    wire.replace_next("");
    EXPECT_TRUE(test::run(timers, wire.write("250 Ok\r\n")));
    EXPECT_TRUE(below.writes.empty());
}

TEST_F(WireTest, SendsOctetByOctetSoFarApart)
{
    const auto before = clock.steady();
    wire.drip(milliseconds{50});
    EXPECT_TRUE(test::run(timers, wire.write("250\r\n")));
    EXPECT_EQ(below.writes, (std::vector<std::string>{"2", "5", "0", "\r", "\n"}));
    EXPECT_EQ(clock.steady() - before, milliseconds{250});
}

TEST_F(WireTest, HandshakesWithWordsWhenTlsIsBroken)
{
    wire.break_tls();
    EXPECT_FALSE(test::run(timers, wire.start_tls_server(nullptr)));
    EXPECT_EQ(below.handshakes, 0);
    EXPECT_EQ(below.writes.size(), 1u);
}

}  // namespace
}  // namespace winnow::sandbox
