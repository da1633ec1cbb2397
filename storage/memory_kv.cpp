#include "storage/memory_kv.hpp"

#include <algorithm>
#include <utility>

namespace winnow::storage {
namespace {

using Map = MemoryDisk::Map;
using Families = MemoryDisk::Families;

std::size_t index_of(Family family)
{
    return static_cast<std::size_t>(family);
}

/// The map of a family for writing: a copy when a snapshot or an iterator still looks at it.
Map& writable(Families& families, Family family)
{
    std::shared_ptr<Map>& map = families[index_of(family)];
    if (map.use_count() > 1)
        map = std::make_shared<Map>(*map);
    return *map;
}

void apply(Families& families, const KvWrite& write, KvMerge merge)
{
    Map& map = writable(families, write.family);
    switch (write.kind) {
        case KvWrite::Kind::put:
            map.insert_or_assign(write.key, write.value);
            break;
        case KvWrite::Kind::erase:
        case KvWrite::Kind::single_erase:
            map.erase(write.key);
            break;
        case KvWrite::Kind::merge: {
            const auto found = map.find(write.key);
            std::optional<std::string_view> existing;
            if (found != map.end())
                existing = found->second;
            std::string merged = merge(existing, write.value);
            map.insert_or_assign(write.key, std::move(merged));
            break;
        }
        case KvWrite::Kind::erase_range:
            map.erase(map.lower_bound(write.key), map.lower_bound(write.value));
            break;
    }
}

void apply(Families& families, const KvBatch& batch, KvMerge merge)
{
    for (const KvWrite& write : batch.writes)
        apply(families, write, merge);
}

/// Whoever looks at a map gives it back under the disk's mutex: a writer that finds itself alone there is alone.
struct MemorySnapshot final : KvSnapshot {
    explicit MemorySnapshot(std::shared_ptr<MemoryDisk> of) : disk(std::move(of)) {}
    MemorySnapshot(const MemorySnapshot&) = delete;
    MemorySnapshot& operator=(const MemorySnapshot&) = delete;
    ~MemorySnapshot() override
    {
        const std::lock_guard lock(disk->mutex);
        families = {};
    }
    std::shared_ptr<MemoryDisk> disk;
    Families families;
};

class MemoryIterator final : public KvIterator {
public:
    MemoryIterator(std::shared_ptr<MemoryDisk> disk, std::shared_ptr<const Map> map, KeyRange range)
        : disk_(std::move(disk)), map_(std::move(map)), range_(std::move(range)), at_(map_->lower_bound(range_.lower))
    {
    }
    MemoryIterator(const MemoryIterator&) = delete;
    MemoryIterator& operator=(const MemoryIterator&) = delete;
    ~MemoryIterator() override
    {
        const std::lock_guard lock(disk_->mutex);
        map_.reset();
    }
    bool valid() const override { return at_ != map_->end() && (range_.upper.empty() || at_->first < range_.upper); }
    std::string_view key() const override { return at_->first; }
    std::string_view value() const override { return at_->second; }
    void next() override { ++at_; }
    void seek(std::string_view key) override { at_ = map_->lower_bound(std::max<std::string_view>(key, range_.lower)); }
    Result<> status() const override { return {}; }

private:
    std::shared_ptr<MemoryDisk> disk_;
    std::shared_ptr<const Map> map_;
    KeyRange range_;
    Map::const_iterator at_;
};

class MemoryKv final : public KeyValueStore {
public:
    MemoryKv(std::shared_ptr<MemoryDisk> disk, KvMerge merge)
        : disk_(std::move(disk)), merge_(merge), epoch_(disk_->epoch)
    {
    }

    Result<std::optional<std::string>> get(Family family, std::string_view key,
                                           const KvSnapshot* snapshot) const override
    {
        const std::lock_guard lock(disk_->mutex);
        const Map& map = *of(snapshot)[index_of(family)];
        const auto found = map.find(key);
        if (found == map.end())
            return std::optional<std::string>();
        return std::optional<std::string>(found->second);
    }

    std::vector<Result<std::optional<std::string>>> get_many(Family family,
                                                             const std::vector<std::string>& keys) const override
    {
        std::vector<Result<std::optional<std::string>>> found;
        found.reserve(keys.size());
        for (const std::string& key : keys)
            found.push_back(get(family, key, nullptr));
        return found;
    }

    std::unique_ptr<KvIterator> scan(Family family, KeyRange range, const KvSnapshot* snapshot) const override
    {
        std::shared_ptr<const Map> map;
        {
            const std::lock_guard lock(disk_->mutex);
            map = of(snapshot)[index_of(family)];
        }
        return std::make_unique<MemoryIterator>(disk_, std::move(map), std::move(range));
    }

    std::shared_ptr<const KvSnapshot> snapshot() const override
    {
        auto snapshot = std::make_shared<MemorySnapshot>(disk_);
        const std::lock_guard lock(disk_->mutex);
        snapshot->families = disk_->families;
        return snapshot;
    }

    Result<> write(const KvBatch& batch, bool sync) override
    {
        const std::lock_guard lock(disk_->mutex);
        if (epoch_ != disk_->epoch)
            return Error(Errc::io_error, "the memory disk was crashed: open a new engine on it");
        if (sync && disk_->faults.fail_sync_after == 0) {
            disk_->faults.fail_sync_after = -1;
            disk_->failed.push_back(batch);
            return Error(Errc::io_error, "the sync of the memory disk failed, as scripted");
        }
        if (sync && disk_->faults.fail_sync_after > 0)
            --disk_->faults.fail_sync_after;
        if (!sync && !disk_->unsynced) {
            disk_->synced = disk_->families;
            disk_->unsynced = true;
        }
        apply(disk_->families, batch, merge_);
        if (sync) {  // one log: its sync also keeps what was written to it before
            disk_->unsynced = false;
            disk_->synced = {};
        }
        return {};
    }

    std::uint64_t estimate_count(Family family) const override
    {
        const std::lock_guard lock(disk_->mutex);
        return disk_->families[index_of(family)]->size();
    }

    Result<> compact(Family) override { return {}; }
    Result<> close() override { return {}; }

private:
    const Families& of(const KvSnapshot* snapshot) const
    {
        return snapshot != nullptr ? static_cast<const MemorySnapshot*>(snapshot)->families : disk_->families;
    }

    std::shared_ptr<MemoryDisk> disk_;
    KvMerge merge_;
    std::uint64_t epoch_;
};

}  // namespace

MemoryDisk::MemoryDisk()
{
    for (auto& map : families)
        map = std::make_shared<Map>();
}

std::unique_ptr<KeyValueStore> open_memory_kv(std::shared_ptr<MemoryDisk> disk, KvMerge merge)
{
    {
        const std::lock_guard lock(disk->mutex);
        // Like a log that is replayed at the next open: bytes whose sync failed may have reached the disk.
        for (const KvBatch& batch : std::exchange(disk->failed, {}))
            if (disk->faults.failed_writes_survive)
                apply(disk->families, batch, merge);
    }
    return std::make_unique<MemoryKv>(std::move(disk), merge);
}

std::shared_ptr<MemoryDisk> make_memory_disk()
{
    return std::make_shared<MemoryDisk>();
}

void set_faults(MemoryDisk& disk, DiskFaults faults)
{
    const std::lock_guard lock(disk.mutex);
    disk.faults = faults;
}

DiskFaults faults(const MemoryDisk& disk)
{
    const std::lock_guard lock(disk.mutex);
    return disk.faults;
}

void crash(MemoryDisk& disk)
{
    const std::lock_guard lock(disk.mutex);
    ++disk.epoch;
    if (disk.unsynced)
        disk.families = std::exchange(disk.synced, {});
    disk.unsynced = false;
}

bool damage_first_value(MemoryDisk& disk, std::string_view family)
{
    const std::lock_guard lock(disk.mutex);
    for (std::size_t i = 0; i < family_count; ++i) {
        if (to_string(static_cast<Family>(i)) != family)
            continue;
        Map& map = writable(disk.families, static_cast<Family>(i));
        if (map.empty() || map.begin()->second.empty())
            return false;
        char& last = map.begin()->second.back();
        last = static_cast<char>(last ^ 1);
        return true;
    }
    return false;
}

std::string dump(const MemoryDisk& disk, bool values)
{
    const std::lock_guard lock(disk.mutex);
    std::string text;
    for (const auto& map : disk.families)
        for (const auto& [key, value] : *map) {
            text += key;
            if (values)
                text += value;
        }
    return text;
}

}  // namespace winnow::storage
