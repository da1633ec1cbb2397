#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "storage/committer.hpp"
#include "storage/engine.hpp"
#include "storage/store_reader.hpp"

namespace winnow::storage {

/// The engine over the key-value seam. With threads (RocksDB): commits go through the committer thread, reads through a
/// small pool. Without (memory): both happen inline, on the calling thread.
class KvEngine : public Engine {
public:
    struct Parts {
        std::unique_ptr<KeyValueStore> store;
        std::unique_ptr<BodySegments> bodies;  ///< null: all bodies inline
        StoreMeta meta;
        EngineKeys keys;
        EngineOptions options;
        std::uint64_t uncertain = 0;
        bool threads = false;
    };
    KvEngine(Parts parts, const Clock& clock, Rng& rng, Log& log);
    ~KvEngine() override;

    TimePoint now() const override;
    const AddressDigester& digester() const override { return digester_; }
    std::uint32_t lane_count() const override { return meta_.lanes; }
    awaitable<Result<Committed>> commit(OpList ops) override;

    Result<std::vector<SuppressionHit>> check(std::string_view workspace, std::string_view list_id,
                                              const Address& address) const override;
    awaitable<Result<std::vector<Result<std::vector<SuppressionHit>>>>> check_many(
        std::string workspace, std::string list_id, std::vector<Address> addresses) override;
    awaitable<Result<std::vector<SuppressionEntry>>> find_suppressions(std::string workspace, Address address) override;
    awaitable<Result<std::unique_ptr<SuppressionCursor>>> open_suppressions(std::string workspace,
                                                                            SuppressionFilter filter) override;
    awaitable<Result<std::optional<ListRecord>>> get_list(std::string workspace, std::string id) override;
    awaitable<Result<std::vector<ListRecord>>> lists(std::string workspace, std::string after_id,
                                                     std::size_t limit) override;
    awaitable<Result<std::vector<ListRow>>> rows(std::string workspace, std::string list_id, std::uint64_t from,
                                                 std::size_t limit) override;
    awaitable<Result<std::vector<RowResult>>> row_results(std::string workspace, std::string list_id,
                                                          std::uint64_t from, std::size_t limit) override;
    awaitable<Result<std::vector<RowResult>>> due_rows(std::string workspace, std::string list_id, TimePoint until,
                                                       std::size_t limit) override;
    awaitable<Result<std::optional<TimePoint>>> next_due_row(std::string workspace, std::string list_id) override;
    awaitable<Result<std::optional<JobRecord>>> get_job(std::string workspace, std::string id) override;
    awaitable<Result<std::vector<JobRecord>>> open_jobs() override;
    awaitable<Result<std::optional<VerdictRecord>>> get_verdict(std::string workspace, Address address) override;
    awaitable<Result<std::unique_ptr<VerdictCursor>>> open_verdicts(std::string workspace) override;
    awaitable<Result<std::vector<AddressKnowledge>>> knowledge(std::string workspace, std::string list_id,
                                                               std::vector<Address> addresses,
                                                               std::size_t history_limit) override;
    awaitable<Result<std::vector<Evidence>>> history(std::string workspace, Address address,
                                                     std::size_t limit) override;
    awaitable<Result<std::optional<CatchAllRecord>>> get_catch_all(std::string domain) override;
    awaitable<Result<std::optional<CampaignRecord>>> get_campaign(std::string workspace, std::string id) override;
    awaitable<Result<std::vector<CampaignRecord>>> campaigns(std::string workspace, std::string after_id,
                                                             std::size_t limit) override;
    awaitable<Result<std::vector<CampaignRecord>>> running_campaigns() override;
    awaitable<Result<std::optional<MessageRecord>>> get_message(MessageRef ref) override;
    awaitable<Result<std::optional<MessageRecord>>> find_message(std::string workspace, std::string id) override;
    awaitable<Result<std::string>> get_body(std::string id) override;
    awaitable<Result<std::vector<FlowSummary>>> flows() override;
    awaitable<Result<std::vector<DueItem>>> due(FlowKey flow, TimePoint until, std::size_t limit) override;
    awaitable<Result<std::optional<TimePoint>>> next_due(FlowKey flow) override;
    awaitable<Result<bool>> campaign_cancelled(std::string workspace, std::string campaign) override;
    awaitable<Result<std::vector<MessageRecord>>> held(std::string workspace, std::string campaign, MessageRef after,
                                                       std::size_t limit) override;
    awaitable<Result<QueueCounts>> queue_counts(std::string workspace) override;
    awaitable<Result<QueueCounts>> queue_totals() override;
    void on_due(std::function<void(const FlowKey&, TimePoint due)> watcher) override;
    awaitable<Result<std::vector<EventRecord>>> events(std::string workspace, std::uint64_t after_seq,
                                                       std::size_t limit) override;
    awaitable<Result<std::optional<std::string>>> get_value(std::string key) override;
    awaitable<Result<EngineStats>> stats() override;
    Result<> close() override;

private:
    class Cursor;
    class Verdicts;

    template <class T>
    awaitable<Result<T>> read(std::function<Result<T>()> work) const;
    Result<Committed> commit_inline(OpList ops);

    const Clock& clock_;
    Log& log_;
    StoreMeta meta_;
    EngineKeys keys_;
    EngineOptions options_;
    std::uint64_t uncertain_;
    AddressDigester digester_;
    mutable std::atomic<std::int64_t> latest_{0};

    std::unique_ptr<KeyValueStore> store_;
    std::unique_ptr<BodySegments> bodies_;
    mutable Quarantine quarantine_;
    ApplyContext context_;
    StoreReader reader_;
    GroupWriter writer_;
    std::unique_ptr<boost::asio::thread_pool> readers_;  ///< null: reads run inline
    std::unique_ptr<Committer> committer_;               ///< null: commits run inline
    std::mutex inline_mutex_;                            ///< one inline commit at a time
    std::atomic<bool> closed_{false};
};

}  // namespace winnow::storage
