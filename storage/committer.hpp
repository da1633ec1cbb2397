#pragma once

#include <boost/asio/awaitable.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/commit_group.hpp"
#include "storage/due_marks.hpp"

namespace winnow::storage {

/// Writes groups of op lists, one sync each, and alone changes the store. Knows nothing of threads: the engine calls it
/// from the committer thread, or inline.
class GroupWriter {
public:
    struct Parts {
        KeyValueStore& store;
        const ApplyContext& context;
        BodySegments* bodies;
        DueMarks& marks;
        std::function<TimePoint()> now;
        Log& log;
    };
    using Watcher = std::function<void(const FlowKey&, TimePoint)>;

    explicit GroupWriter(Parts parts) : parts_(std::move(parts)) {}

    /// Applies lists one after the other, as long as `next` gives one and the group stays below `group_bytes`; returns
    /// one result per list, in order, after the sync.
    std::vector<Result<Committed>> write(const std::function<std::optional<OpList>()>& next, std::size_t group_bytes);

    /// Thread-safe.
    void add_watcher(Watcher watcher);
    /// Thread-safe. Commits, groups and whether the store has become read-only.
    void report(EngineStats& stats) const;
    /// Errc::unavailable once a sync has failed. Thread-safe.
    Result<> writable() const;

private:
    Result<> sync(const CommitGroup& group);
    void tell(const std::vector<DueNotice>& notices);
    void stop_writing(const Error& why);

    Parts parts_;
    mutable std::mutex mutex_;  ///< of what follows
    std::vector<std::shared_ptr<const Watcher>> watchers_;
    std::uint64_t commits_ = 0;
    std::uint64_t groups_ = 0;
    bool read_only_ = false;
    std::string read_only_reason_;
};

/// The one thread that writes. Callers hand over op lists; it takes what is waiting, up to a group's size, into one
/// batch with one sync: the previous sync is the batching window, and an idle committer does not wait. Results
/// complete on the executors of the callers.
class Committer {
public:
    Committer(GroupWriter& writer, std::size_t group_bytes);
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    /// Errc::unavailable after close().
    boost::asio::awaitable<Result<Committed>> submit(OpList ops);
    /// Finishes what was submitted, then stops. Idempotent.
    void close();

private:
    struct Waiting {
        OpList ops;
        std::function<void(Result<Committed>)> complete;
    };
    struct Submit;

    void run();
    void enqueue(Waiting waiting);

    GroupWriter& writer_;
    const std::size_t group_bytes_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Waiting> waiting_;
    bool closed_ = false;
    std::thread thread_;
};

}  // namespace winnow::storage
