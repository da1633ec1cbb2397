#pragma once

#include <string>
#include <utility>

#include "storage/engine.hpp"

namespace winnow::test {

/// An engine whose commits fail now and then before anything of them happens, and work again the next time; or one that
/// dies between two commits.
class FlakyEngine final : public storage::Engine {
public:
    template <class T>
    using Answer = storage::awaitable<Result<T>>;

    explicit FlakyEngine(storage::Engine& inner) : inner_(inner) {}

    int fail_every = 0;           ///< each so many-th commit fails; 0 = none
    bool applies_anyway = false;  ///< what is reported as failed happens all the same
    int dies_after = 0;           ///< so many commits are taken, then none any more; 0 = no limit
    int failures = 0;
    int commits() const noexcept { return commits_; }

    Answer<storage::Committed> commit(storage::OpList ops) override
    {
        ++commits_;
        const bool fails = (fail_every > 0 && commits_ % fail_every == 0) || (dies_after > 0 && commits_ > dies_after);
        if (!fails)
            co_return co_await inner_.commit(std::move(ops));
        ++failures;
        if (applies_anyway)
            (void)co_await inner_.commit(std::move(ops));
        co_return Error{Errc::unavailable, "the store is busy"};
    }

    TimePoint now() const override { return inner_.now(); }
    const storage::AddressDigester& digester() const override { return inner_.digester(); }
    std::uint32_t lane_count() const override { return inner_.lane_count(); }
    Result<std::vector<storage::SuppressionHit>> check(std::string_view workspace, std::string_view list_id,
                                                       const Address& address) const override
    {
        return inner_.check(workspace, list_id, address);
    }
    Answer<std::vector<Result<std::vector<storage::SuppressionHit>>>> check_many(
        std::string workspace, std::string list_id, std::vector<Address> addresses) override
    {
        return inner_.check_many(std::move(workspace), std::move(list_id), std::move(addresses));
    }
    Answer<std::vector<storage::SuppressionEntry>> find_suppressions(std::string workspace, Address address) override
    {
        return inner_.find_suppressions(std::move(workspace), std::move(address));
    }
    Answer<std::unique_ptr<storage::SuppressionCursor>> open_suppressions(std::string workspace,
                                                                          storage::SuppressionFilter filter) override
    {
        return inner_.open_suppressions(std::move(workspace), std::move(filter));
    }
    Answer<std::unique_ptr<storage::VerdictCursor>> open_verdicts(std::string workspace) override
    {
        return inner_.open_verdicts(std::move(workspace));
    }
    Answer<std::optional<storage::ListRecord>> get_list(std::string workspace, std::string id) override
    {
        return inner_.get_list(std::move(workspace), std::move(id));
    }
    Answer<std::vector<storage::ListRecord>> lists(std::string workspace, std::string after_id,
                                                   std::size_t limit) override
    {
        return inner_.lists(std::move(workspace), std::move(after_id), limit);
    }
    Answer<std::vector<storage::ListRow>> rows(std::string workspace, std::string list_id, std::uint64_t from,
                                               std::size_t limit) override
    {
        return inner_.rows(std::move(workspace), std::move(list_id), from, limit);
    }
    Answer<std::vector<storage::RowResult>> row_results(std::string workspace, std::string list_id, std::uint64_t from,
                                                        std::size_t limit) override
    {
        return inner_.row_results(std::move(workspace), std::move(list_id), from, limit);
    }
    Answer<std::vector<storage::RowResult>> due_rows(std::string workspace, std::string list_id, TimePoint until,
                                                     std::size_t limit) override
    {
        return inner_.due_rows(std::move(workspace), std::move(list_id), until, limit);
    }
    Answer<std::optional<TimePoint>> next_due_row(std::string workspace, std::string list_id) override
    {
        return inner_.next_due_row(std::move(workspace), std::move(list_id));
    }
    Answer<std::optional<storage::JobRecord>> get_job(std::string workspace, std::string id) override
    {
        return inner_.get_job(std::move(workspace), std::move(id));
    }
    Answer<std::vector<storage::JobRecord>> open_jobs() override { return inner_.open_jobs(); }
    Answer<std::optional<VerdictRecord>> get_verdict(std::string workspace, Address address) override
    {
        return inner_.get_verdict(std::move(workspace), std::move(address));
    }
    Answer<std::vector<storage::AddressKnowledge>> knowledge(std::string workspace, std::string list_id,
                                                             std::vector<Address> addresses,
                                                             std::size_t history_limit) override
    {
        return inner_.knowledge(std::move(workspace), std::move(list_id), std::move(addresses), history_limit);
    }
    Answer<std::vector<Evidence>> history(std::string workspace, Address address, std::size_t limit) override
    {
        return inner_.history(std::move(workspace), std::move(address), limit);
    }
    Answer<std::optional<storage::CatchAllRecord>> get_catch_all(std::string domain) override
    {
        return inner_.get_catch_all(std::move(domain));
    }
    Answer<std::optional<storage::CampaignRecord>> get_campaign(std::string workspace, std::string id) override
    {
        return inner_.get_campaign(std::move(workspace), std::move(id));
    }
    Answer<std::vector<storage::CampaignRecord>> campaigns(std::string workspace, std::string after_id,
                                                           std::size_t limit) override
    {
        return inner_.campaigns(std::move(workspace), std::move(after_id), limit);
    }
    Answer<std::vector<storage::CampaignRecord>> running_campaigns() override { return inner_.running_campaigns(); }
    Answer<std::optional<storage::MessageRecord>> get_message(MessageRef ref) override
    {
        return inner_.get_message(ref);
    }
    Answer<std::optional<storage::MessageRecord>> find_message(std::string workspace, std::string id) override
    {
        return inner_.find_message(std::move(workspace), std::move(id));
    }
    Answer<std::string> get_body(std::string id) override { return inner_.get_body(std::move(id)); }
    Answer<std::vector<storage::FlowSummary>> flows() override { return inner_.flows(); }
    Answer<std::vector<storage::DueItem>> due(storage::FlowKey flow, TimePoint until, std::size_t limit) override
    {
        return inner_.due(std::move(flow), until, limit);
    }
    Answer<std::optional<TimePoint>> next_due(storage::FlowKey flow) override
    {
        return inner_.next_due(std::move(flow));
    }
    Answer<bool> campaign_cancelled(std::string workspace, std::string campaign) override
    {
        return inner_.campaign_cancelled(std::move(workspace), std::move(campaign));
    }
    Answer<std::vector<storage::MessageRecord>> held(std::string workspace, std::string campaign, MessageRef after,
                                                     std::size_t limit) override
    {
        return inner_.held(std::move(workspace), std::move(campaign), after, limit);
    }
    Answer<storage::QueueCounts> queue_counts(std::string workspace) override
    {
        return inner_.queue_counts(std::move(workspace));
    }
    Answer<storage::QueueCounts> queue_totals() override { return inner_.queue_totals(); }
    void on_due(std::function<void(const storage::FlowKey&, TimePoint due)> watcher) override
    {
        inner_.on_due(std::move(watcher));
    }
    Answer<std::vector<storage::EventRecord>> events(std::string workspace, std::uint64_t after_seq,
                                                     std::size_t limit) override
    {
        return inner_.events(std::move(workspace), after_seq, limit);
    }
    Answer<std::optional<std::string>> get_value(std::string key) override { return inner_.get_value(std::move(key)); }
    Answer<storage::EngineStats> stats() override { return inner_.stats(); }
    Result<> close() override { return inner_.close(); }

private:
    storage::Engine& inner_;
    int commits_ = 0;
};

}  // namespace winnow::test
