#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "core/log.hpp"
#include "core/timer.hpp"
#include "net/stream.hpp"
#include "sandbox/receiver_log.hpp"

namespace winnow::sandbox {

/// Sends what receivers send later: DSNs and complaints, over SMTP, to the one bounce listener that was configured.
/// On the executor's thread.
class ReportSender {
public:
    struct Options {
        std::optional<net::Endpoint> bounce_to;  ///< without it reports are counted as failed and not sent
        std::string complaint_to;                ///< recipient of ARF reports; empty = the message's reverse-path
        milliseconds delay{200};                 ///< between taking a message and reporting on it
        int tries = 4;                           ///< connection failures and 4xx are tried again after `delay`
    };
    ReportSender(boost::asio::any_io_executor executor, TimerSource& timers, net::Connector& connector,
                 ReceiverLog& seen, Log& log, Options options);
    ~ReportSender();

    /// A DSN for `recipient` of `message`; none when its reverse-path is null.
    void bounce(const ReceivedMessage& message, const std::string& recipient);
    /// An ARF abuse report.
    void complain(const ReceivedMessage& message, const std::string& recipient);

    void set_bounce_to(net::Endpoint to);
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace winnow::sandbox
