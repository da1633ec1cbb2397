#include "verifier/prober.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <deque>
#include <exception>
#include <map>
#include <optional>

#include "core/egress_budget.hpp"
#include "core/greylist_hint.hpp"
#include "verifier/mailbox_probe.hpp"
#include "verifier/precheck.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using Answer = storage::CatchAllRecord::Answer;

struct DomainState {
    std::deque<ProbeTask> tasks;
    std::optional<storage::CatchAllRecord> catch_all;
    bool busy = false;       ///< a worker is finding out whether the domain is a catch-all
    bool free_mail = false;  ///< a popular provider's own domain: rejects strangers, no test needed
};

struct Site {
    net::MailRoute route;
    std::string operator_name;  ///< empty = none known
    bool large = false;
    std::map<std::string, DomainState> domains;
    std::size_t tasks = 0;
    int workers = 0;
};

EgressOptions egress_options(const VerifierOptions& options, const ProviderTable& providers)
{
    const Manners& m = options.manners;
    EgressOptions egress;
    egress.site = {m.connections_per_site, m.rcpts_per_connection, m.between_rcpts, m.between_connections, 0};
    egress.large_operator = {m.large_connections, m.large_rcpts_per_connection, m.between_rcpts, milliseconds{0},
                             m.large_per_hour};
    egress.is_large = [&providers](std::string_view name) {
        for (const Provider* provider : providers.providers())
            if (provider->operator_ == name)
                return provider->large;
        return false;
    };
    return egress;
}

}  // namespace

std::string unlikely_local_part(Rng& rng)
{
    constexpr std::string_view consonants = "bcdfghjklmnprstvwxyz";
    constexpr std::string_view vowels = "aeiou";
    std::string name;
    for (int syllable = 0; syllable < 13; ++syllable) {
        if (syllable == 6)
            name += '.';
        name += consonants[rng.below(consonants.size())];
        name += vowels[rng.below(vowels.size())];
    }
    return name;
}

struct Prober::Impl : std::enable_shared_from_this<Prober::Impl> {
    Impl(Services s, const VerifierOptions& o) : services(s), options(o), budget(egress_options(o, s.providers)) {}

    Services services;
    const VerifierOptions& options;
    std::map<std::string, Site> sites;
    EgressBudget budget;
    std::map<std::string, int> operator_workers;  ///< of large operators, over all their sites
    std::size_t pending = 0;
    int workers = 0;
    bool draining = false;

    struct Worker {
        std::unique_ptr<ProbeSession> session;
        std::optional<EgressBudget::Connection> slot;  ///< the session's place in the budget
        int spent = 0;                                 ///< RCPTs of this worker's current task
    };

    EgressTarget target_of(const Site& site) const
    {
        return {source_of(site), site.large ? site.operator_name : std::string{}, site.route.site};
    }
    /// The same source for a site every time: a greylist retry shows the same triplet.
    std::string source_of(const Site& site) const
    {
        if (options.sources.empty())
            return {};
        return options.sources[std::stoull("0" + site.route.site.substr(0, 8), nullptr, 16) % options.sources.size()];
    }
    int& workers_of(Site& site) { return site.large ? operator_workers[site.operator_name] : site.workers; }

    void start_workers(Site& site);
    bool may_start(Site& site);
    void start_waiting(Site& site);
    awaitable<void> work(Site& site);
    DomainState* next_domain(Site& site, std::string& name);
    awaitable<void> handle(Site& site, Worker& worker, std::string domain, ProbeTask task);
    awaitable<ProbeAnswer> ask(Site& site, Worker& worker, std::string recipient, bool smtputf8, std::string only_mx);
    awaitable<std::optional<ProbeAnswer>> ensure_open(Site& site, Worker& worker, std::string only_mx);
    awaitable<void> hang_up(Site& site, Worker& worker);
    awaitable<void> settle_catch_all(Site& site, Worker& worker, std::string domain, ProbeTask& task);
    awaitable<storage::CatchAllRecord> probe_catch_all(Site& site, Worker& worker, std::string domain, ProbeTask& task);
    void conclude_accepted(const storage::CatchAllRecord& known, ProbeTask& task);
    void take_answer(ProbeTask& task, const ProbeAnswer& answer);
    void fail_site(Site& site, const ProbeAnswer& answer);
    void expire(Site& site);
    void finish(Site& site, ProbeTask task);
    void leave_unprobed(ProbeTask& task, std::string_view why);
};

bool Prober::Impl::may_start(Site& site)
{
    if (draining || workers >= options.manners.max_connections)
        return false;
    std::size_t free = 0;
    for (const auto& [name, domain] : site.domains)
        free += domain.busy ? 0 : domain.tasks.size();
    const int most = budget.limits(target_of(site)).connections;
    return free > 0 && (most == 0 || workers_of(site) < most);
}

void Prober::Impl::start_workers(Site& site)
{
    // One connection more for every connection's worth of addresses, up to what manners allow.
    const auto rcpts = static_cast<std::size_t>(std::max(1, budget.limits(target_of(site)).rcpts_per_connection));
    while (may_start(site) && static_cast<std::size_t>(site.workers) * rcpts < site.tasks) {
        ++workers;
        ++site.workers;
        if (site.large)
            ++operator_workers[site.operator_name];
        boost::asio::co_spawn(services.executor, work(site),
                              [self = shared_from_this(), &site](std::exception_ptr failed) {
                                  --self->workers;
                                  --site.workers;
                                  if (site.large)
                                      --self->operator_workers[site.operator_name];
                                  if (failed) {
                                      try {
                                          std::rethrow_exception(failed);
                                      } catch (const std::exception& e) {
                                          self->services.log.error("probe.failed", {{"what", e.what()}});
                                      }
                                  }
                                  self->start_waiting(site);
                              });
    }
}

/// A connection ended: its place may be this site's again, or another's of the same operator or of the process.
void Prober::Impl::start_waiting(Site& site)
{
    if (site.tasks > 0)
        start_workers(site);
    if (!site.large && workers + 1 < options.manners.max_connections)
        return;
    for (auto& [id, other] : sites)
        if (other.tasks > 0)
            start_workers(other);
}

DomainState* Prober::Impl::next_domain(Site& site, std::string& name)
{
    for (auto& [key, domain] : site.domains)
        if (!domain.busy && !domain.tasks.empty()) {
            name = key;
            return &domain;
        }
    return nullptr;
}

awaitable<void> Prober::Impl::work(Site& site)
{
    Worker worker;
    std::string domain;
    for (;;) {
        expire(site);
        DomainState* const next = draining ? nullptr : next_domain(site, domain);
        if (!next)
            break;
        ProbeTask task = std::move(next->tasks.front());
        next->tasks.pop_front();
        co_await handle(site, worker, domain, std::move(task));
    }
    co_await hang_up(site, worker);
}

awaitable<void> Prober::Impl::hang_up(Site&, Worker& worker)
{
    if (worker.session)
        co_await worker.session->quit();
    worker.session.reset();
    if (worker.slot)
        worker.slot->close(services.clock.steady());
    worker.slot.reset();
}

awaitable<void> Prober::Impl::handle(Site& site, Worker& worker, std::string domain, ProbeTask task)
{
    worker.spent = 0;
    const ProbeAnswer answer = co_await ask(site, worker, task.address.to_string(), task.address.eai, task.only_mx);
    take_answer(task, answer);
    if (answer.stage == Stage::connect || answer.stage == Stage::banner || answer.stage == Stage::ehlo) {
        // Nobody was asked anything: the answer is the site's, for every address that waits for it.
        fail_site(site, answer);
    } else if (answer.reason == Reason::accepted) {
        co_await settle_catch_all(site, worker, domain, task);
    }
    task.verdict.probes += worker.spent;
    finish(site, std::move(task));
}

void Prober::Impl::take_answer(ProbeTask& task, const ProbeAnswer& answer)
{
    task.verdict.evidence.push_back(answer.evidence);
    task.asked_mx = answer.mx;
    task.asked_source = answer.source;
    task.klass = answer.meaning.klass;
    task.retry_hint = answer.reply ? retry_hint(answer.reply->text()).value_or(milliseconds{0}) : milliseconds{0};
    conclude(task.verdict, answer.reason, services.engine.now());
}

/// The paced question: an open connection with RCPTs left, the pause since the last one, the operator's hourly budget.
awaitable<ProbeAnswer> Prober::Impl::ask(Site& site, Worker& worker, std::string recipient, bool smtputf8,
                                         std::string only_mx)
{
    const auto refused = co_await ensure_open(site, worker, only_mx);
    if (refused)
        co_return *refused;
    for (;;) {
        const SteadyPoint now = services.clock.steady();
        const SteadyPoint at = worker.slot->next_rcpt(now);
        if (at <= now)
            break;
        co_await sleep_for(services.timers, std::chrono::ceil<milliseconds>(at - now));
    }
    worker.slot->count_rcpt(services.clock.steady());
    const int before = worker.session->rcpts();
    ProbeAnswer answer = co_await worker.session->ask(recipient, smtputf8);
    worker.spent += worker.session->rcpts() - before;
    if (answer.rcpt_sent) {
        services.metrics.counter("winnow_probe_rcpts_total", "RCPT commands sent by probes.").add();
        budget.record_rcpt(target_of(site), answer.reason == Reason::mailbox_not_found, services.clock.steady());
    }
    if (!worker.session->alive() || worker.slot->spent())
        co_await hang_up(site, worker);
    co_return answer;
}

awaitable<std::optional<ProbeAnswer>> Prober::Impl::ensure_open(Site& site, Worker& worker, std::string only_mx)
{
    if (worker.session && !only_mx.empty() && worker.session->mx() != only_mx)
        co_await hang_up(site, worker);
    if (worker.session)
        co_return std::nullopt;
    const EgressTarget target = target_of(site);
    for (;;) {
        const SteadyPoint now = services.clock.steady();
        worker.slot = budget.open(target, now);
        if (worker.slot)
            break;
        // "Until another connection ends" has no time of its own; a short look is cheap against a pause of seconds.
        const SteadyPoint at = std::min(budget.next_connection(target, now), now + std::chrono::seconds{1});
        co_await sleep_for(services.timers, std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(at - now)));
    }
    auto session = std::make_unique<ProbeSession>(services, options, target.source);
    auto refused = co_await session->open(site.route, only_mx, "connect");
    if (refused) {
        co_await hang_up(site, worker);
        co_return refused;
    }
    worker.session = std::move(session);
    co_return std::nullopt;
}

awaitable<void> Prober::Impl::settle_catch_all(Site& site, Worker& worker, std::string domain, ProbeTask& task)
{
    DomainState& state = site.domains[domain];
    if (state.free_mail)
        co_return;
    if (!state.catch_all) {
        state.busy = true;
        const auto stored = co_await services.engine.get_catch_all(domain);
        const TimePoint now = services.engine.now();
        const bool usable =
            stored && *stored && (*stored)->site == site.route.site && now < (*stored)->checked + options.catch_all_ttl;
        if (usable) {
            state.catch_all = **stored;
        } else {
            auto record = co_await probe_catch_all(site, worker, domain, task);
            auto ops = storage::OpList::of(storage::PutCatchAll{domain, record});
            const auto kept = co_await services.engine.commit(std::move(ops));
            if (!kept)
                services.log.warn("catch_all.not_stored", {{"why", kept.error().message()}});
            state.catch_all = std::move(record);
        }
        state.busy = false;
        start_workers(site);
    }
    conclude_accepted(*state.catch_all, task);
}

/// Two strangers at most: the first refusal as unknown proves that the domain tells its users from others.
awaitable<storage::CatchAllRecord> Prober::Impl::probe_catch_all(Site& site, Worker& worker, std::string domain,
                                                                 ProbeTask& task)
{
    storage::CatchAllRecord record;
    record.site = site.route.site;
    record.checked = services.engine.now();
    int accepted = 0;
    for (int turn = 0; turn < 2; ++turn) {
        const std::string stranger = unlikely_local_part(services.rng) + "@" + domain;
        ProbeAnswer answer = co_await ask(site, worker, stranger, false, task.only_mx);
        answer.evidence.kind = EvidenceKind::catch_all;
        record.evidence.push_back(answer.evidence);
        if (answer.reason == Reason::mailbox_not_found) {
            record.answer = Answer::no;
            co_return record;
        }
        if (answer.reason != Reason::accepted)
            co_return record;  // inconclusive
        ++accepted;
    }
    if (accepted == 2)
        record.answer = Answer::yes;
    co_return record;
}

void Prober::Impl::conclude_accepted(const storage::CatchAllRecord& known, ProbeTask& task)
{
    VerdictRecord& verdict = task.verdict;
    verdict.evidence.insert(verdict.evidence.end(), known.evidence.begin(), known.evidence.end());
    if (known.answer == Answer::no)
        return;
    if (known.answer == Answer::inconclusive)
        verdict.flags.set(Flag::catch_all_unknown);
    conclude(verdict, Reason::catch_all, services.engine.now());
}

void Prober::Impl::fail_site(Site& site, const ProbeAnswer& answer)
{
    for (auto& [name, domain] : site.domains) {
        std::deque<ProbeTask> tasks;
        tasks.swap(domain.tasks);
        for (ProbeTask& task : tasks) {
            take_answer(task, answer);
            finish(site, std::move(task));
        }
    }
}

void Prober::Impl::leave_unprobed(ProbeTask& task, std::string_view why)
{
    const TimePoint now = services.engine.now();
    task.verdict.evidence.push_back(
        own_step(EvidenceKind::policy, "probe budget", std::string(why), "budget:not_reached", now));
    conclude(task.verdict, Reason::not_probed, now);
}

void Prober::Impl::expire(Site& site)
{
    const SteadyPoint now = services.clock.steady();
    for (auto& [name, domain] : site.domains)
        for (auto at = domain.tasks.begin(); at != domain.tasks.end();) {
            if (now < at->deadline) {
                ++at;
                continue;
            }
            ProbeTask task = std::move(*at);
            at = domain.tasks.erase(at);
            leave_unprobed(task, "the deadline came before this address's turn");
            finish(site, std::move(task));
        }
}

void Prober::Impl::finish(Site& site, ProbeTask task)
{
    --pending;
    --site.tasks;
    auto done = std::move(task.done);
    done(std::move(task));
}

Prober::Prober(Services services, const VerifierOptions& options) : impl_(std::make_shared<Impl>(services, options)) {}
Prober::~Prober() = default;

void Prober::submit(ProbeTask task, const DomainFacts& facts)
{
    Impl& self = *impl_;
    Site& site = self.sites[facts.route.site];
    site.route = facts.route;
    if (facts.provider) {
        site.operator_name = facts.provider->operator_;
        site.large = facts.provider->large;
    }
    const std::string domain = task.address.domain;
    DomainState& state = site.domains[domain];
    state.free_mail = site.large && self.services.lists.is_free(domain);
    state.tasks.push_back(std::move(task));
    ++site.tasks;
    ++self.pending;
    self.start_workers(site);
}

std::size_t Prober::pending() const noexcept
{
    return impl_->pending;
}

awaitable<void> Prober::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    for (auto& [id, site] : self->sites)
        for (auto& [name, domain] : site.domains) {
            std::deque<ProbeTask> tasks;
            tasks.swap(domain.tasks);
            for (ProbeTask& task : tasks) {
                self->leave_unprobed(task, "winnow is shutting down");
                self->finish(site, std::move(task));
            }
        }
    while (self->workers > 0)
        if (co_await sleep_for(self->services.timers, milliseconds{10}) == Wake::cancelled)
            break;
}

}  // namespace winnow::verifier
