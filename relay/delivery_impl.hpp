#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "relay/attempt.hpp"
#include "relay/flow_table.hpp"
#include "relay/site.hpp"

/// The halves of delivery: what is read and who may connect when (delivery.cpp), what is said on a connection
/// (delivery_worker.cpp), and how it gets into the store (delivery_settle.cpp).
namespace winnow::relay {

struct Delivery::Impl : std::enable_shared_from_this<Delivery::Impl> {
    Impl(Services s, RelayOptions o);

    /// A message and what the store is to be told of it.
    struct Settled {
        Pending pending;
        storage::OpList ops;
        std::optional<TimePoint> again;  ///< when it is due next
        std::string site = {};           ///< of an outcome that may suppress its recipient
    };
    /// One connection's life, from the first message for it to QUIT.
    struct Worker {
        Worker(Site& s, Line& l) : site(s), line(l) {}
        Worker(const Worker&) = delete;
        Worker& operator=(const Worker&) = delete;
        ~Worker() { drop(); }
        void take(std::unique_ptr<Connection> opened);
        void drop() noexcept;  ///< without a word
        awaitable<void> hang_up();

        Site& site;
        Line& line;
        std::unique_ptr<Connection> connection;
    };
    enum class Next { go_on, hang_up };

    Services services;
    const RelayOptions options;
    const RetrySchedule schedule;
    AttemptRunner attempts;
    Breakers own_breakers;
    Breakers& breakers;
    boost::asio::any_io_executor executor;
    std::unique_ptr<Timer> alarm, ended;

    FlowTable flows;
    std::map<std::string, std::unique_ptr<Site>> sites;  ///< by name of the MX set
    std::multimap<SteadyPoint, std::string> later;       ///< sites that are looked at again then
    std::deque<Site*> no_room;                           ///< all of this process's connections are in use
    std::set<std::string> short_of_memory;               ///< names of sites with messages that wait for memory
    bool memory_freed = false;                           ///< since those were looked at
    std::set<MessageRef> in_memory;                      ///< read, not yet settled
    std::size_t attempts_under_way = 0;
    std::size_t workers = 0;
    std::size_t feeders = 0;
    bool running = false;
    bool draining = false;

    TimePoint now() const { return services.engine.now(); }
    SteadyPoint steady() const { return services.clock.steady(); }

    // --- delivery.cpp: what is read, who may connect
    void watch();
    void kick();
    void report(std::exception_ptr failed, std::string_view where);
    awaitable<void> pump();
    awaitable<void> own_turn();
    SteadyPoint next_wake() const;
    void start_feeders();
    void look_at_waiting_sites();
    void look_at_sites_short_of_memory();
    awaitable<void> feed(storage::FlowKey key);
    awaitable<Result<std::vector<storage::MessageRecord>>> read_due(storage::FlowKey key);
    awaitable<void> admit(storage::FlowKey key, std::vector<storage::MessageRecord> messages);
    std::vector<Pending> claim(const storage::FlowKey& key, std::vector<storage::MessageRecord> messages);
    Site& site_for(net::MailRoute route);
    void look_at(Site& site);
    bool start_worker(Site& site, Line& line);
    void worker_ended(Site& site);
    void wake_at(Site& site, SteadyPoint at);
    void room_made(Site& site);

    // --- delivery_worker.cpp: what is said
    awaitable<void> work(Site& site, Line& line);
    bool may_send(const Site& site, const Line& line) const;
    bool fits(const Pending& pending);
    Takes fitting();
    void await_memory(Site& site, Pending pending, std::uint64_t octets);
    awaitable<Next> deliver_one(Worker& worker, Pending pending);
    awaitable<bool> permitted(Pending& pending);
    awaitable<Next> not_connected(Worker& worker, Pending pending, AttemptEnd end);
    awaitable<Next> concluded(Worker& worker, Pending pending, AttemptEnd end);
    void learn(Site& site, Line& line, const Pending& pending, const storage::RecordAttempt& record,
               bool said_by_server);
    Breakers::Subject source_subject(const Site& site, const Line& line) const;
    std::optional<TimePoint> campaign_paused(const std::string& operator_name, const std::string& campaign) const;
    awaitable<void> put_back_campaign(Site& site, Pending pending, TimePoint until);

    // --- delivery_settle.cpp: what is stored
    storage::RecordAttempt judge_end(const Pending& pending, const AttemptEnd& end);
    awaitable<void> settle(Pending pending, storage::RecordAttempt record);
    awaitable<void> settle_all(std::vector<Pending> pending, AttemptEnd end);
    awaitable<Settled> settlement(Pending pending, storage::RecordAttempt record);
    awaitable<void> commit(std::vector<Settled> settled);
    awaitable<bool> commit_ops(storage::OpList ops);
    awaitable<void> give_back(std::vector<Pending> pending, TimePoint again);
    void forget(const Pending& pending, std::optional<TimePoint> again);
};

}  // namespace winnow::relay
