#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/body_segments.hpp"
#include "storage/due_marks.hpp"
#include "storage/engine.hpp"
#include "storage/key_shapes.hpp"
#include "storage/quarantine.hpp"
#include "storage/record_codec.hpp"

namespace winnow::storage {

/// Every read of the engine, synchronous, over the key-value seam. Single records that cannot be read are
/// Errc::corrupt, in lists they are passed over; both go to quarantine. Thread-safe.
class StoreReader {
public:
    StoreReader(const KeyValueStore& store, Quarantine& quarantine, const AddressDigester& digester,
                const EngineKeys& keys, const BodySegments* bodies)
        : store_(store), quarantine_(quarantine), digester_(digester), keys_(keys), bodies_(bodies)
    {
    }

    // --- suppressions (store_reader_suppression.cpp)
    Result<std::vector<SuppressionHit>> check(std::string_view workspace, std::string_view list_id,
                                              const Address& address, TimePoint now) const;
    std::vector<Result<std::vector<SuppressionHit>>> check_many(std::string_view workspace, std::string_view list_id,
                                                                const std::vector<Address>& addresses,
                                                                TimePoint now) const;
    Result<std::vector<SuppressionEntry>> find_suppressions(const std::string& workspace, const Address& address,
                                                            TimePoint now) const;
    /// Where a walk over the suppressions stands.
    struct SuppressionWalk {
        std::string workspace;
        SuppressionFilter filter;
        std::string prefix;  ///< of all its keys
        std::shared_ptr<const KvSnapshot> snapshot;
        std::string after;  ///< last key seen; empty at the start
        bool ended = false;
        std::string position() const { return after.empty() ? std::string() : after.substr(prefix.size()); }
    };
    Result<SuppressionWalk> open_suppressions(std::string workspace, SuppressionFilter filter) const;
    Result<std::vector<SuppressionEntry>> next_suppressions(SuppressionWalk& walk, std::size_t limit,
                                                            TimePoint now) const;

    // --- lists and jobs
    Result<std::optional<ListRecord>> get_list(const std::string& workspace, const std::string& id) const;
    Result<std::vector<ListRecord>> lists(const std::string& workspace, const std::string& after_id,
                                          std::size_t limit) const;
    Result<std::vector<ListRow>> rows(const std::string& workspace, const std::string& list_id, std::uint64_t from,
                                      std::size_t limit) const;
    Result<std::vector<RowResult>> row_results(const std::string& workspace, const std::string& list_id,
                                               std::uint64_t from, std::size_t limit) const;
    Result<std::vector<RowResult>> due_rows(const std::string& workspace, const std::string& list_id, TimePoint until,
                                            std::size_t limit) const;
    Result<std::optional<TimePoint>> next_due_row(const std::string& workspace, const std::string& list_id) const;
    Result<std::optional<JobRecord>> get_job(const std::string& workspace, const std::string& id) const;
    Result<std::vector<JobRecord>> open_jobs() const;

    // --- verdicts and evidence
    Result<std::optional<VerdictRecord>> get_verdict(const std::string& workspace, const Address& address,
                                                     TimePoint now) const;
    /// Where a walk over the verdicts stands.
    struct VerdictWalk {
        std::string workspace;
        std::shared_ptr<const KvSnapshot> snapshot;
        std::string after = {};  ///< last key seen; empty at the start
        bool ended = false;
    };
    VerdictWalk open_verdicts(std::string workspace) const;
    Result<std::vector<StoredVerdict>> next_verdicts(VerdictWalk& walk, std::size_t limit, TimePoint now) const;
    Result<std::vector<Evidence>> history(const std::string& workspace, const Address& address,
                                          std::size_t limit) const;
    std::vector<AddressKnowledge> knowledge(const std::string& workspace, const std::string& list_id,
                                            const std::vector<Address>& addresses, std::size_t history_limit,
                                            TimePoint now) const;
    Result<std::optional<CatchAllRecord>> get_catch_all(const std::string& domain) const;

    // --- campaigns and queue (store_reader_queue.cpp)
    Result<std::optional<CampaignRecord>> get_campaign(const std::string& workspace, const std::string& id) const;
    Result<std::vector<CampaignRecord>> campaigns(const std::string& workspace, const std::string& after_id,
                                                  std::size_t limit) const;
    Result<std::vector<CampaignRecord>> running_campaigns() const;
    Result<std::optional<MessageRecord>> get_message(MessageRef ref) const;
    Result<std::optional<MessageRecord>> find_message(const std::string& workspace, const std::string& id) const;
    Result<std::string> get_body(const std::string& id) const;
    Result<std::vector<FlowSummary>> flows() const;
    Result<std::vector<DueItem>> due(const FlowKey& flow, TimePoint until, std::size_t limit) const;
    Result<std::optional<TimePoint>> next_due(const FlowKey& flow) const;
    Result<bool> campaign_cancelled(const std::string& workspace, const std::string& campaign) const;
    Result<std::vector<MessageRecord>> held(const std::string& workspace, const std::string& campaign, MessageRef after,
                                            std::size_t limit) const;
    Result<QueueCounts> queue_counts(const std::string& workspace) const;
    Result<QueueCounts> queue_totals() const;

    // --- events and values
    Result<std::vector<EventRecord>> events(const std::string& workspace, std::uint64_t after_seq,
                                            std::size_t limit) const;
    Result<std::optional<std::string>> get_value(const std::string& key, TimePoint now) const;

    DueMarks& due_marks() noexcept { return due_marks_; }

private:
    /// The names of an address in the store.
    struct Digests {
        H16 address, loose, domain;
    };
    std::vector<Digests> digests_of(const std::vector<Address>& addresses) const;
    std::vector<Result<std::vector<SuppressionHit>>> check_many(std::string_view workspace, std::string_view list_id,
                                                                const std::vector<Digests>& of, TimePoint now) const;
    std::vector<std::optional<VerdictRecord>> verdicts_of(const std::vector<std::string>& keys, TimePoint now) const;
    template <class Record>
    Result<std::optional<Record>> read(Family family, const std::string& key) const;
    /// What was read under `key`, told to quarantine when it cannot be decoded.
    template <class Record>
    Result<std::optional<Record>> decoded(Family family, const std::string& key,
                                          const Result<std::optional<std::string>>& bytes) const;
    /// The next records of a walk, as long as their keys begin with `prefix`.
    template <class Record>
    Result<std::vector<Record>> read_on(KvIterator& at, Family family, std::string_view prefix,
                                        std::size_t limit) const;
    /// The records of a range, without the unreadable ones.
    template <class Record>
    Result<std::vector<Record>> read_range(Family family, KeyRange range, std::size_t limit) const;
    template <class Record>
    Result<std::vector<Record>> read_documents(shape::Document kind, shape::State index) const;
    Result<> add_counts(CampaignRecord& campaign) const;
    Result<std::optional<SuppressionEntry>> entry(const shape::SuppressionKey& key, const KvSnapshot* snapshot,
                                                  std::optional<SuppressionReason> reason, TimePoint now) const;
    Result<std::optional<std::string>> first_due(const FlowKey& flow) const;

    const KeyValueStore& store_;
    Quarantine& quarantine_;
    const AddressDigester& digester_;
    const EngineKeys& keys_;
    const BodySegments* bodies_;
    mutable DueMarks due_marks_;
};

template <class Record>
Result<std::optional<Record>> StoreReader::read(Family family, const std::string& key) const
{
    return decoded<Record>(family, key, store_.get(family, key));
}

template <class Record>
Result<std::optional<Record>> StoreReader::decoded(Family family, const std::string& key,
                                                   const Result<std::optional<std::string>>& bytes) const
{
    if (!bytes)
        return bytes.error();
    if (!*bytes)
        return std::optional<Record>();
    auto record = decode<Record>(**bytes);
    if (record)
        return std::optional<Record>(std::move(*record));
    quarantine_.keep(family, key, **bytes, record.error());
    return record.error();
}

template <class Record>
Result<std::vector<Record>> StoreReader::read_range(Family family, KeyRange range, std::size_t limit) const
{
    const auto at = store_.scan(family, std::move(range));
    return read_on<Record>(*at, family, {}, limit);
}

template <class Record>
Result<std::vector<Record>> StoreReader::read_on(KvIterator& at, Family family, std::string_view prefix,
                                                 std::size_t limit) const
{
    std::vector<Record> records;
    for (; at.valid() && at.key().starts_with(prefix) && records.size() < limit; at.next()) {
        auto record = decode<Record>(at.value());
        if (record)
            records.push_back(std::move(*record));
        else
            quarantine_.keep(family, at.key(), at.value(), record.error());
    }
    WINNOW_CHECK(at.status());
    return records;
}

}  // namespace winnow::storage
