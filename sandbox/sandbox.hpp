#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "core/timer.hpp"
#include "net/stream.hpp"
#include "sandbox/receiver_log.hpp"

/// A fake internet on loopback addresses: DNS and mail receivers whose behaviour is told by the name asked for
/// (docs/sandbox.md). Nothing in it ever leaves the machine.
namespace winnow::sandbox {

struct SandboxOptions {
    net::Endpoint dns{"127.0.0.1", 0};
    std::uint16_t smtp_port = 0;             ///< the one port of all receivers; 0 = any that is free on all of them
    milliseconds rtt{0};                     ///< before every DNS and SMTP reply
    milliseconds slow{3'000};                ///< more, before every reply of *.slow.test
    std::optional<net::Endpoint> bounce_to;  ///< SMTP listener for DSNs and complaints
    std::string complaint_to;                ///< see ReportSender::Options
    milliseconds report_delay{200};
    bool keep_messages = false;
    std::function<void(const ReceivedMessage&)> on_message;  ///< called before a message's 250
    bool count_addresses = true;  ///< counts per address; benchmarks of millions turn it off and keep the totals
    bool starttls = true;         ///< with a fresh self-signed certificate
    int sites = 4;                ///< receiver addresses per kind, 1..250
};

/// Runs on one executor; stats are safe from any thread. TimerSource and Connector outlive it.
class Sandbox {
public:
    /// Errors name the address and the cure. Needs no privilege: on Linux all of 127.0.0.0/8 is local.
    static Result<std::unique_ptr<Sandbox>> start(boost::asio::any_io_executor executor, TimerSource& timers,
                                                  net::Connector& connector, Log& log, SandboxOptions options);
    ~Sandbox();

    net::Endpoint dns_endpoint() const;
    std::uint16_t smtp_port() const noexcept;
    /// Where DSNs and complaints go from now on.
    void set_bounce_to(net::Endpoint to);

    ReceiverTotals totals() const;
    std::uint64_t dns_queries() const noexcept;
    AddressCount count(std::string_view address) const;
    std::map<std::string, AddressCount> counts() const;
    std::vector<ReceivedMessage> messages() const;

    /// Closes listeners and sessions. On the executor's thread.
    void stop();

private:
    struct State;
    explicit Sandbox(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace winnow::sandbox
