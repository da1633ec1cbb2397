#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log.hpp"
#include "core/rng.hpp"
#include "storage/engine.hpp"
#include "storage/key_shapes.hpp"
#include "storage/overlay.hpp"
#include "storage/record_codec.hpp"

namespace winnow::storage {

class BodySegments;

/// What applying needs besides the data. Outlives every group.
struct ApplyContext {
    const AddressDigester& digester;
    const EngineKeys& keys;
    const SuppressionOptions& suppression;
    Rng& rng;
    BodySegments* bodies;  ///< null: every body is stored inline
    std::uint32_t lanes;
};

/// A due key that a commit wrote.
struct DueNotice {
    FlowKey flow;
    TimePoint due{};
    std::string key;
};

/// Evaluates the ops of one list against the store and what the group has already changed, and writes their effect into
/// an overlay. After an error the overlay is to be thrown away. One thread at a time.
class Apply {
public:
    Apply(Overlay& store, const ApplyContext& context, TimePoint now) : store_(store), context_(context), now_(now) {}

    Result<OpResult> operator()(PutList& op);
    Result<OpResult> operator()(PutJob& op);
    Result<OpResult> operator()(PutCampaign& op);
    Result<OpResult> operator()(DeleteList& op);
    Result<OpResult> operator()(PutRows& op);
    Result<OpResult> operator()(PutRowResults& op);
    Result<OpResult> operator()(PutVerdict& op);
    Result<OpResult> operator()(ReviseVerdict& op);
    Result<OpResult> operator()(PutCatchAll& op);
    Result<OpResult> operator()(PutBody& op);
    Result<OpResult> operator()(AppendEvent& op);
    Result<OpResult> operator()(PutValue& op);
    Result<OpResult> operator()(AddCounter& op);

    // apply_suppression.cpp
    Result<OpResult> operator()(AddSuppression& op);
    Result<OpResult> operator()(RemoveSuppression& op);
    Result<OpResult> operator()(UndoOutcome& op);

    // apply_queue.cpp
    Result<OpResult> operator()(Enqueue& op);
    Result<OpResult> operator()(RecordAttempt& op);
    Result<OpResult> operator()(RecordReport& op);
    Result<OpResult> operator()(Release& op);
    Result<OpResult> operator()(CancelMessage& op);
    Result<OpResult> operator()(CancelCampaign& op);
    Result<OpResult> operator()(MarkInFlight& op);

    std::vector<DueNotice>& due_notices() noexcept { return due_notices_; }

private:
    struct Outcome {  ///< what became known about a recipient
        StrikeOutcome strike;
        Evidence evidence;
        std::uint64_t event = 0;
        std::string provider;
        SuppressionOrigin origin = SuppressionOrigin::outcome;
        bool frozen = false;  ///< keep the evidence inconclusive
    };

    template <class Record>
    Result<std::optional<Record>> load(Family family, const std::string& key) const;
    /// For counters: an unreadable one is put aside and counting starts again.
    template <class Record>
    Result<Record> load_or_restart(Family family, const std::string& key);
    template <class Record>
    Result<OpResult> put_document(shape::Document kind, Record& record);
    Result<std::uint64_t> next_in(const std::string& sequence_key);
    Result<std::uint64_t> append(EventRecord event);
    Result<std::optional<H16>> address_in_row(const std::string& key) const;
    Result<> cache_verdict(const std::string& workspace, const H16& address, const VerdictRecord& verdict);

    Result<> add_fact(const shape::SuppressionKey& key, SuppressionFacts facts, const std::string& clear_text);
    Result<bool> lift(const shape::SuppressionKey& key);
    Result<bool> lift_outcome(const shape::SuppressionKey& key, TimePoint since);
    Result<> disregard_outcomes(const std::string& workspace, const H16& address, TimePoint since);
    Result<std::optional<SuppressionReason>> learn(const MessageRecord& message, const Outcome& outcome);
    Result<> note_delivery(const std::string& workspace, const std::string& domain, TimePoint at);
    Result<std::optional<NewSuppression>> strike_address(const MessageRecord& message, const H16& digest,
                                                         const Outcome& outcome);
    Result<std::optional<NewSuppression>> strike_domain(const MessageRecord& message, const H16& domain,
                                                        const Outcome& outcome);
    Result<> suppress(const MessageRecord& message, const Address& recipient, bool whole_domain,
                      const NewSuppression& made, const Outcome& outcome);

    Result<StoredMessage> load_message(MessageRef ref) const;
    Result<> save(const StoredMessage& message);
    Result<> count(const MessageRecord& message, const std::function<void(QueueCounts&)>& change);
    Result<> moved(const MessageRecord& message, std::optional<MessageState> from, MessageState to);
    Result<> put_due(StoredMessage& message, TimePoint due);
    Result<> put_held(StoredMessage& message, std::string reason, std::uint64_t event);
    Result<> take_out(StoredMessage& message);
    Result<std::uint64_t> message_event(const MessageRecord& message, std::string_view what, ReplyClass klass,
                                        std::string detail, std::string rule);

    Overlay& store_;
    const ApplyContext& context_;
    TimePoint now_;
    std::vector<DueNotice> due_notices_;
};

/// Errc::invalid_argument when a text is too long for a key.
Result<> check_names(std::initializer_list<std::string_view> names);
/// The address of a message's recipient; lenient, since it was checked when it was accepted.
Address recipient_of(const MessageRecord& message);
FlowKey flow_of(const MessageRecord& message, const AddressDigester& digester);

template <class Record>
Result<std::optional<Record>> Apply::load(Family family, const std::string& key) const
{
    WINNOW_TRY(const auto bytes, store_.get(family, key));
    if (!bytes)
        return std::optional<Record>();
    WINNOW_TRY(Record record, decode<Record>(*bytes));
    return std::optional<Record>(std::move(record));
}

template <class Record>
Result<Record> Apply::load_or_restart(Family family, const std::string& key)
{
    WINNOW_TRY(auto bytes, store_.get(family, key));
    if (!bytes)
        return Record{};
    auto record = decode<Record>(*bytes);
    if (record)
        return record;
    store_.put(Family::quarantine, shape::quarantine(family, key), std::move(*bytes));
    return Record{};
}

}  // namespace winnow::storage
