#include "tests/relay/session_client.hpp"

#include <utility>

#include "tests/support/memory_stream.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

net::awaitable<void> serve_session(std::unique_ptr<net::Stream> stream, std::unique_ptr<net::SmtpHandler> handler,
                                   net::SmtpServerOptions options, TimerSource& timers)
{
    co_await net::serve_smtp(*stream, *handler, options, timers);
}

}  // namespace

SessionClient::SessionClient(RelayWorld& world, std::unique_ptr<net::SmtpHandler> handler,
                             net::SmtpServerOptions options, const std::string& ip)
    : world_(world)
{
    MemoryStreamOptions link;
    link.client.ip = ip;
    auto pair = make_memory_pair(world.timers, link);
    spawn(world.io, serve_session(std::move(pair.server), std::move(handler), options, world.timers));
    stream_ = std::move(pair.client);
    smtp_ = std::make_unique<net::SmtpClient>(*stream_);
    greeting = world.get(smtp_->greeting());
    world.get(smtp_->ehlo("client.test"));
}

SessionClient::~SessionClient() = default;

SmtpReply SessionClient::say(const std::string& line)
{
    return world_.get(smtp_->command(line, milliseconds{60'000}));
}

SmtpReply SessionClient::data(const std::string& message)
{
    return world_.get(smtp_->data(message));
}

SmtpReply SessionClient::auth(const std::string& user, const std::string& password)
{
    return world_.get(smtp_->auth(user, password, true));
}

}  // namespace winnow::test
