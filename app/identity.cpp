#include "app/identity.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "net/policy/probe_identity.hpp"
#include "verifier/dns_watch.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr milliseconds before_second_try{2'000};

/// The same questions once more must not be answered by what the cache keeps of a failure.
class PastTheCache final : public net::Resolver {
public:
    explicit PastTheCache(net::Resolver& upstream) : upstream_(upstream) {}

    awaitable<net::DnsAnswer> query(std::string name, net::DnsType type, net::QueryOptions options) override
    {
        options.confirm = true;
        return upstream_.query(std::move(name), type, options);
    }

private:
    net::Resolver& upstream_;
};

std::vector<net::ProbeIdentity> identities_of(const verifier::VerifierOptions& options)
{
    std::vector<net::ProbeIdentity> all;
    for (const std::string& source : options.sources)
        all.push_back({source, options.helo_name, options.mail_from});
    return all;
}

std::string reason_of(const net::IdentityReport& report)
{
    return report.ok() ? std::string{} : report.source_ip + ": " + report.reason();
}

awaitable<net::IdentityReport> ask(Runtime& runtime, std::vector<net::ProbeIdentity> identities)
{
    net::Resolver& dns = *runtime.resolver;
    auto report = co_await net::check_probe_identities(dns, identities, runtime.clock, runtime.rng);
    if (!report.try_again())
        co_return report;
    // A DNS that answers nobody would only be waited for twice; whoever needs it finds out and says so.
    verifier::DnsWatch watch{dns};
    const bool answers = co_await watch.answers();
    if (!answers)
        co_return report;
    const Wake wake = co_await sleep_for(runtime.timers, before_second_try);
    if (wake == Wake::cancelled)
        co_return report;
    PastTheCache anew{dns};
    co_return co_await net::check_probe_identities(anew, identities, runtime.clock, runtime.rng);
}

}  // namespace

awaitable<Identity> settle_identity(Runtime& runtime, Config& config)
{
    verifier::VerifierOptions& v = config.verifier;
    Identity identity;
    if (config.allow_private_targets) {
        // A lab's receivers know no names: the settings are used as they are, with words that say what they are.
        if (v.helo_name.empty())
            v.helo_name = "winnow.test";
        if (v.mail_from.empty())
            v.mail_from = "probe@winnow.test";
    } else if (v.helo_name.empty() || v.mail_from.empty() || v.sources.empty()) {
        identity.why_not =
            "set the probe identity: verifier.helo_name, verifier.mail_from and verifier.sources (--helo, --mail-from, "
            "--source); "
            "EHLO name, PTR and SPF of the source must agree";
    } else {
        const auto report = co_await ask(runtime, identities_of(v));
        identity.why_not = reason_of(report);
        identity.passing = report.try_again();
    }
    v.identity_checked = identity.why_not.empty();
    v.identity_reason = identity.why_not;
    co_return identity;
}

struct IdentityWatch::State {
    State(Runtime& r, verifier::Verifier& v) : runtime(r), verifier(v), timer(r.timers.make()) {}

    Runtime& runtime;
    verifier::Verifier& verifier;
    std::unique_ptr<Timer> timer;
    bool stopped = false;

    static awaitable<void> run(std::shared_ptr<State> self, std::vector<net::ProbeIdentity> identities)
    {
        Runtime& r = self->runtime;
        const auto report =
            co_await net::await_probe_identities(*r.resolver, std::move(identities), r.clock, r.rng, *self->timer);
        if (self->stopped)
            co_return;
        if (report.ok()) {
            self->verifier.allow_probing();
            r.log.info("probe.identity_holds");
        } else {
            r.log.warn("probe.dns_only", {{"why", reason_of(report)}});
        }
    }
};

IdentityWatch::IdentityWatch(Runtime& runtime, const Config& config, verifier::Verifier& verifier,
                             const Identity& at_start)
{
    if (!at_start.passing)
        return;
    state_ = std::make_shared<State>(runtime, verifier);
    boost::asio::co_spawn(runtime.io, State::run(state_, identities_of(config.verifier)),
                          [&log = runtime.log](std::exception_ptr failed) {
                              if (failed)
                                  log.error("probe.identity_watch_failed");
                          });
}

IdentityWatch::~IdentityWatch()
{
    if (!state_)
        return;
    state_->stopped = true;
    state_->timer->wake();
}

}  // namespace winnow::app
