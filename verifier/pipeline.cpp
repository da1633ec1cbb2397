#include "verifier/pipeline.hpp"

#include <algorithm>

#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_domains = 20'000;        ///< whose route is remembered
constexpr std::uint32_t longest_route_ttl = 3'600;  ///< seconds

Services listening(const Services& s, DnsWatch& dns)
{
    return {s.engine,  dns,       s.connector, s.timers, s.clock,    s.rng,     s.log,
            s.metrics, s.replies, s.providers, s.lists,  s.executor, s.breakers};
}

bool withdrawn(const Question& question)
{
    return question.asker && question.asker->withdrawn;
}

}  // namespace

Pipeline::Pipeline(Services services, const VerifierOptions& options)
    : dns_(services.resolver),
      services_(listening(services, dns_)),
      options_(options),
      listed_(services.lists, true),
      prober_(services, options)
{
}

std::string Pipeline::dns_only_reason() const
{
    if (options_.identity_checked)
        return {};
    if (!options_.identity_reason.empty())
        return options_.identity_reason;
    return "no working probe identity; set verifier.helo_name and verifier.mail_from (or --helo and --mail-from)";
}

/// The rows of a list share a few domains: their route is put together once.
awaitable<std::shared_ptr<const DomainFacts>> Pipeline::facts_of(std::string domain)
{
    const auto known = domains_.find(domain);
    if (known != domains_.end() && services_.clock.steady() < known->second.until)
        co_return known->second.facts;
    auto found = co_await look_up_domain(services_, options_, domain);
    auto facts = std::make_shared<const DomainFacts>(std::move(found));
    if (!facts->decides) {
        if (domains_.size() >= most_domains)
            domains_.clear();
        const std::chrono::seconds ttl{std::min(facts->route.ttl, longest_route_ttl)};
        domains_[domain] = {facts, services_.clock.steady() + ttl};
    }
    co_return facts;
}

awaitable<void> Pipeline::begin(Question question, std::function<void(Conclusion)> done)
{
    Conclusion conclusion;
    Precheck check = co_await precheck(services_, listed_, question.workspace, question.text, question.use_cache);
    const bool too_late = services_.clock.steady() >= question.deadline;
    if (!check.decided && (too_late || withdrawn(question))) {
        const TimePoint now = services_.engine.now();
        const std::string why = too_late ? "it came before this address's turn" : "withdrawn";
        check.verdict.evidence.push_back(
            own_step(EvidenceKind::policy, too_late ? "deadline" : "probe budget", why, "budget:not_reached", now));
        conclude(check.verdict, Reason::not_probed, now);
        check.decided = true;
    }
    if (check.decided) {
        conclusion.verdict = std::move(check.verdict);
        conclusion.cached = check.cached;
        done(std::move(conclusion));
        co_return;
    }
    const auto facts = co_await facts_of(check.address.domain);
    const TimePoint now = services_.engine.now();
    apply_domain(*facts, check.has_history, check.verdict, now);
    const std::string dns_only = dns_only_reason();
    if (!facts->decides && dns_only.empty() && !withdrawn(question)) {
        probe(std::move(question), std::move(check), facts, std::move(done));
        co_return;
    }
    if (facts->decides) {
        conclusion.klass = *facts->decides == Reason::dns_failure ? ReplyClass::dns_failure : ReplyClass::unknown;
        conclusion.final = facts->route.status == net::RouteStatus::refused_target;
        if (*facts->decides == Reason::dns_failure && dns_.suspicious()) {
            const bool answers = co_await dns_.answers();
            conclusion.no_dns = !answers;
        }
    } else {
        check.verdict.evidence.push_back(
            dns_only.empty() ? own_step(EvidenceKind::policy, "probe budget", "withdrawn", "budget:not_reached", now)
                             : own_step(EvidenceKind::policy, "probe identity", dns_only, "identity:missing", now));
        conclude(check.verdict, Reason::not_probed, now);
    }
    conclusion.verdict = std::move(check.verdict);
    done(std::move(conclusion));
}

void Pipeline::withdraw(Asker& asker)
{
    // First the mark: what is in precheck or DNS, or in the hands of a connection, is stopped by it.
    asker.withdrawn = true;
    prober_.withdraw(asker);
}

void Pipeline::probe(Question question, Precheck check, std::shared_ptr<const DomainFacts> facts,
                     std::function<void(Conclusion)> done)
{
    ProbeTask task;
    task.address = std::move(check.address);
    task.verdict = std::move(check.verdict);
    task.deadline = question.deadline;
    task.asker = std::move(question.asker);
    task.only_mx = std::move(question.only_mx);
    task.source = std::move(question.source);
    task.reverse_path = std::move(question.reverse_path);
    task.done = [done = std::move(done)](ProbeTask finished) {
        Conclusion answer;
        answer.verdict = std::move(finished.verdict);
        answer.klass = finished.klass;
        answer.mx = std::move(finished.asked_mx);
        answer.source = std::move(finished.asked_source);
        answer.retry_hint = finished.retry_hint;
        done(std::move(answer));
    };
    prober_.submit(std::move(task), std::move(facts));
}

}  // namespace winnow::verifier
