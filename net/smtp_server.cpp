#include "net/smtp_server.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <memory>

#include "net/smtp_session.hpp"

namespace winnow::net {

awaitable<SmtpReply> SmtpHandler::on_ehlo(const SmtpSessionInfo&)
{
    co_return SmtpReply::make(250, "");
}

awaitable<SmtpReply> SmtpHandler::on_auth(const SmtpSessionInfo&, std::string, std::string)
{
    co_return SmtpReply::make(535, "5.7.8 Authentication failed");
}

awaitable<SmtpReply> SmtpHandler::on_data(const SmtpSessionInfo&)
{
    co_return SmtpReply::make(354, "End data with <CR><LF>.<CR><LF>");
}

awaitable<void> serve_smtp(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers)
{
    // On the heap: it is larger than the frames that Asio recycles.
    const auto session = std::make_unique<SmtpSession>(stream, handler, options, timers);
    bool failed = false;
    try {
        co_await session->run();
    } catch (const boost::system::system_error& error) {
        failed = error.code() != boost::asio::error::operation_aborted;  // our own coroutine was cancelled
    } catch (const std::exception&) {
        failed = true;
    }
    if (failed)
        co_await session->apologise();
    stream.close();
}

}  // namespace winnow::net
