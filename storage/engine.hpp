#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "core/result.hpp"
#include "core/rng.hpp"
#include "core/suppression_rules.hpp"
#include "storage/ops.hpp"

namespace winnow::storage {

template <class T>
using awaitable = boost::asio::awaitable<T>;

struct SuppressionFilter {
    std::optional<ScopeKind> scope;
    std::optional<SuppressionReason> reason;
    std::string list_id;
    std::string domain;              ///< entries of addresses at this domain, and of the domain itself
    std::optional<TimePoint> since;  ///< last >= since
    std::string after;               ///< position() of an earlier walk with this filter; empty = from the start
};

/// A walk over a consistent snapshot: whatever is written meanwhile does not show. Keeps the snapshot until destroyed.
class SuppressionCursor {
public:
    virtual ~SuppressionCursor() = default;
    /// At most `limit` entries; empty at the end.
    virtual awaitable<Result<std::vector<SuppressionEntry>>> next(std::size_t limit) = 0;
    /// Behind what next() gave so far: a later walk goes on from there with SuppressionFilter::after. Octets that mean
    /// nothing to anybody else. Not while next() is under way.
    virtual std::string position() const = 0;
};

/// A verdict with the digest of its address: what is stored holds the address itself in none of its keys.
struct StoredVerdict {
    H16 address;
    VerdictRecord verdict;
};

/// A walk over the verdicts of a workspace that have not expired, as SuppressionCursor.
class VerdictCursor {
public:
    virtual ~VerdictCursor() = default;
    /// At most `limit` verdicts; empty at the end.
    virtual awaitable<Result<std::vector<StoredVerdict>>> next(std::size_t limit) = 0;
};

/// All that is stored of an address. Parts fail alone: as if history, verdict or catch-all test were not there, and a
/// check that cannot be made is an error.
struct AddressKnowledge {
    H16 digest;                            ///< of the address
    std::vector<Evidence> history;         ///< newest first
    std::optional<VerdictRecord> verdict;  ///< not expired
    /// Of its domain, of whatever age. Read only where there is a history: what a delivery is worth depends on it.
    std::optional<CatchAllRecord> catch_all;
    Result<std::vector<SuppressionHit>> suppressed = std::vector<SuppressionHit>{};
};

struct EngineStats {
    std::uint64_t suppressions = 0;  ///< estimate
    std::uint64_t quarantined = 0;   ///< unreadable records kept aside
    std::uint64_t uncertain = 0;     ///< in flight at the last crash
    std::uint64_t commits = 0, groups = 0;
    bool read_only = false;  ///< after a failed sync or write stall: alert and restart
    std::string read_only_reason;
};

/// Everything that is stored, behind one interface: RocksEngine, MemoryEngine (tests, simulation), later
/// PostgresEngine; one conformance suite for all.
///
/// Durability: a commit that completed without error is on disk; nothing of it is visible before. Op lists are applied
/// in submission order per caller, whole or not at all; one refused list does not fail its neighbours. Threads: all
/// functions may be called from any thread; awaitables complete on the caller's executor, whose io_context has to
/// outlive the engine's close(); check() is the only synchronous read and does not touch the disk in the common case.
/// Expired suppressions and verdicts read as absent. A record that cannot be read is Errc::corrupt alone and passed
/// over in lists; a suppression that cannot be read makes check() fail rather than let mail through.
class Engine {
public:
    virtual ~Engine() = default;

    /// Wall time that never goes back within a run: due times and expiry.
    virtual TimePoint now() const = 0;
    virtual const AddressDigester& digester() const = 0;
    virtual std::uint32_t lane_count() const = 0;

    virtual awaitable<Result<Committed>> commit(OpList ops) = 0;

    // --- suppressions
    /// All scopes at once: global, the workspace, and the list when given. Empty = may be mailed. Domain entries
    /// included.
    virtual Result<std::vector<SuppressionHit>> check(std::string_view workspace, std::string_view list_id,
                                                      const Address& address) const = 0;
    /// check() of many, in the order given, not on the caller's thread.
    virtual awaitable<Result<std::vector<Result<std::vector<SuppressionHit>>>>> check_many(
        std::string workspace, std::string list_id, std::vector<Address> addresses) = 0;
    /// The entries behind a check, with everything known about them.
    virtual awaitable<Result<std::vector<SuppressionEntry>>> find_suppressions(std::string workspace,
                                                                               Address address) = 0;
    /// Entries of the workspace and of its lists; the global ones with filter.scope = global. Close it before the
    /// engine. Errc::invalid_argument when filter.domain is no domain.
    virtual awaitable<Result<std::unique_ptr<SuppressionCursor>>> open_suppressions(std::string workspace,
                                                                                    SuppressionFilter filter) = 0;

    // --- lists and jobs
    virtual awaitable<Result<std::optional<ListRecord>>> get_list(std::string workspace, std::string id) = 0;
    virtual awaitable<Result<std::vector<ListRecord>>> lists(std::string workspace, std::string after_id,
                                                             std::size_t limit) = 0;
    virtual awaitable<Result<std::vector<ListRow>>> rows(std::string workspace, std::string list_id, std::uint64_t from,
                                                         std::size_t limit) = 0;
    /// Results of rows from..; rows without one are absent.
    virtual awaitable<Result<std::vector<RowResult>>> row_results(std::string workspace, std::string list_id,
                                                                  std::uint64_t from, std::size_t limit) = 0;
    /// Waiting rows whose due time is <= until, earliest first.
    virtual awaitable<Result<std::vector<RowResult>>> due_rows(std::string workspace, std::string list_id,
                                                               TimePoint until, std::size_t limit) = 0;
    /// Due time of the earliest waiting row.
    virtual awaitable<Result<std::optional<TimePoint>>> next_due_row(std::string workspace, std::string list_id) = 0;
    virtual awaitable<Result<std::optional<JobRecord>>> get_job(std::string workspace, std::string id) = 0;
    /// Of all workspaces, for resuming at start-up: jobs that are neither done, cancelled nor failed.
    virtual awaitable<Result<std::vector<JobRecord>>> open_jobs() = 0;

    // --- verdicts and evidence
    virtual awaitable<Result<std::optional<VerdictRecord>>> get_verdict(std::string workspace, Address address) = 0;
    /// All of a workspace, in no order that means anything. Close it before the engine.
    virtual awaitable<Result<std::unique_ptr<VerdictCursor>>> open_verdicts(std::string workspace) = 0;
    /// Delivery outcomes and reports of an address, newest first.
    virtual awaitable<Result<std::vector<Evidence>>> history(std::string workspace, Address address,
                                                             std::size_t limit) = 0;
    /// For each address the three above at once, in the order given: one way to the disk's threads for a whole page of
    /// rows.
    virtual awaitable<Result<std::vector<AddressKnowledge>>> knowledge(std::string workspace, std::string list_id,
                                                                       std::vector<Address> addresses,
                                                                       std::size_t history_limit) = 0;
    virtual awaitable<Result<std::optional<CatchAllRecord>>> get_catch_all(std::string domain) = 0;

    // --- campaigns and queue
    virtual awaitable<Result<std::optional<CampaignRecord>>> get_campaign(std::string workspace, std::string id) = 0;
    virtual awaitable<Result<std::vector<CampaignRecord>>> campaigns(std::string workspace, std::string after_id,
                                                                     std::size_t limit) = 0;
    /// Those that have something to do: running, and cancelled without a time `finished`.
    virtual awaitable<Result<std::vector<CampaignRecord>>> running_campaigns() = 0;
    /// State in_flight while it is marked so.
    virtual awaitable<Result<std::optional<MessageRecord>>> get_message(MessageRef ref) = 0;
    /// By its public id.
    virtual awaitable<Result<std::optional<MessageRecord>>> find_message(std::string workspace, std::string id) = 0;
    /// Errc::not_found when there is none.
    virtual awaitable<Result<std::string>> get_body(std::string id) = 0;
    /// All flows with something queued; a key scan, for start-up.
    virtual awaitable<Result<std::vector<FlowSummary>>> flows() = 0;
    /// Earliest due first; starts at the flow's low mark, so a long history of finished items costs nothing. Messages
    /// in flight are among them until their attempt is recorded: the lane's owner knows what it has taken.
    virtual awaitable<Result<std::vector<DueItem>>> due(FlowKey flow, TimePoint until, std::size_t limit) = 0;
    virtual awaitable<Result<std::optional<TimePoint>>> next_due(FlowKey flow) = 0;
    virtual awaitable<Result<bool>> campaign_cancelled(std::string workspace, std::string campaign) = 0;
    /// Held messages of a campaign (all of the workspace when empty), in commit order, after `after` (default: from the
    /// start). `after` may have been released meanwhile: its place is where it was held last.
    virtual awaitable<Result<std::vector<MessageRecord>>> held(std::string workspace, std::string campaign,
                                                               MessageRef after, std::size_t limit) = 0;
    virtual awaitable<Result<QueueCounts>> queue_counts(std::string workspace) = 0;
    /// The sum over every workspace that something was ever queued for, whether it still has a key or not.
    virtual awaitable<Result<QueueCounts>> queue_totals() = 0;
    /// Called on the committer thread after a commit that made something due in a flow: post to your own executor.
    /// Every watcher is called; none can be removed.
    virtual void on_due(std::function<void(const FlowKey&, TimePoint due)> watcher) = 0;

    // --- events, values, state
    virtual awaitable<Result<std::vector<EventRecord>>> events(std::string workspace, std::uint64_t after_seq,
                                                               std::size_t limit) = 0;
    virtual awaitable<Result<std::optional<std::string>>> get_value(std::string key) = 0;
    virtual awaitable<Result<EngineStats>> stats() = 0;
    /// Finishes what was accepted, refuses new commits (Errc::unavailable), syncs. Idempotent; also done by the
    /// destructor.
    virtual Result<> close() = 0;
};

struct EngineOptions {
    std::uint32_t lanes = 64;        ///< fixed at creation, stored in meta
    SuppressionOptions suppression;  ///< strike rules
    std::size_t cache_bytes = 64ull << 20;
    int read_threads = 2;
    std::size_t group_bytes = 1u << 20;  ///< most that one commit group holds
};

/// Opens or creates `data_dir`. `clock`, `rng` and `log` are used on threads of the engine's and outlive it.
/// Errc::locked (another process), newer_format, permission_denied, corrupt, io_error, each with the cure in the
/// context.
Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& data_dir, EngineKeys keys, EngineOptions options,
                                                  const Clock& clock, Rng& rng, Log& log);

/// Everything in memory, no thread: commits are applied when awaited. For tests, simulation and `winnow verify` without
/// a data directory.
std::unique_ptr<Engine> make_memory_engine(EngineKeys keys, EngineOptions options, const Clock& clock, Rng& rng);
/// The same on a disk that outlives the engine: restart, crash, failed and slow syncs (storage/memory_disk.hpp). Errors
/// as open_rocks_engine.
class MemoryDisk;
Result<std::unique_ptr<Engine>> open_memory_engine(std::shared_ptr<MemoryDisk> disk, EngineKeys keys,
                                                   EngineOptions options, const Clock& clock, Rng& rng);

/// The lane of a message: hash(pool, routing domain or operator, k) modulo lanes; computed once at admission.
LaneId lane_of(std::string_view pool, std::string_view domain_or_operator, std::uint32_t lanes);

}  // namespace winnow::storage
