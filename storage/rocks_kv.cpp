#include "storage/rocks_kv.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "storage/rocks_faults.hpp"

namespace winnow::storage {
namespace {

rocksdb::Slice slice(std::string_view text)
{
    return {text.data(), text.size()};
}

std::string_view view(const rocksdb::Slice& text)
{
    return {text.data(), text.size()};
}

Error to_error(const rocksdb::Status& status, std::string_view what)
{
    Errc code = Errc::internal;
    if (status.IsNoSpace())
        code = Errc::disk_full;
    else if (status.IsIOError())
        code = Errc::io_error;
    else if (status.IsCorruption())
        code = Errc::corrupt;
    else if (status.IsBusy() || status.IsTimedOut() || status.IsTryAgain() || status.IsShutdownInProgress())
        code = Errc::unavailable;
    else if (status.IsInvalidArgument())
        code = Errc::invalid_argument;
    std::string context = "the database cannot " + std::string(what) + ": " + status.ToString();
    if (code == Errc::corrupt)
        context += ": leave the directory as it is and restore a backup into another one";
    return Error(code, std::move(context));
}

/// The engine's merge function as RocksDB's. Total, because an operator that fails stops the database.
class JoinOperator final : public rocksdb::AssociativeMergeOperator {
public:
    explicit JoinOperator(KvMerge merge) : merge_(merge) {}
    bool Merge(const rocksdb::Slice&, const rocksdb::Slice* existing, const rocksdb::Slice& operand,
               std::string* merged, rocksdb::Logger*) const override
    {
        std::optional<std::string_view> before;
        if (existing != nullptr)
            before = view(*existing);
        *merged = merge_(before, view(operand));
        return true;
    }
    const char* Name() const override { return "winnow.join.1"; }

private:
    KvMerge merge_;
};

/// Drops what expired when its file is rewritten anyway. Snapshots do not see a difference: expired reads as absent.
class ExpiryFilter final : public rocksdb::CompactionFilter {
public:
    ExpiryFilter(Family family, const KvExpired& expired) : family_(family), expired_(expired) {}
    const char* Name() const override { return "winnow.expiry"; }
    Decision FilterV2(int, const rocksdb::Slice&, ValueType type, const rocksdb::Slice& value, std::string*,
                      std::string*) const override
    {
        return type == ValueType::kValue && expired_(family_, view(value)) ? Decision::kRemove : Decision::kKeep;
    }

private:
    Family family_;
    const KvExpired& expired_;
};

rocksdb::DBOptions database_options(const RocksKvOptions& from, rocksdb::Env* env)
{
    rocksdb::DBOptions to;
    to.env = env;
    to.create_if_missing = true;
    // A torn last record is a commit that nobody was told of; anything else missing from the log must stop us.
    to.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    to.track_and_verify_wals_in_manifest = true;
    // After a failed sync nobody knows what the disk holds: no silent resume, a person restarts.
    to.max_bgerror_resume_count = 0;
    to.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(from.write_buffer_bytes);
    to.max_total_wal_size = 64ull << 20;
    to.max_open_files = -1;
    to.max_file_opening_threads = 1;  // 16 threads per family otherwise, at every start
    to.skip_stats_update_on_db_open = true;
    to.enable_pipelined_write = false;
    to.max_background_jobs = 2;
    to.bytes_per_sync = 1u << 20;
    to.stats_dump_period_sec = 0;
    to.stats_persist_period_sec = 0;
    to.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    to.max_log_file_size = 4u << 20;
    to.keep_log_file_num = 4;
    return to;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache, KvMerge merge,
                                            const rocksdb::CompactionFilter* filter)
{
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.format_version = 5;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;

    rocksdb::ColumnFamilyOptions to;
    to.write_buffer_size = 16ull << 20;
    to.compression = rocksdb::kLZ4Compression;
    to.level_compaction_dynamic_level_bytes = true;
    switch (family) {
        case Family::suppression:
        case Family::clear_text:
            // Nearly every check is a miss, and filters of 10^8 entries must not live in memory as one block.
            table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
            table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
            table.partition_filters = true;
            table.metadata_block_size = 4096;
            table.pin_top_level_index_and_filter = true;
            to.memtable_whole_key_filtering = true;
            to.memtable_prefix_bloom_size_ratio = 0.02;
            break;
        case Family::event:
        case Family::evidence:
            // Appended, read in order, never changed: fewer rewrites matter more than space.
            to.compaction_style = rocksdb::kCompactionStyleUniversal;
            to.bottommost_compression = rocksdb::kZSTD;
            table.block_size = 16u << 10;
            break;
        case Family::row:
        case Family::result:
            to.bottommost_compression = rocksdb::kZSTD;
            table.block_size = 16u << 10;
            break;
        default:
            break;
    }
    if (filter != nullptr) {
        to.compaction_filter = filter;
        to.periodic_compaction_seconds = 24 * 60 * 60;  // files that nothing else touches are cleaned too
    }
    if (merges(family))
        to.merge_operator = std::make_shared<JoinOperator>(merge);
    to.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return to;
}

/// An open database. Snapshots and iterators keep it alive.
struct Database {
    std::unique_ptr<rocksdb::Env> env;  ///< of the faults; null in production
    KvExpired expired;
    std::array<std::unique_ptr<ExpiryFilter>, family_count> filters;  ///< used by the database's threads
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> opened;
    std::array<rocksdb::ColumnFamilyHandle*, family_count> families{};

    Database() = default;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database()
    {
        if (!db)
            return;
        for (auto* handle : opened)
            db->DestroyColumnFamilyHandle(handle);
        db->Close().PermitUncheckedError();
    }
    rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<std::size_t>(f)]; }
};

class RocksSnapshot final : public KvSnapshot {
public:
    explicit RocksSnapshot(std::shared_ptr<Database> database)
        : database_(std::move(database)), snapshot_(database_->db->GetSnapshot())
    {
    }
    ~RocksSnapshot() override { database_->db->ReleaseSnapshot(snapshot_); }
    const rocksdb::Snapshot* get() const noexcept { return snapshot_; }

private:
    std::shared_ptr<Database> database_;
    const rocksdb::Snapshot* snapshot_;
};

const rocksdb::Snapshot* raw(const KvSnapshot* snapshot)
{
    return snapshot == nullptr ? nullptr : static_cast<const RocksSnapshot*>(snapshot)->get();
}

class RocksIterator final : public KvIterator {
public:
    RocksIterator(std::shared_ptr<Database> database, Family family, KeyRange range, const KvSnapshot* snapshot)
        : database_(std::move(database)), range_(std::move(range)), upper_(slice(range_.upper))
    {
        rocksdb::ReadOptions options;
        options.snapshot = raw(snapshot);
        options.fill_cache = false;  // a scan must not push out what the checks need
        if (!range_.upper.empty())
            options.iterate_upper_bound = &upper_;
        at_.reset(database_->db->NewIterator(options, database_->family(family)));
        at_->Seek(slice(range_.lower));
    }
    bool valid() const override { return at_->Valid(); }
    std::string_view key() const override { return view(at_->key()); }
    std::string_view value() const override { return view(at_->value()); }
    void next() override { at_->Next(); }
    void seek(std::string_view key) override { at_->Seek(slice(std::max<std::string_view>(key, range_.lower))); }
    Result<> status() const override
    {
        const rocksdb::Status status = at_->status();
        if (status.ok())
            return {};
        return to_error(status, "scan");
    }

private:
    std::shared_ptr<Database> database_;
    KeyRange range_;
    rocksdb::Slice upper_;
    std::unique_ptr<rocksdb::Iterator> at_;
};

class NoIterator final : public KvIterator {
public:
    bool valid() const override { return false; }
    std::string_view key() const override { return {}; }
    std::string_view value() const override { return {}; }
    void next() override {}
    void seek(std::string_view) override {}
    Result<> status() const override { return Error(Errc::unavailable, "the store is closed"); }
};

class RocksKv final : public KeyValueStore {
public:
    explicit RocksKv(std::shared_ptr<Database> database) : database_(std::move(database)) {}

    Result<std::optional<std::string>> get(Family family, std::string_view key,
                                           const KvSnapshot* snapshot) const override
    {
        if (!database_)
            return Error(Errc::unavailable, "the store is closed");
        rocksdb::ReadOptions options;
        options.snapshot = raw(snapshot);
        rocksdb::PinnableSlice value;
        const rocksdb::Status status = database_->db->Get(options, database_->family(family), slice(key), &value);
        return found(status, value);
    }

    std::vector<Result<std::optional<std::string>>> get_many(Family family,
                                                             const std::vector<std::string>& keys) const override
    {
        std::vector<Result<std::optional<std::string>>> values;
        if (!database_) {
            values.assign(keys.size(), Error(Errc::unavailable, "the store is closed"));
            return values;
        }
        const std::vector<rocksdb::Slice> names(keys.begin(), keys.end());
        std::vector<rocksdb::PinnableSlice> pinned(keys.size());
        std::vector<rocksdb::Status> statuses(keys.size());
        database_->db->MultiGet(rocksdb::ReadOptions(), database_->family(family), names.size(), names.data(),
                                pinned.data(), statuses.data());
        values.reserve(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i)
            values.push_back(found(statuses[i], pinned[i]));
        return values;
    }

    std::unique_ptr<KvIterator> scan(Family family, KeyRange range, const KvSnapshot* snapshot) const override
    {
        if (!database_)
            return std::make_unique<NoIterator>();
        return std::make_unique<RocksIterator>(database_, family, std::move(range), snapshot);
    }

    std::shared_ptr<const KvSnapshot> snapshot() const override { return std::make_shared<RocksSnapshot>(database_); }

    Result<> write(const KvBatch& batch, bool sync) override
    {
        if (!database_)
            return Error(Errc::unavailable, "the store is closed");
        rocksdb::WriteBatch to(batch.bytes + 64);
        for (const KvWrite& write : batch.writes)
            if (const rocksdb::Status added = add(to, write); !added.ok())
                return to_error(added, "build a batch");
        rocksdb::WriteOptions options;
        options.sync = sync;
        const rocksdb::Status status = database_->db->Write(options, &to);
        if (!status.ok()) {
            failed_ = true;
            return to_error(status, "write");
        }
        return {};
    }

    std::uint64_t estimate_count(Family family) const override
    {
        std::uint64_t count = 0;
        if (database_)
            database_->db->GetIntProperty(database_->family(family), rocksdb::DB::Properties::kEstimateNumKeys, &count);
        return count;
    }

    Result<> compact(Family family) override
    {
        if (!database_)
            return Error(Errc::unavailable, "the store is closed");
        rocksdb::CompactRangeOptions options;
        options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
        const rocksdb::Status status =
            database_->db->CompactRange(options, database_->family(family), nullptr, nullptr);
        if (!status.ok())
            return to_error(status, "compact");
        return {};
    }

    Result<> close() override
    {
        if (!database_)
            return {};
        // Once a write has failed there is nothing left to promise, and Debian's RocksDB is built with assertions that
        // forbid another sync of the same log file.
        const rocksdb::Status status = failed_ ? rocksdb::Status::OK() : database_->db->FlushWAL(true);
        database_.reset();
        if (!status.ok())
            return to_error(status, "sync its log at the end");
        return {};
    }

private:
    static Result<std::optional<std::string>> found(const rocksdb::Status& status, const rocksdb::PinnableSlice& value)
    {
        if (status.ok())
            return std::optional(value.ToString());
        if (status.IsNotFound())
            return std::optional<std::string>();
        return to_error(status, "read");
    }

    rocksdb::Status add(rocksdb::WriteBatch& batch, const KvWrite& write) const
    {
        rocksdb::ColumnFamilyHandle* const family = database_->family(write.family);
        switch (write.kind) {
            case KvWrite::Kind::put:
                return batch.Put(family, slice(write.key), slice(write.value));
            case KvWrite::Kind::erase:
                return batch.Delete(family, slice(write.key));
            case KvWrite::Kind::single_erase:
                return batch.SingleDelete(family, slice(write.key));
            case KvWrite::Kind::merge:
                return batch.Merge(family, slice(write.key), slice(write.value));
            case KvWrite::Kind::erase_range:
                return batch.DeleteRange(family, slice(write.key), slice(write.value));
        }
        return rocksdb::Status::InvalidArgument("unknown kind of write");
    }

    std::shared_ptr<Database> database_;  ///< null after close()
    std::atomic<bool> failed_{false};
};

Family family_named(std::string_view name)
{
    for (std::size_t i = 0; i < family_count; ++i)
        if (to_string(static_cast<Family>(i)) == name)
            return static_cast<Family>(i);
    return Family::meta;  // of a newer format: opened, because RocksDB asks for it, and never used
}

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_rocks_kv(RocksKvOptions options)
{
    auto database = std::make_shared<Database>();
    rocksdb::Env* env = rocksdb::Env::Default();
    if (options.faults) {
        database->env = make_scripted_env(options.faults);
        env = database->env.get();
    }
    rocksdb::DBOptions db_options = database_options(options, env);
    const auto cache = rocksdb::NewLRUCache(options.cache_bytes);

    database->expired = std::move(options.expired);
    for (std::size_t i = 0; i < family_count; ++i)
        if (const auto family = static_cast<Family>(i); expires(family) && database->expired)
            database->filters[i] = std::make_unique<ExpiryFilter>(family, database->expired);
    const auto options_of = [&](Family family) {
        return family_options(family, cache, options.merge, database->filters[static_cast<std::size_t>(family)].get());
    };

    std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
    if (std::filesystem::exists(options.directory + "/CURRENT"))
        if (const auto listed = rocksdb::DB::ListColumnFamilies(db_options, options.directory, &names); !listed.ok())
            return to_error(listed, "be opened in " + options.directory);
    std::vector<rocksdb::ColumnFamilyDescriptor> present, missing;
    for (const std::string& name : names)
        present.emplace_back(name, options_of(family_named(name)));
    for (std::size_t i = 0; i < family_count; ++i) {
        const auto family = static_cast<Family>(i);
        if (std::find(names.begin(), names.end(), to_string(family)) == names.end())
            missing.emplace_back(std::string(to_string(family)), options_of(family));
    }
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::Open(db_options, options.directory, present, &database->opened, &db);
    if (!opened.ok())
        return to_error(opened, "be opened in " + options.directory);
    database->db.reset(db);
    if (!missing.empty()) {
        // All at once: as part of Open each one would write the options file again.
        std::vector<rocksdb::ColumnFamilyHandle*> created;
        const rocksdb::Status status = db->CreateColumnFamilies(missing, &created);
        database->opened.insert(database->opened.end(), created.begin(), created.end());
        if (!status.ok())
            return to_error(status, "create its families in " + options.directory);
    }
    for (auto* handle : database->opened)
        for (std::size_t i = 0; i < family_count; ++i)
            if (handle->GetName() == to_string(static_cast<Family>(i)))
                database->families[i] = handle;
    return std::unique_ptr<KeyValueStore>(std::make_unique<RocksKv>(std::move(database)));
}

}  // namespace winnow::storage
