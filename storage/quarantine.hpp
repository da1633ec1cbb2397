#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/log.hpp"
#include "storage/kv.hpp"

namespace winnow::storage {

/// Where the bytes of unreadable records are kept for a person to look at. The record itself stays in its place: it is
/// never deleted. Thread-safe.
class Quarantine {
public:
    Quarantine(KeyValueStore& store, Log& log) : store_(store), log_(log) {}

    /// Copies the bytes (not synced: the original is still there) and logs once per record.
    void keep(Family family, std::string_view key, std::string_view bytes, const Error& why);
    /// Records in quarantine.
    std::uint64_t count() const { return store_.estimate_count(Family::quarantine); }

private:
    KeyValueStore& store_;
    Log& log_;
};

}  // namespace winnow::storage
