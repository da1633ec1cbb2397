#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/kv.hpp"

namespace winnow::storage {

struct RocksFaults;

/// Whether a record reads as absent for good, so that compaction may drop it. Called on RocksDB's threads.
using KvExpired = std::function<bool(Family family, std::string_view value)>;

struct RocksKvOptions {
    std::string directory;
    std::size_t cache_bytes = 64ull << 20;         ///< blocks, indexes and filters
    std::size_t write_buffer_bytes = 48ull << 20;  ///< all memtables together
    KvMerge merge = nullptr;
    KvExpired expired;                    ///< for the families that expires() names; empty = nothing is dropped
    std::shared_ptr<RocksFaults> faults;  ///< null in production
};

/// RocksDB 7.8 with one column family per Family. Opens or creates. Nobody else may have the directory open (the caller
/// holds its lock).
Result<std::unique_ptr<KeyValueStore>> open_rocks_kv(RocksKvOptions options);

}  // namespace winnow::storage
