#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/tcp_stream.hpp"

namespace winnow::net {

namespace asio = boost::asio;
namespace errc = boost::system::errc;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

Result<> bind_source(tcp::socket& socket, const std::string& source_ip, const tcp::endpoint& to)
{
    WINNOW_TRY(const tcp::endpoint from, to_asio({source_ip, 0}));
    if (from.protocol() != to.protocol())
        return Error{Errc::invalid_argument,
                     "source address " + source_ip + " is of another family than " + to.address().to_string()};
#ifdef IP_BIND_ADDRESS_NO_PORT
    // The port is chosen at connect, so that one source can hold more connections than there are ports.
    const int on = 1;
    if (to.protocol() == tcp::v4())
        ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#endif
    error_code code;
    socket.bind(from, code);
    if (code == errc::address_not_available)
        return Error{code, "source address " + source_ip + " is not an address of this machine"};
    if (code)
        return Error{code, "use source address " + source_ip};
    return {};
}

class TcpConnector final : public Connector {
public:
    explicit TcpConnector(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint to, ConnectOptions options) override
    {
        WINNOW_CO_TRY(const tcp::endpoint target, to_asio(to));
        const auto socket = std::make_shared<TcpSocket>(executor_);
        error_code code;
        socket->socket.open(target.protocol(), code);
        if (code)
            co_return Error{code, "open a socket for " + to.to_string()};
        if (!options.source_ip.empty()) {
            WINNOW_CO_CHECK(bind_source(socket->socket, options.source_ip, target));
        }
        socket->expires_after(options.timeout);
        Result<> connected = co_await socket->connect(target);
        if (!connected) {
            socket->close();
            std::string context = "connect to " + to.to_string();
            if (!options.source_ip.empty())
                context += " from " + options.source_ip;
            co_return Error{connected.error().code, std::move(context)};
        }
        socket->expires_after(milliseconds::max());
        co_return std::unique_ptr<Stream>(std::make_unique<TcpStream>(socket));
    }

private:
    asio::any_io_executor executor_;
};

class TcpListener final : public Listener {
public:
    explicit TcpListener(tcp::acceptor acceptor)
        : state_(std::make_shared<State>(std::move(acceptor))), local_(to_endpoint(state_->acceptor.local_endpoint()))
    {
    }
    ~TcpListener() override { close(); }

    awaitable<Result<std::unique_ptr<Stream>>> accept() override
    {
        const auto state = state_;
        const Endpoint local = local_;
        while (!state->closed) {
            auto [code, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            // A client that hung up before its turn is no failure of ours.
            if (state->closed || code == asio::error::connection_aborted)
                continue;
            if (code)
                co_return Error{code, "accept on " + local.to_string()};
            auto connected = std::make_shared<TcpSocket>(std::move(socket));
            co_return std::unique_ptr<Stream>(std::make_unique<TcpStream>(std::move(connected)));
        }
        co_return Error{Errc::cancelled, "accept on " + local.to_string()};
    }

    Endpoint local() const override { return local_; }

    void close() override
    {
        error_code ignored;
        state_->closed = true;
        state_->acceptor.close(ignored);
    }

private:
    struct State {  // shared with the frame of a waiting accept()
        explicit State(tcp::acceptor a) : acceptor(std::move(a)) {}
        tcp::acceptor acceptor;
        bool closed = false;
    };
    std::shared_ptr<State> state_;
    Endpoint local_;
};

Error cannot_listen(error_code code, const Endpoint& at)
{
    std::string cure = "listen on " + at.to_string();
    if (code == errc::permission_denied)
        cure += ": port " + std::to_string(at.port) + " needs CAP_NET_BIND_SERVICE; use a port above 1023 or grant it";
    else if (code == errc::address_in_use)
        cure +=
            ": port " + std::to_string(at.port) + " is taken by another process; end that one or choose another port";
    else if (code == errc::address_not_available)
        cure += ": " + at.ip + " is not an address of this machine; choose one that is";
    return Error{code, std::move(cure)};
}

}  // namespace

std::unique_ptr<Connector> make_tcp_connector(asio::any_io_executor executor)
{
    return std::make_unique<TcpConnector>(std::move(executor));
}

Result<std::unique_ptr<Listener>> listen_tcp(asio::any_io_executor executor, Endpoint at)
{
    WINNOW_TRY(const tcp::endpoint where, to_asio(at));
    tcp::acceptor acceptor(std::move(executor));
    error_code code;
    acceptor.open(where.protocol(), code);
    if (!code)
        acceptor.set_option(tcp::acceptor::reuse_address(true), code);  // a restart need not wait for TIME_WAIT
    // [::] must not take IPv4's port too: the two are configured apart.
    if (!code && where.protocol() == tcp::v6())
        acceptor.set_option(asio::ip::v6_only(true), code);
    if (!code)
        acceptor.bind(where, code);
    if (!code)
        acceptor.listen(tcp::acceptor::max_listen_connections, code);
    if (code)
        return cannot_listen(code, at);
    return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(acceptor)));
}

}  // namespace winnow::net
