#include <algorithm>
#include <exception>

#include "core/greylist_hint.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober_impl.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using Answer = storage::CatchAllRecord::Answer;

constexpr std::size_t most_doors = 6;             ///< addresses of a site that are tried for one connection
constexpr std::ptrdiff_t strangers_to_prove = 2;  ///< accepted ones that make a catch-all
constexpr std::size_t most_stranger_steps = 4;    ///< of one test, those that met greylisting included
constexpr milliseconds longest_sleep{1'000};      ///< then it is looked whether winnow is shutting down
constexpr milliseconds dead_for{180'000};         ///< shorter than the first retry of an address that met nobody
constexpr milliseconds throttle_pause{300'000};   ///< when the site names no time
constexpr milliseconds broken_tls_for = std::chrono::hours{1};
constexpr milliseconds longest_throttle = std::chrono::hours{6};
constexpr milliseconds inconclusive_lifetime = std::chrono::hours{1};

struct Door {
    std::string mx, ip;
};

/// Where to knock, in order; hosts that did not answer a moment ago are left out.
std::vector<Door> doors_of(const ProbeSite& site, const std::string& only_mx, SteadyPoint now)
{
    const auto& hosts = site.facts->route.hosts;
    const bool known = std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) { return host.name == only_mx; });
    std::vector<Door> doors;
    for (const net::MxHost& host : hosts) {
        // An MX that greylisted us and is gone from the set is nobody to wait for.
        if (known && host.name != only_mx)
            continue;
        for (const std::string& ip : host.addresses) {
            const auto dead = site.dead.find(ip);
            if (doors.size() < most_doors && (dead == site.dead.end() || dead->second.until <= now))
                doors.push_back({host.name, ip});
        }
    }
    return doors;
}

/// The catch-all test met greylisting: the same stranger is asked again when the domain's own addresses are.
bool waits_for_greylist(const storage::CatchAllRecord& record)
{
    return record.answer == Answer::inconclusive && !record.evidence.empty() &&
           record.evidence.size() < most_stranger_steps && record.evidence.back().klass == ReplyClass::greylisted;
}

/// One bad moment of a server is no fact about its domain: what could not be found out is asked again soon. A stranger
/// that waits for its second question is remembered as long as the triplet may be.
milliseconds lifetime(const storage::CatchAllRecord& record, const VerifierOptions& options)
{
    if (record.answer == Answer::inconclusive && !waits_for_greylist(record))
        return std::min(options.catch_all_ttl, inconclusive_lifetime);
    return options.catch_all_ttl;
}

auto strangers_accepted(const storage::CatchAllRecord& record)
{
    return std::count_if(record.evidence.begin(), record.evidence.end(),
                         [](const Evidence& step) { return step.klass == ReplyClass::delivered; });
}

/// The recipient of a step that read() of a ProbeSession made.
std::string asked_recipient(const Evidence& step)
{
    const auto open = step.asked.find('<');
    return open == std::string::npos ? std::string{} : step.asked.substr(open + 1, step.asked.size() - open - 2);
}

}  // namespace

awaitable<void> Prober::Impl::work(ProbeSite& site, EgressBudget::Connection slot)
{
    Worker worker{site, std::move(slot), nullptr, std::nullopt};
    std::exception_ptr failed;
    try {
        for (Next next = Next::go_on; next == Next::go_on && !draining && !(worker.slot && worker.slot->spent());) {
            worker.task = site.take(worker.session ? worker.session->mx() : std::string{});
            if (!worker.task)
                break;
            next = co_await serve(worker);
        }
    } catch (...) {
        failed = std::current_exception();
    }
    if (worker.task && !worker.task->stranger) {
        conclude(worker.task->verdict, Reason::internal_error, services.engine.now());
        finish(std::move(*worker.task));
    }
    if (worker.session)
        co_await worker.session->quit();
    if (worker.slot)
        worker.slot->close(services.clock.steady());
    if (failed)
        std::rethrow_exception(failed);
}

/// One task, from the wait for its turn to what follows from the answer. Leaves `worker.task` empty.
awaitable<Prober::Impl::Next> Prober::Impl::serve(Worker& worker)
{
    ProbeSite& site = worker.site;
    if (let_go(worker))
        co_return Next::go_on;
    const SteadyPoint now = services.clock.steady();
    const bool over = !worker.task->stranger && now >= worker.task->deadline;
    if (over || blocked(site)) {
        ProbeTask task = std::move(*worker.task);
        worker.task.reset();
        if (task.stranger || over)
            give_up(site, std::move(task), "the deadline came before this address's turn");
        else
            refuse_blocked(std::move(task));
        co_return Next::go_on;
    }
    if (breakers.next_attempt(subject_of(site), now) > now) {
        hold_back(worker);  // a half-open breaker lets one probe out at a time
        co_return Next::hang_up;
    }
    breakers.begin(subject_of(site), now);
    if (!worker.session) {
        const bool opened = co_await open(worker);
        if (!opened)
            co_return Next::hang_up;
    }
    if (unwanted(site, *worker.task)) {
        breakers.record(subject_of(site), ReplyClass::unknown, {}, services.clock.steady());
        let_go(worker);
        co_return Next::go_on;
    }
    const std::string recipient = worker.task->address.to_string();
    const std::string reverse_path = worker.task->reverse_path.empty() ? options.mail_from : worker.task->reverse_path;
    const bool smtputf8 = worker.task->address.eai;
    const auto refusal = co_await worker.session->begin(smtputf8, reverse_path);
    if (refusal)
        co_return not_asked(worker, *refusal);
    const bool my_turn = co_await pace(worker);
    if (!my_turn)
        co_return draining ? Next::hang_up : Next::go_on;
    const ProbeAnswer answer = co_await worker.session->ask(recipient);
    co_return co_await answered(worker, answer);
}

// --- the connection

/// Tries the site's hosts in order until one takes us. One that met us and sent us away costs a connection, hence the
/// pause before the next.
awaitable<bool> Prober::Impl::open(Worker& worker)
{
    ProbeSite& site = worker.site;
    const std::vector<Door> doors = doors_of(site, worker.task->only_mx, services.clock.steady());
    std::optional<ProbeAnswer> last;
    for (std::size_t i = 0; i < doors.size();) {
        const Door& door = doors[i];
        const bool have_slot = co_await wait_for_slot(worker, worker.task->deadline);
        if (unwanted(site, *worker.task)) {
            breakers.record(subject_of(site), ReplyClass::unknown, {}, services.clock.steady());
            let_go(worker);
            co_return false;
        }
        if (!have_slot)
            break;
        const auto broken_tls = site.in_clear.find(door.mx);
        const bool use_tls = broken_tls == site.in_clear.end() || broken_tls->second <= services.clock.steady();
        worker.session = std::make_unique<ProbeSession>(services, options, site.source);
        last = co_await worker.session->open(door.mx, door.ip, use_tls);
        if (worker.session->met())
            connections_made.add();
        if (!last)
            co_return true;
        const SteadyPoint now = services.clock.steady();
        if (worker.session->met()) {
            worker.slot->close(now);
            worker.slot.reset();
        } else {
            site.dead[door.ip] = {now + dead_for / std::max(1, options.retry_speedup), last->error};
        }
        if (worker.session->tls_failed())
            site.in_clear[door.mx] = now + broken_tls_for;  // the same door once more, in clear
        else
            ++i;
        worker.session.reset();
        // A refusal in words is the operator's; its other hosts would say the same.
        if (last->reply && last->reply->permanent())
            break;
    }
    if (!last) {
        last.emplace();
        const bool remembered = !site.dead.empty();
        last->error = remembered ? site.dead.begin()->second.error : Error{Errc::unavailable, "no host to ask"};
        last->meaning = services.replies.classify_error(last->error, Stage::connect);
        last->reason = Reason::no_connect;
        last->lost = true;
        last->evidence = own_step(EvidenceKind::connect, "connect", last->error.message(),
                                  remembered ? "site:dead_hosts" : "site:no_host", services.engine.now());
        last->evidence.stage = Stage::connect;
        last->evidence.klass = last->meaning.klass;
    }
    not_asked(worker, *last);
    co_return false;
}

/// Until the budget allows another connection; at once when the worker still has its place. False at shut-down and past
/// the deadline.
awaitable<bool> Prober::Impl::wait_for_slot(Worker& worker, SteadyPoint deadline)
{
    while (!worker.slot) {
        const SteadyPoint now = services.clock.steady();
        if (draining || now >= deadline || unwanted(worker.site, *worker.task))
            co_return false;
        worker.slot = budget.open(target_of(worker.site), now);
        if (worker.slot)
            break;
        // "Until another connection ends" has no time of its own.
        const SteadyPoint at = std::min(budget.next_connection(target_of(worker.site), now), now + longest_sleep);
        const auto wait = std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(at - now));
        const Wake wake = co_await sleep_for(services.timers, wait);
        if (wake == Wake::cancelled)
            co_return false;
    }
    co_return true;
}

/// Waits for the pause since the last RCPT and for the operator's hourly budget. False when the task's turn did not
/// come; it is then taken care of.
awaitable<bool> Prober::Impl::pace(Worker& worker)
{
    for (;;) {
        const SteadyPoint now = services.clock.steady();
        if (unwanted(worker.site, *worker.task)) {
            breakers.record(subject_of(worker.site), ReplyClass::unknown, {}, now);
            let_go(worker);
            co_return false;
        }
        const SteadyPoint at = worker.slot->next_rcpt(now);
        if (at <= now && !blocked(worker.site)) {
            worker.slot->count_rcpt(now);
            co_return true;
        }
        Wake wake = Wake::expired;
        const bool in_time = worker.task->stranger || at <= worker.task->deadline;
        if (at > now && in_time && !draining)
            wake =
                co_await sleep_for(services.timers, std::min(longest_sleep, std::chrono::ceil<milliseconds>(at - now)));
        if (wake != Wake::cancelled && in_time && !draining && !blocked(worker.site))
            continue;
        breakers.record(subject_of(worker.site), ReplyClass::unknown, {}, now);
        if (wake == Wake::cancelled || draining) {
            draining = true;
            hold_back(worker);
            co_return false;
        }
        ProbeTask task = std::move(*worker.task);
        worker.task.reset();
        if (task.stranger || !in_time)
            give_up(worker.site, std::move(task), "its turn comes after the deadline");
        else
            refuse_blocked(std::move(task));
        co_return false;
    }
}

void Prober::Impl::hold_back(Worker& worker)
{
    if (let_go(worker))
        return;
    worker.site.push_front(std::move(*worker.task));
    worker.task.reset();
}

/// A task that nobody wants any more goes back unasked.
bool Prober::Impl::let_go(Worker& worker)
{
    if (!unwanted(worker.site, *worker.task))
        return false;
    ProbeTask task = std::move(*worker.task);
    worker.task.reset();
    take_back(worker.site, std::move(task));
    return true;
}

/// A question that got no answer, or one about the connection, is asked once more on another.
bool Prober::Impl::ask_again(Worker& worker, const ProbeAnswer& answer)
{
    const bool used = worker.session && worker.session->answered() > (worker.session->alive() ? 1 : 0);
    const bool elsewhere = answer.lost || answer.meaning.klass == ReplyClass::too_many_rcpts;
    if (!used || !elsewhere || worker.task->asked_again)
        return false;
    worker.task->asked_again = true;
    hold_back(worker);
    return true;
}

// --- answers

/// The recipient was not asked about: no connection, or no MAIL.
Prober::Impl::Next Prober::Impl::not_asked(Worker& worker, const ProbeAnswer& answer)
{
    ProbeSite& site = worker.site;
    note_outcome(site, worker.task->address.domain, answer);
    if (ask_again(worker, answer))
        return Next::hang_up;
    const bool fresh = !worker.session || worker.session->answered() == 0;
    ProbeTask task = std::move(*worker.task);
    worker.task.reset();
    const bool throttled = answer.meaning.klass == ReplyClass::rate_limited;
    if (throttled)
        throttle(site, answer);
    // Nobody was asked anything: the answer is the site's, for every address that waits for it. Not so when only one of
    // its hosts was tried, or when it had been answering.
    const bool of_site = fresh || (answer.reply && answer.reply->permanent());
    if (of_site && task.only_mx.empty() && !answer.own_rule && !throttled)
        fail_site(site, answer);
    if (task.stranger) {
        end_settling(site.domain(task.address.domain));
    } else {
        take_answer(task, answer);
        finish(std::move(task));
    }
    return answer.own_rule ? Next::go_on : Next::hang_up;
}

awaitable<Prober::Impl::Next> Prober::Impl::answered(Worker& worker, const ProbeAnswer& answer)
{
    ProbeSite& site = worker.site;
    const bool alive = worker.session->alive();
    rcpts_sent.add();
    ++worker.task->verdict.probes;
    budget.record_rcpt(target_of(site), answer.reason == Reason::mailbox_not_found, services.clock.steady());
    note_outcome(site, worker.task->address.domain, answer);
    if (ask_again(worker, answer))
        co_return Next::hang_up;
    const bool throttled = answer.meaning.klass == ReplyClass::rate_limited;
    if (throttled)
        throttle(site, answer);
    ProbeTask task = std::move(*worker.task);
    worker.task.reset();
    if (task.stranger) {
        co_await stranger_answered(site, std::move(task), answer);
    } else {
        take_answer(task, answer);
        const bool tells_of_domain = answer.reason == Reason::accepted || answer.reason == Reason::greylisted;
        if (tells_of_domain)
            co_await learn(site, std::move(task));
        else
            finish(std::move(task));
    }
    co_return alive && !throttled ? Next::go_on : Next::hang_up;
}

void Prober::Impl::note_outcome(ProbeSite& site, const std::string& domain, const ProbeAnswer& answer)
{
    const auto trips = breakers.record(subject_of(site), answer.meaning.klass, domain, services.clock.steady());
    if (!trips.empty())
        block(site);
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

void Prober::Impl::fail_site(ProbeSite& site, const ProbeAnswer& answer)
{
    for (ProbeTask& task : site.extract([](const ProbeTask&) { return true; }, false)) {
        if (task.stranger) {
            end_settling(site.domain(task.address.domain));
        } else {
            take_answer(task, answer);
            finish(std::move(task));
        }
    }
}

/// "Slow down": no connection to the site before the time that it asks for.
void Prober::Impl::throttle(ProbeSite& site, const ProbeAnswer& answer)
{
    milliseconds pause = throttle_pause / std::max(1, options.retry_speedup);
    if (answer.reply)
        if (const auto asked = retry_hint(answer.reply->text()))
            pause = std::min(*asked, longest_throttle);
    site.resume_at = services.clock.steady() + std::max(pause, options.greylist_min);
}

// --- catch-all

/// A mailbox provider's own domain: it refuses strangers, no test is needed.
bool Prober::Impl::is_free_mail(const ProbeSite& site, const std::string& domain) const
{
    return services.lists.is_popular(domain) || (site.large && services.lists.is_free(domain));
}

bool Prober::Impl::is_fresh(const ProbeSite& site, const storage::CatchAllRecord& known) const
{
    return known.site == site.name && services.engine.now() < known.checked + lifetime(known, options);
}

/// An address was accepted: does its domain accept everything? Or it was greylisted: then a stranger is introduced now,
/// so that both have waited when the address is asked again.
awaitable<void> Prober::Impl::learn(ProbeSite& site, ProbeTask task)
{
    if (is_free_mail(site, task.address.domain)) {
        finish(std::move(task));
        co_return;
    }
    ProbeDomain& domain = site.domain(task.address.domain);
    const bool accepted = task.verdict.reason == Reason::accepted;
    const auto enough = [accepted](const storage::CatchAllRecord& known) {
        return !accepted || !waits_for_greylist(known);
    };
    if (domain.catch_all && !domain.settling && !is_fresh(site, *domain.catch_all))
        domain.catch_all.reset();
    if (domain.catch_all && enough(*domain.catch_all)) {
        conclude_accepted(domain, task);
        finish(std::move(task));
        co_return;
    }
    if (unwanted(site, task)) {
        take_back(site, std::move(task));
        co_return;
    }
    ProbeTask like;
    like.only_mx = task.asked_mx;
    domain.parked.push_back(std::move(task));
    domain.forsaken = false;
    if (domain.settling)
        co_return;
    domain.settling = true;
    std::optional<storage::CatchAllRecord> known = domain.catch_all;
    if (!known) {
        auto stored = co_await services.engine.get_catch_all(domain.name);
        if (stored && *stored && is_fresh(site, **stored))
            known = std::move(**stored);
    }
    if (known && enough(*known)) {
        domain.found = std::move(*known);
        end_settling(domain);
        co_return;
    }
    std::string stranger;
    if (known)
        stranger = asked_recipient(known->evidence.back());
    domain.found = known ? std::move(*known) : storage::CatchAllRecord{};
    domain.found.site = site.name;
    domain.found.answer = Answer::inconclusive;
    send_stranger(site, domain, std::move(stranger), like);
}

/// Queues the next question of a catch-all test; an empty `address` is drawn anew.
void Prober::Impl::send_stranger(ProbeSite& site, const ProbeDomain& domain, std::string address, const ProbeTask& like)
{
    ProbeTask stranger;
    stranger.address.local = address.substr(0, address.rfind('@'));
    if (address.empty())
        stranger.address.local = unlikely_local_part(services.rng);
    stranger.address.domain = domain.name;
    stranger.only_mx = like.only_mx;
    stranger.deadline = SteadyPoint::max();
    stranger.stranger = true;
    site.push_front(std::move(stranger));
}

/// Two strangers at most: the first refusal as unknown proves that the domain tells its users from others.
awaitable<void> Prober::Impl::stranger_answered(ProbeSite& site, ProbeTask stranger, const ProbeAnswer& answer)
{
    ProbeDomain& domain = site.domain(stranger.address.domain);
    domain.found.checked = services.engine.now();
    domain.found.evidence.push_back(answer.evidence);
    domain.found.evidence.back().kind = EvidenceKind::catch_all;
    if (!domain.parked.empty())
        domain.parked.front().verdict.probes += stranger.verdict.probes;
    if (answer.reason == Reason::mailbox_not_found) {
        domain.found.answer = Answer::no;
    } else if (answer.reason == Reason::accepted) {
        if (strangers_accepted(domain.found) < strangers_to_prove) {
            send_stranger(site, domain, {}, stranger);
            co_return;
        }
        domain.found.answer = Answer::yes;
    }
    auto ops = storage::OpList::of(storage::PutCatchAll{domain.name, domain.found});
    const auto kept = co_await services.engine.commit(std::move(ops));
    if (!kept)
        services.log.warn("catch_all.not_stored", {{"why", kept.error().message()}});
    end_settling(domain);
}

/// Whatever was found out, also nothing: those who waited for it go on.
void Prober::Impl::end_settling(ProbeDomain& domain)
{
    if (domain.settling && !domain.found.evidence.empty())
        domain.catch_all = domain.found;
    domain.settling = domain.forsaken = false;
    std::vector<ProbeTask> parked;
    parked.swap(domain.parked);
    for (ProbeTask& task : parked) {
        conclude_accepted(domain, task);
        finish(std::move(task));
    }
}

/// An accepted address at a domain that accepts everything, or may do so, proves little.
void Prober::Impl::conclude_accepted(const ProbeDomain& domain, ProbeTask& task)
{
    if (task.verdict.reason != Reason::accepted)
        return;
    VerdictRecord& verdict = task.verdict;
    if (domain.catch_all) {
        const auto& steps = domain.catch_all->evidence;
        verdict.evidence.insert(verdict.evidence.end(), steps.begin(), steps.end());
        if (domain.catch_all->answer == Answer::no)
            return;
    }
    if (!domain.catch_all || domain.catch_all->answer == Answer::inconclusive)
        verdict.flags.set(Flag::catch_all_unknown);
    conclude(verdict, Reason::catch_all, services.engine.now());
}

}  // namespace winnow::verifier
