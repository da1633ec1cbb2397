#include "storage/kv_engine.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "storage/awaitable_bridge.hpp"

namespace winnow::storage {
namespace {

/// Runs a read on the pool and hands its result back.
template <class T>
struct ReadOnPool {
    boost::asio::thread_pool* pool;
    std::function<Result<T>()> work;
    void operator()(Completion<T> complete)
    {
        boost::asio::post(*pool, [run = std::move(work), done = std::move(complete)] { done(run()); });
    }
};

template <class T>
awaitable<Result<T>> read_inline(std::function<Result<T>()> work)
{
    co_return work();
}

}  // namespace

class KvEngine::Cursor final : public SuppressionCursor {
public:
    Cursor(const KvEngine& engine, StoreReader::SuppressionWalk walk)
        : engine_(engine), walk_(std::make_shared<StoreReader::SuppressionWalk>(std::move(walk)))
    {
    }
    awaitable<Result<std::vector<SuppressionEntry>>> next(std::size_t limit) override
    {
        return engine_.read<std::vector<SuppressionEntry>>([&engine = engine_, walk = walk_, limit] {
            return engine.reader_.next_suppressions(*walk, limit, engine.now());
        });
    }
    std::string position() const override { return walk_->position(); }

private:
    const KvEngine& engine_;
    std::shared_ptr<StoreReader::SuppressionWalk> walk_;
};

class KvEngine::Verdicts final : public VerdictCursor {
public:
    Verdicts(const KvEngine& engine, StoreReader::VerdictWalk walk)
        : engine_(engine), walk_(std::make_shared<StoreReader::VerdictWalk>(std::move(walk)))
    {
    }
    awaitable<Result<std::vector<StoredVerdict>>> next(std::size_t limit) override
    {
        return engine_.read<std::vector<StoredVerdict>>([&engine = engine_, walk = walk_, limit] {
            return engine.reader_.next_verdicts(*walk, limit, engine.now());
        });
    }

private:
    const KvEngine& engine_;
    std::shared_ptr<StoreReader::VerdictWalk> walk_;
};

KvEngine::KvEngine(Parts parts, const Clock& clock, Rng& rng, Log& log)
    : clock_(clock),
      log_(log),
      meta_(std::move(parts.meta)),
      keys_(std::move(parts.keys)),
      options_(parts.options),
      uncertain_(parts.uncertain),
      digester_(keys_),
      store_(std::move(parts.store)),
      bodies_(std::move(parts.bodies)),
      quarantine_(*store_, log),
      context_{digester_, keys_, options_.suppression, rng, bodies_.get(), meta_.lanes},
      reader_(*store_, quarantine_, digester_, keys_, bodies_.get()),
      writer_({*store_, context_, bodies_.get(), reader_.due_marks(), [this] { return now(); }, log})
{
    if (parts.threads) {
        readers_ =
            std::make_unique<boost::asio::thread_pool>(static_cast<std::size_t>(std::max(1, options_.read_threads)));
        committer_ = std::make_unique<Committer>(writer_, options_.group_bytes);
    }
}

KvEngine::~KvEngine()
{
    if (const auto closed = close(); !closed)
        log_.error("storage.close_failed", {{"cause", closed.error().message()}});
}

TimePoint KvEngine::now() const
{
    // Due times and expiry must not run backwards when the machine's clock is set back.
    const std::int64_t current = to_unix_ms(clock_.now());
    std::int64_t latest = latest_.load(std::memory_order_relaxed);
    while (latest < current && !latest_.compare_exchange_weak(latest, current, std::memory_order_relaxed)) {}
    return from_unix_ms(std::max(latest, current));
}

template <class T>
awaitable<Result<T>> KvEngine::read(std::function<Result<T>()> work) const
{
    if (closed_)
        return read_inline<T>([]() -> Result<T> { return Error(Errc::unavailable, "the store is closed"); });
    if (!readers_)
        return read_inline<T>(std::move(work));
    return await_completion<T>(ReadOnPool<T>{readers_.get(), std::move(work)});
}

Result<Committed> KvEngine::commit_inline(OpList ops)
{
    const std::lock_guard lock(inline_mutex_);
    if (closed_)
        return Error(Errc::unavailable, "the store is closed");
    std::optional<OpList> list(std::move(ops));
    auto results = writer_.write([&list] { return std::exchange(list, std::nullopt); }, options_.group_bytes);
    return std::move(results.front());
}

awaitable<Result<Committed>> KvEngine::commit(OpList ops)
{
    if (committer_)
        co_return co_await committer_->submit(std::move(ops));
    co_return commit_inline(std::move(ops));
}

Result<std::vector<SuppressionHit>> KvEngine::check(std::string_view workspace, std::string_view list_id,
                                                    const Address& address) const
{
    return reader_.check(workspace, list_id, address, now());
}

awaitable<Result<std::vector<Result<std::vector<SuppressionHit>>>>> KvEngine::check_many(std::string workspace,
                                                                                         std::string list_id,
                                                                                         std::vector<Address> addresses)
{
    using Checks = std::vector<Result<std::vector<SuppressionHit>>>;
    return read<Checks>([this, workspace = std::move(workspace), list_id = std::move(list_id),
                         addresses = std::move(addresses)]() -> Result<Checks> {
        return reader_.check_many(workspace, list_id, addresses, now());
    });
}

awaitable<Result<std::vector<SuppressionEntry>>> KvEngine::find_suppressions(std::string workspace, Address address)
{
    return read<std::vector<SuppressionEntry>>([this, workspace = std::move(workspace), address = std::move(address)] {
        return reader_.find_suppressions(workspace, address, now());
    });
}

awaitable<Result<std::unique_ptr<SuppressionCursor>>> KvEngine::open_suppressions(std::string workspace,
                                                                                  SuppressionFilter filter)
{
    using Made = std::unique_ptr<SuppressionCursor>;
    return read<Made>([this, workspace = std::move(workspace), filter = std::move(filter)]() -> Result<Made> {
        WINNOW_TRY(auto walk, reader_.open_suppressions(workspace, filter));
        return Made(std::make_unique<Cursor>(*this, std::move(walk)));
    });
}

awaitable<Result<std::optional<ListRecord>>> KvEngine::get_list(std::string workspace, std::string id)
{
    return read<std::optional<ListRecord>>(
        [this, workspace = std::move(workspace), id = std::move(id)] { return reader_.get_list(workspace, id); });
}

awaitable<Result<std::vector<ListRecord>>> KvEngine::lists(std::string workspace, std::string after_id,
                                                           std::size_t limit)
{
    return read<std::vector<ListRecord>>([this, workspace = std::move(workspace), after_id = std::move(after_id),
                                          limit] { return reader_.lists(workspace, after_id, limit); });
}

awaitable<Result<std::vector<ListRow>>> KvEngine::rows(std::string workspace, std::string list_id, std::uint64_t from,
                                                       std::size_t limit)
{
    return read<std::vector<ListRow>>([this, workspace = std::move(workspace), list_id = std::move(list_id), from,
                                       limit] { return reader_.rows(workspace, list_id, from, limit); });
}

awaitable<Result<std::vector<RowResult>>> KvEngine::row_results(std::string workspace, std::string list_id,
                                                                std::uint64_t from, std::size_t limit)
{
    return read<std::vector<RowResult>>([this, workspace = std::move(workspace), list_id = std::move(list_id), from,
                                         limit] { return reader_.row_results(workspace, list_id, from, limit); });
}

awaitable<Result<std::vector<RowResult>>> KvEngine::due_rows(std::string workspace, std::string list_id,
                                                             TimePoint until, std::size_t limit)
{
    return read<std::vector<RowResult>>([this, workspace = std::move(workspace), list_id = std::move(list_id), until,
                                         limit] { return reader_.due_rows(workspace, list_id, until, limit); });
}

awaitable<Result<std::optional<TimePoint>>> KvEngine::next_due_row(std::string workspace, std::string list_id)
{
    return read<std::optional<TimePoint>>([this, workspace = std::move(workspace), list_id = std::move(list_id)] {
        return reader_.next_due_row(workspace, list_id);
    });
}

awaitable<Result<std::optional<JobRecord>>> KvEngine::get_job(std::string workspace, std::string id)
{
    return read<std::optional<JobRecord>>(
        [this, workspace = std::move(workspace), id = std::move(id)] { return reader_.get_job(workspace, id); });
}

awaitable<Result<std::vector<JobRecord>>> KvEngine::open_jobs()
{
    return read<std::vector<JobRecord>>([this] { return reader_.open_jobs(); });
}

awaitable<Result<std::optional<VerdictRecord>>> KvEngine::get_verdict(std::string workspace, Address address)
{
    return read<std::optional<VerdictRecord>>([this, workspace = std::move(workspace), address = std::move(address)] {
        return reader_.get_verdict(workspace, address, now());
    });
}

awaitable<Result<std::unique_ptr<VerdictCursor>>> KvEngine::open_verdicts(std::string workspace)
{
    using Made = std::unique_ptr<VerdictCursor>;
    return read<Made>([this, workspace = std::move(workspace)]() -> Result<Made> {
        return Made(std::make_unique<Verdicts>(*this, reader_.open_verdicts(workspace)));
    });
}

awaitable<Result<std::vector<Evidence>>> KvEngine::history(std::string workspace, Address address, std::size_t limit)
{
    return read<std::vector<Evidence>>([this, workspace = std::move(workspace), address = std::move(address), limit] {
        return reader_.history(workspace, address, limit);
    });
}

awaitable<Result<std::vector<AddressKnowledge>>> KvEngine::knowledge(std::string workspace, std::string list_id,
                                                                     std::vector<Address> addresses,
                                                                     std::size_t history_limit)
{
    return read<std::vector<AddressKnowledge>>([this, workspace = std::move(workspace), list_id = std::move(list_id),
                                                addresses = std::move(addresses),
                                                history_limit]() -> Result<std::vector<AddressKnowledge>> {
        return reader_.knowledge(workspace, list_id, addresses, history_limit, now());
    });
}

awaitable<Result<std::optional<CatchAllRecord>>> KvEngine::get_catch_all(std::string domain)
{
    return read<std::optional<CatchAllRecord>>(
        [this, domain = std::move(domain)] { return reader_.get_catch_all(domain); });
}

awaitable<Result<std::optional<CampaignRecord>>> KvEngine::get_campaign(std::string workspace, std::string id)
{
    return read<std::optional<CampaignRecord>>(
        [this, workspace = std::move(workspace), id = std::move(id)] { return reader_.get_campaign(workspace, id); });
}

awaitable<Result<std::vector<CampaignRecord>>> KvEngine::campaigns(std::string workspace, std::string after_id,
                                                                   std::size_t limit)
{
    return read<std::vector<CampaignRecord>>([this, workspace = std::move(workspace), after_id = std::move(after_id),
                                              limit] { return reader_.campaigns(workspace, after_id, limit); });
}

awaitable<Result<std::vector<CampaignRecord>>> KvEngine::running_campaigns()
{
    return read<std::vector<CampaignRecord>>([this] { return reader_.running_campaigns(); });
}

awaitable<Result<std::optional<MessageRecord>>> KvEngine::get_message(MessageRef ref)
{
    return read<std::optional<MessageRecord>>([this, ref] { return reader_.get_message(ref); });
}

awaitable<Result<std::optional<MessageRecord>>> KvEngine::find_message(std::string workspace, std::string id)
{
    return read<std::optional<MessageRecord>>(
        [this, workspace = std::move(workspace), id = std::move(id)] { return reader_.find_message(workspace, id); });
}

awaitable<Result<std::string>> KvEngine::get_body(std::string id)
{
    return read<std::string>([this, id = std::move(id)] { return reader_.get_body(id); });
}

awaitable<Result<std::vector<FlowSummary>>> KvEngine::flows()
{
    return read<std::vector<FlowSummary>>([this] { return reader_.flows(); });
}

awaitable<Result<std::vector<DueItem>>> KvEngine::due(FlowKey flow, TimePoint until, std::size_t limit)
{
    return read<std::vector<DueItem>>(
        [this, flow = std::move(flow), until, limit] { return reader_.due(flow, until, limit); });
}

awaitable<Result<std::optional<TimePoint>>> KvEngine::next_due(FlowKey flow)
{
    return read<std::optional<TimePoint>>([this, flow = std::move(flow)] { return reader_.next_due(flow); });
}

awaitable<Result<bool>> KvEngine::campaign_cancelled(std::string workspace, std::string campaign)
{
    return read<bool>([this, workspace = std::move(workspace), campaign = std::move(campaign)] {
        return reader_.campaign_cancelled(workspace, campaign);
    });
}

awaitable<Result<std::vector<MessageRecord>>> KvEngine::held(std::string workspace, std::string campaign,
                                                             MessageRef after, std::size_t limit)
{
    return read<std::vector<MessageRecord>>([this, workspace = std::move(workspace), campaign = std::move(campaign),
                                             after, limit] { return reader_.held(workspace, campaign, after, limit); });
}

awaitable<Result<QueueCounts>> KvEngine::queue_counts(std::string workspace)
{
    return read<QueueCounts>([this, workspace = std::move(workspace)] { return reader_.queue_counts(workspace); });
}

awaitable<Result<QueueCounts>> KvEngine::queue_totals()
{
    return read<QueueCounts>([this] { return reader_.queue_totals(); });
}

void KvEngine::on_due(std::function<void(const FlowKey&, TimePoint due)> watcher)
{
    writer_.add_watcher(std::move(watcher));
}

awaitable<Result<std::vector<EventRecord>>> KvEngine::events(std::string workspace, std::uint64_t after_seq,
                                                             std::size_t limit)
{
    return read<std::vector<EventRecord>>([this, workspace = std::move(workspace), after_seq, limit] {
        return reader_.events(workspace, after_seq, limit);
    });
}

awaitable<Result<std::optional<std::string>>> KvEngine::get_value(std::string key)
{
    return read<std::optional<std::string>>([this, key = std::move(key)] { return reader_.get_value(key, now()); });
}

awaitable<Result<EngineStats>> KvEngine::stats()
{
    return read<EngineStats>([this]() -> Result<EngineStats> {
        EngineStats stats;
        stats.suppressions = store_->estimate_count(Family::suppression);
        stats.quarantined = quarantine_.count();
        stats.uncertain = uncertain_;
        writer_.report(stats);
        return stats;
    });
}

Result<> KvEngine::close()
{
    if (closed_.exchange(true))
        return {};
    if (committer_)
        committer_->close();
    const std::lock_guard lock(inline_mutex_);
    if (readers_)
        readers_->join();
    return store_->close();
}

}  // namespace winnow::storage
