#include "net/tcp_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace winnow::net {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr auto tuple = asio::as_tuple(asio::use_awaitable);
// A longer deadline is none; it also keeps the arithmetic from overflowing.
constexpr milliseconds longest{std::chrono::hours{24 * 365}};

Error failed(const char* what, const Endpoint& peer, Error error)
{
    error.context = std::string(what) + ' ' + peer.to_string();
    return error;
}

}  // namespace

Endpoint to_endpoint(const tcp::endpoint& endpoint)
{
    return {endpoint.address().to_string(), endpoint.port()};
}

Result<tcp::endpoint> to_asio(const Endpoint& endpoint)
{
    error_code code;
    const auto address = asio::ip::make_address(endpoint.ip, code);
    if (code)
        return Error{Errc::invalid_argument, "\"" + endpoint.ip + "\" is not an IP address"};
    return tcp::endpoint(address, endpoint.port);
}

TcpSocket::TcpSocket(tcp::socket connected) : socket(std::move(connected)), timer_(socket.get_executor()) {}

void TcpSocket::expires_after(milliseconds timeout)
{
    deadline_ = timeout < longest ? SystemClock().steady() + timeout : SteadyPoint::max();
}

void TcpSocket::close() noexcept
{
    if (closed_)
        return;
    closed_ = true;
    error_code ignored;
    timer_.cancel();
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
}

void TcpSocket::interrupt_read() noexcept
{
    if (!waiting_ || !for_read_)
        return;
    interrupted_ = true;
    error_code ignored;
    socket.cancel(ignored);
}

Result<> TcpSocket::usable()
{
    if (!closed_ && deadline_ <= SystemClock().steady()) {
        timed_out_ = true;
        close();
    }
    if (timed_out_)
        return Error{Errc::timed_out};
    if (closed_)
        return Error{Errc::cancelled};
    return {};
}

void TcpSocket::arm(bool for_read)
{
    waiting_ = true;
    for_read_ = for_read;
    ++wait_;
    if (deadline_ == SteadyPoint::max())
        return;
    timer_.expires_at(deadline_);
    timer_.async_wait([weak = weak_from_this(), wait = wait_](error_code code) {
        const auto self = weak.lock();
        if (code || !self || !self->waiting_ || self->wait_ != wait)
            return;
        self->timed_out_ = true;
        self->close();
    });
}

Result<> TcpSocket::disarm(error_code code)
{
    waiting_ = false;
    const bool interrupted = std::exchange(interrupted_, false);
    timer_.cancel();
    if (timed_out_)
        return Error{Errc::timed_out};
    if (closed_)
        return Error{Errc::cancelled};
    if (interrupted)
        return Error{asio::error::interrupted};
    if (code)
        return Error{code};
    return {};
}

awaitable<Result<>> TcpSocket::wait(tcp::socket::wait_type what)
{
    const auto self = shared_from_this();
    WINNOW_CO_CHECK(usable());
    arm(what == tcp::socket::wait_read);
    const auto [code] = co_await socket.async_wait(what, tuple);
    co_return disarm(code);
}

awaitable<Result<>> TcpSocket::connect(tcp::endpoint to)
{
    const auto self = shared_from_this();
    WINNOW_CO_CHECK(usable());
    arm(false);
    const auto [code] = co_await socket.async_connect(to, tuple);
    co_return disarm(code);
}

TcpStream::TcpStream(std::shared_ptr<TcpSocket> socket) : socket_(std::move(socket))
{
    // Each may fail when the peer has reset the connection; the first read says so.
    error_code ignored;
    socket_->socket.non_blocking(true, ignored);
    // Commands are written whole: waiting for more only costs a round trip.
    socket_->socket.set_option(tcp::no_delay(true), ignored);
    peer_ = to_endpoint(socket_->socket.remote_endpoint(ignored));
    local_ = to_endpoint(socket_->socket.local_endpoint(ignored));
}

void TcpStream::close()
{
    // Behind half a record a close_notify would be noise.
    if (!socket_->closed() && !socket_->waiting()) {
        const std::string farewell = take_farewell();
        error_code ignored;
        if (!farewell.empty())
            socket_->socket.write_some(asio::buffer(farewell), ignored);
    }
    socket_->close();
}

// Both try at once and wait only when the kernel says so: most replies fit the send buffer, and bytes are often there.
// After a wait they use their own copies of what they need: the stream may be gone.

awaitable<Result<std::size_t>> TcpStream::raw_read(std::span<char> out)
{
    const auto socket = socket_;
    const Endpoint peer = peer_;
    for (;;) {
        Result<> usable = socket->usable();
        if (!usable)
            co_return failed("read from", peer, std::move(usable).error());
        error_code code;
        const std::size_t octets = socket->socket.read_some(asio::buffer(out.data(), out.size()), code);
        if (!code)
            co_return octets;
        if (code != asio::error::would_block && code != asio::error::try_again)
            co_return failed("read from", peer, Error{code});
        Result<> ready = co_await socket->wait(tcp::socket::wait_read);
        if (!ready)
            co_return failed("read from", peer, std::move(ready).error());
    }
}

awaitable<Result<>> TcpStream::raw_write(std::string data)
{
    const auto socket = socket_;
    const Endpoint peer = peer_;
    std::size_t sent = 0;
    while (sent < data.size()) {
        Result<> usable = socket->usable();
        if (!usable)
            co_return failed("write to", peer, std::move(usable).error());
        error_code code;
        sent += socket->socket.write_some(asio::buffer(data.data() + sent, data.size() - sent), code);
        if (!code)
            continue;
        if (code != asio::error::would_block && code != asio::error::try_again)
            co_return failed("write to", peer, Error{code});
        Result<> ready = co_await socket->wait(tcp::socket::wait_write);
        if (!ready)
            co_return failed("write to", peer, std::move(ready).error());
    }
    co_return Result<>{};
}

}  // namespace winnow::net
