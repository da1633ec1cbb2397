#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/suppression_rules.hpp"
#include "storage/ops.hpp"
#include "storage/records.hpp"

/// Records <-> the bytes that are stored: an envelope (kind, CRC-32C) around protobuf. decode() gives Errc::corrupt for
/// anything else than what encode() wrote: another kind, a wrong checksum, an enumerator that this version does not
/// know.
namespace winnow::storage {

struct CampaignCounts {
    std::map<MessageState, std::uint64_t> by_state;
    std::map<std::string, std::uint64_t> later;
};

struct StoredMessage {
    MessageRecord record;
    std::uint64_t held_seq = 0;  ///< event of the last time it was held: its place in family `held`
};

/// One suppression key's knowledge: at most one fact per reason, in the order of the reasons.
struct SuppressionFacts {
    struct Fact {
        SuppressionCore core;
        SuppressionOrigin origin = SuppressionOrigin::api;
        ReplyClass klass = ReplyClass::unknown;
        std::string rule, source_event, note, actor, provider;
        TimePoint noted{};           ///< when the note was given; without a note 0
        bool note_imported = false;  ///< it came with an import
        bool operator==(const Fact&) const = default;
    };
    std::vector<Fact> facts;
    std::optional<H16> domain;
    bool whole_domain = false;
    std::vector<std::string> damaged;  ///< unreadable values that were merged in
    bool operator==(const SuppressionFacts&) const = default;
};

struct StoredBody {
    std::string bytes;  ///< when not in a segment
    bool in_segment = false;
    std::uint64_t segment = 0, offset = 0, length = 0;
    std::uint32_t crc = 0;
};

struct StoredValue {
    std::string value;
    TimePoint expires{};  ///< 0 = never
};

struct StoredSequence {
    std::uint64_t last = 0;
};

struct StoredOutcome {
    std::string fingerprint;
    TimePoint expires{};
    std::vector<OpResult> results;
};

struct StoreMeta {
    std::uint32_t format = 0;
    std::string engine_uuid;  ///< 16 octets
    std::uint32_t lanes = 0;
    std::string key_id;
};

std::string encode(const ListRecord& record);
std::string encode(const ListRow& record);
std::string encode(const RowResult& record);
std::string encode(const JobRecord& record);
std::string encode(const VerdictRecord& record);
std::string encode(const Evidence& record);
std::string encode(const CatchAllRecord& record);
std::string encode(const CampaignRecord& record);  ///< without by_state and later
std::string encode(const CampaignCounts& record);
std::string encode(const QueueCounts& record);
std::string encode(const StoredMessage& record);
std::string encode(const SuppressionFacts& record);
std::string encode(const StrikeState& record);
std::string encode(const StrikeState::Count& record);
std::string encode(const EventRecord& record);
std::string encode(const StoredBody& record);
std::string encode(const StoredValue& record);
std::string encode(const StoredSequence& record);
std::string encode(const StoredOutcome& record);
std::string encode(const StoreMeta& record);

/// For every type above.
template <class Record>
Result<Record> decode(std::string_view bytes);

}  // namespace winnow::storage
