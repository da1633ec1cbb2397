#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <span>
#include <string>

#include "net/upgradable_stream.hpp"

namespace winnow::net {

/// A TCP socket with a deadline for its waits. Shared between the stream and the coroutines that wait on it, so that
/// the stream may be closed and destroyed while one waits.
class TcpSocket : public std::enable_shared_from_this<TcpSocket> {
public:
    using tcp = boost::asio::ip::tcp;

    explicit TcpSocket(boost::asio::any_io_executor executor) : socket(executor), timer_(executor) {}
    explicit TcpSocket(tcp::socket connected);

    tcp::socket socket;

    void expires_after(milliseconds timeout);
    void close() noexcept;
    bool closed() const noexcept { return closed_; }
    bool waiting() const noexcept { return waiting_; }
    /// Ends a wait for readability with boost::asio::error::interrupted; else nothing.
    void interrupt_read() noexcept;
    /// An error once the deadline has passed (closes) or the socket is closed.
    Result<> usable();
    /// Until the socket is readable or writable, or the deadline.
    awaitable<Result<>> wait(tcp::socket::wait_type what);
    awaitable<Result<>> connect(tcp::endpoint to);

private:
    void arm(bool for_read);
    /// Ends the wait that arm() began; its outcome.
    Result<> disarm(boost::system::error_code code);

    boost::asio::steady_timer timer_;
    SteadyPoint deadline_ = SteadyPoint::max();
    unsigned wait_ = 0;  // number of the current wait: a timer that fires late belongs to an older one
    bool waiting_ = false;
    bool for_read_ = false;  // what the current wait is for
    bool interrupted_ = false;
    bool closed_ = false;
    bool timed_out_ = false;
};

class TcpStream final : public UpgradableStream {
public:
    /// `socket` is connected.
    explicit TcpStream(std::shared_ptr<TcpSocket> socket);
    ~TcpStream() override { close(); }

    void expires_after(milliseconds timeout) override { socket_->expires_after(timeout); }
    Endpoint peer() const override { return peer_; }
    Endpoint local() const override { return local_; }
    void interrupt_read() override { socket_->interrupt_read(); }
    void close() override;

private:
    awaitable<Result<std::size_t>> raw_read(std::span<char> out) override;
    awaitable<Result<>> raw_write(std::string data) override;

    std::shared_ptr<TcpSocket> socket_;
    Endpoint peer_;
    Endpoint local_;
};

Endpoint to_endpoint(const boost::asio::ip::tcp::endpoint& endpoint);
/// Errc::invalid_argument when the address is not numeric.
Result<boost::asio::ip::tcp::endpoint> to_asio(const Endpoint& endpoint);

}  // namespace winnow::net
