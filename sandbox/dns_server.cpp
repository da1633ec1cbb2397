#include "sandbox/dns_server.hpp"

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "net/stream.hpp"
#include "sandbox/spawn.hpp"

namespace winnow::sandbox {

namespace asio = boost::asio;
using asio::ip::udp;
using net::awaitable;

namespace {

constexpr std::size_t plain_udp_limit = 512;  ///< RFC 1035 section 4.2.1, without EDNS
constexpr std::size_t edns_udp_limit = 1232;
constexpr milliseconds tcp_idle{10'000};

/// Nothing for what is no query (such datagrams get no answer, so that two servers cannot talk for ever), and for names
/// whose server is silent.
std::vector<std::uint8_t> reply_to(std::span<const std::uint8_t> wire, const ZoneOptions& zone, bool over_udp)
{
    auto query = net::decode_dns(wire);
    if (!query || query->response || stays_silent(*query))
        return {};
    const auto reply = answer_query(*query, zone);
    std::size_t limit = 65'535;
    if (over_udp)
        limit = query->udp_size ? std::clamp<std::size_t>(*query->udp_size, plain_udp_limit, edns_udp_limit)
                                : plain_udp_limit;
    auto out = net::encode_dns(reply, limit);
    return out ? *std::move(out) : std::vector<std::uint8_t>();
}

}  // namespace

struct DnsServer::State {
    State(asio::any_io_executor ex, TimerSource& t, Log& l, Options o)
        : executor(std::move(ex)), timers(t), log(l), options(std::move(o)), socket(executor)
    {
    }

    asio::any_io_executor executor;
    TimerSource& timers;
    Log& log;
    Options options;
    udp::socket socket;
    std::unique_ptr<net::Listener> listener;
    std::atomic<std::uint64_t> queries{0};
    bool stopped = false;

    /// One attempt to have both protocols on one port.
    Result<> bind();

    static awaitable<void> serve_udp(std::shared_ptr<State> state);
    static awaitable<void> send_late(std::shared_ptr<State> state, std::vector<std::uint8_t> reply, udp::endpoint to);
    static awaitable<void> accept_tcp(std::shared_ptr<State> state);
    static awaitable<void> serve_tcp(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream);
};

Result<> DnsServer::State::bind()
{
    boost::system::error_code code;
    const auto ip = asio::ip::make_address(options.listen.ip, code);
    if (code || !ip.is_loopback())
        return Error(Errc::invalid_argument, "the sandbox listens on loopback addresses only, not on '" +
                                                 options.listen.ip + "'; use 127.0.0.1");
    const udp::endpoint at(ip, options.listen.port);
    socket = udp::socket(executor);
    socket.open(at.protocol(), code);
    if (!code)
        socket.bind(at, code);
    if (code)
        return Error(code, "cannot listen for DNS on UDP " + options.listen.to_string());
    const net::Endpoint same{options.listen.ip, socket.local_endpoint().port()};
    WINNOW_TRY(listener, net::listen_tcp(executor, same));
    return {};
}

awaitable<void> DnsServer::State::serve_udp(std::shared_ptr<State> state)
{
    std::array<std::uint8_t, 4096> buffer{};
    while (!state->stopped) {
        udp::endpoint from;
        const auto [error, length] =
            co_await state->socket.async_receive_from(asio::buffer(buffer), from, asio::as_tuple(asio::use_awaitable));
        if (state->stopped)
            break;
        if (error)
            continue;  // an ICMP answer to an earlier reply
        auto reply = reply_to(std::span(buffer).first(length), state->options.zone, true);
        if (reply.empty())
            continue;
        state->queries.fetch_add(1, std::memory_order_relaxed);
        if (state->options.delay.count() > 0) {
            spawn(state->executor, state->log, "dns reply", send_late(state, std::move(reply), from));
            continue;
        }
        co_await state->socket.async_send_to(asio::buffer(reply), from, asio::as_tuple(asio::use_awaitable));
    }
}

awaitable<void> DnsServer::State::send_late(std::shared_ptr<State> state, std::vector<std::uint8_t> reply,
                                            udp::endpoint to)
{
    co_await sleep_for(state->timers, state->options.delay);
    if (!state->stopped)
        co_await state->socket.async_send_to(asio::buffer(reply), to, asio::as_tuple(asio::use_awaitable));
}

awaitable<void> DnsServer::State::accept_tcp(std::shared_ptr<State> state)
{
    while (!state->stopped) {
        auto stream = co_await state->listener->accept();
        if (!stream) {
            if (stream.error().code == make_error_code(Errc::cancelled))
                break;
            continue;
        }
        std::shared_ptr<net::Stream> shared = std::move(*stream);
        spawn(state->executor, state->log, "dns over tcp", serve_tcp(state, std::move(shared)));
    }
}

awaitable<void> DnsServer::State::serve_tcp(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream)
{
    std::string buffer;
    std::array<char, 4096> chunk{};
    while (!state->stopped) {
        const auto size = buffer.size() < 2 ? std::size_t{0}
                                            : static_cast<std::size_t>(static_cast<unsigned char>(buffer[0])) << 8 |
                                                  static_cast<unsigned char>(buffer[1]);
        if (buffer.size() < 2 || buffer.size() < size + 2) {
            stream->expires_after(tcp_idle);
            const auto got = co_await stream->read_some(chunk);
            if (!got)
                co_return;
            buffer.append(chunk.data(), *got);
            continue;
        }
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(buffer.data()) + 2;
        const auto reply = reply_to(std::span(bytes, size), state->options.zone, false);
        buffer.erase(0, size + 2);
        if (reply.empty())
            co_return;
        state->queries.fetch_add(1, std::memory_order_relaxed);
        if (state->options.delay.count() > 0)
            co_await sleep_for(state->timers, state->options.delay);
        std::string framed{static_cast<char>(reply.size() >> 8), static_cast<char>(reply.size() & 0xFFu)};
        framed.append(reinterpret_cast<const char*>(reply.data()), reply.size());
        const auto sent = co_await stream->write(std::move(framed));
        if (!sent)
            co_return;
    }
}

Result<std::unique_ptr<DnsServer>> DnsServer::start(asio::any_io_executor executor, TimerSource& timers, Log& log,
                                                    Options options)
{
    auto state = std::make_shared<State>(executor, timers, log, std::move(options));
    // A free UDP port may be taken on TCP: another one is drawn then.
    constexpr int tries = 16;
    Result<> bound = state->bind();
    for (int i = 1; i < tries && !bound && state->options.listen.port == 0 &&
                    bound.error().code != make_error_code(Errc::invalid_argument);
         ++i)
        bound = state->bind();
    if (!bound)
        return std::move(bound).error();
    spawn(executor, log, "dns over udp", State::serve_udp(state));
    spawn(executor, log, "dns listener", State::accept_tcp(state));
    return std::unique_ptr<DnsServer>(new DnsServer(std::move(state)));
}

DnsServer::DnsServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

DnsServer::~DnsServer()
{
    stop();
}

net::Endpoint DnsServer::endpoint() const
{
    return state_->listener->local();
}

std::uint64_t DnsServer::queries() const noexcept
{
    return state_->queries.load(std::memory_order_relaxed);
}

void DnsServer::stop()
{
    if (state_->stopped)
        return;
    state_->stopped = true;
    boost::system::error_code ignored;
    state_->socket.close(ignored);
    state_->listener->close();
}

}  // namespace winnow::sandbox
