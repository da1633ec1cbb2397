#include "app/server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "api/api.hpp"
#include "api/held_verdicts.hpp"
#include "api/problem.hpp"
#include "app/credentials.hpp"
#include "app/data_dir.hpp"
#include "app/gate.hpp"
#include "app/sessions.hpp"
#include "app/unmatched_keeper.hpp"
#include "net/http.hpp"
#include "net/smtp_server.hpp"
#include "relay/mass_events.hpp"
#include "relay/submission.hpp"
#include "verifier/unfinished_lists.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

/// How often it is looked whether a round of the prober's self-test is due.
constexpr milliseconds self_test_look{10'000};
/// Bounces and complaints, from anybody: a report with the head of a message is small.
constexpr std::uint64_t max_report_bytes = 1'048'576;

/// Every co_spawn ends here: the exception is looked at before anything else, because a default-constructed result
/// reads as success.
auto logged(Log& log, std::string_view what)
{
    return [&log, what](std::exception_ptr failed) {
        if (!failed)
            return;
        try {
            std::rethrow_exception(failed);
        } catch (const std::exception& e) {
            log.error("coroutine.failed", {{"where", what}, {"what", e.what()}});
        }
    };
}

/// A listener of the setting `name`, which its errors tell.
Result<std::unique_ptr<net::Listener>> listener(boost::asio::any_io_executor executor, const char* name,
                                                const net::Endpoint& at)
{
    auto made = net::listen_tcp(executor, at);
    if (!made)
        return Error{made.error().code, std::string(name) + ": " + made.error().context};
    return made;
}

/// A listener for mail: its socket, its rules and the sessions that it holds. Each has limits of its own, so that
/// strangers at the public one do not shut the private one.
struct MailDoor {
    enum class Kind { submission, bounce };

    Kind kind;
    std::unique_ptr<net::Listener> listener;  ///< null = off
    net::SmtpServerOptions options;
    Sessions sessions;

    bool submission() const noexcept { return kind == Kind::submission; }
    std::string_view name() const noexcept { return submission() ? "submission" : "bounce"; }
};

/// What is turned away at a listener is told to try again later, so that the other listeners, delivery and the store
/// always find descriptors (main raises the process's limit to its hard one).
template <class Listener>
SessionLimits session_limits(const Listener& settings)
{
    return {settings.max_connections, settings.max_connections_per_source};
}

}  // namespace

struct Server::Impl {
    Impl(Runtime& r, const Config& c)
        : runtime(r),
          config(c),
          submission_door{MailDoor::Kind::submission, nullptr, {}, Sessions{session_limits(c.submission)}},
          bounce_door{MailDoor::Kind::bounce, nullptr, {}, Sessions{session_limits(c.bounce)}},
          http_sessions(session_limits(c.http))
    {
    }

    Runtime& runtime;
    Config config;
    storage::EngineKeys keys;
    std::unique_ptr<storage::Engine> engine;
    std::unique_ptr<api::KeyRing> ring;
    std::unique_ptr<KeyCredentials> credentials;
    std::unique_ptr<StoredGate> gate;
    std::unique_ptr<UnmatchedKeeper> unmatched;
    Breakers breakers;  ///< of probing and sending: an operator that refuses our address refuses both
    std::unique_ptr<relay::MassEvents> mass_events;
    std::unique_ptr<verifier::Verifier> verifier;
    std::unique_ptr<verifier::VerificationJobs> jobs;
    std::unique_ptr<api::HeldVerdicts> held_verdicts;
    std::unique_ptr<relay::Delivery> delivery;
    std::unique_ptr<relay::Campaigns> campaigns;
    std::unique_ptr<api::Api> api;
    std::unique_ptr<net::Listener> http_listener;
    net::HttpServerOptions http_options;
    MailDoor submission_door, bounce_door;
    const std::shared_ptr<net::SmtpDrain> smtp_drain = std::make_shared<net::SmtpDrain>();
    Sessions http_sessions;  ///< closed when the drain time is over, like those of the doors
    std::unique_ptr<Timer> self_test_timer;
    std::size_t running = 0;  ///< coroutines of ours that have not ended
    bool draining = false;

    relay::Services relay_services()
    {
        return {*engine,
                keys,
                *runtime.resolver,
                *runtime.connector,
                runtime.timers,
                runtime.clock,
                runtime.rng,
                runtime.log,
                runtime.metrics,
                *runtime.replies,
                *runtime.providers,
                *gate,
                &breakers,
                mass_events.get(),
                held_verdicts.get()};
    }

    verifier::Services verifier_services()
    {
        return {*engine,          *runtime.resolver,  *runtime.connector, runtime.timers,
                runtime.clock,    runtime.rng,        runtime.log,        runtime.metrics,
                *runtime.replies, *runtime.providers, *runtime.lists,     runtime.io.get_executor(),
                &breakers};
    }

    Result<> open();
    Result<> open_listeners();
    std::string not_ready() const;
    std::string greylist_path(const std::string& source);

    template <class Coroutine>
    void spawn(Coroutine coroutine, std::string_view what)
    {
        ++running;
        boost::asio::co_spawn(runtime.io, std::move(coroutine),
                              [this, report = logged(runtime.log, what)](std::exception_ptr failed) {
                                  --running;
                                  report(failed);
                              });
    }

    awaitable<void> accept_http();
    /// Whether `peer` is refused, which is then counted.
    bool turned_away(const Sessions& sessions, std::string_view listener, const net::Endpoint& peer, bool known);
    awaitable<void> accept_smtp(MailDoor& door);
    awaitable<void> smtp_session(std::unique_ptr<net::Stream> stream, Sessions::Entry open, MailDoor& door);
    awaitable<void> http_session(std::unique_ptr<net::Stream> stream, Sessions::Entry open);
    awaitable<void> look_at_ourselves();
    awaitable<void> discard_unfinished_lists();
    awaitable<bool> stop(milliseconds patience);
    awaitable<void> drain_work();
};

Result<> Server::Impl::open()
{
    // A store that lost its key file must not get another one: the two would never fit.
    WINNOW_TRY(const bool holds, holds_data(config.data_dir));
    WINNOW_TRY(keys, storage::EngineKeys::load_or_create(config.key_file, !holds));
    WINNOW_TRY(auto loaded, api::KeyRing::load(config.http.keys_file, api::KeyRing::Missing::is_empty));
    ring = std::make_unique<api::KeyRing>(std::move(loaded));
    WINNOW_CHECK(open_listeners());
    WINNOW_TRY(engine, storage::open_rocks_engine(config.data_dir, keys, config.engine, runtime.clock, runtime.rng,
                                                  runtime.log));

    auto networks = parse_networks(config.submission.relay_networks);
    if (!networks)
        return Error{networks.error().code, "submission.relay_networks: " + networks.error().context};
    credentials = std::make_unique<KeyCredentials>(*ring, std::move(*networks), runtime.clock);
    gate = std::make_unique<StoredGate>(*engine, runtime.clock);
    unmatched = std::make_unique<UnmatchedKeeper>(runtime, *engine);
    mass_events = std::make_unique<relay::MassEvents>(*engine, runtime.log, runtime.metrics);
    config.verifier.greylist_path = [this](const std::string& source) { return greylist_path(source); };
    verifier = std::make_unique<verifier::Verifier>(verifier_services(), config.verifier);
    jobs = std::make_unique<verifier::VerificationJobs>(*verifier);
    held_verdicts = std::make_unique<api::HeldVerdicts>(*engine, *verifier, *jobs, *ring, runtime.clock, runtime.log);
    delivery = std::make_unique<relay::Delivery>(relay_services(), config.relay);
    campaigns = std::make_unique<relay::Campaigns>(relay_services(), config.relay);
    api = std::make_unique<api::Api>(
        api::Services{*engine, *verifier, *jobs, *campaigns, *ring, runtime.clock, runtime.rng, runtime.log,
                      runtime.metrics, [this] { return not_ready(); }, rules_of(runtime), &unmatched->replies()});
    return {};
}

Result<> Server::Impl::open_listeners()
{
    const auto executor = runtime.io.get_executor();
    WINNOW_TRY(const auto http_at, net::parse_endpoint(config.http.listen, 8080));
    WINNOW_TRY(http_listener, listener(executor, "http.listen", http_at));
    http_options.clock = &runtime.clock;
    http_options.log = &runtime.log;
    http_options.refusal = api::refusal;
    http_options.waiting = std::make_shared<net::HttpWaiting>();
    if (!config.http.cert_file.empty()) {
        WINNOW_TRY(http_options.tls, net::TlsServerContext::load(config.http.cert_file, config.http.tls_key_file));
    }
    if (!config.submission.listen.empty()) {
        WINNOW_TRY(const auto at, net::parse_endpoint(config.submission.listen, 2525));
        WINNOW_TRY(submission_door.listener, listener(executor, "submission.listen", at));
        net::SmtpServerOptions& submission_options = submission_door.options;
        submission_options.hostname = config.relay.hostname;
        submission_options.banner_text = "winnow ESMTP";
        submission_options.message_memory = std::make_shared<MemoryBudget>(config.submission.message_memory);
        submission_options.hello_timeout = config.submission.hello_timeout;
        submission_options.drain = smtp_drain;
        submission_options.max_message_size = config.submission.max_message_size;
        submission_options.auth = true;
        // Without a certificate, a password may cross only the loopback interface.
        submission_options.auth_requires_tls =
            config.submission.cert_file.empty() ? at.ip != "127.0.0.1" && at.ip != "::1" : true;
        if (!config.submission.cert_file.empty()) {
            WINNOW_TRY(submission_options.tls,
                       net::TlsServerContext::load(config.submission.cert_file, config.submission.tls_key_file));
        }
    }
    if (!config.bounce.listen.empty()) {
        WINNOW_TRY(const auto at, net::parse_endpoint(config.bounce.listen, 25));
        WINNOW_TRY(bounce_door.listener, listener(executor, "bounce.listen", at));
        net::SmtpServerOptions& bounce_options = bounce_door.options;
        bounce_options.hostname = config.relay.hostname;
        bounce_options.banner_text = "winnow ESMTP";
        bounce_options.message_memory = std::make_shared<MemoryBudget>(config.bounce.message_memory);
        bounce_options.hello_timeout = config.bounce.hello_timeout;
        bounce_options.drain = smtp_drain;
        bounce_options.max_message_size = max_report_bytes;
    }
    return {};
}

/// A path that no source of the relay is near enough to use would only cost a probe.
std::string Server::Impl::greylist_path(const std::string& source)
{
    const auto& from = config.relay.sources;
    const bool usable = from.empty() || std::any_of(from.begin(), from.end(), [&source](const std::string& one) {
                            return net::same_neighbourhood(one, source);
                        });
    return usable ? relay::greylist_path(keys, config.relay, source, runtime.rng, engine->now()) : std::string{};
}

std::string Server::Impl::not_ready() const
{
    return draining ? "draining" : "";
}

bool Server::Impl::turned_away(const Sessions& sessions, std::string_view listener, const net::Endpoint& peer,
                               bool known)
{
    const bool one_has_all = !known && sessions.full_of(peer);
    if (!one_has_all && !sessions.full())
        return false;
    runtime.metrics
        .counter("winnow_connections_refused_total", "Connections turned away by listener and limit",
                 {{"listener", listener}, {"limit", one_has_all ? "source" : "total"}})
        .add();
    return true;
}

awaitable<void> Server::Impl::http_session(std::unique_ptr<net::Stream> stream, Sessions::Entry)
{
    co_await net::serve_http(std::move(stream), *api, http_options);
}

awaitable<void> Server::Impl::accept_http()
{
    for (;;) {
        auto stream = co_await http_listener->accept();
        if (!stream) {
            if (draining || stream.error().code == Errc::cancelled)
                co_return;
            runtime.log.warn("http.accept_failed", {{"why", stream.error().message()}});
            co_await sleep_for(runtime.timers, milliseconds{100});
            continue;
        }
        const net::Endpoint peer = (*stream)->peer();
        const bool local = net::is_loopback(peer.ip);  // maybe a proxy, which speaks for many
        // Whoever holds connections without asking anything makes room for who asks.
        const bool made_room =
            http_sessions.full() && (local || !http_sessions.full_of(peer)) && http_options.waiting->close_longest();
        if (!made_room && turned_away(http_sessions, "http", peer, local)) {
            co_await net::turn_away_http(std::move(*stream), http_options, 503,
                                         "Too many connections are open; try again later.");
            continue;
        }
        auto open = http_sessions.enter(**stream);
        auto session = http_session(std::move(*stream), std::move(open));
        spawn(std::move(session), "http session");
    }
}

awaitable<void> Server::Impl::smtp_session(std::unique_ptr<net::Stream> stream, Sessions::Entry, MailDoor& door)
{
    std::unique_ptr<net::SmtpHandler> handler;
    if (door.submission())
        handler = relay::make_submission_session(relay_services(), config.relay, *credentials);
    else
        handler = relay::make_bounce_session(relay_services(), config.relay);
    co_await net::serve_smtp(*stream, *handler, door.options, runtime.timers);
}

awaitable<void> Server::Impl::accept_smtp(MailDoor& door)
{
    for (;;) {
        auto stream = co_await door.listener->accept();
        if (!stream) {
            if (draining || stream.error().code == Errc::cancelled)
                co_return;
            runtime.log.warn("smtp.accept_failed", {{"why", stream.error().message()}});
            co_await sleep_for(runtime.timers, milliseconds{100});
            continue;
        }
        const net::Endpoint peer = (*stream)->peer();
        const bool known = net::is_loopback(peer.ip) || credentials->from_network(peer.ip).has_value();
        if (turned_away(door.sessions, door.name(), peer, known)) {
            (*stream)->expires_after(milliseconds{1'000});
            (void)co_await (*stream)->write("421 4.3.2 too many connections, try again later\r\n");
            continue;
        }
        auto open = door.sessions.enter(**stream);
        auto session = smtp_session(std::move(*stream), std::move(open), door);
        spawn(std::move(session), "smtp session");
    }
}

/// Also while nothing is verified: who watches the metrics learns of a block list before the next list does.
awaitable<void> Server::Impl::look_at_ourselves()
{
    while (!draining) {
        verifier->look_at_ourselves();
        const Wake wake = co_await self_test_timer->wait_until(runtime.clock.steady() + self_test_look);
        if (wake == Wake::cancelled)
            co_return;
    }
}

/// Those of a workspace without a key come when it has one again: nobody sees them before. A store that fails here has
/// more to tell elsewhere.
awaitable<void> Server::Impl::discard_unfinished_lists()
{
    for (const std::string& workspace : ring->workspaces()) {
        const auto discarded = co_await verifier::discard_unfinished_lists(*engine, workspace);
        if (!discarded)
            runtime.log.warn("list.unfinished_stays", {{"workspace", workspace}, {"why", discarded.error().message()}});
        else if (*discarded > 0)
            runtime.log.info("list.unfinished_removed", {{"workspace", workspace}, {"count", *discarded}});
    }
}

awaitable<bool> Server::Impl::stop(milliseconds patience)
{
    if (draining)
        co_return true;
    draining = true;
    if (self_test_timer)
        self_test_timer->wake();
    http_listener->close();
    for (MailDoor* door : {&submission_door, &bounce_door})
        if (door->listener)
            door->listener->close();
    smtp_drain->begin();
    unmatched->stop();
    const SteadyPoint until = runtime.clock.steady() + patience;
    // Sessions inside a transaction have this time too; the others have just been told to go.
    bool drained = false;
    boost::asio::co_spawn(runtime.io, drain_work(),
                          [&drained, report = logged(runtime.log, "drain")](std::exception_ptr failed) {
                              drained = true;
                              report(failed);
                          });
    const auto mail_comes_in = [this] { return !submission_door.sessions.empty() || !bounce_door.sessions.empty(); };
    while ((!drained || mail_comes_in()) && runtime.clock.steady() < until)
        co_await sleep_for(runtime.timers, milliseconds{20});
    submission_door.sessions.close_all();
    bounce_door.sessions.close_all();
    // Keep-alive connections would wait for their idle timeout; a request under way has had the drain to finish.
    http_sessions.close_all();
    for (int turn = 0; drained && running > 0 && turn < 100; ++turn)
        co_await sleep_for(runtime.timers, milliseconds{20});
    const auto closed = engine->close();
    if (!closed)
        runtime.log.error("store.close_failed", {{"why", closed.error().message()}});
    co_return drained&& running == 0;
}

/// Campaigns first: they fill the queue. Delivery last: what is in a transaction is finished.
awaitable<void> Server::Impl::drain_work()
{
    co_await campaigns->drain();
    co_await jobs->drain();
    co_await delivery->drain();
    co_await unmatched->save();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(Runtime& runtime, const Config& config)
{
    auto impl = std::make_unique<Impl>(runtime, config);
    WINNOW_CHECK(impl->open());
    return std::unique_ptr<Server>{new Server(std::move(impl))};
}

boost::asio::awaitable<Result<>> Server::start()
{
    WINNOW_CO_CHECK(co_await impl_->mass_events->restore());
    co_await impl_->discard_unfinished_lists();
    WINNOW_CO_CHECK(co_await impl_->jobs->resume());
    WINNOW_CO_CHECK(co_await impl_->campaigns->resume());
    co_await impl_->unmatched->load();
    impl_->spawn(impl_->unmatched->run(), "unmatched replies");
    impl_->self_test_timer = impl_->runtime.timers.make();
    impl_->spawn(impl_->look_at_ourselves(), "self-test");
    impl_->spawn(impl_->delivery->run(), "delivery");
    impl_->spawn(impl_->accept_http(), "http listener");
    if (impl_->submission_door.listener)
        impl_->spawn(impl_->accept_smtp(impl_->submission_door), "submission listener");
    if (impl_->bounce_door.listener)
        impl_->spawn(impl_->accept_smtp(impl_->bounce_door), "bounce listener");
    co_return Result<>{};
}

boost::asio::awaitable<bool> Server::stop(milliseconds patience)
{
    co_return co_await impl_->stop(patience);
}

Result<std::size_t> Server::reload_keys()
{
    WINNOW_TRY(auto loaded, api::KeyRing::load(impl_->config.http.keys_file, api::KeyRing::Missing::is_error));
    *impl_->ring = std::move(loaded);
    return impl_->ring->size();
}

Result<> Server::reload_tables()
{
    Runtime& runtime = impl_->runtime;
    WINNOW_CHECK(runtime.reload_tables(impl_->config));
    impl_->unmatched->forget_matched();
    for (const verifier::ListStatus& table : runtime.tables)
        runtime.log.info(
            "table.reloaded",
            {{"name", table.name}, {"entries", table.count}, {"version", table.version}, {"source", table.source}});
    return {};
}

net::Endpoint Server::http() const
{
    return impl_->http_listener->local();
}

net::Endpoint Server::submission() const
{
    const auto& listener = impl_->submission_door.listener;
    return listener ? listener->local() : net::Endpoint{};
}

net::Endpoint Server::bounce() const
{
    const auto& listener = impl_->bounce_door.listener;
    return listener ? listener->local() : net::Endpoint{};
}

storage::Engine& Server::engine()
{
    return *impl_->engine;
}

verifier::Verifier& Server::verifier()
{
    return *impl_->verifier;
}

verifier::VerificationJobs& Server::jobs()
{
    return *impl_->jobs;
}

relay::Campaigns& Server::campaigns()
{
    return *impl_->campaigns;
}

}  // namespace winnow::app
