#include "sandbox/sandbox.hpp"

#include <unordered_map>

#include "net/smtp_server.hpp"
#include "sandbox/behaviour.hpp"
#include "sandbox/dns_server.hpp"
#include "sandbox/script.hpp"
#include "sandbox/smtp_receiver.hpp"
#include "sandbox/spawn.hpp"
#include "sandbox/wire.hpp"

namespace winnow::sandbox {

namespace asio = boost::asio;
using net::awaitable;

struct Sandbox::State {
    State(asio::any_io_executor ex, TimerSource& t, net::Connector& connector, Log& l, SandboxOptions o)
        : executor(ex),
          timers(t),
          log(l),
          options(std::move(o)),
          seen(options.keep_messages, options.count_addresses),
          reports(ex, t, connector, seen, l,
                  ReportSender::Options{options.bounce_to, options.complaint_to, options.report_delay, 4}),
          services{t, seen, reports, {}}
    {
        seen.observe(options.on_message);
        server.hostname = "mx.sandbox.test";
        server.reply_delay = options.rtt;
        slow_server = server;
    }

    asio::any_io_executor executor;
    TimerSource& timers;
    Log& log;
    SandboxOptions options;
    ReceiverLog seen;
    ReportSender reports;
    ReceiverServices services;
    net::SmtpServerOptions server;
    net::SmtpServerOptions slow_server;
    std::unique_ptr<DnsServer> dns;
    std::vector<std::unique_ptr<net::Listener>> listeners;
    std::uint16_t port = 0;
    std::uint64_t next_session = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<net::Stream>> sessions;
    bool stopped = false;

    /// All receiver addresses on one port. Leaves nothing open when one is taken.
    Result<> listen(std::uint16_t wanted);

    static awaitable<void> accept(std::shared_ptr<State> state, net::Listener& listener);
    static awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream, std::uint64_t id);
    static awaitable<void> serve_script(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream,
                                        const Script& script);
    net::SmtpServerOptions options_of(const Script& script) const;
};

Result<> Sandbox::State::listen(std::uint16_t wanted)
{
    listeners.clear();
    port = wanted;
    for (const auto& ip : receiver_addresses(options.sites)) {
        auto listener = net::listen_tcp(executor, {ip, port});
        if (!listener) {
            listeners.clear();
            return std::move(listener).error();
        }
        port = (*listener)->local().port;
        listeners.push_back(*std::move(listener));
    }
    return {};
}

awaitable<void> Sandbox::State::accept(std::shared_ptr<State> state, net::Listener& listener)
{
    while (!state->stopped) {
        auto stream = co_await listener.accept();
        if (state->stopped)
            co_return;
        if (!stream) {
            // Out of descriptors, most likely: give sessions time to end.
            state->log.warn("sandbox.accept_failed", {{"error", stream.error().message()}});
            co_await sleep_for(state->timers, milliseconds{100});
            continue;
        }
        std::shared_ptr<net::Stream> shared = std::move(*stream);
        const auto id = ++state->next_session;
        state->sessions.emplace(id, shared);
        spawn(state->executor, state->log, "smtp session", serve(state, std::move(shared), id));
    }
}

net::SmtpServerOptions Sandbox::State::options_of(const Script& script) const
{
    auto out = server;
    if (script.tls == Tls::none || script.tls == Tls::refused)
        out.tls.reset();
    out.smtputf8 = script.smtputf8;
    out.reply_delay += script.late;
    // What is done to a reply must not be done to its neighbours in a pipelined group.
    out.pipelining = script.when == When::never;
    return out;
}

awaitable<void> Sandbox::State::serve_script(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream,
                                             const Script& script)
{
    Wire wire(*stream, state->timers);
    wire.drip(script.per_octet);
    if (script.tls == Tls::broken)
        wire.break_tls();
    SmtpReceiver receiver(state->services, script, wire);
    const auto options = state->options_of(script);
    co_await net::serve_smtp(wire, receiver, options, state->timers);
}

awaitable<void> Sandbox::State::serve(std::shared_ptr<State> state, std::shared_ptr<net::Stream> stream,
                                      std::uint64_t id)
{
    if (const Script* const script = script_of_address(stream->local().ip)) {
        co_await serve_script(state, stream, *script);
        state->sessions.erase(id);
        co_return;
    }
    SmtpReceiver receiver(state->services);
    const auto& options = role_of_address(stream->local().ip).slow ? state->slow_server : state->server;
    co_await net::serve_smtp(*stream, receiver, options, state->timers);
    state->sessions.erase(id);
}

Result<std::unique_ptr<Sandbox>> Sandbox::start(asio::any_io_executor executor, TimerSource& timers,
                                                net::Connector& connector, Log& log, SandboxOptions options)
{
    if (options.sites < 1 || options.sites > 250)
        return Error(Errc::invalid_argument, "sites: must be 1 to 250");
    auto state = std::make_shared<State>(executor, timers, connector, log, std::move(options));
    const auto& o = state->options;
    if (o.starttls) {
        WINNOW_TRY(state->server.tls, net::TlsServerContext::self_signed("mx.sandbox.test", timers.clock().now()));
        state->slow_server.tls = state->server.tls;
    }
    state->slow_server.reply_delay = o.rtt + o.slow;

    // A port that is free on the first address may be taken on another one.
    constexpr int tries = 16;
    Result<> listening = state->listen(o.smtp_port);
    for (int i = 1; i < tries && !listening && o.smtp_port == 0; ++i)
        listening = state->listen(0);
    if (!listening)
        return std::move(listening).error();

    DnsServer::Options dns;
    dns.listen = o.dns;
    dns.zone.sites = o.sites;
    dns.delay = o.rtt;
    WINNOW_TRY(state->dns, DnsServer::start(executor, timers, log, dns));
    for (const auto& listener : state->listeners)
        spawn(executor, log, "smtp listener", State::accept(state, *listener));
    return std::unique_ptr<Sandbox>(new Sandbox(std::move(state)));
}

Sandbox::Sandbox(std::shared_ptr<State> state) : state_(std::move(state)) {}

Sandbox::~Sandbox()
{
    stop();
}

net::Endpoint Sandbox::dns_endpoint() const
{
    return state_->dns->endpoint();
}

std::uint16_t Sandbox::smtp_port() const noexcept
{
    return state_->port;
}

void Sandbox::set_bounce_to(net::Endpoint to)
{
    state_->reports.set_bounce_to(std::move(to));
}

ReceiverTotals Sandbox::totals() const
{
    return state_->seen.totals();
}

std::uint64_t Sandbox::dns_queries() const noexcept
{
    return state_->dns->queries();
}

AddressCount Sandbox::count(std::string_view address) const
{
    return state_->seen.count(address);
}

std::map<std::string, AddressCount> Sandbox::counts() const
{
    return state_->seen.counts();
}

std::vector<ReceivedMessage> Sandbox::messages() const
{
    return state_->seen.messages();
}

void Sandbox::stop()
{
    if (state_->stopped)
        return;
    state_->stopped = true;
    state_->reports.stop();
    state_->dns->stop();
    for (const auto& listener : state_->listeners)
        listener->close();
    for (const auto& [id, stream] : state_->sessions)
        stream->close();
}

}  // namespace winnow::sandbox
