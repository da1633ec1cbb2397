#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>

#include "core/log.hpp"
#include "core/timer.hpp"
#include "net/endpoint.hpp"
#include "sandbox/zone.hpp"

namespace winnow::sandbox {

/// Answers UDP and TCP queries on one loopback port from answer_query(). Runs on its executor's thread.
class DnsServer {
public:
    struct Options {
        net::Endpoint listen{"127.0.0.1", 0};
        ZoneOptions zone;
        milliseconds delay{0};  ///< before each reply
    };
    /// Errc::invalid_argument when `listen` is no loopback address; system errors name the address and the cure.
    static Result<std::unique_ptr<DnsServer>> start(boost::asio::any_io_executor executor, TimerSource& timers,
                                                    Log& log, Options options);
    ~DnsServer();

    net::Endpoint endpoint() const;
    /// Queries answered so far. Thread-safe.
    std::uint64_t queries() const noexcept;
    void stop();

private:
    struct State;
    explicit DnsServer(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace winnow::sandbox
