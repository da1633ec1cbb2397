#include "verifier/pipeline.hpp"

#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

std::vector<std::string> owned(const std::vector<std::string_view>& views)
{
    return {views.begin(), views.end()};
}

}  // namespace

Pipeline::Pipeline(Services services, const VerifierOptions& options)
    : services_(services),
      options_(options),
      typos_(owned(services.lists.popular_domains()), owned(services.lists.top_level_domains())),
      prober_(services, options)
{
}

std::string Pipeline::dns_only_reason() const
{
    if (options_.identity_checked)
        return {};
    return "no working probe identity; set verifier.helo_name and verifier.mail_from (or --helo and --mail-from)";
}

awaitable<void> Pipeline::begin(Question question, std::function<void(Conclusion)> done)
{
    Conclusion conclusion;
    Precheck check = co_await precheck(services_, typos_, question.workspace, question.text, question.use_cache);
    if (check.decided) {
        conclusion.verdict = std::move(check.verdict);
        done(std::move(conclusion));
        co_return;
    }
    const DomainFacts facts = co_await look_up_domain(services_, options_, check.address.domain);
    const TimePoint now = services_.engine.now();
    apply_domain(facts, check.has_history, check.verdict, now);
    const std::string dns_only = dns_only_reason();
    if (!facts.decides && !dns_only.empty()) {
        check.verdict.evidence.push_back(
            own_step(EvidenceKind::policy, "probe identity", dns_only, "identity:missing", now));
        conclude(check.verdict, Reason::not_probed, now);
    }
    if (facts.decides || !dns_only.empty()) {
        conclusion.verdict = std::move(check.verdict);
        conclusion.klass = facts.decides == Reason::dns_failure ? ReplyClass::dns_failure : ReplyClass::unknown;
        done(std::move(conclusion));
        co_return;
    }
    ProbeTask task;
    task.address = check.address;
    task.verdict = std::move(check.verdict);
    task.only_mx = question.only_mx;
    task.deadline = question.deadline;
    task.done = [done = std::move(done)](ProbeTask finished) {
        Conclusion answer;
        answer.verdict = std::move(finished.verdict);
        answer.klass = finished.klass;
        answer.mx = finished.asked_mx;
        answer.source = finished.asked_source;
        answer.retry_hint = finished.retry_hint;
        done(std::move(answer));
    };
    prober_.submit(std::move(task), facts);
}

}  // namespace winnow::verifier
