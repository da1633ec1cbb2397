#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "net/smtp_error.hpp"
#include "net/stream.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/spawn.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::net {
namespace {

namespace asio = boost::asio;
using test::run;

struct Pair {
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
};

awaitable<void> accept_into(Listener& listener, std::unique_ptr<Stream>& out)
{
    auto accepted = co_await listener.accept();
    if (accepted)
        out = std::move(*accepted);
}

std::size_t open_descriptors()
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

class TcpStreamTest : public testing::Test {
protected:
    Pair connect(const char* ip = "127.0.0.1", ConnectOptions options = {})
    {
        auto listener = listen_tcp(io.get_executor(), {ip, 0}).value();
        Pair pair;
        test::spawn(io, accept_into(*listener, pair.server));
        pair.client = run(io, connector->connect(listener->local(), options)).value();
        while (!pair.server)
            io.run_one_for(std::chrono::seconds{5});
        return pair;
    }

    asio::io_context io{1};
    std::unique_ptr<Connector> connector = make_tcp_connector(io.get_executor());
};

awaitable<Result<std::string>> read_exactly(Stream& stream, std::size_t octets)
{
    std::string all(octets, '\0');
    std::size_t done = 0;
    while (done < octets) {
        auto rest = std::span<char>(all).subspan(done);
        WINNOW_CO_TRY(const std::size_t got, co_await stream.read_some(rest));
        done += got;
    }
    co_return all;
}

awaitable<Result<std::size_t>> read_one(Stream& stream)
{
    std::array<char, 64> space{};
    co_return co_await stream.read_some(space);
}

TEST_F(TcpStreamTest, BytesArriveInOrderAndBothEndsKnowEachOther)
{
    Pair pair = connect();
    EXPECT_EQ(pair.client->peer(), pair.server->local());
    EXPECT_EQ(pair.server->peer(), pair.client->local());
    pair.client->expires_after(milliseconds{5'000});
    pair.server->expires_after(milliseconds{5'000});
    ASSERT_TRUE(run(io, pair.client->write("EHLO a\r\n")));
    EXPECT_EQ(run(io, read_exactly(*pair.server, 8)).value(), "EHLO a\r\n");
}

TEST_F(TcpStreamTest, MoreThanTheKernelHoldsIsWrittenWhole)
{
    Pair pair = connect();
    pair.client->expires_after(milliseconds{5'000});
    pair.server->expires_after(milliseconds{5'000});
    const std::string large(8'000'000, 'x');
    std::optional<Result<>> written;
    test::spawn_then(io, pair.client->write(large), [&](Result<> result) { written = std::move(result); });
    EXPECT_EQ(run(io, read_exactly(*pair.server, large.size())).value(), large);
    while (!written)
        io.run_one_for(std::chrono::seconds{5});
    EXPECT_TRUE(*written);
}

TEST_F(TcpStreamTest, WorksOverIpv6AndFromAChosenSource)
{
    try {
        Pair pair = connect("::1");
        EXPECT_EQ(pair.client->peer().ip, "::1");
    } catch (const std::exception& e) {
        GTEST_SKIP() << "no IPv6 loopback here: " << e.what();
    }
    ConnectOptions options;
    options.source_ip = "127.0.0.42";
    Pair pair = connect("127.0.0.1", options);
    EXPECT_EQ(pair.server->peer().ip, "127.0.0.42");
}

TEST_F(TcpStreamTest, ASourceThatIsNotOursOrOfAnotherFamilyIsNamed)
{
    ConnectOptions foreign;
    foreign.source_ip = "192.0.2.77";
    const auto refused = run(io, connector->connect({"127.0.0.1", 1}, foreign));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().context.find("192.0.2.77"), std::string::npos);
    ConnectOptions other_family;
    other_family.source_ip = "::1";
    EXPECT_EQ(run(io, connector->connect({"127.0.0.1", 1}, other_family)).error().code, Errc::invalid_argument);
    EXPECT_EQ(run(io, connector->connect({"mx.example.test", 25}, {})).error().code, Errc::invalid_argument);
}

TEST_F(TcpStreamTest, ARefusedConnectionIsATransientErrorThatNamesTheTarget)
{
    Endpoint gone;
    {
        const auto listener = listen_tcp(io.get_executor(), {"127.0.0.1", 0}).value();
        gone = listener->local();
    }
    const auto refused = run(io, connector->connect(gone, {}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, boost::system::errc::connection_refused);
    EXPECT_EQ(refused.error().disposition(), Disposition::transient);
    EXPECT_NE(refused.error().context.find(gone.to_string()), std::string::npos);
}

TEST_F(TcpStreamTest, AReadEndsAtItsDeadlineAndTheStreamIsClosed)
{
    Pair pair = connect();
    pair.client->expires_after(milliseconds{5});
    EXPECT_EQ(run(io, read_one(*pair.client)).error().code, Errc::timed_out);
    pair.client->expires_after(milliseconds{5'000});
    EXPECT_EQ(run(io, pair.client->write("x")).error().code, Errc::timed_out);
    pair.server->expires_after(milliseconds{5'000});
    EXPECT_EQ(run(io, read_one(*pair.server)).error().code, asio::error::eof);
}

TEST_F(TcpStreamTest, APassedDeadlineAlsoRefusesWhatNeedsNoWait)
{
    Pair pair = connect();
    pair.client->expires_after(milliseconds{0});
    EXPECT_EQ(run(io, pair.client->write("x")).error().code, Errc::timed_out);
}

TEST_F(TcpStreamTest, AWriteThatNobodyReadsEndsAtItsDeadline)
{
    Pair pair = connect();
    pair.client->expires_after(milliseconds{20});
    EXPECT_EQ(run(io, pair.client->write(std::string(50'000'000, 'x'))).error().code, Errc::timed_out);
}

TEST_F(TcpStreamTest, ClosingEndsAPendingReadAndTheStreamMayBeDestroyedUnderIt)
{
    Pair pair = connect();
    std::optional<Result<std::size_t>> outcome;
    pair.client->expires_after(milliseconds{5'000});
    test::spawn_then(io, read_one(*pair.client), [&](Result<std::size_t> result) { outcome = std::move(result); });
    io.poll();
    ASSERT_FALSE(outcome);
    pair.client.reset();
    io.restart();
    io.poll();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->error().code, Errc::cancelled);
}

TEST_F(TcpStreamTest, AnInterruptedReadLosesNothingAndTheStreamGoesOn)
{
    Pair pair = connect();
    pair.server->expires_after(milliseconds{5'000});
    pair.client->expires_after(milliseconds{5'000});
    pair.server->interrupt_read();  // no read is under way: not remembered

    std::optional<Result<std::size_t>> outcome;
    test::spawn_then(io, read_one(*pair.server), [&](Result<std::size_t> got) { outcome = std::move(got); });
    io.poll();
    ASSERT_FALSE(outcome);
    pair.server->interrupt_read();
    EXPECT_FALSE(outcome) << "resumed inside of interrupt_read";
    io.restart();
    while (!outcome)
        io.run_one_for(std::chrono::seconds{5});
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code, asio::error::interrupted);

    ASSERT_TRUE(run(io, pair.server->write("421")));
    EXPECT_EQ(run(io, read_exactly(*pair.client, 3)).value(), "421");
    ASSERT_TRUE(run(io, pair.client->write("still here")));
    EXPECT_EQ(run(io, read_exactly(*pair.server, 10)).value(), "still here");
}

TEST_F(TcpStreamTest, AListenerStopsAtCloseAlsoWhenDestroyedUnderAccept)
{
    auto listener = listen_tcp(io.get_executor(), {"127.0.0.1", 0}).value();
    std::optional<boost::system::error_code> outcome;
    test::spawn_then(io, listener->accept(), [&](Result<std::unique_ptr<Stream>> result) {
        outcome = result ? boost::system::error_code() : result.error().code;
    });
    io.poll();
    listener.reset();
    io.restart();
    io.poll();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, Errc::cancelled);
}

TEST_F(TcpStreamTest, ListeningTwiceSaysThatThePortIsTaken)
{
    const auto first = listen_tcp(io.get_executor(), {"127.0.0.1", 0}).value();
    const auto second = listen_tcp(io.get_executor(), first->local());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().context.find("is taken by another process"), std::string::npos);
    EXPECT_FALSE(listen_tcp(io.get_executor(), {"192.0.2.77", 0}));
    EXPECT_FALSE(listen_tcp(io.get_executor(), {"mx.example.test", 0}));
}

TEST_F(TcpStreamTest, NoDescriptorIsLeftBehind)
{
    {
        Pair warm_up = connect();
    }
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        Pair pair = connect();
        pair.client->expires_after(milliseconds{0});
        EXPECT_FALSE(run(io, read_one(*pair.client)));
    }
    EXPECT_EQ(open_descriptors(), before);
}

// ---- TLS ----

class TlsTest : public TcpStreamTest {
protected:
    /// Both handshakes; the client's outcome.
    Result<> start_tls(Pair& pair, TlsClientOptions options)
    {
        pair.client->expires_after(milliseconds{5'000});
        pair.server->expires_after(milliseconds{5'000});
        std::optional<Result<>> server;
        test::spawn_then(io, pair.server->start_tls_server(context),
                         [&](Result<> result) { server = std::move(result); });
        Result<> client = run(io, pair.client->start_tls_client(std::move(options)));
        while (!server)
            io.run_one_for(std::chrono::seconds{5});
        server_outcome = *server;
        return client;
    }

    TlsClientOptions verifying(std::string name)
    {
        TlsClientOptions options;
        options.server_name = std::move(name);
        options.verify = true;
        options.ca_file = dir.write("ca.pem", context->certificate_pem());
        options.now = clock.now();
        return options;
    }

    test::ManualClock clock;
    test::TempDir dir;
    std::shared_ptr<TlsServerContext> context = TlsServerContext::self_signed("mx.example.test", clock.now()).value();
    Result<> server_outcome;
};

TEST_F(TlsTest, UpgradesInPlaceAndCarriesMoreThanOneRecord)
{
    Pair pair = connect();
    ASSERT_TRUE(start_tls(pair, {}));
    ASSERT_TRUE(server_outcome);
    EXPECT_TRUE(pair.client->encrypted());
    EXPECT_TRUE(pair.server->encrypted());
    EXPECT_EQ(pair.client->tls_info().version, "TLSv1.3");
    EXPECT_FALSE(pair.client->tls_info().cipher.empty());
    EXPECT_FALSE(pair.client->tls_info().verified) << "nobody asked";

    const std::string text(100'000, 'y');
    std::optional<Result<>> written;
    test::spawn_then(io, pair.client->write(text), [&](Result<> result) { written = result; });
    EXPECT_EQ(run(io, read_exactly(*pair.server, text.size())).value(), text);
    ASSERT_TRUE(run(io, pair.server->write("250 ok\r\n")));
    EXPECT_EQ(run(io, read_exactly(*pair.client, 8)).value(), "250 ok\r\n");
    pair.client->close();
    EXPECT_EQ(run(io, read_one(*pair.server)).error().code, asio::error::eof);
}

TEST_F(TlsTest, VerifiesTheNameWhenAsked)
{
    Pair pair = connect();
    const Result<> outcome = start_tls(pair, verifying("mx.example.test"));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_TRUE(pair.client->tls_info().verified);
}

TEST_F(TlsTest, AnotherNameAnUnknownIssuerAndAnOldCertificateAreUnverified)
{
    TlsClientOptions late = verifying("mx.example.test");
    late.now = clock.now() + std::chrono::hours{24 * 31};
    TlsClientOptions stranger = verifying("mx.example.test");
    const auto other = TlsServerContext::self_signed("mx.example.test", clock.now()).value();
    stranger.ca_file = dir.write("other.pem", other->certificate_pem());
    for (const TlsClientOptions& options : {verifying("mx.example.org"), late, stranger}) {
        Pair pair = connect();
        const Result<> outcome = start_tls(pair, options);
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, SmtpErrc::tls_unverified) << outcome.error().message();
        EXPECT_FALSE(pair.client->encrypted());
        EXPECT_FALSE(server_outcome);
    }
}

TEST_F(TlsTest, AnAddressCanBeTheName)
{
    context = TlsServerContext::self_signed("127.0.0.1", clock.now()).value();
    Pair pair = connect();
    const Result<> outcome = start_tls(pair, verifying("127.0.0.1"));
    EXPECT_TRUE(outcome) << outcome.error().message();
}

awaitable<Result<>> answer_with(Stream& stream, std::string bytes)
{
    WINNOW_CO_CHECK(co_await read_one(stream));
    co_return co_await stream.write(std::move(bytes));
}

TEST_F(TlsTest, PlaintextInsteadOfAHandshakeFailsWithAReason)
{
    Pair pair = connect();
    pair.client->expires_after(milliseconds{5'000});
    pair.server->expires_after(milliseconds{5'000});
    test::spawn_then(io, answer_with(*pair.server, "250 injected\r\n"), [](Result<>) {});
    const auto outcome = run(io, pair.client->start_tls_client({}));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, SmtpErrc::tls_failed);
    EXPECT_NE(outcome.error().context.find("wrong version number"), std::string::npos) << outcome.error().context;
}

TEST_F(TlsTest, AHandshakeThatStallsEndsAtTheDeadlineAndOneThatIsCutFails)
{
    Pair stalled = connect();
    stalled.client->expires_after(milliseconds{10});
    EXPECT_EQ(run(io, stalled.client->start_tls_client({})).error().code, Errc::timed_out);
    Pair cut = connect();
    cut.client->expires_after(milliseconds{5'000});
    cut.server->close();
    EXPECT_FALSE(run(io, cut.client->start_tls_client({})));
    EXPECT_FALSE(cut.client->encrypted());
}

TEST_F(TlsTest, VerifyingWithoutANameOrWithoutAReadableCaFileIsRefused)
{
    Pair pair = connect();
    EXPECT_EQ(run(io, pair.client->start_tls_client(verifying(""))).error().code, Errc::invalid_argument);
    TlsClientOptions options = verifying("mx.example.test");
    options.ca_file = dir.file("absent.pem");
    const auto outcome = run(io, pair.client->start_tls_client(options));
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().context.find("absent.pem"), std::string::npos);
}

TEST_F(TlsTest, LoadNamesTheFileThatIsWrong)
{
    const std::string certificate = dir.write("cert.pem", context->certificate_pem());
    const auto no_certificate = TlsServerContext::load(dir.file("none.pem"), certificate);
    ASSERT_FALSE(no_certificate);
    EXPECT_NE(no_certificate.error().context.find("none.pem"), std::string::npos);
    const auto no_key = TlsServerContext::load(certificate, dir.write("key.pem", "not a key"));
    ASSERT_FALSE(no_key);
    EXPECT_NE(no_key.error().context.find("key.pem"), std::string::npos);
    EXPECT_FALSE(TlsServerContext::self_signed("a,IP:127.0.0.1", clock.now()));
    EXPECT_FALSE(TlsServerContext::self_signed("", clock.now()));
}

}  // namespace
}  // namespace winnow::net
