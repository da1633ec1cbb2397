#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "storage/key_codec.hpp"

/// The seam below the engine: an ordered key-value store with families, atomic batches and snapshots. The engine's
/// logic is written once over it; RocksDB and memory are its two substrates.
namespace winnow::storage {

/// Names are stored on disk (column families); docs/storage-format.md says what each holds.
enum class Family : std::uint8_t {
    meta,
    document,
    state,
    row,
    result,
    row_due,
    verdict,
    evidence,
    strike,
    fact,
    suppression,         ///< values merge (suppression_value.hpp)
    suppression_domain,  ///< index
    clear_text,          ///< sealed
    message,
    message_id,
    due,  ///< keys are written once and removed by SingleDelete
    held,
    in_flight,
    body,
    event,
    value,
    idempotency,
    quarantine,
};
inline constexpr std::size_t family_count = static_cast<std::size_t>(Family::quarantine) + 1;
std::string_view to_string(Family family) noexcept;
/// In this family a merge() is allowed.
constexpr bool merges(Family family) noexcept
{
    return family == Family::suppression;
}
/// In this family each key is put at most once between two removals, and removed by single_erase().
constexpr bool written_once(Family family) noexcept
{
    return family == Family::due;
}

/// Records of this family carry an expiry, after which the store may drop them.
constexpr bool expires(Family family) noexcept
{
    return family == Family::value || family == Family::idempotency || family == Family::verdict;
}

struct KvWrite {
    enum class Kind : std::uint8_t { put, erase, single_erase, merge, erase_range };
    Kind kind = Kind::put;
    Family family = Family::meta;
    std::string key;    ///< erase_range: the first key
    std::string value;  ///< erase_range: the first key that stays
};

/// Writes that happen together, in order.
struct KvBatch {
    std::vector<KvWrite> writes;
    std::size_t bytes = 0;

    void add(KvWrite::Kind kind, Family family, std::string key, std::string value = {});
    void put(Family family, std::string key, std::string value);
    void erase(Family family, std::string key);
    bool empty() const noexcept { return writes.empty(); }
};

/// Combines a stored value (or none) with an operand. Must be associative and total: unreadable input is kept, never
/// an error.
using KvMerge = std::string (*)(std::optional<std::string_view> existing, std::string_view operand);

class KvSnapshot {
public:
    virtual ~KvSnapshot() = default;
};

/// Walks a range in key order over a consistent view. key() and value() are valid until next().
class KvIterator {
public:
    virtual ~KvIterator() = default;
    virtual bool valid() const = 0;
    virtual std::string_view key() const = 0;
    virtual std::string_view value() const = 0;
    virtual void next() = 0;
    /// To the first key of the range that is not before `key`; backwards too.
    virtual void seek(std::string_view key) = 0;
    /// Why valid() is false: the end of the range, or an error.
    virtual Result<> status() const = 0;
};

/// Thread-safe, except write() with sync, which one thread at a time calls.
class KeyValueStore {
public:
    virtual ~KeyValueStore() = default;
    virtual Result<std::optional<std::string>> get(Family family, std::string_view key,
                                                   const KvSnapshot* snapshot = nullptr) const = 0;
    /// get() of each key, in the order given: cheaper than one after the other.
    virtual std::vector<Result<std::optional<std::string>>> get_many(Family family,
                                                                     const std::vector<std::string>& keys) const = 0;
    virtual std::unique_ptr<KvIterator> scan(Family family, KeyRange range,
                                             const KvSnapshot* snapshot = nullptr) const = 0;
    virtual std::shared_ptr<const KvSnapshot> snapshot() const = 0;
    /// All or nothing. With `sync` the batch is on disk on return; after an error it may or may not be there at the
    /// next open, is not visible until then, and the store takes no further synced write.
    virtual Result<> write(const KvBatch& batch, bool sync) = 0;
    virtual std::uint64_t estimate_count(Family family) const = 0;
    /// Rewrites a family: removed and expired records leave the disk. Slow.
    virtual Result<> compact(Family family) = 0;
    virtual Result<> close() = 0;
};

}  // namespace winnow::storage
