#include "relay/connection.hpp"

#include <algorithm>

#include "net/smtp_error.hpp"
#include "net/smtp_opening.hpp"

namespace winnow::relay {
namespace {

constexpr milliseconds broken_tls_memory = std::chrono::days{3};
constexpr std::size_t max_targets = 5;  ///< of one attempt: 40 silent hosts would hold it for 20 minutes

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
    if (targets.size() > max_targets)
        targets.resize(max_targets);
    return targets;
}

/// Does this failure of STARTTLS mean that the host's TLS does not work? Silence, a lost connection or injected
/// plaintext do not: the next host or a later try will tell.
bool is_broken_tls(const AttemptEnd& failure)
{
    return failure.stage == Stage::starttls && !failure.reply &&
           (failure.error.code == net::SmtpErrc::tls_failed || failure.error.code == net::SmtpErrc::tls_unverified);
}

bool refused_for_good(const AttemptEnd& failure)
{
    return failure.reply && failure.reply->permanent();
}

/// One host: connected and greeted, or how it ended.
awaitable<OpenResult> open_host(Services services, const RelayOptions& options, Target target, std::string source_ip,
                                bool allow_tls)
{
    OpenResult result;
    AttemptEnd& failure = result.failure;
    failure.mx = target.mx + "[" + target.ip + "]";
    failure.source = source_ip;
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

    net::SmtpOpening opening;
    opening.ehlo_name = options.hostname;
    opening.use_tls = allow_tls;
    opening.tls.server_name = std::move(target.mx);
    opening.tls.ca_file = options.ca_file;
    auto opened = co_await net::open_dialogue(connection->smtp(), std::move(opening));
    failure.stage = opened.stage;
    failure.tls = connection->stream().encrypted();
    if (!opened.reply) {
        failure.error = std::move(opened.error);
        co_return result;
    }
    if (!opened.open()) {
        failure.reply = std::move(*opened.reply);
        co_await connection->smtp().quit();
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
    OpenResult failed;
    failed.failure.error = Error{Errc::unavailable, "no mail host has an address"};
    bool first = true;
    const std::vector<Target> targets = targets_of(route, memory, services.clock.steady());
    for (const Target& target : targets) {
        const bool allow_tls = !memory.broken_tls(target.mx, services.clock.steady());
        OpenResult opened = co_await open_host(services, options, target, source_ip, allow_tls);
        if (!opened.connection && is_broken_tls(opened.failure)) {
            memory.mark_broken_tls(target.mx, services.clock.steady() + broken_tls_memory);
            opened = co_await open_host(services, options, target, source_ip, false);
        }
        if (opened.connection) {
            memory.mark_alive(target.ip);
            co_return opened;
        }
        if (opened.failure.stage == Stage::connect)
            memory.mark_dead(target.ip, services.clock.steady());
        // While one host may still take the message, it is not refused.
        if (first || !refused_for_good(opened.failure) || refused_for_good(failed.failure))
            failed = std::move(opened);
        first = false;
    }
    co_return failed;
}

}  // namespace winnow::relay
