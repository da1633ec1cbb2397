#include "net/cares_channel.hpp"

#include <ares.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <utility>

namespace winnow::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t queries_per_port = 1'000;
constexpr std::chrono::seconds port_lifetime{60};
constexpr int udp_payload = 1232;  // as in our queries' EDNS record

void init_library()
{
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

CaresReply::Status status_of(int code) noexcept
{
    switch (code) {
        case ARES_SUCCESS:
            return CaresReply::Status::answered;
        case ARES_ETIMEOUT:
            return CaresReply::Status::timed_out;
        case ARES_ECANCELLED:
        case ARES_EDESTRUCTION:
            return CaresReply::Status::shut_down;
        default:
            return CaresReply::Status::unreachable;
    }
}

CaresReply without_reply(int code)
{
    CaresReply reply;
    reply.status = status_of(code);
    reply.detail = ares_strerror(code);
    return reply;
}

}  // namespace

/// A query under way: shared by the coroutine that waits and by c-ares, whichever ends later.
struct CaresChannel::Pending {
    explicit Pending(const asio::any_io_executor& executor) : done(executor) {}
    asio::steady_timer done;  ///< cancelled when the reply is there; its expiry is the last resort
    std::optional<CaresReply> reply;
};

struct CaresChannel::Callback {
    std::shared_ptr<CaresChannel> channel;  ///< keeps it open until its last query ended
    std::shared_ptr<Pending> pending;
};

struct CaresChannel::Socket {
    explicit Socket(const asio::any_io_executor& executor) : descriptor(executor) {}
    asio::posix::stream_descriptor descriptor;
    bool want_read = false;
    bool want_write = false;
    bool reading = false;  ///< a wait is under way
    bool writing = false;
};

CaresChannel::CaresChannel(const asio::any_io_executor& executor, milliseconds timeout)
    : executor_(executor), timeout_(timeout), timer_(executor), lifetime_(executor)
{
}

CaresChannel::~CaresChannel()
{
    close();
}

Result<std::shared_ptr<CaresChannel>> CaresChannel::open(const asio::any_io_executor& executor, const Endpoint& server,
                                                         milliseconds timeout, bool tcp)
{
    std::shared_ptr<CaresChannel> channel(new CaresChannel(executor, timeout));
    WINNOW_CHECK(channel->start(server, tcp));
    return channel;
}

Result<> CaresChannel::start(const Endpoint& server, bool tcp)
{
    init_library();
    ares_options options{};
    // All answers are read by us, SERVFAIL included: which server comes next is not c-ares' business.
    options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    if (tcp)
        options.flags |= ARES_FLAG_USEVC;
    options.timeout = static_cast<int>(timeout_.count());
    options.tries = 1;
    options.ednspsz = udp_payload;
    char lookups[] = "b";  // never the hosts file
    options.lookups = lookups;
    options.sock_state_cb = &CaresChannel::on_socket_state;
    options.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS |
                     ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    if (const int code = ares_init_options(&channel_, &options, mask); code != ARES_SUCCESS)
        return Error(Errc::unavailable, std::string("c-ares does not start: ") + ares_strerror(code));
    if (const int code = ares_set_servers_ports_csv(channel_, server.to_string().c_str()); code != ARES_SUCCESS)
        return Error(Errc::invalid_argument, "DNS server " + server.to_string() + ": " + ares_strerror(code));
    return {};
}

Result<std::vector<Endpoint>> CaresChannel::system_servers()
{
    init_library();
    ares_channel channel = nullptr;
    if (const int code = ares_init(&channel); code != ARES_SUCCESS)
        return Error(Errc::unavailable, std::string("/etc/resolv.conf cannot be used: ") + ares_strerror(code));
    ares_addr_port_node* nodes = nullptr;
    const int code = ares_get_servers_ports(channel, &nodes);
    std::vector<Endpoint> servers;
    for (const auto* node = nodes; node; node = node->next) {
        char text[64] = {};
        ares_inet_ntop(node->family, &node->addr, text, sizeof text);
        const int port = node->udp_port == 0 ? 53 : node->udp_port;
        servers.push_back({text, static_cast<std::uint16_t>(port)});
    }
    ares_free_data(nodes);
    ares_destroy(channel);
    if (code != ARES_SUCCESS || servers.empty())
        return Error(Errc::unavailable, "/etc/resolv.conf names no DNS server: set net.dns_servers");
    return servers;
}

void CaresChannel::close()
{
    const auto keep = weak_from_this().lock();  // the callbacks drop their references inside ares_destroy
    if (ares_channel channel = std::exchange(channel_, nullptr))
        ares_destroy(channel);
    timer_.cancel();
    lifetime_.cancel();
}

bool CaresChannel::worn_out() const noexcept
{
    return old_ || sent_ >= queries_per_port;
}

awaitable<CaresReply> CaresChannel::exchange(std::vector<std::uint8_t> query)
{
    const auto pending = send(query);
    if (!pending->reply) {
        boost::system::error_code ignored;
        co_await pending->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    // `this` may be gone here: only `pending` is ours.
    if (pending->reply)
        co_return std::move(*pending->reply);
    co_return without_reply(ARES_ETIMEOUT);
}

std::shared_ptr<CaresChannel::Pending> CaresChannel::send(const std::vector<std::uint8_t>& query)
{
    auto pending = std::make_shared<Pending>(executor_);
    if (!channel_) {
        pending->reply = without_reply(ARES_ECANCELLED);
        return pending;
    }
    // Twice: a truncated reply that came late is asked again over TCP with a timeout of its own.
    pending->done.expires_after(2 * timeout_ + milliseconds{100});
    query_started();
    auto* callback = new Callback{shared_from_this(), pending};  // on_reply owns it; c-ares calls it exactly once
    ares_send(channel_, query.data(), static_cast<int>(query.size()), &CaresChannel::on_reply, callback);
    arm_timer();
    return pending;
}

/// Called by c-ares, mostly from inside ares_send or ares_process_fd: so nothing here may call c-ares or resume the
/// coroutine on the spot.
void CaresChannel::on_reply(void* argument, int status, int, unsigned char* data, int length)
{
    const std::unique_ptr<Callback> callback(static_cast<Callback*>(argument));
    CaresReply reply = without_reply(status);
    if (status == ARES_SUCCESS && data && length > 0)
        reply.wire.assign(data, data + length);
    callback->pending->reply = std::move(reply);
    callback->pending->done.cancel();
    CaresChannel& self = *callback->channel;
    self.query_ended();
    if (self.channel_)  // the callback may hold the last reference, and ares_destroy must not run inside c-ares
        asio::post(self.executor_, [keep = callback->channel] {});
}

void CaresChannel::query_started()
{
    ++sent_;
    if (in_flight_++ > 0)
        return;
    lifetime_.expires_after(port_lifetime);
    lifetime_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
        if (const auto self = weak.lock(); self && !code)
            self->old_ = true;
    });
}

/// c-ares closes its sockets when nothing is under way: the next query has a new source port.
void CaresChannel::query_ended()
{
    if (--in_flight_ > 0)
        return;
    sent_ = 0;
    lifetime_.cancel();
}

void CaresChannel::on_socket_state(void* channel, int fd, int readable, int writable)
{
    auto& self = *static_cast<CaresChannel*>(channel);
    const auto known = self.sockets_.find(fd);
    if (readable == 0 && writable == 0) {
        if (known != self.sockets_.end()) {
            known->second->descriptor.release();  // c-ares closes it next
            self.sockets_.erase(known);
        }
        return;
    }
    std::shared_ptr<Socket> socket;
    if (known != self.sockets_.end()) {
        socket = known->second;
    } else {
        socket = std::make_shared<Socket>(self.executor_);
        boost::system::error_code code;
        socket->descriptor.assign(fd, code);
        if (code)
            return;  // out of memory in the reactor: the query will time out
        self.sockets_.emplace(fd, socket);
    }
    socket->want_read = readable != 0;
    socket->want_write = writable != 0;
    self.watch(fd, socket);
}

void CaresChannel::watch(int fd, const std::shared_ptr<Socket>& socket)
{
    using Descriptor = asio::posix::stream_descriptor;
    if (socket->want_read && !socket->reading) {
        socket->reading = true;
        socket->descriptor.async_wait(Descriptor::wait_read,
                                      [weak = weak_from_this(), fd, socket](const boost::system::error_code& code) {
                                          socket->reading = false;
                                          if (const auto self = weak.lock(); self && !code)
                                              self->process(fd, socket, true);
                                      });
    }
    if (socket->want_write && !socket->writing) {
        socket->writing = true;
        socket->descriptor.async_wait(Descriptor::wait_write,
                                      [weak = weak_from_this(), fd, socket](const boost::system::error_code& code) {
                                          socket->writing = false;
                                          if (const auto self = weak.lock(); self && !code)
                                              self->process(fd, socket, false);
                                      });
    }
}

void CaresChannel::process(int fd, const std::shared_ptr<Socket>& socket, bool readable)
{
    // The number may belong to another socket by now: ours is the one that is still listed.
    const auto listed = [&] {
        const auto known = sockets_.find(fd);
        return known != sockets_.end() && known->second == socket;
    };
    if (!channel_ || !listed())
        return;
    ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, readable ? ARES_SOCKET_BAD : fd);
    if (listed())
        watch(fd, socket);
    arm_timer();
}

void CaresChannel::arm_timer()
{
    timeval room{};
    const timeval* next = channel_ ? ares_timeout(channel_, nullptr, &room) : nullptr;
    if (!next) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec));
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
        const auto self = weak.lock();
        if (code || !self || !self->channel_)
            return;
        ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        self->arm_timer();
    });
}

}  // namespace winnow::net
