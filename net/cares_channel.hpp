#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "net/endpoint.hpp"
#include "net/stream.hpp"

struct ares_channeldata;

namespace winnow::net {

/// What one query on the wire brought.
struct CaresReply {
    enum class Status : std::uint8_t { answered = 1, timed_out, unreachable, shut_down };
    Status status = Status::timed_out;
    std::vector<std::uint8_t> wire;  ///< the reply as received; its source, id and question belong to the query
    std::string detail;              ///< why there is none
};

/// A c-ares channel with one server, on one executor: UDP with a change to TCP after truncation, or TCP alone. One try
/// per query. Asio watches its sockets, c-ares owns them.
class CaresChannel : public std::enable_shared_from_this<CaresChannel> {
public:
    static Result<std::shared_ptr<CaresChannel>> open(const boost::asio::any_io_executor& executor,
                                                      const Endpoint& server, milliseconds timeout, bool tcp);
    /// The servers of /etc/resolv.conf, as c-ares reads them.
    static Result<std::vector<Endpoint>> system_servers();

    ~CaresChannel();
    CaresChannel(const CaresChannel&) = delete;
    CaresChannel& operator=(const CaresChannel&) = delete;

    /// `query` is a whole DNS message with an id of its own. The channel lives on until the query ended.
    awaitable<CaresReply> exchange(std::vector<std::uint8_t> query);

    /// Queries under way end with shut_down. Afterwards the channel is of no use.
    void close();

    /// Overlapping queries share a UDP source port, which a forger could learn in the end: true when the next query
    /// should go to a new channel.
    bool worn_out() const noexcept;

private:
    struct Pending;
    struct Callback;
    struct Socket;

    CaresChannel(const boost::asio::any_io_executor& executor, milliseconds timeout);
    Result<> start(const Endpoint& server, bool tcp);
    std::shared_ptr<Pending> send(const std::vector<std::uint8_t>& query);

    static void on_reply(void* argument, int status, int timeouts, unsigned char* data, int length);
    static void on_socket_state(void* self, int fd, int readable, int writable);
    void watch(int fd, const std::shared_ptr<Socket>& socket);
    void process(int fd, const std::shared_ptr<Socket>& socket, bool readable);
    void arm_timer();
    void query_started();
    void query_ended();

    boost::asio::any_io_executor executor_;
    milliseconds timeout_;
    ares_channeldata* channel_ = nullptr;
    std::map<int, std::shared_ptr<Socket>> sockets_;
    boost::asio::steady_timer timer_;     ///< when c-ares next wants to look at its timeouts
    boost::asio::steady_timer lifetime_;  ///< runs while queries are under way
    std::size_t in_flight_ = 0;
    std::size_t sent_ = 0;  ///< since the channel was last idle
    bool old_ = false;      ///< has been busy for its whole lifetime
};

}  // namespace winnow::net
