#include "verifier/pipeline.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <iterator>

#include "net/policy/domain_policies.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_domains = 20'000;      ///< whose route is remembered
constexpr std::uint32_t shortest_route_ttl = 30;  ///< seconds, as the cache's own (DnsCacheOptions::min_ttl)
constexpr std::uint32_t longest_route_ttl = 3'600;
constexpr std::uint32_t failure_ttl = 15;   ///< as DnsCacheOptions::failure_ttl
constexpr milliseconds between_looks{250};  ///< at whether a question that waits was withdrawn
/// How long a row of a list that met nobody waits for others to do so, or to be answered: an outage is a burst of them.
constexpr milliseconds listening_time{5'000};
constexpr milliseconds longest_self_test = std::chrono::minutes{10};
constexpr milliseconds policy_look{20};       ///< at whether it is known by now what a domain publishes
constexpr milliseconds policy_patience{300};  ///< then a verdict goes without

Services listening(const Services& s, DnsWatch& dns)
{
    return {s.engine,  dns,       s.connector, s.timers, s.clock,    s.rng,     s.log,
            s.metrics, s.replies, s.providers, s.lists,  s.executor, s.breakers};
}

bool withdrawn(const Question& question)
{
    return question.asker && question.asker->withdrawn;
}

/// Nothing was found out: `step` says why.
void take_back(Conclusion& answer, Evidence step)
{
    const TimePoint at = step.at;
    answer.verdict.evidence.push_back(std::move(step));
    conclude(answer.verdict, Reason::not_probed, at);
}

void conclude_later(const boost::asio::any_io_executor& executor, awaitable<void> story)
{
    boost::asio::co_spawn(executor, std::move(story), [](std::exception_ptr failed) {
        // What `done` throws is its own; a row without an answer would be waited for for ever.
        if (failed)
            std::rethrow_exception(failed);
    });
}

}  // namespace

Pipeline::Pipeline(Services services, const VerifierOptions& options)
    : upstream_(services.resolver),
      dns_(services.resolver),
      services_(listening(services, dns_)),
      options_(options),
      listed_(services.lists, true),
      self_test_(services, options),
      prober_(services, options, self_test_)
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

const std::string& Pipeline::unfit() const noexcept
{
    return dns_.outage().empty() ? self_test_.reason() : dns_.outage();
}

awaitable<void> Pipeline::look_at_ourselves()
{
    if (!dns_.outage().empty()) {
        co_await dns_.answers();
        co_return;
    }
    self_test_.look();
    co_await self_test_.wait(longest_self_test);
}

std::shared_ptr<const DomainFacts> Pipeline::known_facts(const std::string& domain) const
{
    const auto known = domains_.find(domain);
    const bool fresh = known != domains_.end() && services_.clock.steady() < known->second.until;
    return fresh ? known->second.facts : nullptr;
}

/// The rows of a list share a few domains: what DNS says of one is put together once, also when it says no.
void Pipeline::remember(const std::string& domain, std::shared_ptr<const DomainFacts> facts)
{
    if (domains_.size() >= most_domains)
        domains_.clear();
    const bool failed = facts->decides && *facts->decides == Reason::dns_failure;
    const std::uint32_t ttl = std::clamp(facts->route.ttl, shortest_route_ttl, longest_route_ttl);
    const std::chrono::seconds lifetime{failed ? failure_ttl : ttl};
    domains_[domain] = {std::move(facts), services_.clock.steady() + lifetime, nullptr};
}

/// Beside the dialogue with the mail host, which usually takes longer.
awaitable<void> Pipeline::look_up_policies(net::Resolver& dns, std::string domain, const Clock& clock,
                                           std::shared_ptr<Policies> into)
{
    auto steps = co_await net::look_up_domain_policies(dns, std::move(domain), clock);
    into->steps = std::move(steps);
    into->known = true;
}

/// A remark is worth a moment, not more.
awaitable<void> Pipeline::conclude_with_policies(TimerSource& timers, std::shared_ptr<const Policies> policies,
                                                 Conclusion conclusion, std::function<void(Conclusion)> done)
{
    for (milliseconds waited{0}; !policies->known && waited < policy_patience; waited += policy_look) {
        const Wake wake = co_await sleep_for(timers, policy_look);
        if (wake == Wake::cancelled)
            break;
    }
    auto& evidence = conclusion.verdict.evidence;
    const auto last_of_dns = std::find_if(evidence.rbegin(), evidence.rend(),
                                          [](const Evidence& step) { return step.kind == EvidenceKind::dns; });
    evidence.insert(last_of_dns.base(), policies->steps.begin(), policies->steps.end());
    done(std::move(conclusion));
}

/// `done`, told also what the domain publishes, as far as that is known then. Asked for once per domain.
std::function<void(Conclusion)> Pipeline::with_policies(const std::string& domain, std::function<void(Conclusion)> done)
{
    const auto known = domains_.find(domain);
    if (known == domains_.end())
        return done;
    if (!known->second.policies) {
        known->second.policies = std::make_shared<Policies>();
        conclude_later(services_.executor,
                       look_up_policies(upstream_, domain, services_.clock, known->second.policies));
    }
    return [policies = std::shared_ptr<const Policies>(known->second.policies), done = std::move(done),
            executor = services_.executor, &timers = services_.timers](Conclusion conclusion) {
        conclude_later(executor, conclude_with_policies(timers, policies, std::move(conclusion), done));
    };
}

awaitable<void> Pipeline::begin(Question question, std::function<void(Conclusion)> done)
{
    std::vector<Request> one;
    one.push_back({std::move(question), std::move(done)});
    return begin(std::move(one));
}

awaitable<void> Pipeline::begin(std::vector<Request> requests)
{
    if (requests.empty())
        co_return;
    std::vector<PrecheckOrder> orders;
    orders.reserve(requests.size());
    for (const Request& request : requests)
        orders.push_back({request.question.text, request.question.use_cache});
    const Question& first = requests.front().question;
    std::vector<Precheck> checks =
        co_await precheck(services_, options_, listed_, first.workspace, first.list_id, std::move(orders));
    for (std::size_t i = 0; i < requests.size(); ++i)
        go_on(std::move(requests[i]), std::move(checks[i]));
}

void Pipeline::go_on(Request request, Precheck check)
{
    const bool too_late = services_.clock.steady() >= request.question.deadline;
    if (!check.decided && (too_late || withdrawn(request.question))) {
        const TimePoint now = services_.engine.now();
        const std::string why = too_late ? "it came before this address's turn" : "withdrawn";
        check.verdict.evidence.push_back(
            own_step(EvidenceKind::policy, too_late ? "deadline" : "probe budget", why, "budget:not_reached", now));
        conclude(check.verdict, Reason::not_probed, now);
        check.decided = true;
    }
    if (!check.decided) {
        await_facts(std::move(request), std::move(check));
        return;
    }
    Conclusion conclusion;
    conclusion.verdict = std::move(check.verdict);
    conclusion.digest = check.digest;
    conclusion.suppressed = std::move(check.suppressed);
    conclusion.cached = check.cached;
    request.done(std::move(conclusion));
}

void Pipeline::await_facts(Request request, Precheck check)
{
    const std::string domain = check.address.domain;
    Waiting asked{std::move(request), std::move(check)};
    if (auto facts = known_facts(domain)) {
        with_facts(std::move(asked), std::move(facts), false);
        return;
    }
    std::weak_ptr<LookUp>& under_way = lookups_[domain];
    if (const auto of = under_way.lock()) {
        of->waiting.push_back(std::move(asked));
        return;
    }
    auto of = std::make_shared<LookUp>();
    of->domain = domain;
    of->waiting.push_back(std::move(asked));
    under_way = of;
    // Who waits keeps the pipeline alive, and the coroutine who waits.
    boost::asio::co_spawn(services_.executor, look_up(of), [this, of](std::exception_ptr failed) {
        if (!failed || of->waiting.empty())
            return;
        auto broken = std::make_shared<DomainFacts>();
        broken->decides = Reason::internal_error;
        answered(*of, broken, false);
    });
}

awaitable<void> Pipeline::look_up(std::shared_ptr<LookUp> of)
{
    auto found = co_await look_up_domain(services_, options_, of->domain);
    const auto facts = std::make_shared<const DomainFacts>(std::move(found));
    bool unfit = false;
    if (facts->decides && *facts->decides == Reason::dns_failure && dns_.suspicious()) {
        const bool answers = co_await dns_.answers();
        unfit = !answers;
    }
    if (!unfit)
        remember(of->domain, facts);
    answered(*of, facts, unfit);
}

void Pipeline::answered(LookUp& of, const std::shared_ptr<const DomainFacts>& facts, bool unfit)
{
    lookups_.erase(of.domain);
    std::vector<Waiting> waiting;
    waiting.swap(of.waiting);
    std::vector<std::shared_ptr<const Asker>> askers;
    for (Waiting& asked : waiting) {
        const auto& asker = asked.request.question.asker;
        if (asker && asker->progress && std::find(askers.begin(), askers.end(), asker) == askers.end())
            askers.push_back(asker);
        with_facts(std::move(asked), facts, unfit);
    }
    for (const auto& asker : askers)
        asker->progress();
}

void Pipeline::with_facts(Waiting asked, std::shared_ptr<const DomainFacts> facts, bool unfit)
{
    auto& [request, check] = asked;
    apply_domain(*facts, check.domain_has_history, check.verdict, services_.engine.now());
    if (facts->decides || !dns_only_reason().empty() || withdrawn(request.question)) {
        conclude_unasked(std::move(asked), *facts, unfit);
        return;
    }
    if (request.question.policies)
        request.done = with_policies(check.address.domain, std::move(request.done));
    if (self_test_.look())
        await_self_test(std::move(asked), std::move(facts));
    else
        ask(std::move(asked), std::move(facts));
}

/// DNS has decided, or nobody is asked.
void Pipeline::conclude_unasked(Waiting asked, const DomainFacts& facts, bool unfit)
{
    auto& [request, check] = asked;
    Conclusion conclusion;
    if (facts.decides) {
        conclusion.klass = *facts.decides == Reason::dns_failure ? ReplyClass::dns_failure : ReplyClass::unknown;
        conclusion.final = facts.route.status == net::RouteStatus::refused_target;
        conclusion.unfit = unfit;
    } else {
        const TimePoint now = services_.engine.now();
        const std::string dns_only = dns_only_reason();
        check.verdict.evidence.push_back(
            dns_only.empty() ? own_step(EvidenceKind::policy, "probe budget", "withdrawn", "budget:not_reached", now)
                             : own_step(EvidenceKind::policy, "probe identity", dns_only, "identity:missing", now));
        conclude(check.verdict, Reason::not_probed, now);
        if (!dns_only.empty())
            conclude_untested(check);
    }
    conclusion.verdict = std::move(check.verdict);
    conclusion.digest = check.digest;
    request.done(std::move(conclusion));
}

void Pipeline::await_self_test(Waiting asked, std::shared_ptr<const DomainFacts> facts)
{
    auto who = untested_.lock();
    const bool first = !who;
    if (first)
        untested_ = who = std::make_shared<std::vector<Untested>>();
    who->push_back({std::move(asked), std::move(facts)});
    if (first)
        conclude_later(services_.executor, until_tested(std::move(who)));
}

awaitable<void> Pipeline::until_tested(std::shared_ptr<std::vector<Untested>> who)
{
    const auto unwanted = [](const Untested& u) { return withdrawn(u.asked.request.question); };
    bool goes_on = true;
    while (goes_on && self_test_.look()) {
        goes_on = co_await self_test_.wait(between_looks);
        const auto gone = std::stable_partition(who->begin(), who->end(), std::not_fn(unwanted));
        std::vector<Untested> back(std::make_move_iterator(gone), std::make_move_iterator(who->end()));
        who->erase(gone, who->end());
        for (Untested& u : back)
            conclude_unasked(std::move(u.asked), *u.facts, false);
    }
    untested_.reset();
    for (Untested& u : *who)
        ask(std::move(u.asked), std::move(u.facts));
}

void Pipeline::ask(Waiting asked, std::shared_ptr<const DomainFacts> facts)
{
    auto& [request, check] = asked;
    if (self_test_.reason().empty()) {
        probe(std::move(request.question), std::move(check), std::move(facts), std::move(request.done));
        return;
    }
    const TimePoint now = services_.engine.now();
    check.verdict.evidence.push_back(unfit_step(self_test_.reason(), now));
    conclude(check.verdict, Reason::not_probed, now);
    Conclusion conclusion;
    conclusion.unfit = true;
    conclusion.verdict = std::move(check.verdict);
    conclusion.digest = check.digest;
    request.done(std::move(conclusion));
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
    task.accepted_before = check.accepted_before;
    // Who waits keeps the pipeline alive.
    task.done = [this, done = std::move(done), digest = check.digest](ProbeTask finished) {
        Conclusion answer;
        answer.digest = digest;
        answer.verdict = std::move(finished.verdict);
        answer.klass = finished.klass;
        answer.mx = std::move(finished.asked_mx);
        answer.source = std::move(finished.asked_source);
        answer.retry_hint = finished.retry_hint;
        answer.stranger_put_off = finished.stranger_put_off;
        if (answer.verdict.reason == Reason::no_connect) {
            heard_nobody({std::move(answer), std::move(finished.asker), done, {}});
            return;
        }
        answer.unfit = !self_test_.health().fit(answer.source);
        done(std::move(answer));
    };
    prober_.submit(std::move(task), std::move(facts));
}

/// Silence is an answer only when it is not us who cannot be heard.
void Pipeline::heard_nobody(Doubted silence)
{
    const SteadyPoint now = services_.clock.steady();
    const bool hurried = silence.asker && silence.asker->hurry;
    silence.listens_until = hurried ? now : now + listening_time;
    if (!is_doubtful(silence)) {
        conclude_silence(std::move(silence), true);
        return;
    }
    auto who = doubted_.lock();
    const bool first = !who;
    if (first)
        doubted_ = who = std::make_shared<std::vector<Doubted>>();
    who->push_back(std::move(silence));
    if (first)
        conclude_later(services_.executor, until_believed(std::move(who)));
}

bool Pipeline::is_doubtful(const Doubted& silence) const
{
    const std::string& source = silence.answer.source;
    const bool listening = services_.clock.steady() < silence.listens_until && self_test_.health().silent(source);
    return listening || self_test_.doubts(source);
}

/// A round of the self-test may have to wait for its time, and all who heard nobody with it.
awaitable<void> Pipeline::until_believed(std::shared_ptr<std::vector<Doubted>> who)
{
    const auto wanted = [this](const Doubted& each) { return !draining_ && !(each.asker && each.asker->withdrawn); };
    bool goes_on = true;
    while (goes_on && !who->empty()) {
        goes_on = co_await self_test_.look_into_it(between_looks);
        const auto settled = std::stable_partition(
            who->begin(), who->end(), [&](const Doubted& each) { return wanted(each) && is_doubtful(each); });
        std::vector<Doubted> out(std::make_move_iterator(settled), std::make_move_iterator(who->end()));
        who->erase(settled, who->end());
        for (Doubted& each : out) {
            const bool believed = wanted(each);
            conclude_silence(std::move(each), believed);
        }
    }
    doubted_.reset();
    for (Doubted& each : *who)
        conclude_silence(std::move(each), false);
}

void Pipeline::conclude_silence(Doubted silence, bool believed)
{
    auto& [answer, asker, done, listens_until] = silence;
    const ProberHealth& health = self_test_.health();
    const TimePoint now = services_.engine.now();
    answer.unfit = !health.fit(answer.source);
    if (answer.unfit)
        take_back(answer, unfit_step(health.reason().empty() ? health.why_some_rest() : health.reason(), now));
    else if (!believed)
        take_back(answer, own_step(EvidenceKind::policy, "probe budget", "withdrawn", "budget:not_reached", now));
    done(std::move(answer));
}

}  // namespace winnow::verifier
