#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "net/smtp_client.hpp"
#include "tests/relay/relay_world.hpp"

namespace winnow::test {

inline net::awaitable<void> serve_session(std::unique_ptr<net::Stream> stream,
                                          std::unique_ptr<net::SmtpHandler> handler, net::SmtpServerOptions options,
                                          TimerSource& timers)
{
    co_await net::serve_smtp(*stream, *handler, options, timers);
}

/// A client of one of our own listeners.
class SessionClient {
public:
    SessionClient(RelayWorld& world, std::unique_ptr<net::SmtpHandler> handler, net::SmtpServerOptions options,
                  const std::string& ip = "198.51.100.7")
        : world_(world)
    {
        MemoryStreamOptions link;
        link.client.ip = ip;
        auto pair = make_memory_pair(world.timers, link);
        boost::asio::co_spawn(world.io,
                              serve_session(std::move(pair.server), std::move(handler), options, world.timers),
                              boost::asio::detached);
        stream_ = std::move(pair.client);
        smtp_ = std::make_unique<net::SmtpClient>(*stream_);
        greeting = world.get(smtp_->greeting());
        world.get(smtp_->ehlo("client.test"));
    }
    SmtpReply say(const std::string& line) { return world_.get(smtp_->command(line, milliseconds{60'000})); }
    SmtpReply data(const std::string& message) { return world_.get(smtp_->data(message)); }
    SmtpReply auth(const std::string& user, const std::string& password)
    {
        return world_.get(smtp_->auth(user, password, true));
    }
    const net::SmtpCapabilities& offers() const { return smtp_->capabilities(); }

    SmtpReply greeting;

private:
    RelayWorld& world_;
    std::unique_ptr<net::Stream> stream_;
    std::unique_ptr<net::SmtpClient> smtp_;
};

}  // namespace winnow::test
