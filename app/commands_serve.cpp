// `winnow serve` and `winnow key create`.
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>

#include "app/commands.hpp"
#include "app/identity.hpp"
#include "app/lab_settings.hpp"
#include "app/server.hpp"
#include "app/version.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

/// SIGHUP: keys, tables and lists are what changes while a server runs; the settings take a restart.
void reload(Server& server, Log& log)
{
    const auto keys = server.reload_keys();
    if (keys)
        log.info("keys.reloaded", {{"keys", *keys}});
    else
        log.error("keys.reload_failed", {{"why", keys.error().message()}, {"cure", "the keys stay as they were"}});
    const auto tables = server.reload_tables();
    if (tables)
        log.info("tables.reloaded");
    else
        log.error("tables.reload_failed",
                  {{"why", tables.error().message()}, {"cure", "all tables stay as they were"}});
}

awaitable<int> serve(Runtime& runtime, Config& config)
{
    // Before anything that waits: a SIGTERM during start-up is not lost.
    boost::asio::signal_set signals{runtime.io, SIGTERM, SIGINT, SIGHUP};
    if (const std::string lab = lab_settings(config); !lab.empty())
        runtime.log.warn("config.lab", {{"what", lab}});
    const Identity identity = co_await settle_identity(runtime, config);
    if (!identity.why_not.empty())
        runtime.log.warn("probe.dns_only", {{"why", identity.why_not}});

    auto opened = Server::open(runtime, config);
    if (!opened)
        co_return fail_start(opened.error());
    Server& server = **opened;
    const auto started = co_await server.start();
    if (!started)
        co_return fail_start(started.error());
    const IdentityWatch identity_watch{runtime, config, server.verifier(), identity};
    runtime.log.info("server.started",
                     {{"version", version},
                      {"http", server.http().to_string()},
                      {"submission", server.submission().port != 0 ? server.submission().to_string() : "off"},
                      {"bounce", server.bounce().port != 0 ? server.bounce().to_string() : "off"},
                      {"data_dir", config.data_dir}});
    int signal = co_await signals.async_wait(boost::asio::use_awaitable);
    while (signal == SIGHUP) {
        reload(server, runtime.log);
        signal = co_await signals.async_wait(boost::asio::use_awaitable);
    }
    runtime.log.info("server.draining", {{"signal", signal}});
    // From here on only a second request to end counts.
    signals.remove(SIGHUP);
    std::signal(SIGHUP, SIG_IGN);
    // Somebody who asks twice does not want to wait for the drain.
    signals.async_wait([](const boost::system::error_code& failed, int) {
        if (!failed)
            leave_at_once(1, "stopped at once by a second signal; what was under way is still in the store");
    });
    const bool ended = co_await server.stop(config.drain_timeout);
    if (!ended)
        leave_at_once(1, "drain_timeout is over; what was under way is still in the store");
    signals.cancel();
    runtime.log.info("server.stopped");
    co_return 0;
}

}  // namespace

int run_serve(const Globals& globals)
{
    auto config = configured(globals);
    if (!config)
        return 78;
    if (config->relay.hostname.empty()) {
        std::fprintf(
            stderr,
            "winnow: relay.hostname is not set: the name that receivers see in EHLO, e.g. \"mail.example.com\"\n");
        return 78;
    }
    const SystemClock clock;
    const auto log = make_stderr_log(config->log_level, clock);
    auto runtime = Runtime::make(*config, *log);
    if (!runtime)
        return fail_setup(runtime.error());
    return run_to_end(**runtime, serve(**runtime, *config));
}

int run_key_create(const Globals& globals, const KeyCreateCommand& command)
{
    const auto config = configured(globals);
    if (!config)
        return 78;
    SystemRng rng;
    api::ApiKey properties;
    properties.name = command.name;
    properties.workspace = command.workspace;
    properties.probes_per_day = command.probes_per_day;
    auto from = relay::SenderDomains::parse(command.from);
    if (!from)
        return fail(from.error());
    properties.from = std::move(*from);
    const auto made = api::KeyRing::create(config->http.keys_file, properties, rng);
    if (!made)
        return fail(made.error());
    std::printf("%s\n", made->text.c_str());
    if (!globals.quiet)
        std::fprintf(stderr, "key %s written to %s; its text above is not shown again\n", made->key.id.c_str(),
                     config->http.keys_file.c_str());
    return 0;
}

}  // namespace winnow::app
