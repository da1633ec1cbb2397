#include "net/tls_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::net {
namespace {

/// Both ends of a connection, without any I/O.
struct Ends {
    std::unique_ptr<TlsSession> client, server;
};

void carry(TlsSession& from, TlsSession& to)
{
    std::string bytes = from.take_output();
    while (!bytes.empty()) {
        const auto space = to.input_space();
        const std::size_t n = std::min(space.size(), bytes.size());
        std::copy_n(bytes.begin(), n, space.begin());
        to.received(n);
        bytes.erase(0, n);
    }
}

class TlsSessionTest : public testing::Test {
protected:
    /// After the handshake, a word from the server and a proper end.
    Ends talk(const TlsClientOptions& options)
    {
        Ends ends{TlsSession::client(options).value(), TlsSession::server(*identity).value()};
        bool client_done = false, server_done = false;
        for (int turn = 0; turn < 10 && !(client_done && server_done); ++turn) {
            client_done = client_done || ends.client->handshake().value();
            carry(*ends.client, *ends.server);
            server_done = server_done || ends.server->handshake().value();
            carry(*ends.server, *ends.client);
        }
        EXPECT_TRUE(client_done && server_done);
        EXPECT_TRUE(ends.server->write("220 here\r\n"));
        carry(*ends.server, *ends.client);
        std::array<char, 64> heard;
        EXPECT_EQ(ends.client->read(heard).value(), 10u);
        ends.client->close();
        return ends;
    }
    TlsClientOptions opportunistic(std::string server)
    {
        TlsClientOptions options;
        options.server_name = std::move(server);
        return options;
    }

    test::ManualClock clock;
    std::shared_ptr<TlsServerContext> identity = TlsServerContext::self_signed("mx.example", clock.now()).value();
};

TEST_F(TlsSessionTest, ASecondConnectionToAServerGoesOnWithTheSessionOfTheFirst)
{
    EXPECT_FALSE(talk(opportunistic("again.example")).client->resumed());
    const Ends second = talk(opportunistic("again.example"));
    EXPECT_TRUE(second.client->resumed());
    EXPECT_TRUE(second.server->resumed());
    EXPECT_EQ(second.client->info().version, "TLSv1.3");
    EXPECT_FALSE(second.client->info().verified);
}

TEST_F(TlsSessionTest, AServerOfAnotherNameKnowsNothingOfIt)
{
    talk(opportunistic("one.example"));
    EXPECT_FALSE(talk(opportunistic("other.example")).client->resumed());
}

TEST_F(TlsSessionTest, ASessionIsUsedOnce)
{
    talk(opportunistic("once.example"));
    const auto first = TlsSession::client(opportunistic("once.example")).value();
    const Ends second = talk(opportunistic("once.example"));
    EXPECT_FALSE(second.client->resumed()) << "the only one there was is in the hands of the first";
}

TEST_F(TlsSessionTest, AServerThatLostItsKeysIsGreetedAnew)
{
    talk(opportunistic("reborn.example"));
    identity = TlsServerContext::self_signed("mx.example", clock.now()).value();
    EXPECT_FALSE(talk(opportunistic("reborn.example")).client->resumed());
    EXPECT_TRUE(talk(opportunistic("reborn.example")).client->resumed());
}

TEST_F(TlsSessionTest, WhereACertificateIsJudgedItIsJudgedEachTime)
{
    const test::TempDir dir;
    TlsClientOptions verified = opportunistic("mx.example");
    verified.verify = true;
    verified.now = clock.now();
    verified.ca_file = dir.file("ca.pem");
    std::ofstream(verified.ca_file) << identity->certificate_pem();
    talk(opportunistic("mx.example"));
    for (int turn = 0; turn < 2; ++turn) {
        const Ends ends = talk(verified);
        EXPECT_FALSE(ends.client->resumed());
        EXPECT_TRUE(ends.client->info().verified);
    }
}

TEST_F(TlsSessionTest, WithoutAServerNameNothingIsKept)
{
    talk(opportunistic("192.0.2.1"));
    EXPECT_FALSE(talk(opportunistic("192.0.2.1")).client->resumed());
}

}  // namespace
}  // namespace winnow::net
