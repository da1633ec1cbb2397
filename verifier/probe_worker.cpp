#include <algorithm>
#include <exception>

#include "core/greylist_hint.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober_impl.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_doors = 6;            ///< addresses of a site that are tried for one connection
constexpr milliseconds longest_sleep{1'000};     ///< then it is looked whether winnow is shutting down
constexpr milliseconds dead_for{180'000};        ///< shorter than the first retry of an address that met nobody
constexpr milliseconds throttle_pause{300'000};  ///< when the site names no time
constexpr milliseconds broken_tls_for = std::chrono::hours{1};
constexpr milliseconds one_each_for = std::chrono::hours{1};
constexpr milliseconds longest_throttle = std::chrono::hours{6};

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

}  // namespace

awaitable<void> Prober::Impl::work(ProbeSite& site, EgressBudget::Connection slot)
{
    Worker worker{site, std::move(slot), nullptr, std::nullopt, 0};
    std::exception_ptr failed;
    try {
        for (Next next = Next::go_on; next == Next::go_on && !draining && !(worker.slot && worker.slot->spent());) {
            const std::string mx = worker.session ? worker.session->mx() : std::string{};
            worker.task = site.take(mx);
            if (!worker.task) {
                co_await settle_edges(site);
                worker.task = site.take(mx);
            }
            if (!worker.task)
                break;
            next = co_await serve(worker);
        }
        co_await settle_edges(site);
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
    self_test.look();
    if (!self_test.reason().empty()) {
        ProbeTask task = std::move(*worker.task);
        worker.task.reset();
        give_back_unfit(site, std::move(task));
        co_return Next::go_on;
    }
    if (self_test.health().rests(site.source)) {
        ProbeTask task = std::move(*worker.task);
        worker.task.reset();
        ask_from_elsewhere(site, std::move(task));
        co_return Next::hang_up;
    }
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
    if (worker.session && worker.session->answered() > 0 && now < site.one_each_until) {
        hold_back(worker);
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
    // A stranger is asked with the patience of lists: what it finds out is remembered for everybody.
    worker.session->set_patience(worker.task->hurried() ? worker.task->asker->hurry : std::nullopt);
    const std::string recipient = worker.task->address.to_string();
    const std::string reverse_path = worker.task->reverse_path.empty() ? options.mail_from : worker.task->reverse_path;
    const bool smtputf8 = worker.task->address.eai;
    if (const auto refusal = worker.session->refuse(smtputf8))
        co_return not_asked(worker, *refusal);
    const bool my_turn = co_await pace(worker);
    if (!my_turn)
        co_return draining ? Next::hang_up : Next::go_on;
    const ProbeAnswer answer = co_await worker.session->ask(smtputf8, reverse_path, recipient);
    if (answer.stage != Stage::rcpt)
        co_return not_asked(worker, answer);
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
        worker.connection = ++last_connection;
        worker.session->set_patience(worker.task->hurried() ? worker.task->asker->hurry : std::nullopt);
        last = co_await worker.session->open(door.mx, door.ip, use_tls);
        if (worker.session->met()) {
            count_connection(site, *worker.task);
            self_test.health().met_somebody(services.clock.steady(), site.source, door.ip);
        } else {
            self_test.health().met_nobody(door.ip, site.source);
        }
        if (!last)
            co_return true;
        const SteadyPoint now = services.clock.steady();
        if (worker.session->met()) {
            worker.slot->close(now);
            worker.slot.reset();
        } else if (!worker.task->hurried() || last->error.code != Errc::timed_out) {
            // Silence that was cut short proves nothing to those with more time.
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
    last->source = site.source;  // also of a silence it counts who listened
    not_asked(worker, *last);
    co_return false;
}

/// A stranger's connection is for those who wait for what it finds out.
void Prober::Impl::count_connection(ProbeSite& site, const ProbeTask& task)
{
    connections_made.add();
    const Asker* asker = task.asker.get();
    if (task.stranger) {
        const auto& parked = site.domain(task.address.domain).parked;
        asker = parked.empty() ? nullptr : parked.front().asker.get();
    }
    if (asker)
        ++asker->connections;
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
    const bool learnt = used && learn_one_each(worker, answer);
    if (!used || !elsewhere || (worker.task->asked_again && !learnt))
        return false;
    worker.task->asked_again = true;
    hold_back(worker);
    return true;
}

/// A host that answers a first recipient and is out of step at the second has one a connection from now on. True when
/// that is news.
bool Prober::Impl::learn_one_each(Worker& worker, const ProbeAnswer& answer)
{
    if (!answer.out_of_step)
        return false;
    doubt_answers(worker, answer);
    const SteadyPoint now = services.clock.steady();
    const bool news = worker.site.one_each_until <= now;
    worker.site.one_each_until = now + one_each_for;
    return news;
}

/// Answers that wait for what a stranger is told, and came over a connection that turned out to be out of step: each
/// may have been the one to another command. They are asked for once more.
void Prober::Impl::doubt_answers(Worker& worker, const ProbeAnswer& answer)
{
    const auto came_here = [&worker](const ProbeTask& t) { return t.answered_on == worker.connection; };
    for (ProbeTask& task : worker.site.extract(came_here, true)) {
        task.answered_on = 0;
        task.asked_mx.clear();
        task.edge = false;
        std::erase_if(task.verdict.evidence, [](const Evidence& step) { return step.kind == EvidenceKind::rcpt; });
        if (task.asked_again) {
            take_answer(task, answer);
            finish(std::move(task));
        } else {
            task.asked_again = true;
            worker.site.push_front(std::move(task));
        }
    }
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
    // its hosts was tried, when it had been answering, or when we were in a hurry.
    const bool refused = answer.reply && answer.reply->permanent() && !answer.out_of_step;
    const bool of_site = (fresh && (answer.reply || !task.hurried())) || refused;
    if (of_site && task.only_mx.empty() && !answer.own_rule && !throttled)
        fail_site(site, answer);
    if (task.stranger) {
        end_errand(site.domain(task.address.domain), task);
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
    task.answered_on = worker.connection;
    if (task.postmaster) {
        postmaster_answered(site, task, answer);
    } else if (task.stranger) {
        co_await stranger_answered(site, std::move(task), answer);
    } else if (answer.meaning.edge && answer.reason == Reason::mailbox_not_found) {
        take_answer(task, answer);
        const std::string domain = task.address.domain;
        edge_refused(site, std::move(task));
        co_await settle_edge(site, domain);
    } else {
        take_answer(task, answer);
        const bool put_off = answer.reason == Reason::greylisted ||
                             (answer.reply && answer.meaning.klass == ReplyClass::server_error && !answer.lost);
        const bool tells_of_domain = vouches_for_address(answer.reason) || put_off;
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
    if (task.asker && task.asker->heard)
        task.asker->heard(answer.evidence);
}

void Prober::Impl::fail_site(ProbeSite& site, const ProbeAnswer& answer)
{
    for (ProbeTask& task : site.extract([](const ProbeTask&) { return true; }, false)) {
        if (task.stranger) {
            end_errand(site.domain(task.address.domain), task);
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

}  // namespace winnow::verifier
