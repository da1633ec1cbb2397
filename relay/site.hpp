#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relay/connection.hpp"

namespace winnow::relay {

/// A message in memory: read from its flow, not yet settled.
struct Pending {
    storage::MessageRecord message;
    storage::FlowKey flow;
    bool put_back = false;         ///< its connection ended under it before it was its fault; the next time it is
    std::uint64_t wants_room = 0;  ///< octets of memory that it waits for
};

/// How one of our addresses gets along with a site. Connections grow by one per round of deliveries without a refusal
/// and are halved when the site says "slow down" (AIMD).
struct Line {
    std::string source;  ///< local address; empty = the system's choice
    int most = 1;        ///< connections at once, at best
    int allowed = 1;     ///< and for now
    int workers = 0;     ///< connections, the ones being opened included
    int open = 0;        ///< connections past EHLO
    int good = 0;        ///< deliveries since `allowed` changed
    SteadyPoint paused_until{};

    void pause_until(SteadyPoint at) { paused_until = std::max(paused_until, at); }
    void went_well();
    void slow_down();
    /// The site takes no further connection: as many as are open, at least one to try with.
    void no_more_connections();
};

/// Whether a waiting message may be taken now.
using Takes = std::function<bool(const Pending&)>;

/// An MX set: the messages waiting for it, our lines to it, what is remembered of its hosts. Not thread-safe.
class Site {
public:
    Site(std::string name, const RelayOptions& options);

    const std::string name;
    net::MailRoute route;
    std::string operator_name;  ///< the provider's operator, else the site's own name
    SiteMemory memory;
    std::vector<Line> lines;              ///< one per source
    std::size_t expected = 0;             ///< being read into the window
    std::size_t starting = 0;             ///< workers that have not looked at the queue yet
    bool waits_for_room = false;          ///< in the queue for one of the process's connections
    std::optional<SteadyPoint> wakes_at;  ///< when it is looked at again by itself

    void set_route(net::MailRoute found, const ProviderTable& providers);

    std::size_t size() const noexcept { return bulk_.size() + transactional_.size(); }
    /// Messages that the window takes yet.
    std::size_t room() const noexcept;
    bool half_empty() const noexcept { return 2 * room() >= window_; }
    void push(Pending pending);
    void push_front(Pending pending);
    /// The next message for a connection from `source`: mostly transactional ones first, but bulk mail gets every
    /// fourth turn. A message that another source's greylisting waits for is passed over, and one that `takes` refuses.
    std::optional<Pending> pop(const std::string& source, const Takes& takes = {});
    /// Takes out those that `wanted` says, in order.
    std::vector<Pending> extract(const std::function<bool(const Pending&)>& wanted);
    std::vector<Pending> take_all();
    /// Whether pop() would give anything.
    bool has_work_for(const std::string& source, const Takes& takes = {}) const;
    bool waits_for_memory() const;
    int open_connections() const noexcept;
    /// Nothing of it is in use: it may be forgotten.
    bool idle() const noexcept;

private:
    std::deque<Pending>& queue_of(const Pending& pending);
    bool suits(const Pending& pending, const std::string& source, const Takes& takes) const;
    std::optional<Pending> pop_from(std::deque<Pending>& queue, const std::string& source, const Takes& takes);

    std::size_t window_;
    std::deque<Pending> bulk_, transactional_;
    unsigned turn_ = 0;
};

}  // namespace winnow::relay
