#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "storage/keys.hpp"
#include "storage/records.hpp"

/// Durable changes as values. A commit is a list of them, applied whole or not at all by the committer thread.
namespace winnow::storage {

/// Stores a document. `record.version` must be the stored one (0 = must not exist), else the list is refused with
/// Errc::conflict.
struct PutList {
    ListRecord record;
};
struct PutJob {
    JobRecord record;
};
/// The counters by_state and later belong to the committer: what the record holds for them is ignored.
struct PutCampaign {
    CampaignRecord record;
};
struct DeleteList {
    std::string workspace, id;
};

struct PutRows {
    std::string workspace, list_id;
    std::vector<ListRow> rows;
};
/// Also keeps the index of waiting rows by due time, and the workspace's verdict cache for rows that are done.
struct PutRowResults {
    std::string workspace, list_id;
    std::vector<RowResult> results;
    /// For each result, as whose verdict that of a finished row is remembered besides; nothing = nobody's, it was
    /// remembered before. Empty = that of the address in each row of the list.
    std::vector<std::optional<H16>> remembered_for = {};
};

struct PutVerdict {
    std::string workspace;
    Address address;
    VerdictRecord verdict;
};
/// Puts a verdict that was concluded anew from the same evidence in the place of the one that was read. Nothing happens
/// when another was stored meanwhile: OpResult::revised tells.
struct ReviseVerdict {
    std::string workspace;
    H16 address;           ///< as StoredVerdict::address
    TimePoint checked_at;  ///< of the one that was read
    VerdictRecord verdict;
};
struct PutCatchAll {
    std::string domain;
    CatchAllRecord record;
};

/// Adds or strengthens (commutative merge). The address or domain is digested by the store; `digest` alone is taken as
/// it is.
struct AddSuppression {
    SuppressionEntry entry;
};
/// Lifts one entry. `note` and `actor` go to the audit event.
struct RemoveSuppression {
    ScopeKind scope = ScopeKind::workspace;
    std::string workspace, list_id, address, domain;  ///< address or domain
    std::string note, actor;
    H16 digest{};  ///< of an entry of which only this is known; address and domain empty
};

struct PutBody {
    std::string id;
    std::string bytes;
};

/// Puts a message into its lane: assigns ref.lane and ref.seq, writes record, due key and event, counts for its
/// campaign. State `queued` (due now or later) or `held`. An empty id is filled; an id that the workspace knows is
/// refused with Errc::already_exists.
struct Enqueue {
    MessageRecord message;
    std::optional<LaneId> lane = {};  ///< lane_of(pool, domain or operator); without one the domain alone decides
};

/// One delivery attempt's end. The committer removes the old due key, writes the new state, the evidence under the
/// recipient, the strike count and the suppression that follows from it, and the event, in one commit. A message in a
/// final state is refused with Errc::conflict, except a cancelled one whose attempt was under way: what the receiver
/// did counts, so delivered and bounced replace cancelled.
struct RecordAttempt {
    MessageRef ref;
    MessageState state = MessageState::deferred;  ///< delivered, deferred, bounced, expired, held, dropped
    AttemptRecord attempt;
    bool counts = true;                  ///< a throttle costs no attempt
    bool clear = false, final_ = false;  ///< Classified::clear and final_, for the strike rules
    bool own_dns = false;                ///< StrikeOutcome::own_dns: only then may the whole domain be struck
    TimePoint next_due{};                ///< for deferred
    std::string provider;
    std::string held_reason;  ///< for held and dropped
    /// Mass-event guard: no strike is counted, nothing suppressed, and the evidence is kept as class `unknown`, with
    /// reply and rule, so that no verdict follows from it either.
    bool frozen = false;
};

/// A bounce or complaint that came later with a valid token, or an unsubscribe. The same fact about the same message
/// counts once. It is about the message's recipient at most, never about a whole domain.
struct RecordReport {
    MessageRef ref;
    LaterFact fact = LaterFact::async_bounce;
    ReplyClass klass = ReplyClass::unknown;
    bool clear = false, final_ = false;
    std::string rule, detail, provider;
    TimePoint at{};
    bool frozen = false;  ///< as RecordAttempt::frozen
    /// Kept as evidence of class `unknown` with `detail` as the reason, and as no fact about the message: a report that
    /// names another recipient.
    bool evidence_only = false;
};

/// Takes back what outcomes of a message led to since `since`: its recipient's suppression as far as outcomes made it
/// (other words about the address stay), the strikes, and a cached verdict; refusals since then stay as evidence of
/// class `unknown`, with reply and rule. Nothing happens when there is none, or no such message.
struct UndoOutcome {
    MessageRef ref;
    TimePoint since{};
    std::string note, actor;  ///< for the event
};

/// Makes a held message due, or a queued one due at another time. A queued one with its own `due` is only given back by
/// the lane's owner: no longer in flight, and no event.
struct Release {
    MessageRef ref;
    TimePoint due{};
};
struct CancelMessage {
    MessageRef ref;
    std::string reason;
};
/// Durable mark checked at pop; a sweeper removes the messages later.
struct CancelCampaign {
    std::string workspace, campaign;
};
/// In-flight mark of a delivery window: after a crash these are counted and reported as uncertain. The due keys stay
/// until the attempt is recorded; messages that are not queued are passed over.
struct MarkInFlight {
    std::vector<MessageRef> refs;
};

struct AppendEvent {
    EventRecord event;
};
/// Small settings and counters (daily probe use per API key, ...). Last writer wins. `expires` of 0 = never.
struct PutValue {
    std::string key;
    std::string value;
    TimePoint expires{};
};
/// Adds to a counter stored with PutValue's key space; refused with Errc::limit_exceeded when the sum would pass
/// `limit` (> 0).
struct AddCounter {
    std::string key;
    std::int64_t by = 1;
    std::int64_t limit = 0;
    TimePoint expires{};
};

/// Any one of them. A struct, and not the variant itself, so that only ops.cpp knows how each alternative is moved and
/// destroyed: every source that commits would compile that otherwise.
struct Op {
    using Change = std::variant<PutList, PutJob, PutCampaign, DeleteList, PutRows, PutRowResults, PutVerdict,
                                ReviseVerdict, PutCatchAll, AddSuppression, RemoveSuppression, PutBody, Enqueue,
                                RecordAttempt, RecordReport, UndoOutcome, Release, CancelMessage, CancelCampaign,
                                MarkInFlight, AppendEvent, PutValue, AddCounter>;

    template <class T>
    requires(!std::is_same_v<T, Op>) Op(T alternative);  ///< instantiated in ops.cpp for each alternative
    Op(const Op& other);
    Op(Op&& other) noexcept;
    Op& operator=(const Op& other);
    Op& operator=(Op&& other) noexcept;
    ~Op();

    Change change;
};

struct OpList {
    std::vector<Op> ops;
    /// Optional: the same key with the same fingerprint replays the first outcome for 24 h; another fingerprint is
    /// Errc::conflict.
    std::string idempotency_key;
    std::string fingerprint;

    OpList() = default;
    template <class... Ops>
    static OpList of(Ops... ops)
    {
        OpList list;
        (list.ops.emplace_back(std::move(ops)), ...);
        return list;
    }
};

/// What one op produced.
struct OpResult {
    MessageRef message;                           ///< Enqueue
    Version version = 0;                          ///< documents: the stored version
    std::optional<SuppressionReason> suppressed;  ///< RecordAttempt, RecordReport: the suppression that followed
    bool removed = false;                         ///< RemoveSuppression, UndoOutcome: there was one
    std::int64_t counter = 0;                     ///< AddCounter: the new sum
    bool revised = false;                         ///< ReviseVerdict: the one that was read was still stored
};

struct Committed {
    std::vector<OpResult> results;  ///< one per op, same order
    bool replayed = false;          ///< an idempotency key had been seen
};

}  // namespace winnow::storage
