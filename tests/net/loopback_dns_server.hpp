#pragma once

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "net/dns_message.hpp"

namespace winnow::test {

/// A DNS server on the loopback interface, UDP and TCP on one free port. `handler` gets each decoded query and whether
/// it came over TCP; it returns the wire form of the reply, or nothing for silence.
class LoopbackDnsServer {
public:
    using Wire = std::vector<std::uint8_t>;
    using Handler = std::function<std::optional<Wire>(const net::DnsMessage& query, bool tcp)>;

    LoopbackDnsServer(boost::asio::io_context& io, Handler handler) : state_(std::make_shared<State>(io))
    {
        state_->handler = std::move(handler);
        boost::asio::co_spawn(io, serve_udp(state_), boost::asio::detached);
        boost::asio::co_spawn(io, serve_tcp(state_), boost::asio::detached);
    }
    ~LoopbackDnsServer()
    {
        state_->udp.close();
        state_->tcp.close();
    }
    LoopbackDnsServer(const LoopbackDnsServer&) = delete;
    LoopbackDnsServer& operator=(const LoopbackDnsServer&) = delete;

    net::Endpoint endpoint() const { return {"127.0.0.1", state_->udp.local_endpoint().port()}; }
    void refuse_tcp() { state_->tcp.close(); }

    int udp_queries() const noexcept { return state_->udp_queries; }
    int tcp_queries() const noexcept { return state_->tcp_queries; }
    /// Source ports of the UDP queries, in order.
    const std::vector<std::uint16_t>& source_ports() const noexcept { return state_->ports; }

private:
    using Tcp = boost::asio::ip::tcp;
    using Udp = boost::asio::ip::udp;
    using ErrorCode = boost::system::error_code;

    struct State {
        /// The UDP port is the system's choice; the same TCP port may be taken, then another one is drawn.
        explicit State(boost::asio::io_context& io) : udp(io), tcp(io)
        {
            const auto loopback = boost::asio::ip::address_v4::loopback();
            for (int attempt = 0; attempt < 50; ++attempt) {
                udp = Udp::socket(io, Udp::endpoint(loopback, 0));
                ErrorCode code;
                const Tcp::endpoint same(loopback, udp.local_endpoint().port());
                tcp = Tcp::acceptor(io);
                tcp.open(same.protocol());
                tcp.bind(same, code);
                if (!code)
                    break;
            }
            tcp.listen();
        }
        Udp::socket udp;
        Tcp::acceptor tcp;
        Handler handler;
        int udp_queries = 0;
        int tcp_queries = 0;
        std::vector<std::uint16_t> ports;
    };

    static net::awaitable<void> serve_udp(std::shared_ptr<State> state)
    {
        std::array<std::uint8_t, 4096> buffer{};
        Udp::endpoint from;
        while (state->udp.is_open()) {
            ErrorCode code;
            const std::size_t size = co_await state->udp.async_receive_from(
                boost::asio::buffer(buffer), from, boost::asio::redirect_error(boost::asio::use_awaitable, code));
            if (code)
                continue;
            ++state->udp_queries;
            state->ports.push_back(from.port());
            auto query = net::decode_dns(std::span(buffer).first(size));
            if (!query)
                continue;
            auto reply = state->handler(*query, false);
            if (reply)
                state->udp.send_to(boost::asio::buffer(*reply), from, 0, code);
        }
    }

    static net::awaitable<void> serve_tcp(std::shared_ptr<State> state)
    {
        while (state->tcp.is_open()) {
            ErrorCode code;
            auto socket =
                co_await state->tcp.async_accept(boost::asio::redirect_error(boost::asio::use_awaitable, code));
            if (code)
                continue;
            auto executor = socket.get_executor();
            boost::asio::co_spawn(executor, serve_connection(state, std::move(socket)), boost::asio::detached);
        }
    }

    static net::awaitable<void> serve_connection(std::shared_ptr<State> state, Tcp::socket socket)
    {
        for (;;) {
            ErrorCode code;
            std::array<std::uint8_t, 2> length{};
            co_await boost::asio::async_read(socket, boost::asio::buffer(length),
                                             boost::asio::redirect_error(boost::asio::use_awaitable, code));
            if (code)
                co_return;
            Wire wire(static_cast<std::size_t>(length[0]) << 8 | length[1]);
            co_await boost::asio::async_read(socket, boost::asio::buffer(wire),
                                             boost::asio::redirect_error(boost::asio::use_awaitable, code));
            auto query = net::decode_dns(wire);
            if (code || !query)
                co_return;
            ++state->tcp_queries;
            auto reply = state->handler(*query, true);
            if (!reply)
                continue;
            reply->insert(reply->begin(), {static_cast<std::uint8_t>(reply->size() >> 8),
                                           static_cast<std::uint8_t>(reply->size() & 0xff)});
            co_await boost::asio::async_write(socket, boost::asio::buffer(*reply),
                                              boost::asio::redirect_error(boost::asio::use_awaitable, code));
            if (code)
                co_return;
        }
    }

    std::shared_ptr<State> state_;
};

}  // namespace winnow::test
