#include <algorithm>

#include "relay/delivery_impl.hpp"

namespace winnow::relay {
namespace {

/// A last try is due exactly at expiry; what comes this much later than that waited for something else.
constexpr milliseconds late_last_try = std::chrono::minutes{15};
constexpr milliseconds while_tried{30'000};  ///< a paused campaign is looked at again while one message tries its luck

/// Counts for as long as it lives.
class Counted {
public:
    explicit Counted(std::size_t& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

private:
    std::size_t& count_;
};

}  // namespace

void Delivery::Impl::Worker::take(std::unique_ptr<Connection> opened)
{
    connection = std::move(opened);
    ++line.open;
}

void Delivery::Impl::Worker::drop() noexcept
{
    if (connection)
        --line.open;
    connection.reset();
}

awaitable<void> Delivery::Impl::Worker::hang_up()
{
    if (connection)
        co_await connection->smtp().quit();
    drop();
}

Breakers::Subject Delivery::Impl::source_subject(const Site& site, const Line& line) const
{
    return {line.source.empty() ? std::string_view("default") : std::string_view(line.source), {}, site.operator_name};
}

bool Delivery::Impl::may_send(const Site& site, const Line& line) const
{
    const SteadyPoint at = steady();  // once: "now" of two calls are two times
    return !draining && line.paused_until <= at && breakers.next_attempt(source_subject(site, line), at) <= at;
}

bool Delivery::Impl::fits(const Pending& pending)
{
    return pending.wants_room == 0 || attempts.memory().has_room(pending.wants_room) ||
           attempts.memory().find(pending.message.body_id) != nullptr;
}

Takes Delivery::Impl::fitting()
{
    return [this](const Pending& pending) { return fits(pending); };
}

/// No attempt was made and none is counted: the message waits in its place, and smaller ones pass it.
void Delivery::Impl::await_memory(Site& site, Pending pending, std::uint64_t octets)
{
    if (pending.wants_room == 0)
        services.metrics
            .counter("winnow_delivery_memory_waits_total",
                     "Messages that had to wait for room in relay.message_memory.")
            .add();
    pending.wants_room = std::max(pending.wants_room, octets);
    site.push_front(std::move(pending));
    short_of_memory.insert(site.name);
}

/// One connection's life: opened for the first message, used while the site has work for it, closed politely.
awaitable<void> Delivery::Impl::work(Site& site, Line& line)
{
    co_await own_turn();
    Worker worker{site, line};
    --site.starting;
    while (may_send(site, line) && line.workers <= line.allowed) {
        auto pending = site.pop(line.source, fitting());
        room_made(site);
        if (!pending)
            break;
        const Next next = co_await deliver_one(worker, std::move(*pending));
        if (next == Next::hang_up)
            break;
        if (worker.connection && worker.connection->messages >= options.messages_per_connection) {
            co_await worker.hang_up();
            if (!no_room.empty())
                break;
        }
    }
    co_await worker.hang_up();
}

awaitable<Delivery::Impl::Next> Delivery::Impl::deliver_one(Worker& worker, Pending pending)
{
    Site& site = worker.site;
    if (pending.message.expires + late_last_try <= now()) {
        auto record = expired_waiting(pending.message, now());
        co_await settle(std::move(pending), std::move(record));
        co_return Next::go_on;
    }
    MessageMemory::Room room;
    if (pending.wants_room > 0 && !attempts.memory().find(pending.message.body_id)) {
        // Before it connects: of all who wait, most would find the room taken when they are connected.
        room = attempts.memory().reserve(pending.wants_room);
        if (!room) {
            await_memory(site, std::move(pending), 0);
            co_return Next::go_on;
        }
    }
    const Counted counted{attempts_under_way};
    const bool wanted = co_await permitted(pending);
    if (!wanted)
        co_return Next::go_on;
    if (!worker.connection) {
        auto opened = co_await open_connection(services, options, site.route, site.memory, worker.line.source);
        if (!opened.connection)
            co_return co_await not_connected(worker, std::move(pending), std::move(opened.failure));
        worker.take(std::move(opened.connection));
        // Connecting takes a while: what was learnt meanwhile counts.
        const bool still_wanted = co_await permitted(pending);
        if (!still_wanted)
            co_return Next::go_on;
    }
    // Not before: hosts that do not answer would hold the memory that others could send with.
    auto content = co_await attempts.content(pending.message, std::move(room));
    if (!content) {
        auto end = unwritable(content.error());
        auto record = judge_end(pending, end ? *end : own_trouble(content.error()));
        co_await settle(std::move(pending), std::move(record));
        co_return Next::go_on;
    }
    if (!content->message) {
        await_memory(site, std::move(pending), content->octets);
        co_return Next::go_on;
    }
    pending.wants_room = 0;
    if (!may_send(site, worker.line)) {
        site.push_front(std::move(pending));
        co_return Next::hang_up;
    }
    if (const auto until = campaign_paused(site.operator_name, pending.message.campaign)) {
        co_await put_back_campaign(site, std::move(pending), *until);
        co_return Next::go_on;
    }
    Breakers::Subject subject = source_subject(site, worker.line);
    subject.campaign = pending.message.campaign;
    breakers.begin(subject, steady());
    AttemptEnd end = co_await attempts.transact(*worker.connection, pending.message, std::move(*content));
    co_return co_await concluded(worker, std::move(pending), std::move(end));
}

/// Asks the gate. False: it said no, or could not tell, and the message is settled with that.
awaitable<bool> Delivery::Impl::permitted(Pending& pending)
{
    auto stop = co_await attempts.before(pending.message);
    if (!stop) {
        // Not knowing is no permission.
        auto record = judge_end(pending, own_trouble(stop.error()));
        co_await settle(std::move(pending), std::move(record));
        co_return false;
    }
    if (stop->ops.empty())
        co_return true;
    std::vector<Settled> stopped;
    stopped.push_back({std::move(pending), std::move(*stop), std::nullopt});
    co_await commit(std::move(stopped));
    co_return false;
}

/// No host of the site let us in.
awaitable<Delivery::Impl::Next> Delivery::Impl::not_connected(Worker& worker, Pending pending, AttemptEnd end)
{
    Site& site = worker.site;
    Line& line = worker.line;
    const bool refused = end.reply && end.reply->permanent();
    if (!refused && site.open_connections() > 0) {
        // It serves us on other connections: this one was too many.
        line.no_more_connections();
        if (line.open == 0)  // those are of another source
            line.pause_until(steady() + std::min<milliseconds>(options.dead_host_memory, std::chrono::minutes{1}));
        site.push_front(std::move(pending));
        co_return Next::hang_up;
    }
    storage::RecordAttempt record = judge_end(pending, end);
    learn(site, line, pending, record, end.reply.has_value());
    if (refused || is_throttle(record.attempt.klass)) {
        co_await settle(std::move(pending), std::move(record));
        co_return refused ? Next::go_on : Next::hang_up;
    }
    // The site is down for everybody who waits for it; it is tried again with one connection.
    line.no_more_connections();
    const milliseconds until_due = std::max(milliseconds{0}, record.next_due - now());
    if (record.state == MessageState::deferred)
        line.pause_until(steady() + std::min(until_due, options.dead_host_memory));
    std::vector<Pending> affected = site.take_all();
    room_made(site);
    affected.insert(affected.begin(), std::move(pending));
    co_await settle_all(std::move(affected), std::move(end));
    co_return Next::hang_up;
}

/// The transaction is over, one way or the other.
awaitable<Delivery::Impl::Next> Delivery::Impl::concluded(Worker& worker, Pending pending, AttemptEnd end)
{
    const bool lost = !end.reply || end.reply->code == 421;
    const bool used_before = worker.connection->messages > 1;
    if (lost)
        worker.drop();
    if (lost && used_before && end.stage == Stage::mail && !pending.put_back) {
        // Servers close connections that they think were used enough: no fault of the next message.
        Breakers::Subject subject = source_subject(worker.site, worker.line);
        subject.campaign = pending.message.campaign;
        (void)breakers.record(subject, ReplyClass::network, pending.message.domain, steady());
        pending.put_back = true;
        worker.site.push_front(std::move(pending));
        co_return Next::go_on;
    }
    storage::RecordAttempt record = judge_end(pending, end);
    learn(worker.site, worker.line, pending, record, !end.decided);
    if (record.attempt.klass == ReplyClass::too_many_rcpts)
        co_await worker.hang_up();
    co_await settle(std::move(pending), std::move(record));
    co_return Next::go_on;
}

/// What an outcome says about our line and our campaign at this operator.
void Delivery::Impl::learn(Site& site, Line& line, const Pending& pending, const storage::RecordAttempt& record,
                           bool said_by_server)
{
    const ReplyClass klass = record.attempt.klass;
    if (is_throttle(klass) && record.state == MessageState::deferred) {
        line.slow_down();
        line.pause_until(steady() + std::max(milliseconds{0}, record.next_due - now()));
    } else if (record.state == MessageState::delivered) {
        line.went_well();
    }
    Breakers::Subject subject = source_subject(site, line);
    subject.campaign = pending.message.campaign;
    const auto closed = [&](BreakerScope scope, std::string_view name) {
        return breakers.state(scope, name, subject.operator_name, steady()) == Breaker::State::closed;
    };
    const bool was_closed =
        closed(BreakerScope::source, subject.source) && closed(BreakerScope::campaign, subject.campaign);
    const auto trips =
        breakers.record(subject, said_by_server ? klass : ReplyClass::network, pending.message.domain, steady());
    for (const Breakers::Trip& trip : trips) {
        services.log.warn("delivery.breaker_opened",
                          {{"scope", trip.scope == BreakerScope::source ? "source" : "campaign"},
                           {"name", trip.name},
                           {"operator", trip.operator_name},
                           {"class", to_string(klass)}});
        services.metrics
            .counter("winnow_delivery_breaker_trips_total",
                     "Times that sending stopped because an operator refused our address or a campaign.",
                     {{"scope", trip.scope == BreakerScope::source ? "source" : "campaign"}})
            .add();
    }
    if (was_closed)
        return;
    // A trial has ended: the operator's other sites may go on, or wait longer.
    const std::string operator_name = site.operator_name;
    for (auto& [name, other] : sites)
        if (other->operator_name == operator_name)
            look_at(*other);
}

/// Until when the operator is spared this campaign.
std::optional<TimePoint> Delivery::Impl::campaign_paused(const std::string& operator_name,
                                                         const std::string& campaign) const
{
    if (campaign.empty())
        return std::nullopt;
    SteadyPoint at = breakers.next_attempt({{}, campaign, operator_name}, steady());
    if (at <= steady())
        return std::nullopt;
    if (breakers.state(BreakerScope::campaign, campaign, operator_name, steady()) == Breaker::State::half_open)
        at = std::min(at, steady() + while_tried);
    return now() + std::chrono::ceil<milliseconds>(at - steady());
}

/// A paused campaign must not fill the window of sites that others can use.
awaitable<void> Delivery::Impl::put_back_campaign(Site& site, Pending pending, TimePoint until)
{
    const std::string campaign = pending.message.campaign;
    auto all = site.extract([&campaign](const Pending& other) { return other.message.campaign == campaign; });
    all.push_back(std::move(pending));
    room_made(site);
    co_await give_back(std::move(all), until);
}

}  // namespace winnow::relay
