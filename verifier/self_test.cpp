#include "verifier/self_test.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "net/policy/block_list.hpp"
#include "net/policy/probe_identity.hpp"
#include "net/smtp_client.hpp"
#include "verifier/deadline_stream.hpp"

namespace winnow::verifier {

const std::vector<std::string> well_known_mail_hosts{"gmail-smtp-in.l.google.com", "mx01.mail.icloud.com",
                                                     "mta5.am0.yahoodns.net"};

namespace {

constexpr milliseconds connect_patience{10'000};
constexpr milliseconds banner_patience{15'000};

SelfTestFinding passed(SelfTestItem item)
{
    return {item, SelfTestStatus::passed, {}};
}

/// Addresses that a target stands for; empty when DNS does not tell.
awaitable<std::vector<std::string>> addresses_of(Services services, std::string target, net::DnsType type)
{
    std::vector<std::string> found;
    if (net::is_ip_address(target)) {
        const bool v6 = target.find(':') != std::string::npos;
        if (v6 == (type == net::DnsType::aaaa))
            found.push_back(std::move(target));
        co_return found;
    }
    const net::QueryOptions plain;
    const auto answer = co_await services.resolver.query(std::move(target), type, plain);
    for (const net::DnsRecord& record : answer.records)
        if (const auto* ip = std::get_if<std::string>(&record.data))
            found.push_back(*ip);
    co_return found;
}

/// Whether a mail host says anything at all: also a refusal got out and back.
awaitable<Result<>> knock(Services services, const VerifierOptions& options, std::string ip, std::string source)
{
    net::ConnectOptions how;
    how.source_ip = std::move(source);
    how.timeout = std::min(options.connect_timeout, connect_patience);
    net::Endpoint to{std::move(ip), options.smtp_port};
    WINNOW_CO_TRY(auto stream, co_await services.connector.connect(to, how));
    DeadlineStream limited{std::move(stream), services.clock};
    limited.not_after(services.clock.steady() + banner_patience);
    net::SmtpTimeouts timeouts;
    timeouts.banner = banner_patience;
    net::SmtpClient smtp{limited, timeouts};
    const auto banner = co_await smtp.greeting();
    if (!banner)
        co_return banner.error();
    co_await smtp.quit();
    co_return Result<>{};
}

/// The first target that answers `source` proves that its port 25 is open.
awaitable<SelfTestFinding> egress_of(Services services, const VerifierOptions& options,
                                     std::vector<std::string> targets, std::string source)
{
    const bool v6 = source.find(':') != std::string::npos;
    const net::DnsType type = v6 ? net::DnsType::aaaa : net::DnsType::a;
    net::TargetGuard guard;
    guard.allow_private = options.allow_private_targets;
    std::string last;
    for (const std::string& target : targets) {
        const auto addresses = co_await addresses_of(services, target, type);
        const auto allowed = std::find_if(addresses.begin(), addresses.end(),
                                          [&guard](const std::string& ip) { return guard.check(ip).has_value(); });
        if (allowed == addresses.end())
            continue;
        const auto answered = co_await knock(services, options, *allowed, source);
        if (answered)
            co_return passed(SelfTestItem::egress);
        last = target + ": " + answered.error().message();
    }
    SelfTestFinding finding;
    if (last.empty()) {
        finding.what = "No target of the self-test has an address that may be connected to.";
        co_return finding;
    }
    finding.status = SelfTestStatus::failed;
    finding.what = "no mail host answers on port " + std::to_string(options.smtp_port) +
                   (source.empty() ? std::string() : " from " + source) + " (" + last +
                   "); open that port outwards (many providers close it until they are asked), or set "
                   "verifier.self_test_targets to hosts that answer.";
    co_return finding;
}

awaitable<SelfTestFinding> identity_of(Services services, const VerifierOptions& options, std::string source)
{
    net::ProbeIdentity who{source, options.helo_name, options.mail_from};
    const auto report =
        co_await net::check_probe_identity(services.resolver, std::move(who), services.clock, services.rng);
    if (report.ok())
        co_return passed(SelfTestItem::identity);
    SelfTestFinding finding{SelfTestItem::identity, SelfTestStatus::undecided, report.source_ip + ": "};
    finding.what += report.reason();
    if (!report.try_again())
        finding.status = SelfTestStatus::failed;
    co_return finding;
}

awaitable<SelfTestFinding> block_lists_of(Services services, const VerifierOptions& options, std::string source)
{
    SelfTestFinding finding = passed(SelfTestItem::block_list);
    for (const std::string& zone : options.block_lists) {
        const auto answer = co_await net::ask_block_list(services.resolver, source, zone);
        if (answer.status == net::BlockListStatus::not_listed)
            continue;
        if (answer.status == net::BlockListStatus::undecided) {
            services.log.warn("probe.block_list_undecided", {{"list", zone}, {"why", answer.detail}});
            finding = {SelfTestItem::block_list, SelfTestStatus::undecided, answer.detail};
            continue;
        }
        finding = {SelfTestItem::block_list, SelfTestStatus::failed,
                   answer.detail + " Have it taken off the list, or take the list out of verifier.block_lists."};
        break;
    }
    co_return finding;
}

/// What the egress test connects to; empty = there is none.
std::vector<std::string> targets_of(const VerifierOptions& options)
{
    if (!options.self_test_targets.empty() || options.allow_private_targets)
        return options.self_test_targets;
    return well_known_mail_hosts;
}

bool checks_identity(const VerifierOptions& options)
{
    // A lab's receivers know no names.
    return !options.allow_private_targets && !options.sources.empty();
}

bool checks_block_lists(const VerifierOptions& options)
{
    return !options.block_lists.empty() && !options.sources.empty();
}

}  // namespace

awaitable<std::vector<SelfTestFinding>> run_self_test(Services services, VerifierOptions options,
                                                      std::set<std::string> egress_seen)
{
    std::vector<SelfTestFinding> round;
    const std::vector<std::string> targets = targets_of(options);
    std::vector<std::string> sources = options.sources;
    if (sources.empty())
        sources.emplace_back();
    const auto found = [&round](SelfTestFinding finding, const std::string& source) {
        finding.source = source;
        round.push_back(std::move(finding));
    };
    for (const std::string& source : sources) {
        if (!targets.empty()) {
            SelfTestFinding finding = passed(SelfTestItem::egress);
            finding.tried = egress_seen.count(source) == 0;
            if (finding.tried)
                finding = co_await egress_of(services, options, targets, source);
            found(std::move(finding), source);
        }
        if (checks_identity(options)) {
            SelfTestFinding finding = co_await identity_of(services, options, source);
            found(std::move(finding), source);
        }
        if (checks_block_lists(options)) {
            SelfTestFinding finding = co_await block_lists_of(services, options, source);
            found(std::move(finding), source);
        }
    }
    co_return round;
}

struct SelfTest::State : std::enable_shared_from_this<SelfTest::State> {
    State(Services s, VerifierOptions o, HealthOptions h) : services(s), options(std::move(o)), health(h)
    {
        enabled = !targets_of(options).empty() || checks_identity(options) || checks_block_lists(options);
    }

    Services services;
    const VerifierOptions options;
    ProberHealth health;
    bool enabled = false;
    bool running = false;
    std::vector<std::shared_ptr<Timer>> waiting;  ///< for the end of the round
    std::function<void()> told;

    void begin();
    awaitable<void> round();
    void tell(bool was_fit, const std::set<std::string>& rested) const;
    awaitable<bool> end_of_round(milliseconds most);
};

void SelfTest::State::begin()
{
    if (running)
        return;
    running = true;
    boost::asio::co_spawn(services.executor, round(), [self = shared_from_this()](std::exception_ptr failed) {
        self->running = false;
        if (failed)
            self->services.log.error("probe.self_test_failed");
        for (const auto& timer : self->waiting)
            timer->wake();
    });
}

awaitable<void> SelfTest::State::round()
{
    const auto self = shared_from_this();
    const bool was_fit = health.reason().empty();
    const std::set<std::string> rested = health.resting();
    std::set<std::string> egress_seen;
    const std::string systems_choice;
    if (health.egress_seen(services.clock.steady(), systems_choice))
        egress_seen.insert(systems_choice);
    for (const std::string& source : options.sources)
        if (health.egress_seen(services.clock.steady(), source))
            egress_seen.insert(source);
    const auto findings = co_await run_self_test(services, options, std::move(egress_seen));
    health.record(findings, services.clock.steady());
    tell(was_fit, rested);
    if (told && (!health.reason().empty() || !health.resting().empty()))
        told();
}

void SelfTest::State::tell(bool was_fit, const std::set<std::string>& rested) const
{
    const bool fit = health.reason().empty();
    services.metrics.gauge("winnow_prober_healthy", "1 while the self-test finds the prober fit to ask, else 0.")
        .set(fit ? 1 : 0);
    services.metrics
        .gauge("winnow_prober_resting_sources",
               "Source addresses that are not probed from: the self-test failed there.")
        .set(static_cast<double>(health.resting().size()));
    if (fit && !health.resting().empty() && health.resting() != rested)
        services.log.warn("probe.sources_rest",
                          {{"resting", health.resting().size()}, {"why", health.why_some_rest()}});
    if (was_fit && !fit)
        services.log.warn("probe.unhealthy", {{"why", health.reason()}});
    else if (!was_fit && fit)
        services.log.info("probe.healthy");
}

awaitable<bool> SelfTest::State::end_of_round(milliseconds most)
{
    const auto self = shared_from_this();
    const SteadyPoint until = services.clock.steady() + most;
    const std::shared_ptr<Timer> timer = services.timers.make();
    bool goes_on = true;
    waiting.push_back(timer);
    while (running && goes_on && services.clock.steady() < until) {
        const Wake wake = co_await timer->wait_until(until);
        goes_on = wake != Wake::cancelled;
    }
    std::erase(waiting, timer);
    co_return goes_on;
}

SelfTest::SelfTest(Services services, const VerifierOptions& options)
{
    HealthOptions health;
    health.every = options.self_test_every;
    health.tests_egress = !targets_of(options).empty();
    health.sources = {options.sources.begin(), options.sources.end()};
    state_ = std::make_shared<State>(services, options, health);
}

bool SelfTest::look()
{
    if (!state_->enabled)
        return false;
    if (state_->health.due(state_->services.clock.steady()))
        state_->begin();
    return !state_->health.tested();
}

awaitable<bool> SelfTest::wait(milliseconds most)
{
    return state_->end_of_round(most);
}

bool SelfTest::doubts(const std::string& source) const
{
    return state_->health.suspicious(state_->services.clock.steady(), source);
}

awaitable<bool> SelfTest::look_into_it(milliseconds most)
{
    const std::shared_ptr<State> self = state_;
    if (self->health.due(self->services.clock.steady()))
        self->begin();
    if (self->running)
        co_return co_await self->end_of_round(most);
    const Wake wake = co_await sleep_for(self->services.timers, most);
    co_return wake != Wake::cancelled;
}

ProberHealth& SelfTest::health() noexcept
{
    return state_->health;
}

const ProberHealth& SelfTest::health() const noexcept
{
    return state_->health;
}

void SelfTest::on_unfit(std::function<void()> told)
{
    state_->told = std::move(told);
}

}  // namespace winnow::verifier
