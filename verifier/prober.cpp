#include "verifier/prober.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <set>

#include "verifier/precheck.hpp"
#include "verifier/prober_impl.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t many_domains = 4096;   ///< of a busy site, at which those without work are forgotten
constexpr milliseconds breaker_look{1'000};  ///< how soon a site looks again whether a half-open probe has ended
constexpr milliseconds least_between_sweeps{1'000};

EgressOptions egress_options(const VerifierOptions& options, const ProviderTable& providers)
{
    const Manners& m = options.manners;
    EgressOptions egress;
    egress.site = {m.connections_per_site, m.rcpts_per_connection, m.between_rcpts, m.between_connections, 0};
    egress.large_operator = {m.large_connections, m.large_rcpts_per_connection, m.between_rcpts, milliseconds{0},
                             m.large_per_hour};
    std::set<std::string, std::less<>> large;
    for (const Provider* provider : providers.providers())
        if (provider->large)
            large.insert(provider->operator_);
    egress.is_large = [large = std::move(large)](std::string_view name) { return large.count(name) > 0; };
    return egress;
}

std::string key_of(const std::string& site, const std::string& source)
{
    return site + "@" + source;
}

bool everything(const ProbeTask&)
{
    return true;
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

Prober::Impl::Impl(Services s, VerifierOptions o, SelfTest t)
    : services(s),
      options(std::move(o)),
      self_test(std::move(t)),
      budget(egress_options(options, s.providers)),
      breakers(s.breakers ? *s.breakers : own_breakers),
      rcpts_sent(s.metrics.counter("winnow_probe_rcpts_total", "RCPT commands sent by probes.")),
      connections_made(s.metrics.counter("winnow_probe_connections_total", "Connections made by probes.")),
      breakers_tripped(s.metrics.counter("winnow_probe_breaker_trips_total",
                                         "Times that probing stopped because an operator refused our address."))
{
}

// --- who is asked from where

/// The same source for a site every time, so that a greylist retry shows the same triplet; while it rests, the next one
/// that is fit, of the same IP version if there is one.
std::string Prober::Impl::source_for(const ProbeTask& task, const std::string& site) const
{
    const auto& all = options.sources;
    if (all.empty())
        return {};
    const ProberHealth& health = self_test.health();
    const bool ours = std::find(all.begin(), all.end(), task.source) != all.end();
    if (ours && !health.rests(task.source))
        return task.source;
    const std::size_t usual = std::stoull("0" + site.substr(0, 8), nullptr, 16) % all.size();
    const auto is_v6 = [](const std::string& ip) { return ip.find(':') != std::string::npos; };
    const std::string* other = nullptr;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string& source = all[(usual + i) % all.size()];
        if (health.rests(source))
            continue;
        if (is_v6(source) == is_v6(all[usual]))
            return source;
        other = other ? other : &source;
    }
    return other ? *other : all[usual];
}

EgressTarget Prober::Impl::target_of(const ProbeSite& site) const
{
    return {site.source, site.large ? site.operator_name : std::string{}, site.name};
}

Breakers::Subject Prober::Impl::subject_of(const ProbeSite& site) const
{
    const std::string& operator_name = site.operator_name.empty() ? site.name : site.operator_name;
    return {site.source.empty() ? std::string_view("default") : std::string_view(site.source), {}, operator_name};
}

ProbeSite& Prober::Impl::site_for(const ProbeTask& task, std::shared_ptr<const DomainFacts> facts)
{
    const std::string source = source_for(task, facts->route.site);
    std::unique_ptr<ProbeSite>& site = sites[key_of(facts->route.site, source)];
    if (!site)
        site = std::make_unique<ProbeSite>(facts->route.site, source);
    if (facts->provider) {
        site->operator_name = facts->provider->operator_;
        site->large = facts->provider->large;
    }
    site->facts = std::move(facts);
    return *site;
}

/// A site without work is kept as long as something is to be remembered of its hosts: a pause that it asked for, hosts
/// that do not answer. No longer: memory must not grow with the list.
void Prober::Impl::forget_later(ProbeSite& site)
{
    if (!site.without_work() || site.remembered)
        return;
    site.remembered = true;
    memories.emplace(site.remembered_until(), &site);
}

/// Those whose time is over. Only here a site goes away: nobody above may still hold one that has no work.
void Prober::Impl::forget_past()
{
    const SteadyPoint now = services.clock.steady();
    while (!memories.empty() && memories.begin()->first <= now) {
        ProbeSite* const site = memories.begin()->second;
        memories.erase(memories.begin());
        site->remembered = false;
        if (site->without_work() && site->remembered_until() <= now)
            sites.erase(key_of(site->name, site->source));
        else
            forget_later(*site);
    }
}

void Prober::Impl::submit(ProbeTask task, std::shared_ptr<const DomainFacts> facts)
{
    ++pending;
    if (draining) {
        leave_unprobed(std::move(task), "winnow is shutting down");
        return;
    }
    forget_past();
    ProbeSite& site = site_for(task, std::move(facts));
    if (blocked(site)) {
        refuse_blocked(std::move(task));
        forget_later(site);
        forget_past();
        return;
    }
    const SteadyPoint now = services.clock.steady();
    const milliseconds queue = budget.estimate(target_of(site), site.queued() + 1);
    if (now >= task.deadline || task.deadline - now < queue) {
        // Said at once, the row does not take up the place of one that can be asked.
        leave_unprobed(std::move(task), "its mail host may not be asked so often before the deadline");
        forget_later(site);
        forget_past();
        return;
    }
    const bool earlier = task.deadline < first_deadline;
    first_deadline = std::min(first_deadline, task.deadline);
    site.push(std::move(task));
    schedule(site);
    if (earlier || !clock_runs)
        start_clock();
}

// --- when

void Prober::Impl::schedule(ProbeSite& site)
{
    const int per_connection = budget.limits(target_of(site)).rcpts_per_connection;
    const std::size_t rcpts = per_connection > 0 ? static_cast<std::size_t>(per_connection) : 1'000;
    while (!site.waiting && !draining && site.queued() > 0) {
        // One connection more for every connection's worth of addresses, up to what manners allow.
        if (site.workers > 0 && static_cast<std::size_t>(site.workers) * rcpts >= site.queued())
            return;
        if (workers >= options.manners.max_connections) {
            site.waiting = true;
            no_room.push_back(&site);
            return;
        }
        const SteadyPoint now = services.clock.steady();
        SteadyPoint at = std::max(budget.next_connection(target_of(site), now), site.resume_at);
        if (at == SteadyPoint::max()) {
            // Until a connection ends: one of this site, which schedules it again, or another of its operator.
            if (site.large && site.workers == 0) {
                site.waiting = true;
                crowded[site.operator_name].push_back(&site);
            }
            return;
        }
        if (breakers.next_attempt(subject_of(site), now) > now)
            at = std::max(at, now + breaker_look);
        if (at > now) {
            wait_until(site, at);
            return;
        }
        auto slot = budget.open(target_of(site), now);
        if (!slot)
            return;
        start_worker(site, std::move(*slot));
    }
}

void Prober::Impl::wait_until(ProbeSite& site, SteadyPoint at)
{
    site.waiting = true;
    later.emplace(at, &site);
    start_clock();
}

void Prober::Impl::start_worker(ProbeSite& site, EgressBudget::Connection slot)
{
    ++workers;
    ++site.workers;
    boost::asio::co_spawn(services.executor, work(site, std::move(slot)),
                          [self = shared_from_this(), &site](std::exception_ptr failed) {
                              if (failed) {
                                  try {
                                      std::rethrow_exception(failed);
                                  } catch (const std::exception& e) {
                                      self->services.log.error("probe.failed", {{"what", e.what()}});
                                  }
                              }
                              self->worker_ended(site);
                          });
}

/// A connection ended: its place is another's who waits for it, then this site's again.
void Prober::Impl::worker_ended(ProbeSite& site)
{
    --workers;
    --site.workers;
    if (site.large) {
        const auto others = crowded.find(site.operator_name);
        if (others != crowded.end()) {
            wake_waiting(others->second);
            if (others->second.empty())
                crowded.erase(others);
        }
    }
    wake_waiting(no_room);
    schedule(site);
    const bool at_work = site.queued() > 0 || site.workers > 0;
    if (!at_work || site.domains() > many_domains)
        site.forget_domains();
    if (!at_work)
        forget_later(site);
    forget_past();
}

void Prober::Impl::wake_waiting(std::deque<ProbeSite*>& queue)
{
    for (std::size_t left = queue.size(); left > 0 && !queue.empty(); --left) {
        ProbeSite* const site = queue.front();
        queue.pop_front();
        site->waiting = false;
        schedule(*site);
        if (!queue.empty() && queue.back() == site)
            return;  // there is no place any more
        forget_later(*site);
    }
}
void Prober::Impl::start_clock()
{
    if (clock_runs) {
        alarm->wake();
        return;
    }
    clock_runs = true;
    if (!alarm)
        alarm = services.timers.make();
    boost::asio::co_spawn(services.executor, clock(), [self = shared_from_this()](std::exception_ptr failed) {
        // Otherwise it said so itself, and another may be running by now.
        if (!failed)
            return;
        self->clock_runs = false;
        self->services.log.error("probe.clock_failed");
    });
}

/// Starts connections whose time has come and ends tasks whose time is over.
awaitable<void> Prober::Impl::clock()
{
    while (!draining) {
        const SteadyPoint now = services.clock.steady();
        while (!later.empty() && later.begin()->first <= now) {
            ProbeSite* const site = later.begin()->second;
            later.erase(later.begin());
            site->waiting = false;
            schedule(*site);
            forget_later(*site);
        }
        forget_past();
        if (first_deadline <= now)
            expire();
        if (pending == 0)
            first_deadline = SteadyPoint::max();
        if (pending == 0 && later.empty())
            break;
        const SteadyPoint next = later.empty() ? first_deadline : std::min(later.begin()->first, first_deadline);
        const Wake wake = co_await alarm->wait_until(next);
        if (wake == Wake::cancelled)
            break;
    }
    // At once, not when the completion handler runs: what is queued in between needs a clock.
    clock_runs = false;
}

void Prober::Impl::expire()
{
    const SteadyPoint now = services.clock.steady();
    first_deadline = SteadyPoint::max();
    for (auto& [key, site] : sites) {
        for (ProbeTask& task : site->extract([now](const ProbeTask& t) { return t.deadline <= now; }, true))
            give_up(*site, std::move(task), "the deadline came before this address's turn");
        end_idle_edges(*site);
        first_deadline = std::min(first_deadline, site->earliest_deadline());
        forget_later(*site);
    }
    first_deadline = std::max(first_deadline, now + least_between_sweeps);
}

// --- ends

bool Prober::Impl::blocked(const ProbeSite& site) const
{
    const Breakers::Subject subject = subject_of(site);
    return breakers.state(BreakerScope::source, subject.source, subject.operator_name, services.clock.steady()) ==
           Breaker::State::open;
}

/// Our address is refused by an operator: what waits for it is not asked.
void Prober::Impl::block(const ProbeSite& by)
{
    breakers_tripped.add();
    const Breakers::Subject subject = subject_of(by);
    services.log.warn("probe.blocked", {{"operator", subject.operator_name}, {"source", subject.source}});
    for (auto& [key, site] : sites) {
        const Breakers::Subject other = subject_of(*site);
        if (other.source != subject.source || other.operator_name != subject.operator_name)
            continue;
        for (ProbeTask& task : site->extract(everything, false)) {
            if (task.stranger)
                end_errand(site->domain(task.address.domain), task);
            else
                refuse_blocked(std::move(task));
        }
        end_idle_edges(*site);
    }
}

void Prober::Impl::finish(ProbeTask task)
{
    --pending;
    if (pending == 0 && clock_runs)
        alarm->wake();  // it has nothing to wait for any more
    const auto done = std::move(task.done);
    done(std::move(task));
}

void Prober::Impl::leave_unprobed(ProbeTask task, std::string_view why)
{
    const TimePoint now = services.engine.now();
    task.verdict.evidence.push_back(
        own_step(EvidenceKind::policy, "probe budget", std::string(why), "budget:not_reached", now));
    conclude(task.verdict, Reason::not_probed, now);
    finish(std::move(task));
}

void Prober::Impl::refuse_blocked(ProbeTask task)
{
    const TimePoint now = services.engine.now();
    task.verdict.evidence.push_back(own_step(EvidenceKind::policy, "breaker",
                                             "its mail host refuses our address; not asked until that has cooled down",
                                             "breaker:open", now));
    conclude(task.verdict, Reason::prober_blocked, now);
    task.klass = ReplyClass::ip_blocked;
    finish(std::move(task));
}

/// The self-test failed. Of a source that rests alone, what waits is asked from another; when no source is fit, it is
/// given back, to be asked again when one is.
void Prober::Impl::stand_down()
{
    const bool all = !self_test.reason().empty();
    std::vector<ProbeSite*> resting;
    for (auto& [key, site] : sites)
        if (all || self_test.health().rests(site->source))
            resting.push_back(site.get());
    // Nobody who submits meanwhile may forget a site that is still in the list.
    std::vector<std::pair<ProbeTask, std::shared_ptr<const DomainFacts>>> elsewhere;
    for (ProbeSite* const site : resting) {
        for (ProbeTask& task : site->extract(everything, false)) {
            if (all || task.stranger)
                give_back_unfit(*site, std::move(task));
            else
                elsewhere.emplace_back(std::move(task), site->facts);
        }
        end_idle_edges(*site);
    }
    for (auto& [task, facts] : elsewhere) {
        --pending;
        submit(std::move(task), std::move(facts));
    }
}

void Prober::Impl::ask_from_elsewhere(ProbeSite& site, ProbeTask task)
{
    if (task.stranger) {
        end_errand(site.domain(task.address.domain), task);
        return;
    }
    --pending;
    submit(std::move(task), site.facts);
}

void Prober::Impl::give_back_unfit(ProbeSite& site, ProbeTask task)
{
    if (task.stranger) {
        end_errand(site.domain(task.address.domain), task);
        return;
    }
    const TimePoint now = services.engine.now();
    task.verdict.evidence.push_back(unfit_step(self_test.reason(), now));
    conclude(task.verdict, Reason::not_probed, now);
    finish(std::move(task));
}

/// A task that cannot wait any longer, wherever it stands.
void Prober::Impl::give_up(ProbeSite& site, ProbeTask task, std::string_view why)
{
    ProbeDomain& domain = site.domain(task.address.domain);
    if (task.stranger) {
        end_errand(domain, task);
    } else if (task.asked_mx.empty()) {
        leave_unprobed(std::move(task), why);
    } else {
        conclude_accepted(domain, task);
        finish(std::move(task));
    }
}

/// Its asker took it back; of a stranger, all those who waited for what it finds out.
bool Prober::Impl::unwanted(ProbeSite& site, const ProbeTask& task)
{
    if (task.postmaster)
        return site.domain(task.address.domain).refused.empty();
    if (task.stranger)
        return site.domain(task.address.domain).forsaken;
    return task.asker && task.asker->withdrawn;
}

/// Ends an unwanted task, wherever it stands. An address that has its answer keeps it, unless that was "accepted" by a
/// domain that was not tested, or a refusal that waits for another's acceptance: it is asked again when the asker goes
/// on.
void Prober::Impl::take_back(ProbeSite& site, ProbeTask task)
{
    ProbeDomain& domain = site.domain(task.address.domain);
    if (task.postmaster) {
        domain.asks_postmaster = false;
        return;
    }
    if (task.stranger) {
        domain.settling = domain.forsaken = false;
        domain.found = {};  // half a test is none
        return;
    }
    domain.forsaken = domain.settling && domain.parked.empty();
    if (task.asked_mx.empty() || vouches_for_address(task.verdict.reason) || task.edge)
        leave_unprobed(std::move(task), "withdrawn");
    else
        finish(std::move(task));
}

Prober::Prober(Services services, VerifierOptions options, SelfTest self_test)
    : impl_(std::make_shared<Impl>(services, std::move(options), self_test))
{
    self_test.on_unfit([prober = std::weak_ptr<Impl>(impl_)] {
        if (const auto alive = prober.lock())
            alive->stand_down();
    });
}
Prober::~Prober() = default;

void Prober::submit(ProbeTask task, std::shared_ptr<const DomainFacts> facts)
{
    impl_->submit(std::move(task), std::move(facts));
}

std::size_t Prober::pending() const noexcept
{
    return impl_->pending;
}

void Prober::withdraw(const Asker& asker)
{
    for (auto& [key, site] : impl_->sites) {
        for (ProbeTask& task : site->extract([&asker](const ProbeTask& t) { return t.asker.get() == &asker; }, true))
            impl_->take_back(*site, std::move(task));
        const auto forsaken = [&of = *site](const ProbeTask& t) { return t.stranger && Impl::unwanted(of, t); };
        for (ProbeTask& stranger : site->extract(forsaken, false))
            impl_->take_back(*site, std::move(stranger));
        impl_->end_idle_edges(*site);
    }
}

std::size_t Prober::sites() const noexcept
{
    return impl_->sites.size();
}

void Prober::abandon()
{
    // The tasks hold their askers, which hold this prober: nobody would ever be freed.
    for (auto& [key, site] : impl_->sites)
        (void)site->extract([](const ProbeTask&) { return true; }, true);
}

awaitable<void> Prober::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    if (self->alarm)
        self->alarm->wake();
    for (;;) {
        // Also those that a worker put back since the last look. What was accepted but not tested is asked again after
        // the restart.
        for (auto& [key, site] : self->sites)
            for (ProbeTask& task : site->extract(everything, true))
                if (!task.stranger)
                    self->leave_unprobed(std::move(task), "winnow is shutting down");
        if (self->workers == 0)
            break;
        const Wake wake = co_await sleep_for(self->services.timers, milliseconds{10});
        if (wake == Wake::cancelled)
            break;
    }
}

}  // namespace winnow::verifier
