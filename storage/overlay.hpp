#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/kv.hpp"

namespace winnow::storage {

/// Writes that are not in the store yet, and reads that see them. An overlay stands on the store or on another overlay:
/// a commit group has one, and each op list in it works on its own, which is folded into the group's when the list is
/// accepted and forgotten when it is refused.
class Overlay {
public:
    Overlay(const KeyValueStore& base, KvMerge join) : base_(base), merge_(join) {}
    explicit Overlay(const Overlay* parent) : base_(parent->base_), merge_(parent->merge_), parent_(parent) {}
    Overlay(const Overlay&) = delete;
    Overlay& operator=(const Overlay&) = delete;

    Result<std::optional<std::string>> get(Family family, const std::string& key) const;

    struct Entry {
        std::string key, value;
    };
    /// What is in a range, in key order. For ranges that hold few keys.
    Result<std::vector<Entry>> entries(Family family, const KeyRange& range) const;

    void put(Family family, std::string key, std::string value);
    void erase(Family family, std::string key);
    void merge(Family family, std::string key, std::string operand);
    /// Takes effect before the single-key writes of the batch, in this overlay's order of calls.
    void erase_range(Family family, const KeyRange& range);

    void fold_into(Overlay& target) &&;

    /// One write per key: its net effect.
    KvBatch batch() const;
    bool empty() const noexcept { return slots_.empty() && ranges_.empty(); }
    /// About what batch() will weigh.
    std::size_t bytes() const noexcept { return bytes_; }

private:
    using Key = std::pair<Family, std::string>;
    enum class Kind : std::uint8_t { put, erase, merge };
    struct Slot {
        Kind kind = Kind::put;
        std::string value;
        Kind first = Kind::put;  ///< of the writes folded into this slot: tells for a written-once key what is below
    };

    bool in_erased_range(Family family, std::string_view key) const;
    void write(Key key, Kind kind, std::string value);

    const KeyValueStore& base_;
    KvMerge merge_;
    const Overlay* parent_ = nullptr;
    std::map<Key, Slot> slots_;
    std::vector<std::pair<Family, KeyRange>> ranges_;
    std::size_t bytes_ = 0;
};

}  // namespace winnow::storage
