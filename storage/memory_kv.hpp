#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/kv.hpp"
#include "storage/memory_disk.hpp"

namespace winnow::storage {

/// One ordered map per family. Maps are shared with snapshots and copied by the first write after one was taken.
class MemoryDisk {
public:
    using Map = std::map<std::string, std::string, std::less<>>;
    using Families = std::array<std::shared_ptr<Map>, family_count>;

    MemoryDisk();

    mutable std::mutex mutex;
    Families families;
    bool unsynced = false;        ///< `families` holds writes that a crash takes away
    Families synced;              ///< what a crash leaves, when `unsynced`
    std::vector<KvBatch> failed;  ///< batches of failed syncs
    DiskFaults faults;
    std::uint64_t epoch = 0;  ///< a crash adds one: stores of an older epoch fail
};

std::unique_ptr<KeyValueStore> open_memory_kv(std::shared_ptr<MemoryDisk> disk, KvMerge merge);

}  // namespace winnow::storage
