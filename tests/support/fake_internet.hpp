#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/smtp_server.hpp"
#include "tests/support/fake_mx.hpp"

namespace winnow::test {

/// What one connection looked like from the receiver's side.
struct ReceivedSession {
    struct Line {
        SteadyPoint at;
        std::string text;
    };
    SteadyPoint opened;
    SteadyPoint closed = SteadyPoint::max();
    std::string source;
    std::vector<Line> lines;  ///< commands as they came, without CRLF, also those inside TLS

    std::size_t count(std::string_view verb) const;
    bool ended() const noexcept { return closed != SteadyPoint::max(); }
    bool quit() const { return count("QUIT") > 0; }
};

/// A mail host at one address: a real SMTP server (net::serve_smtp) in memory, with faults.
struct FakeHost {
    FakeMx mx;
    net::SmtpServerOptions options;
    bool refuses = false;       ///< connection refused
    bool silent = false;        ///< the connection attempt times out
    bool breaks_tls = false;    ///< STARTTLS is offered and its handshake fails
    milliseconds per_octet{0};  ///< before each octet of its replies: a tarpit
    /// Speaks instead of `mx`, octet for octet: called with "" for the banner, then with each command. Nothing = it
    /// hangs up without a word. `session` is the one under way.
    std::function<std::optional<std::string>(const std::string& command, const ReceivedSession& session)> script;
    std::size_t cut_after = 0;     ///< the connection is cut when this command has come; 0 = never
    std::size_t cut_sessions = 0;  ///< only the first so many connections are cut; 0 = all

    std::vector<std::unique_ptr<ReceivedSession>> sessions;
    std::size_t attempts = 0;  ///< connections tried, refused ones included

    /// Recipients of all RCPT commands, in order.
    std::vector<std::string> rcpts() const;
    std::vector<SteadyPoint> rcpt_times() const;
    std::size_t count(std::string_view verb) const;
    /// Most connections open at the same time.
    std::size_t most_open() const;
};

/// Hosts by address, behind the Connector seam, on virtual time.
class FakeInternet final : public net::Connector {
public:
    FakeInternet(boost::asio::io_context& io, TimerSource& timers) : io_(io), timers_(timers) {}

    FakeHost& host(const std::string& ip);
    net::awaitable<Result<std::unique_ptr<net::Stream>>> connect(net::Endpoint to,
                                                                 net::ConnectOptions options) override;

    std::string local_ip = "192.0.2.1";  ///< when the caller names no source

private:
    boost::asio::io_context& io_;
    TimerSource& timers_;
    std::map<std::string, std::unique_ptr<FakeHost>> hosts_;
};

}  // namespace winnow::test
