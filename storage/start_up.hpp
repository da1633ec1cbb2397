#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/rng.hpp"
#include "storage/kv.hpp"
#include "storage/record_codec.hpp"

namespace winnow::storage {

/// Of data directories that this version writes.
inline constexpr std::uint32_t format_version = 1;

/// Rewrites a store of format `from` as `from + 1`. Must be repeatable: a crash in the middle runs it again.
struct Migration {
    std::uint32_t from = 0;
    const char* what = "";
    Result<> (*run)(KeyValueStore& store) = nullptr;
};
/// In order, one for every older format that can still be opened. Empty as long as there is one format.
std::span<const Migration> migrations();

/// Reads `meta`, or writes it into an empty store; migrates an older store step by step. Errc::newer_format, and
/// Errc::conflict when the store was made with another key set.
Result<StoreMeta> prepare_store(KeyValueStore& store, std::uint32_t lanes, const std::string& key_id, Rng& rng,
                                std::uint32_t format, std::span<const Migration> steps);

/// Counts what was in flight when the last process ended, and takes the marks off: those messages are due again.
Result<std::uint64_t> clear_in_flight(KeyValueStore& store);

}  // namespace winnow::storage
