#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/clock.hpp"
#include "storage/records.hpp"

namespace winnow::relay {

/// Which flow of the store is read next: those with something due in turn, transactional ones first, those whose site
/// has a full window not until it has room. Holds what is known of a flow in memory, never its messages. Pure; not
/// thread-safe.
class FlowTable {
public:
    /// There is something to read in a flow at `due`, or earlier than was known.
    void due_at(const storage::FlowKey& key, TimePoint due);
    /// The next flow to read at `now`, if any. Until done() it is not handed out again; what becomes due meanwhile is
    /// kept.
    std::optional<storage::FlowKey> next(TimePoint now);
    /// Reading ended.
    void done(const storage::FlowKey& key);
    /// Not before unpark(): instead of done(), or of reading a flow that next() gave.
    void park(const storage::FlowKey& key, const std::string& site);
    void unpark(const std::string& site);
    bool parked(const std::string& site) const { return parked_.count(site) > 0; }

    /// `count` messages of the flow are in memory from now on, or no longer.
    void taken(const storage::FlowKey& key, std::size_t count);
    void settled(const storage::FlowKey& key, std::size_t count);
    std::size_t in_memory(const storage::FlowKey& key) const;

    /// Where the flow's domain was routed last; empty = not known yet.
    void set_site(const storage::FlowKey& key, const std::string& site);
    std::string site(const storage::FlowKey& key) const;

    /// When next() may have something: TimePoint::max() when nothing is known to become due.
    TimePoint next_time() const;
    std::size_t size() const noexcept { return flows_.size(); }

private:
    enum class Place { idle, later, ready, reading, parked };
    struct Flow {
        Place place = Place::idle;
        TimePoint due = TimePoint::max();  ///< of what is known and not read
        std::size_t in_memory = 0;
        std::string site;
    };
    using Flows = std::map<storage::FlowKey, Flow>;

    void put_later(const storage::FlowKey& key, Flow& flow);
    void make_ready(const storage::FlowKey& key, Flow& flow);
    void forget_if_idle(Flows::iterator at);

    Flows flows_;
    std::set<std::pair<TimePoint, storage::FlowKey>> later_;
    std::deque<storage::FlowKey> ready_bulk_, ready_transactional_;
    std::map<std::string, std::deque<storage::FlowKey>> parked_;
};

}  // namespace winnow::relay
