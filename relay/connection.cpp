#include "relay/connection.hpp"

#include <algorithm>

namespace winnow::relay {
namespace {

constexpr milliseconds broken_tls_memory = std::chrono::days{3};

struct Target {
    std::string mx;
    std::string ip;
};

/// Hosts by preference; an address that did not answer lately goes to the end, so that one dead MX does not cost every
/// connection its timeout.
std::vector<Target> targets_of(const net::MailRoute& route, const SiteMemory& memory, SteadyPoint now)
{
    std::vector<Target> targets;
    for (const net::MxHost& host : route.hosts)
        for (const std::string& ip : host.addresses)
            targets.push_back({host.name, ip});
    std::stable_partition(targets.begin(), targets.end(), [&](const Target& t) { return !memory.dead(t.ip, now); });
    return targets;
}

/// One host: connected and greeted, or how it ended.
awaitable<OpenResult> open_host(Services services, const RelayOptions& options, Target target, std::string source_ip,
                                bool allow_tls, bool* tls_failed)
{
    OpenResult result;
    AttemptEnd& failure = result.failure;
    failure.mx = target.mx + "[" + target.ip + "]";
    if (const Provider* provider = services.providers.find(target.mx))
        failure.provider = provider->name;

    net::ConnectOptions how;
    how.source_ip = source_ip;
    how.timeout = options.connect_timeout;
    net::Endpoint to{target.ip, options.smtp_port};
    auto stream = co_await services.connector.connect(to, how);
    if (!stream) {
        failure.stage = Stage::connect;
        failure.error = stream.error();
        co_return result;
    }
    failure.source = (*stream)->local().ip;
    auto connection = std::make_unique<Connection>(std::move(*stream), options.timeouts);
    connection->mx = failure.mx;
    connection->provider = failure.provider;
    net::SmtpClient& smtp = connection->smtp();

    failure.stage = Stage::banner;
    auto reply = co_await smtp.greeting();
    if (reply && reply->positive()) {
        failure.stage = Stage::ehlo;
        reply = co_await smtp.ehlo(options.hostname);
    }
    if (reply && reply->positive() && allow_tls && smtp.capabilities().starttls) {
        failure.stage = Stage::starttls;
        net::TlsClientOptions tls;
        tls.server_name = target.mx;
        tls.ca_file = options.ca_file;
        reply = co_await smtp.starttls(tls);
        // A 4xx or 5xx to STARTTLS itself leaves a working clear connection; a broken handshake does not.
        if (!reply)
            *tls_failed = true;
        else if (reply->positive())
            reply = co_await smtp.ehlo(options.hostname);
        else
            reply = SmtpReply::make(250, "going on in clear");
    }
    if (!reply) {
        failure.error = reply.error();
        co_return result;
    }
    if (!reply->positive()) {
        failure.reply = *reply;
        co_await smtp.quit();
        co_return result;
    }
    result.connection = std::move(connection);
    co_return result;
}

}  // namespace

bool SiteMemory::dead(const std::string& ip, SteadyPoint now) const
{
    const auto found = dead_until_.find(ip);
    return found != dead_until_.end() && now < found->second;
}

bool SiteMemory::broken_tls(const std::string& mx, SteadyPoint now) const
{
    const auto found = broken_tls_until_.find(mx);
    return found != broken_tls_until_.end() && now < found->second;
}

awaitable<OpenResult> open_connection(Services services, const RelayOptions& options, const net::MailRoute& route,
                                      SiteMemory& memory, std::string source_ip)
{
    OpenResult last;
    last.failure.error = Error{Errc::unavailable, "no mail host has an address"};
    const std::vector<Target> targets = targets_of(route, memory, services.clock.steady());
    for (const Target& target : targets) {
        const bool allow_tls = !memory.broken_tls(target.mx, services.clock.steady());
        bool tls_failed = false;
        last = co_await open_host(services, options, target, source_ip, allow_tls, &tls_failed);
        if (tls_failed) {
            memory.mark_broken_tls(target.mx, services.clock.steady() + broken_tls_memory);
            last = co_await open_host(services, options, target, source_ip, false, &tls_failed);
        }
        if (last.connection) {
            memory.mark_alive(target.ip);
            co_return last;
        }
        if (last.failure.stage == Stage::connect)
            memory.mark_dead(target.ip, services.clock.steady());
    }
    co_return last;
}

}  // namespace winnow::relay
