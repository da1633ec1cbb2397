#include "verifier/verifier.hpp"

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
    : impl_(std::make_unique<Impl>(services, std::move(options)))
{
}
Verifier::~Verifier() = default;

const VerifierOptions& Verifier::options() const noexcept
{
    return impl_->options;
}

std::string Verifier::dns_only_reason() const
{
    return impl_->pipeline.dns_only_reason();
}

awaitable<VerdictRecord> Verifier::check(std::string workspace, std::string address, milliseconds deadline)
{
    Services& services = impl_->services;
    // Outlives this call: the answer of a slow host may come after the deadline, and is stored then all the same.
    struct Waiting {
        std::unique_ptr<Timer> timer;
        std::optional<Conclusion> conclusion;
    };
    auto waiting = std::make_shared<Waiting>();
    waiting->timer = services.timers.make();
    const SteadyPoint until = services.clock.steady() + deadline;
    Question question;
    question.workspace = workspace;
    question.text = address;
    question.deadline = until;
    std::function<void(Conclusion)> done = [waiting](Conclusion c) {
        waiting->conclusion = std::move(c);
        waiting->timer->wake();
    };
    co_await impl_->pipeline.begin(question, done);
    while (!waiting->conclusion && services.clock.steady() < until)
        if (co_await waiting->timer->wait_until(until) == Wake::cancelled)
            break;

    VerdictRecord verdict;
    if (waiting->conclusion) {
        verdict = waiting->conclusion->verdict;
    } else {
        const TimePoint now = services.engine.now();
        verdict.evidence.push_back(
            own_step(EvidenceKind::policy, "deadline", "no answer in time", "deadline:check", now));
        conclude(verdict, Reason::timeout, now);
    }
    const ParsedAddress parsed = parse_address(address);
    if (parsed.usable && waiting->conclusion) {
        const auto stored = co_await services.engine.get_verdict(workspace, parsed.address);
        const bool keep = stored && *stored && keeps_stored(**stored, verdict, services.engine.now());
        if (!keep) {
            auto ops = storage::OpList::of(storage::PutVerdict{workspace, parsed.address, verdict});
            const auto kept = co_await services.engine.commit(std::move(ops));
            if (!kept)
                services.log.warn("verdict.not_stored", {{"why", kept.error().message()}});
        }
    }
    co_return verdict;
}

awaitable<Result<VerdictRecord>> Verifier::risk(std::string workspace, std::string address)
{
    Services& services = impl_->services;
    const TypoAdvisor no_typos{{}, {}};
    Precheck check = co_await precheck(services, no_typos, workspace, address, true);
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
