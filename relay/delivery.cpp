#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "relay/delivery_impl.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t quantum = 20;       ///< messages that a flow may hand over in one turn
constexpr std::size_t max_feeders = 100;  ///< flows read at the same time; most of it is waiting for DNS
constexpr std::size_t many_sites = 4096;  ///< from then on idle ones are forgotten
constexpr auto far = std::chrono::days{3650};
constexpr milliseconds store_retry{10'000};  ///< after a failed read, before the flow is looked at again
constexpr const char* nowhere = "-";         ///< the site of a domain without a route

}  // namespace

Delivery::Impl::Impl(Services s, RelayOptions o)
    : services(s),
      options(std::move(o)),
      schedule(make_schedule(options)),
      attempts(services, options),
      breakers(s.breakers ? *s.breakers : own_breakers)
{
}

void Delivery::Impl::watch()
{
    // Called on the committer's thread; the flow table belongs to our executor.
    services.engine.on_due([weak = weak_from_this()](const storage::FlowKey& key, TimePoint due) {
        const auto self = weak.lock();
        if (!self)
            return;
        boost::asio::post(self->executor, [self, key, due] {
            self->flows.due_at(key, due);
            self->kick();
        });
    });
    attempts.memory().on_freed([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->short_of_memory.empty())
            return;
        self->memory_freed = true;
        self->kick();
    });
}

void Delivery::Impl::kick()
{
    if (alarm)
        alarm->wake();
}

void Delivery::Impl::report(std::exception_ptr failed, std::string_view where)
{
    if (!failed)
        return;
    try {
        std::rethrow_exception(failed);
    } catch (const std::exception& e) {
        services.log.error("delivery.coroutine_failed", {{"where", where}, {"what", e.what()}});
    }
}

// --- what is read

SteadyPoint Delivery::Impl::next_wake() const
{
    SteadyPoint wake = steady() + std::chrono::hours{1};
    if (feeders < max_feeders && flows.next_time() < now() + std::chrono::hours{1})
        wake = steady() + std::max(milliseconds{0}, std::max(flows.next_time(), TimePoint{}) - now());
    if (!later.empty())
        wake = std::min(wake, later.begin()->first);
    return wake;
}

awaitable<void> Delivery::Impl::pump()
{
    while (!draining) {
        look_at_waiting_sites();
        look_at_sites_short_of_memory();
        start_feeders();
        const SteadyPoint wake = next_wake();
        if (co_await alarm->wait_until(wake) == Wake::cancelled)
            break;
    }
    draining = true;
    while (feeders + workers > 0)
        if (co_await alarm->wait_until(steady() + std::chrono::hours{1}) == Wake::cancelled)
            break;
    std::vector<Pending> left;
    for (auto& [name, site] : sites)
        for (Pending& pending : site->take_all())
            left.push_back(std::move(pending));
    co_await give_back(std::move(left), now() + far);
}

void Delivery::Impl::start_feeders()
{
    while (feeders < max_feeders) {
        const auto key = flows.next(now());
        if (!key)
            return;
        const auto site = sites.find(flows.site(*key));
        if (site != sites.end()) {
            if (site->second->room() == 0) {
                flows.park(*key, site->first);
                continue;
            }
            if (const auto until = campaign_paused(site->second->operator_name, key->campaign)) {
                flows.due_at(*key, *until);
                flows.done(*key);
                continue;
            }
        }
        ++feeders;
        auto turn = feed(*key);
        boost::asio::co_spawn(executor, std::move(turn),
                              [self = shared_from_this(), key = *key](std::exception_ptr failed) {
                                  --self->feeders;
                                  self->report(failed, "feed");
                                  self->flows.done(key);
                                  self->kick();
                              });
    }
}

/// Coroutines begin on a turn of their own: co_spawn would run them inside the loop that starts them.
awaitable<void> Delivery::Impl::own_turn()
{
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

/// One turn of a flow: reads what is due, finds its route and hands it to its site.
awaitable<void> Delivery::Impl::feed(storage::FlowKey key)
{
    co_await own_turn();
    auto messages = co_await read_due(key);
    if (!messages) {
        services.log.error("delivery.read_failed", {{"why", messages.error().message()}});
        flows.due_at(key, now() + store_retry);
        co_return;
    }
    if (!messages->empty())
        co_await admit(key, std::move(*messages));
}

/// A flow whose site is not known yet gives one message, for its route.
awaitable<Result<std::vector<storage::MessageRecord>>> Delivery::Impl::read_due(storage::FlowKey key)
{
    const TimePoint at = now();
    const std::size_t limit = flows.in_memory(key) + (flows.site(key).empty() ? 1 : quantum);
    WINNOW_CO_TRY(const auto items, co_await services.engine.due(key, at + far, limit));
    std::vector<storage::MessageRecord> messages;
    for (const storage::DueItem& item : items) {
        if (in_memory.count(item.ref) > 0)
            continue;
        if (item.due > at) {
            flows.due_at(key, item.due);
            co_return messages;
        }
        auto message = co_await services.engine.get_message(item.ref);
        if (!message && message.error().code != Errc::corrupt)
            co_return message.error();
        if (message && *message) {
            messages.push_back(std::move(**message));
            continue;
        }
        // Its record is damaged; as if it were in memory, so that it does not stand in the way of the others.
        services.log.error("delivery.message_unreadable", {{"lane", item.ref.lane.value}, {"seq", item.ref.seq}});
        in_memory.insert(item.ref);
        flows.taken(key, 1);
    }
    if (items.size() == limit)
        flows.due_at(key, at);
    co_return messages;
}

std::vector<Pending> Delivery::Impl::claim(const storage::FlowKey& key, std::vector<storage::MessageRecord> messages)
{
    std::vector<Pending> claimed;
    for (storage::MessageRecord& message : messages) {
        in_memory.insert(message.ref);
        claimed.push_back({std::move(message), key});
    }
    flows.taken(key, claimed.size());
    return claimed;
}

/// Messages that were read go to their site as far as its window takes them; the others stay in the store.
awaitable<void> Delivery::Impl::admit(storage::FlowKey key, std::vector<storage::MessageRecord> messages)
{
    net::TargetGuard guard;
    guard.allow_private = options.allow_private_targets;
    std::string domain = messages.front().domain;
    auto found =
        co_await net::resolve_mail_route(services.resolver, std::move(domain), guard, services.clock, services.rng);
    if (found.status != net::RouteStatus::ok) {
        flows.set_site(key, nowhere);
        AttemptEnd end = unroutable(found);
        auto claimed = claim(key, std::move(messages));
        co_await settle_all(std::move(claimed), std::move(end));
        co_return;
    }
    Site& site = site_for(std::move(found));
    flows.set_site(key, site.name);
    if (messages.size() > site.room()) {
        messages.resize(site.room());
        flows.park(key, site.name);
    }
    if (messages.empty() || draining)
        co_return;

    storage::MarkInFlight mark;
    for (const storage::MessageRecord& message : messages)
        mark.refs.push_back(message.ref);
    auto claimed = claim(key, std::move(messages));
    site.expected += claimed.size();
    auto ops = storage::OpList::of(std::move(mark));
    const auto marked = co_await services.engine.commit(std::move(ops));
    site.expected -= claimed.size();
    if (!marked) {
        services.log.error("delivery.mark_failed", {{"why", marked.error().message()}});
        for (const Pending& pending : claimed)
            forget(pending, now() + store_retry);
        room_made(site);
        co_return;
    }
    for (Pending& pending : claimed)
        site.push(std::move(pending));
    look_at(site);
}

Site& Delivery::Impl::site_for(net::MailRoute route)
{
    if (sites.size() >= many_sites)
        std::erase_if(sites, [this](const auto& entry) { return entry.second->idle() && !flows.parked(entry.first); });
    auto& site = sites[route.site];
    if (!site)
        site = std::make_unique<Site>(route.site, options);
    site->set_route(std::move(route), services.providers);
    return *site;
}

// --- who may connect

/// Starts connections where there is work, room and leave; else sees to it that the site is looked at again.
void Delivery::Impl::look_at(Site& site)
{
    if (draining)
        return;
    for (bool started = true; started;) {
        started = false;
        for (Line& line : site.lines)
            started = start_worker(site, line) || started;
    }
}

bool Delivery::Impl::start_worker(Site& site, Line& line)
{
    if (site.starting >= site.size() || site.waits_for_room || !site.has_work_for(line.source, fitting()))
        return false;
    const auto subject = source_subject(site, line);
    const SteadyPoint at = std::max(line.paused_until, breakers.next_attempt(subject, steady()));
    if (at > steady()) {
        wake_at(site, at);
        return false;
    }
    const bool trial =
        breakers.state(BreakerScope::source, subject.source, subject.operator_name, steady()) != Breaker::State::closed;
    if (line.workers >= (trial ? 1 : line.allowed))
        return false;
    if (workers >= static_cast<std::size_t>(options.max_connections)) {
        site.waits_for_room = true;
        no_room.push_back(&site);
        return false;
    }
    ++workers;
    ++line.workers;
    ++site.starting;
    auto worker = work(site, line);
    boost::asio::co_spawn(executor, std::move(worker),
                          [self = shared_from_this(), &site, &line](std::exception_ptr failed) {
                              --self->workers;
                              --line.workers;
                              self->report(failed, "deliver");
                              self->worker_ended(site);
                          });
    return true;
}

void Delivery::Impl::worker_ended(Site& site)
{
    kick();
    // Those who waited for a connection of the process come before the one that gave it back.
    while (!draining && !no_room.empty() && workers < static_cast<std::size_t>(options.max_connections)) {
        Site& next = *no_room.front();
        no_room.pop_front();
        next.waits_for_room = false;
        look_at(next);
    }
    look_at(site);
}

void Delivery::Impl::wake_at(Site& site, SteadyPoint at)
{
    if (site.wakes_at && *site.wakes_at <= at)
        return;
    site.wakes_at = at;
    later.emplace(at, site.name);
    kick();
}

void Delivery::Impl::look_at_waiting_sites()
{
    while (!later.empty() && later.begin()->first <= steady()) {
        const auto [at, name] = *later.begin();
        later.erase(later.begin());
        const auto found = sites.find(name);
        if (found == sites.end() || found->second->wakes_at != at)
            continue;
        found->second->wakes_at.reset();
        look_at(*found->second);
    }
}

void Delivery::Impl::look_at_sites_short_of_memory()
{
    if (!std::exchange(memory_freed, false))
        return;
    for (auto at = short_of_memory.begin(); at != short_of_memory.end();) {
        const auto found = sites.find(*at);
        if (found == sites.end() || !found->second->waits_for_memory()) {
            at = short_of_memory.erase(at);
            continue;
        }
        look_at(*found->second);
        ++at;
    }
}

void Delivery::Impl::room_made(Site& site)
{
    if (!site.half_empty() || !flows.parked(site.name))
        return;
    flows.unpark(site.name);
    kick();
}

// --- the public face

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
    self->ended = self->services.timers.make();
    self->running = true;
    self->watch();
    const auto known = co_await self->services.engine.flows();
    if (!known)
        self->services.log.error("delivery.flows_failed", {{"why", known.error().message()}});
    else
        for (const storage::FlowSummary& flow : *known)
            self->flows.due_at(flow.key, flow.earliest);
    co_await self->pump();
    self->running = false;
    self->ended->wake();
}

awaitable<void> Delivery::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    self->kick();
    while (self->running)
        if (co_await self->ended->wait_until(self->steady() + std::chrono::hours{1}) == Wake::cancelled)
            break;
}

std::size_t Delivery::in_flight() const noexcept
{
    return impl_->attempts_under_way;
}

}  // namespace winnow::relay
