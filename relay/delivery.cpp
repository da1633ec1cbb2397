#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>
#include <exception>
#include <map>
#include <set>

#include "relay/attempt.hpp"
#include "relay/connection.hpp"
#include "relay/content.hpp"
#include "relay/dsn_policy.hpp"
#include "relay/relay.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t quantum = 20;      ///< messages that a flow may hand over in one turn
constexpr std::size_t max_feeders = 32;  ///< flows read at the same time
constexpr auto far = std::chrono::days{3650};
constexpr milliseconds store_retry{10'000};  ///< after a failed commit or read, before the flow is looked at again

struct Pending {
    storage::MessageRecord message;
    storage::FlowKey flow;
};

struct Flow {
    TimePoint earliest{};  ///< when there is something to read
    bool feeding = false;
    std::size_t in_flight = 0;  ///< of this flow: read, not yet settled
    std::string site;           ///< where its domain was routed last; empty = not known yet
};

struct Site {
    explicit Site(milliseconds dead_for) : memory(dead_for) {}
    net::MailRoute route;
    SiteMemory memory;
    std::deque<Pending> queue;
    int workers = 0;
    SteadyPoint paused_until{};
};

}  // namespace

struct Delivery::Impl : std::enable_shared_from_this<Delivery::Impl> {
    Impl(Services s, RelayOptions o)
        : services(s), options(std::move(o)), schedule(make_schedule(options)), attempts(services, options)
    {
    }

    Services services;
    RelayOptions options;
    RetrySchedule schedule;
    AttemptRunner attempts;
    boost::asio::any_io_executor executor;
    std::unique_ptr<Timer> alarm;
    std::map<storage::FlowKey, Flow> flows;
    std::map<std::string, std::unique_ptr<Site>> sites;
    std::set<MessageRef> in_flight;
    std::size_t transactions = 0;
    std::size_t workers = 0;
    std::size_t feeders = 0;
    std::size_t next_source = 0;
    bool running = false;
    bool draining = false;

    void watch();
    void due_at(const storage::FlowKey& key, TimePoint due);
    void kick();
    SteadyPoint next_wake() const;
    void start_feeders();
    void start_workers();
    template <class Coroutine>
    void spawn(Coroutine coroutine, std::size_t& counter, std::string_view what);

    awaitable<void> pump();
    awaitable<void> feed(storage::FlowKey key);
    awaitable<Result<std::vector<Pending>>> take(storage::FlowKey key);
    awaitable<void> route(std::vector<Pending> taken);
    awaitable<void> work(Site& site);
    awaitable<bool> deliver_one(Site& site, Pending& pending, std::unique_ptr<Connection>& connection);
    awaitable<void> settle(Pending pending, AttemptEnd end);
    awaitable<void> settle_all(std::vector<Pending> pending, AttemptEnd end);
    awaitable<void> commit(std::vector<Pending> pending, storage::OpList ops);
    awaitable<void> give_back();
    void pause_if_throttled(Site& site, const storage::RecordAttempt& record);
    std::string pick_source();
};

template <class Coroutine>
void Delivery::Impl::spawn(Coroutine coroutine, std::size_t& counter, std::string_view what)
{
    ++counter;
    boost::asio::co_spawn(
        executor, std::move(coroutine), [self = shared_from_this(), &counter, what](std::exception_ptr failed) {
            --counter;
            if (failed) {
                try {
                    std::rethrow_exception(failed);
                } catch (const std::exception& e) {
                    self->services.log.error("delivery.coroutine_failed", {{"where", what}, {"what", e.what()}});
                }
            }
            self->kick();
        });
}

void Delivery::Impl::watch()
{
    // Called on the committer's thread; the flow table belongs to our executor.
    services.engine.on_due([weak = weak_from_this()](const storage::FlowKey& key, TimePoint due) {
        if (const auto self = weak.lock())
            boost::asio::post(self->executor, [self, key, due] { self->due_at(key, due); });
    });
}

void Delivery::Impl::due_at(const storage::FlowKey& key, TimePoint due)
{
    auto [at, fresh] = flows.try_emplace(key);
    if (fresh || due < at->second.earliest)
        at->second.earliest = due;
    kick();
}

void Delivery::Impl::kick()
{
    if (alarm)
        alarm->wake();
}

std::string Delivery::Impl::pick_source()
{
    if (options.sources.empty())
        return {};
    return options.sources[next_source++ % options.sources.size()];
}

SteadyPoint Delivery::Impl::next_wake() const
{
    const TimePoint now = services.clock.now();
    const SteadyPoint steady = services.clock.steady();
    SteadyPoint wake = steady + std::chrono::hours{1};
    for (const auto& [key, flow] : flows)
        if (!flow.feeding && flow.earliest < now + std::chrono::hours{1})
            wake = std::min(wake, steady + std::max(milliseconds{0}, flow.earliest - now));
    for (const auto& [id, site] : sites)
        if (!site->queue.empty() && site->paused_until > steady)
            wake = std::min(wake, site->paused_until);
    return wake;
}

void Delivery::Impl::start_feeders()
{
    const TimePoint now = services.clock.now();
    for (auto& [key, flow] : flows) {
        if (feeders >= max_feeders)
            return;
        if (flow.feeding || flow.earliest > now)
            continue;
        const auto site = sites.find(flow.site);
        if (site != sites.end() && site->second->queue.size() >= static_cast<std::size_t>(options.window_per_site)) {
            flow.earliest = now + far;  // woken when the site has room again
            continue;
        }
        flow.feeding = true;
        spawn(feed(key), feeders, "feed");
    }
}

void Delivery::Impl::start_workers()
{
    const SteadyPoint now = services.clock.steady();
    for (auto& [id, site] : sites) {
        if (now < site->paused_until)
            continue;
        const auto wanted =
            std::min<std::size_t>(site->queue.size(), static_cast<std::size_t>(options.connections_per_site));
        while (static_cast<std::size_t>(site->workers) < wanted &&
               workers < static_cast<std::size_t>(options.max_connections)) {
            ++site->workers;
            spawn(work(*site), workers, "deliver");
        }
    }
}

awaitable<void> Delivery::Impl::pump()
{
    while (!draining) {
        start_feeders();
        start_workers();
        const SteadyPoint wake = next_wake();
        if (co_await alarm->wait_until(wake) == Wake::cancelled)
            break;
    }
    while (feeders + workers > 0)
        if (co_await alarm->wait_until(services.clock.steady() + std::chrono::seconds{1}) == Wake::cancelled)
            break;
    co_await give_back();
}

/// One turn of a flow: reads what is due, loads it, finds its route and hands it to its site.
awaitable<void> Delivery::Impl::feed(storage::FlowKey key)
{
    auto taken = co_await take(key);
    if (!taken) {
        services.log.error("delivery.read_failed", {{"why", taken.error().message()}});
        Flow& flow = flows[key];
        flow.feeding = false;
        flow.earliest = services.clock.now() + store_retry;
        co_return;
    }
    if (!taken->empty())
        co_await route(std::move(*taken));
    const auto at = flows.find(key);
    if (at != flows.end()) {
        at->second.feeding = false;
        if (at->second.in_flight == 0 && at->second.earliest >= services.clock.now() + far / 2)
            flows.erase(at);
    }
}

awaitable<Result<std::vector<Pending>>> Delivery::Impl::take(storage::FlowKey key)
{
    const TimePoint now = services.clock.now();
    const std::size_t limit = flows[key].in_flight + quantum;
    // Before the read: a commit during it may bring the time forward again, and that must not be lost.
    flows[key].earliest = now + far;
    WINNOW_CO_TRY(const auto items, co_await services.engine.due(key, now + far, limit));

    std::vector<Pending> taken;
    storage::MarkInFlight mark;
    bool more = items.size() == limit;
    for (const storage::DueItem& item : items) {
        if (in_flight.count(item.ref) > 0)
            continue;
        if (item.due > now) {
            flows[key].earliest = std::min(flows[key].earliest, item.due);
            more = false;
            break;
        }
        WINNOW_CO_TRY(auto message, co_await services.engine.get_message(item.ref));
        if (!message)
            continue;  // quarantined: the store reports it
        in_flight.insert(item.ref);
        ++flows[key].in_flight;
        mark.refs.push_back(item.ref);
        taken.push_back({std::move(*message), key});
    }
    if (more)
        flows[key].earliest = now;
    if (!mark.refs.empty()) {
        auto ops = storage::OpList::of(std::move(mark));
        const auto marked = co_await services.engine.commit(std::move(ops));
        if (!marked) {
            for (const Pending& p : taken)
                in_flight.erase(p.message.ref);
            flows[key].in_flight -= taken.size();
            co_return marked.error();
        }
    }
    co_return taken;
}

awaitable<void> Delivery::Impl::route(std::vector<Pending> taken)
{
    const std::string domain = taken.front().message.domain;
    const storage::FlowKey key = taken.front().flow;
    net::TargetGuard guard;
    guard.allow_private = options.allow_private_targets;
    auto found = co_await net::resolve_mail_route(services.resolver, domain, guard, services.clock, services.rng);
    if (found.status != net::RouteStatus::ok) {
        AttemptEnd end = unroutable(found);
        co_await settle_all(std::move(taken), std::move(end));
        co_return;
    }
    const std::string id = found.site;
    auto& site = sites[id];
    if (!site)
        site = std::make_unique<Site>(options.dead_host_memory);
    site->route = std::move(found);
    flows[key].site = id;
    for (Pending& p : taken)
        site->queue.push_back(std::move(p));
    start_workers();
}

/// One connection's life: opened for the first message, used while the site has work, closed politely.
awaitable<void> Delivery::Impl::work(Site& site)
{
    std::unique_ptr<Connection> connection;
    bool usable = true;
    while (usable && !draining && !site.queue.empty() && services.clock.steady() >= site.paused_until) {
        Pending pending = std::move(site.queue.front());
        site.queue.pop_front();
        usable = co_await deliver_one(site, pending, connection);
        if (connection && connection->messages >= options.messages_per_connection) {
            co_await connection->smtp().quit();
            connection.reset();
        }
    }
    if (connection)
        co_await connection->smtp().quit();
    --site.workers;
}

/// False when the site cannot be reached now: the worker ends.
awaitable<bool> Delivery::Impl::deliver_one(Site& site, Pending& pending, std::unique_ptr<Connection>& connection)
{
    ++transactions;
    auto stop = co_await attempts.before(pending.message);
    if (stop && !stop->ops.empty()) {
        --transactions;
        std::vector<Pending> one;
        one.push_back(std::move(pending));
        co_await commit(std::move(one), std::move(*stop));
        co_return true;
    }
    auto content = stop ? Result<Content>{Content{}} : Result<Content>{stop.error()};
    if (stop)
        content = co_await attempts.content(pending.message);
    if (!content) {
        // Not knowing is no permission, and no content is no message: it waits and is tried again.
        --transactions;
        AttemptEnd end;
        end.error = content.error();
        co_await settle(std::move(pending), std::move(end));
        co_return true;
    }
    if (!connection) {
        const std::string source = pick_source();
        auto opened = co_await open_connection(services, options, site.route, site.memory, source);
        if (!opened.connection) {
            --transactions;
            // A refusal in words is this message's answer; silence is the whole site's.
            std::vector<Pending> affected;
            affected.push_back(std::move(pending));
            if (!opened.failure.reply)
                while (!site.queue.empty()) {
                    affected.push_back(std::move(site.queue.front()));
                    site.queue.pop_front();
                }
            const bool silent = !opened.failure.reply;
            co_await settle_all(std::move(affected), std::move(opened.failure));
            co_return !silent;
        }
        connection = std::move(opened.connection);
    }
    AttemptEnd end = co_await attempts.transact(*connection, pending.message, *content);
    ++connection->messages;
    --transactions;
    if (!end.reply || end.reply->code == 421)
        connection.reset();
    const storage::RecordAttempt preview =
        judge(pending.message, end, services.replies, schedule, services.clock.now(), 0.0);
    pause_if_throttled(site, preview);
    co_await settle(std::move(pending), std::move(end));
    co_return true;
}

void Delivery::Impl::pause_if_throttled(Site& site, const storage::RecordAttempt& record)
{
    if (!is_throttle(record.attempt.klass) || record.state != MessageState::deferred)
        return;
    const auto wait = std::max(milliseconds{0}, record.next_due - services.clock.now());
    site.paused_until = std::max(site.paused_until, services.clock.steady() + wait);
}

awaitable<void> Delivery::Impl::settle(Pending pending, AttemptEnd end)
{
    std::vector<Pending> one;
    one.push_back(std::move(pending));
    co_await settle_all(std::move(one), std::move(end));
}

awaitable<void> Delivery::Impl::settle_all(std::vector<Pending> pending, AttemptEnd end)
{
    const TimePoint now = services.clock.now();
    storage::OpList ops;
    for (const Pending& p : pending) {
        storage::RecordAttempt record = judge(p.message, end, services.replies, schedule, now, services.rng.jitter());
        services.metrics
            .counter("winnow_delivery_attempts_total", "Delivery attempts by outcome and reply class.",
                     {{"state", to_string(record.state)}, {"class", to_string(record.attempt.klass)}})
            .add();
        if (record.state == MessageState::bounced || record.state == MessageState::expired) {
            auto notice = co_await attempts.failure_notice(p.message, record);
            if (notice) {
                ops.ops.emplace_back(std::move(notice->body));
                ops.ops.emplace_back(std::move(notice->message));
            }
        }
        ops.ops.emplace_back(std::move(record));
    }
    co_await commit(std::move(pending), std::move(ops));
}

/// Outcome, evidence, suppression and event in one commit; then the messages are no longer ours.
awaitable<void> Delivery::Impl::commit(std::vector<Pending> pending, storage::OpList ops)
{
    const auto done = co_await services.engine.commit(std::move(ops));
    const TimePoint again = done ? services.clock.now() : services.clock.now() + store_retry;
    if (!done)
        services.log.error("delivery.commit_failed", {{"why", done.error().message()}});
    std::set<std::string> touched;
    for (const Pending& p : pending) {
        in_flight.erase(p.message.ref);
        Flow& flow = flows[p.flow];
        if (flow.in_flight > 0)
            --flow.in_flight;
        flow.earliest = std::min(flow.earliest, again);
        touched.insert(flow.site);
    }
    // A site with room again: its other flows may have been waiting for it.
    for (auto& [key, flow] : flows)
        if (!flow.site.empty() && touched.count(flow.site) > 0)
            flow.earliest = std::min(flow.earliest, again);
    kick();
}

/// At the end: what was read but not attempted goes back as it was, so that it does not count as uncertain.
awaitable<void> Delivery::Impl::give_back()
{
    storage::OpList ops;
    for (auto& [id, site] : sites) {
        for (const Pending& p : site->queue)
            ops.ops.emplace_back(storage::Release{p.message.ref, p.message.due});
        site->queue.clear();
    }
    if (ops.ops.empty())
        co_return;
    const auto done = co_await services.engine.commit(std::move(ops));
    if (!done)
        services.log.warn("delivery.give_back_failed", {{"why", done.error().message()}});
}

Delivery::Delivery(Services services, RelayOptions options)
    : impl_(std::make_shared<Impl>(services, std::move(options)))
{
}
Delivery::~Delivery() = default;

awaitable<void> Delivery::run()
{
    const std::shared_ptr<Impl> self = impl_;
    self->executor = co_await boost::asio::this_coro::executor;
    self->alarm = self->services.timers.make();
    self->running = true;
    self->watch();
    const auto known = co_await self->services.engine.flows();
    if (known)
        for (const storage::FlowSummary& flow : *known)
            self->due_at(flow.key, flow.earliest);
    else
        self->services.log.error("delivery.flows_failed", {{"why", known.error().message()}});
    co_await self->pump();
    self->running = false;
}

awaitable<void> Delivery::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    self->kick();
    while (self->running) {
        self->kick();
        if (co_await sleep_for(self->services.timers, milliseconds{10}) == Wake::cancelled)
            break;
    }
}

std::size_t Delivery::in_flight() const noexcept
{
    return impl_->transactions;
}

}  // namespace winnow::relay
