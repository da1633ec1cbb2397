#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/mail_route.hpp"
#include "relay/outcome.hpp"
#include "relay/relay.hpp"

namespace winnow::relay {

/// What a site is remembered for between connections. Not thread-safe.
class SiteMemory {
public:
    explicit SiteMemory(milliseconds dead_for) : dead_for_(dead_for) {}
    bool dead(const std::string& ip, SteadyPoint now) const;
    void mark_dead(const std::string& ip, SteadyPoint now) { dead_until_[ip] = now + dead_for_; }
    void mark_alive(const std::string& ip) { dead_until_.erase(ip); }
    /// STARTTLS that does not work is not tried again on that host for a while.
    bool broken_tls(const std::string& mx, SteadyPoint now) const;
    void mark_broken_tls(const std::string& mx, SteadyPoint until) { broken_tls_until_[mx] = until; }

private:
    milliseconds dead_for_;
    std::map<std::string, SteadyPoint> dead_until_;        ///< by IP
    std::map<std::string, SteadyPoint> broken_tls_until_;  ///< by MX host
};

/// One open SMTP connection to a site, past EHLO and STARTTLS.
class Connection {
public:
    Connection(std::unique_ptr<net::Stream> stream, net::SmtpTimeouts timeouts)
        : stream_(std::move(stream)), smtp_(*stream_, timeouts)
    {
    }
    net::SmtpClient& smtp() noexcept { return smtp_; }
    net::Stream& stream() noexcept { return *stream_; }

    std::string mx;  ///< "mx.example.com[192.0.2.1]"
    std::string provider;
    int messages = 0;  ///< transactions so far

private:
    std::unique_ptr<net::Stream> stream_;
    net::SmtpClient smtp_;
};

/// A connection, or why there is none.
struct OpenResult {
    std::unique_ptr<Connection> connection;
    AttemptEnd failure;
};

/// Tries the hosts of a route in order, each with its addresses, those remembered as dead last, five at most: connect,
/// banner, EHLO, STARTTLS when offered. A host that refuses us or breaks makes way for the next one; the failure is a
/// refusal for good (5xx) only when every host tried said so. TLS is opportunistic: a handshake that fails is
/// remembered, and tried once more in clear on a new connection.
awaitable<OpenResult> open_connection(Services services, const RelayOptions& options, const net::MailRoute& route,
                                      SiteMemory& memory, std::string source_ip);

}  // namespace winnow::relay
