#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/verdict.hpp"
#include "core/vocabulary.hpp"
#include "storage/keys.hpp"

/// What the stores hold, as plain values. On disk they are protobuf (storage/records.proto) with a checksum.
namespace winnow::storage {

/// Documents carry a version for compare-and-set: 0 = not stored yet; each commit adds one.
using Version = std::uint64_t;

/// What the rows of a list are written in. Numbers are stored on disk.
enum class ListFormat : std::uint8_t {
    csv = 1,  ///< cells between delimiters; one address a line is a table of one column
    ndjson    ///< a JSON object or text a line
};

struct ListRecord {
    std::string workspace;
    std::string id;  ///< ULID
    std::string name;
    std::string source;  ///< where the contacts come from, the user's words; may be empty
    std::string collected_at;
    std::string consent_basis;
    TimePoint created{};
    ListFormat format = ListFormat::csv;
    /// Names of the header row, decoded, or paths of the members (core/json_members.hpp); empty when there are none.
    std::vector<std::string> columns;
    std::string header_raw;         ///< the header record's bytes and what stands before it, without terminator
    std::string terminator = "\n";  ///< line end that the export uses for added rows and repairs
    char delimiter = ',';
    int email_column = 0;      ///< 0-based
    std::uint64_t widest = 0;  ///< cells of the longest CSV record; 0 = not counted (a list of an older version)
    std::uint64_t rows = 0;    ///< stored rows, malformed ones included
    std::uint64_t duplicates = 0;
    std::uint64_t malformed = 0;
    bool complete = false;  ///< upload finished
    Version version = 0;
};

/// One row of an uploaded list. `raw` gives the user's columns back byte for byte.
struct ListRow {
    std::uint64_t number = 0;        ///< 1-based, order of the file
    std::uint64_t line = 0;          ///< physical line where it starts
    std::string raw;                 ///< record bytes without terminator
    std::string address;             ///< as written, trimmed; empty when the field is empty
    std::uint64_t duplicate_of = 0;  ///< first row with this mailbox (canonical-v1); 0 = it is the first
    std::string malformed;           ///< why the record could not be read; empty
    /// First row of a person (by the loose form) with several mailboxes in the list, also in that row itself; 0 = the
    /// list has no other. Such rows are verified each, and one of them gets a campaign's message.
    std::uint64_t person = 0;
};

enum class RowState : std::uint8_t { pending = 1, waiting, done };

/// The verification state of a row, kept apart from the row so that a verdict does not rewrite the user's bytes.
struct RowResult {
    std::uint64_t number = 0;
    RowState state = RowState::pending;
    TimePoint due{};                         ///< waiting: next try (greylisting, deferral), never earlier than asked
    int attempts = 0;                        ///< probes so far that got a "later"
    std::string probe_source;                ///< source IP of the greylisted probe; the retry uses the same triplet
    std::string probe_mx;                    ///< MX host of the greylisted probe
    std::string reverse_path;                ///< MAIL FROM of the greylisted probe
    std::string job;                         ///< the verification that it is a result of
    VerdictRecord verdict;                   ///< the last one known; evidence included
    std::vector<std::string> suppressed_by;  ///< "workspace:bounce", "list:unsubscribe"
};

struct JobCounters {
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    std::uint64_t waiting = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t malformed = 0;
    std::uint64_t probes = 0;       ///< RCPT commands spent
    std::uint64_t connections = 0;  ///< made for its addresses, those too that a mail host sent away
    std::map<Reason, std::uint64_t> by_reason;
};

/// A verification of a list.
struct JobRecord {
    std::string workspace;
    std::string id;
    std::string list_id;
    JobState state = JobState::pending;
    std::string note;  ///< why paused or failed; empty
    TimePoint created{};
    TimePoint started{};
    TimePoint finished{};
    TimePoint deadline{};        ///< what is not decided then is `unknown` with its reason
    TimePoint paused{};          ///< since when, while paused: that time is added to the deadline
    std::uint64_t next_row = 1;  ///< rows below were handed to probing at least once
    JobCounters counters;
    Version version = 0;
};

struct CampaignRecord {
    std::string workspace;
    std::string id;
    std::string list_id;
    std::string name;
    CampaignState state = CampaignState::draft;
    std::string note;
    std::string from;     ///< RFC 5322 mailbox for the From field
    std::string subject;  ///< may hold {{column}} places
    std::string text;     ///< text/plain body, may hold {{column}} places
    std::string html;     ///< text/html body; may be empty
    std::map<std::string, std::string> headers;
    bool include_risky = false;  ///< opt-in of the default gate
    TimePoint created{};
    TimePoint started{};
    TimePoint finished{};
    TimePoint hold_until{};      ///< `unknown` rows are held for re-verification until then
    std::uint64_t next_row = 1;  ///< rows below have been through the gate
    std::uint64_t queued = 0;
    std::uint64_t held = 0;
    std::uint64_t refused = 0;
    std::map<std::string, std::uint64_t>
        gate;  ///< what became of a row and why -> rows, e.g. "held:greylisted", "refused:mailbox_not_found"
    std::map<MessageState, std::uint64_t> by_state;  ///< of its messages, kept by the committer
    std::map<std::string, std::uint64_t> later;      ///< async_bounce, complaint, unsubscribe, kept by the committer
    bool verify_held = false;  ///< a verification is started for held rows; false in campaigns older than the field
    std::string key_id;        ///< of the API key that made it, whose daily cap such probes count against; may be empty
    std::string verification;  ///< the job that the held rows wait for, or waited for last; empty
    Version version = 0;
};

struct AttemptRecord {
    TimePoint at{};
    std::string mx;      ///< host and address; empty when none was reached
    std::string source;  ///< our address
    Stage stage = Stage::connect;
    ReplyClass klass = ReplyClass::unknown;
    std::string reply;  ///< one line
    std::string rule;
    bool tls = false;
};

/// A message to one recipient: the unit of the queue.
struct MessageRecord {
    MessageRef ref;  ///< assigned by the committer
    std::string id;  ///< ULID; also the Message-ID's left side
    std::string workspace;
    std::string campaign;  ///< campaign id; empty for submissions
    std::string list_id;   ///< scope for unsubscribe checks; empty
    MailClass mail_class = MailClass::bulk;
    std::string recipient;      ///< as written
    std::string domain;         ///< routing domain, A-label
    std::string reverse_path;   ///< of the submitter: where our DSN goes; empty for campaigns and <>
    std::string envelope_from;  ///< minted VERP return path used on the wire; empty until minted from (lane, seq)
    std::string body_id;        ///< key in the body store
    std::map<std::string, std::string> merge;  ///< campaign: values for {{column}} places
    std::uint64_t person = 0;                  ///< campaign: ListRow::person
    bool smtputf8 = false;
    bool eight_bit = false;
    std::string dsn_notify;  ///< RFC 3461 NOTIFY, as submitted
    std::string dsn_envid;
    std::string dsn_orcpt;
    std::string dsn_ret;
    std::string submitter;  ///< authenticated identity or listed network; empty = no DSN for it
    MessageState state = MessageState::accepted;
    std::string held_reason;
    TimePoint accepted{};
    TimePoint due{};
    TimePoint expires{};
    int attempts = 0;                    ///< that count (a throttle does not)
    std::vector<AttemptRecord> history;  ///< last 10
    std::vector<LaterFact> later;
};

/// Place of a flow in a lane: deficit round-robin runs over these.
struct FlowKey {
    LaneId lane;
    MailClass mail_class = MailClass::bulk;
    H16 domain;
    std::string workspace;
    std::string campaign;
    auto operator<=>(const FlowKey&) const = default;
};

struct FlowSummary {
    FlowKey key;
    std::uint64_t queued = 0;
    TimePoint earliest{};
};

struct DueItem {
    MessageRef ref;
    TimePoint due{};
};

struct QueueCounts {
    std::uint64_t queued = 0;  ///< due now or later, not in flight
    std::uint64_t held = 0, in_flight = 0;
    std::map<std::string, std::uint64_t> held_by_reason;
};

/// One entry of the suppression index: one (workspace, digest) with one scope.
struct SuppressionEntry {
    ScopeKind scope = ScopeKind::workspace;
    std::string workspace;  ///< empty for global
    std::string list_id;    ///< for list scope
    std::string address;    ///< clear text, sealed at rest; empty when only a digest is known
    std::string domain;     ///< for a whole-domain entry (address empty), A-label
    H16 digest;             ///< filled by the store when address or domain is given
    SuppressionReason reason = SuppressionReason::manual;
    SuppressionOrigin origin = SuppressionOrigin::api;
    ReplyClass klass = ReplyClass::unknown;  ///< of the outcome that led to it
    std::string rule;
    std::string source_event;  ///< message id, import id
    std::string note;
    std::string actor;  ///< API key id or "cli"; empty for outcomes
    std::string provider;
    TimePoint first{};
    TimePoint last{};
    std::optional<TimePoint> expires;  ///< none = permanent
    int strikes = 0;
};

struct SuppressionHit {
    ScopeKind scope = ScopeKind::workspace;
    SuppressionReason reason = SuppressionReason::manual;
    std::optional<TimePoint> expires;
    bool whole_domain = false;
    std::string to_string() const;  ///< "workspace:bounce"
};

struct EventRecord {
    std::uint64_t seq = 0;  ///< per workspace, gapless, commit order
    TimePoint at{};
    std::string workspace;
    std::string type;  ///< "message.delivered", "message.deferred", "suppression.added", "list.completed", ...
    std::string message_id;
    std::string campaign;
    std::string list_id;
    H16 address;
    ReplyClass klass = ReplyClass::unknown;
    std::string detail;
    std::string rule;
};

/// Facts about a domain that outlive a job: catch-all verdicts per (domain, MX set).
struct CatchAllRecord {
    enum class Answer : std::uint8_t { no = 1, yes, inconclusive };
    Answer answer = Answer::inconclusive;
    std::string site;
    TimePoint checked{};
    std::vector<Evidence> evidence;
};

}  // namespace winnow::storage
