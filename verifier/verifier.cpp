#include "verifier/verifier.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "core/ids.hpp"
#include "verifier/verdict_rules.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_open_checks = 2'000;
constexpr std::size_t most_settled_checks = 1'000;  ///< kept for those who look for them
constexpr milliseconds look_before{250};

}  // namespace

Manners Manners::lifted()
{
    Manners m;
    m.connections_per_site = 4;
    m.max_connections = 1'000;
    m.rcpts_per_connection = 100;
    m.between_rcpts = milliseconds{0};
    m.between_connections = milliseconds{0};
    m.large_connections = 8;
    m.large_rcpts_per_connection = 100;
    m.large_per_hour = 0;
    return m;
}

Verifier::Verifier(Services services, VerifierOptions options)
    : impl_(std::make_shared<Impl>(services, std::move(options)))
{
}
Verifier::~Verifier()
{
    impl_->pipeline.abandon();
}

std::vector<std::string> Verifier::provider_names() const
{
    std::vector<std::string> names;
    for (const Provider* provider : impl_->services.providers.providers())
        names.push_back(provider->name);
    return names;
}

const VerifierOptions& Verifier::options() const noexcept
{
    return impl_->options;
}

std::string Verifier::dns_only_reason() const
{
    return impl_->pipeline.dns_only_reason();
}

void Verifier::allow_probing()
{
    impl_->options.identity_checked = true;
}

std::string Verifier::never_fit() const
{
    const DnsWatch& dns = impl_->pipeline.dns();
    if (!dns.ever_answered() && !dns.outage().empty())
        return dns.outage();
    const ProberHealth& health = impl_->pipeline.health();
    return health.ever_healthy() ? std::string{} : health.reason();
}

std::string Verifier::unfit() const
{
    return impl_->pipeline.unfit();
}

std::string_view to_string(ProberState state) noexcept
{
    switch (state) {
        case ProberState::untested:
            return "untested";
        case ProberState::healthy:
            return "healthy";
        case ProberState::degraded:
            return "degraded";
        case ProberState::unhealthy:
            return "unhealthy";
        case ProberState::dns_only:
            return "dns_only";
    }
    return "unknown";
}

ProberReport Verifier::prober() const
{
    const ProberHealth& health = impl_->pipeline.health();
    ProberReport report;
    report.reason = impl_->pipeline.dns_only_reason();
    if (!report.reason.empty()) {
        report.state = ProberState::dns_only;
        return report;
    }
    report.reason = impl_->pipeline.unfit();
    if (health.tested()) {
        const auto ago = std::chrono::floor<milliseconds>(impl_->services.clock.steady() - health.since());
        report.since = impl_->services.clock.now() - ago;
    }
    if (!report.reason.empty()) {
        report.state = ProberState::unhealthy;
        // Of a DNS outage the self-test knows nothing.
        if (health.reason().empty())
            report.since = {};
    } else if (!health.resting().empty()) {
        report.state = ProberState::degraded;
        report.reason = health.why_some_rest();
    } else if (health.tested()) {
        report.state = ProberState::healthy;
    }
    return report;
}

void Verifier::look_at_ourselves()
{
    if (impl_->pipeline.dns_only_reason().empty())
        impl_->pipeline.begin_self_test();
}

void Verifier::Impl::spawn(awaitable<void> story)
{
    boost::asio::co_spawn(services.executor, std::move(story), [self = shared_from_this()](std::exception_ptr failed) {
        try {
            if (failed)
                std::rethrow_exception(failed);
        } catch (const std::exception& e) {
            self->services.log.error("check.failed", {{"what", e.what()}});
        }
    });
}

Verifier::Impl::Impl(Services s, VerifierOptions o)
    : services(s), options(std::move(o)), pipeline(services, options), checks(most_settled_checks, check_memory)
{
}

std::shared_ptr<Verifier::Impl::Check> Verifier::Impl::start(std::string workspace, std::string text, SteadyPoint until)
{
    auto check = std::make_shared<Check>();
    check->workspace = std::move(workspace);
    check->text = std::move(text);
    check->timer = services.timers.make();
    const Interactive& times = options.interactive;
    check->asker = std::make_shared<Asker>();
    check->asker->hurry = Patience{times.connect_timeout, times.command_timeout, times.probe_timeout};
    check->asker->heard = [of = std::weak_ptr(check)](const Evidence& step) {
        if (const auto listening = of.lock())
            listening->heard.push_back(step);
    };
    ++checks_open;
    spawn(begin(check, until));
    return check;
}

awaitable<void> Verifier::Impl::begin(std::shared_ptr<Check> check, SteadyPoint until)
{
    Question question;
    question.workspace = check->workspace;
    question.text = check->text;
    question.deadline = until;
    question.asker = check->asker;
    question.policies = options.policy_evidence != PolicyEvidence::never;
    std::function<void(Conclusion)> done = [self = shared_from_this(), check](Conclusion c) {
        self->spawn(self->keep(check, std::move(c)));
    };
    co_await pipeline.begin(std::move(question), std::move(done));
}

awaitable<void> Verifier::Impl::store(std::string workspace, std::string text, const Conclusion& conclusion)
{
    const ParsedAddress parsed = parse_address(text);
    if (!parsed.usable || conclusion.cached || conclusion.unfit)
        co_return;
    // The store itself sees to it that a failed probe does not replace a verdict that is still fresh.
    auto ops = storage::OpList::of(storage::PutVerdict{std::move(workspace), parsed.address, conclusion.verdict});
    const auto kept = co_await services.engine.commit(std::move(ops));
    if (!kept)
        services.log.warn("verdict.not_stored", {{"why", kept.error().message()}});
}

awaitable<void> Verifier::Impl::keep(std::shared_ptr<Check> check, Conclusion conclusion)
{
    // Taken back unasked: nothing was found out.
    if (check->asker->withdrawn && conclusion.verdict.reason == Reason::not_probed)
        co_return;
    co_await store(check->workspace, check->text, conclusion);
    if (!check->settled)
        settle(*check, std::move(conclusion.verdict));
}

void Verifier::Impl::settle(Check& check, VerdictRecord verdict)
{
    check.verdict = std::move(verdict);
    check.heard.clear();
    check.settled = true;
    --checks_open;
    checks.settled(check, services.clock.steady());
    check.timer->wake();
}

awaitable<void> Verifier::Impl::wait(std::shared_ptr<Check> check, SteadyPoint until)
{
    // A little earlier than the answer is due, because DNS has to be asked, which by now knows: another one asked it
    // for this check.
    const SteadyPoint now = services.clock.steady();
    SteadyPoint next = until - std::min<SteadyPoint::duration>(look_before, (until - now) / 2);
    while (!check->settled && services.clock.steady() < until) {
        const Wake wake = co_await check->timer->wait_until(next);
        if (wake == Wake::cancelled)
            break;
        if (wake == Wake::expired && next < until && !check->settled) {
            next = until;
            spawn(look(check));
        }
    }
}

awaitable<void> Verifier::Impl::end_at(std::shared_ptr<Check> check, SteadyPoint until)
{
    while (!check->settled && services.clock.steady() < until) {
        const Wake wake = co_await check->timer->wait_until(until);
        if (wake == Wake::cancelled)
            co_return;
    }
    if (check->settled)
        co_return;
    // The mark is enough: whoever has the question in hand lets go of it. To look for it among all that waits would
    // cost as much as the rows of a list.
    check->asker->withdrawn = true;
    settle(*check, std::move(state_of(*check).verdict));
}

awaitable<void> Verifier::Impl::look(std::shared_ptr<Check> check)
{
    Precheck known = co_await precheck(services, options, pipeline.listed(), check->workspace, check->text, true);
    if (check->settled)
        co_return;
    check->verdict = known.verdict;
    if (known.decided)
        co_return;
    const DomainFacts facts = co_await look_up_domain(services, options, known.address.domain);
    if (check->settled)
        co_return;
    apply_domain(facts, known.domain_has_history, check->verdict, services.engine.now());
}

CheckState Verifier::Impl::state_of(const Check& check) const
{
    CheckState state{check.text, check.id, check.settled, check.verdict};
    if (check.settled)
        return state;
    VerdictRecord& verdict = state.verdict;
    const auto is = [](EvidenceKind kind) { return [kind](const Evidence& step) { return step.kind == kind; }; };
    std::string_view awaited = "not answered in time: DNS";
    if (!check.heard.empty())
        awaited = "not finished in time: the catch-all test of the domain";
    else if (std::any_of(verdict.evidence.begin(), verdict.evidence.end(), is(EvidenceKind::dns)))
        awaited = "not answered in time: the mail host, or its turn has not come";
    verdict.probes = static_cast<int>(std::count_if(check.heard.begin(), check.heard.end(), is(EvidenceKind::rcpt)));
    verdict.evidence.insert(verdict.evidence.end(), check.heard.begin(), check.heard.end());
    const TimePoint now = services.engine.now();
    verdict.evidence.push_back(own_step(EvidenceKind::policy, "deadline", std::string(awaited), "deadline:check", now));
    conclude(verdict, Reason::timeout, now);
    return state;
}

awaitable<VerdictRecord> Verifier::check(std::string workspace, std::string address, milliseconds deadline)
{
    const std::shared_ptr<Impl> self = impl_;
    const SteadyPoint until = self->services.clock.steady() + deadline;
    const auto check = self->start(std::move(workspace), std::move(address), until);
    co_await self->wait(check, until);
    co_return std::move(self->state_of(*check).verdict);
}

awaitable<Result<CheckState>> Verifier::begin_check(std::string workspace, std::string address, milliseconds deadline)
{
    const std::shared_ptr<Impl> self = impl_;
    Services& services = self->services;
    if (self->checks_open >= most_open_checks)
        co_return Error{Errc::unavailable, "too many checks are under way; ask again in a moment"};
    const SteadyPoint begun = services.clock.steady();
    const milliseconds goes_on = std::max(deadline, self->options.interactive.goes_on);
    // No deadline of its own: by its deadline a question is sent away at once when many rows of a list wait for the
    // same mail host, but this one is asked before them.
    const auto check = self->start(std::move(workspace), std::move(address), SteadyPoint::max());
    co_await self->wait(check, begun + deadline);
    if (!check->settled) {
        check->id = make_ulid(services.engine.now(), services.rng);
        self->checks.add(check);
        self->spawn(self->end_at(check, begun + goes_on));
    }
    co_return self->state_of(*check);
}

std::optional<CheckState> Verifier::find_check(const std::string& workspace, const std::string& id)
{
    const auto check = impl_->checks.find(workspace, id, impl_->services.clock.steady());
    if (!check)
        return std::nullopt;
    return impl_->state_of(*check);
}

awaitable<Result<VerdictRecord>> Verifier::risk(std::string workspace, std::string address)
{
    Services& services = impl_->services;
    ListedDomains listed{services.lists, false};
    Precheck check = co_await precheck(services, impl_->options, listed, workspace, address, true);
    if (!check.decided && !conclude_untested(check)) {
        const TimePoint now = services.engine.now();
        const auto stored = co_await services.engine.get_verdict(workspace, check.address);
        if (stored && *stored) {
            co_return **stored;  // unknown, but with its evidence
        }
        check.verdict.evidence.push_back(
            own_step(EvidenceKind::policy, "stored evidence", "none", "risk:never_probes", now));
        conclude(check.verdict, Reason::not_probed, now);
    }
    co_return check.verdict;
}

}  // namespace winnow::verifier
