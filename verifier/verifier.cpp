#include "verifier/verifier.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "verifier/verdict_rules.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {

Manners Manners::lifted()
{
    Manners m;
    m.connections_per_site = 4;
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

std::string Verifier::dns_never_answered() const
{
    const DnsWatch& dns = impl_->pipeline.dns();
    return dns.ever_answered() ? std::string{} : dns.outage();
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

awaitable<void> Verifier::Impl::begin(std::shared_ptr<Check> check, SteadyPoint until)
{
    Question question;
    question.workspace = check->workspace;
    question.text = check->text;
    question.deadline = until;
    std::function<void(Conclusion)> done = [self = shared_from_this(), check](Conclusion c) {
        self->spawn(self->keep(check, std::move(c)));
    };
    co_await pipeline.begin(question, done);
}

awaitable<void> Verifier::Impl::keep(std::shared_ptr<Check> check, Conclusion conclusion)
{
    const ParsedAddress parsed = parse_address(check->text);
    if (parsed.usable && !conclusion.cached) {
        // The store itself sees to it that a failed probe does not replace a verdict that is still fresh.
        auto ops = storage::OpList::of(storage::PutVerdict{check->workspace, parsed.address, conclusion.verdict});
        const auto kept = co_await services.engine.commit(std::move(ops));
        if (!kept)
            services.log.warn("verdict.not_stored", {{"why", kept.error().message()}});
    }
    check->verdict = std::move(conclusion.verdict);
    check->timer->wake();
}

awaitable<VerdictRecord> Verifier::check(std::string workspace, std::string address, milliseconds deadline)
{
    const std::shared_ptr<Impl> self = impl_;
    Services& services = self->services;
    const SteadyPoint until = services.clock.steady() + deadline;
    auto check = std::make_shared<Impl::Check>();
    check->workspace = std::move(workspace);
    check->text = std::move(address);
    check->timer = services.timers.make();
    self->spawn(self->begin(check, until));
    while (!check->verdict && services.clock.steady() < until) {
        const Wake wake = co_await check->timer->wait_until(until);
        if (wake == Wake::cancelled)
            break;
    }
    if (check->verdict)
        co_return *check->verdict;
    const TimePoint now = services.engine.now();
    VerdictRecord verdict;
    verdict.evidence.push_back(own_step(EvidenceKind::policy, "deadline", "no answer in time", "deadline:check", now));
    conclude(verdict, Reason::timeout, now);
    co_return verdict;
}

awaitable<Result<VerdictRecord>> Verifier::risk(std::string workspace, std::string address)
{
    Services& services = impl_->services;
    ListedDomains listed{services.lists, false};
    Precheck check = co_await precheck(services, listed, workspace, address, true);
    if (!check.decided) {
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
