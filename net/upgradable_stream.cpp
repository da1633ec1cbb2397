#include "net/upgradable_stream.hpp"

#include <boost/asio/error.hpp>

#include "net/smtp_error.hpp"
#include "net/tls_session.hpp"

namespace winnow::net {

UpgradableStream::UpgradableStream() = default;
UpgradableStream::~UpgradableStream() = default;

awaitable<Result<std::size_t>> UpgradableStream::read_some(std::span<char> out)
{
    const std::shared_ptr<TlsSession> tls = tls_;
    if (!tls)
        co_return co_await raw_read(out);
    for (;;) {
        WINNOW_CO_TRY(const std::size_t octets, tls->read(out));
        if (octets > 0)
            co_return octets;
        // A key update of the peer asks for an answer.
        std::string answer = tls->take_output();
        if (!answer.empty()) {
            WINNOW_CO_CHECK(co_await raw_write(std::move(answer)));
        }
        // A transport that ends without close_notify reads as an orderly end: both of our protocols mark the end of
        // what they send, so a cut cannot pass for less.
        WINNOW_CO_TRY(const std::size_t received, co_await raw_read(tls->input_space()));
        tls->received(received);
    }
}

awaitable<Result<>> UpgradableStream::write(std::string data)
{
    const std::shared_ptr<TlsSession> tls = tls_;
    if (!tls)
        co_return co_await raw_write(std::move(data));
    WINNOW_CO_CHECK(tls->write(data));
    std::string output = tls->take_output();
    co_return co_await raw_write(std::move(output));
}

awaitable<Result<>> UpgradableStream::start_tls_client(TlsClientOptions options)
{
    if (tls_)
        co_return Error{Errc::invalid_argument, "the stream is encrypted already"};
    WINNOW_CO_TRY(std::shared_ptr<TlsSession> session, TlsSession::client(options));
    co_return co_await handshake(std::move(session));
}

awaitable<Result<>> UpgradableStream::start_tls_server(std::shared_ptr<TlsServerContext> context)
{
    if (tls_)
        co_return Error{Errc::invalid_argument, "the stream is encrypted already"};
    if (!context)
        co_return Error{Errc::invalid_argument, "no certificate is configured"};
    WINNOW_CO_TRY(std::shared_ptr<TlsSession> session, TlsSession::server(*context));
    co_return co_await handshake(std::move(session));
}

awaitable<Result<>> UpgradableStream::handshake(std::shared_ptr<TlsSession> session)
{
    for (;;) {
        Result<bool> done = session->handshake();
        std::string output = session->take_output();
        if (!output.empty()) {
            Result<> sent = co_await raw_write(std::move(output));
            // The reason for the alert says more than that it could not be delivered.
            if (!sent && done)
                co_return std::move(sent).error();
        }
        if (!done)
            co_return std::move(done).error();
        if (*done)
            break;
        Result<std::size_t> received = co_await raw_read(session->input_space());
        if (!received && received.error().code == boost::asio::error::eof)
            co_return Error{SmtpErrc::tls_failed, "the peer hung up during the TLS handshake"};
        if (!received)
            co_return std::move(received).error();
        session->received(*received);
    }
    tls_ = std::move(session);
    co_return Result<>{};
}

TlsInfo UpgradableStream::tls_info() const
{
    return tls_ ? tls_->info() : TlsInfo{};
}

std::string UpgradableStream::take_farewell() noexcept
{
    if (!tls_)
        return {};
    tls_->close();
    return tls_->take_output();
}

}  // namespace winnow::net
