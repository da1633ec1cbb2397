#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.hpp"

namespace rocksdb {
class Env;
}

namespace winnow::storage {

/// The disk below RocksDB as a script, for tests. Thread-safe.
struct RocksFaults {
    /// This many syncs of the write-ahead log succeed, then all fail; negative = never.
    std::atomic<int> fail_sync_after{-1};
    /// After power_off() nothing reaches the files any more, although RocksDB is told that it does.
    void power_off() noexcept { off_ = true; }
    bool is_off() const noexcept { return off_; }
    /// After power_off(), with the database closed: cuts every file back to what had been synced, as the worst disk
    /// would, and gives the script back to a new start.
    Result<> lose_unsynced();

    // What the scripted file system reports.
    void created(const std::string& file);
    void synced(const std::string& file, std::uint64_t size);
    void renamed(const std::string& from, const std::string& to);
    void removed(const std::string& file);

private:
    std::atomic<bool> off_{false};
    std::mutex mutex_;
    std::map<std::string, std::uint64_t> synced_size_;  ///< of files written since the start
    std::map<std::string, bool> made_after_;            ///< files made while the power was off
};

/// A RocksDB environment whose files follow the script.
std::unique_ptr<rocksdb::Env> make_scripted_env(std::shared_ptr<RocksFaults> faults);

}  // namespace winnow::storage
