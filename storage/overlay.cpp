#include "storage/overlay.hpp"

#include <algorithm>
#include <cassert>
#include <set>

namespace winnow::storage {

bool Overlay::in_erased_range(Family family, std::string_view key) const
{
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& erased) {
        const KeyRange& range = erased.second;
        return erased.first == family && key >= range.lower && (range.upper.empty() || key < range.upper);
    });
}

Result<std::optional<std::string>> Overlay::get(Family family, const std::string& key) const
{
    const auto found = slots_.find(Key(family, key));
    if (found != slots_.end() && found->second.kind == Kind::put)
        return std::optional(found->second.value);
    if (found != slots_.end() && found->second.kind == Kind::erase)
        return std::optional<std::string>();

    std::optional<std::string> below;
    if (!in_erased_range(family, key)) {
        WINNOW_TRY(below, parent_ != nullptr ? parent_->get(family, key) : base_.get(family, key));
    }
    if (found != slots_.end()) {
        std::optional<std::string_view> existing;
        if (below)
            existing = *below;
        return std::optional(merge_(existing, found->second.value));
    }
    return below;
}

Result<std::vector<Overlay::Entry>> Overlay::entries(Family family, const KeyRange& range) const
{
    std::set<std::string> keys;
    const auto stored = base_.scan(family, range);
    for (; stored->valid(); stored->next())
        keys.emplace(stored->key());
    WINNOW_CHECK(stored->status());
    for (const Overlay* layer = this; layer != nullptr; layer = layer->parent_)
        for (auto at = layer->slots_.lower_bound(Key(family, range.lower));
             at != layer->slots_.end() && at->first.first == family &&
             (range.upper.empty() || at->first.second < range.upper);
             ++at)
            keys.insert(at->first.second);
    std::vector<Entry> found;
    for (const std::string& key : keys) {
        WINNOW_TRY(auto value, get(family, key));
        if (value)
            found.push_back({key, std::move(*value)});
    }
    return found;
}

void Overlay::write(Key key, Kind kind, std::string value)
{
    bytes_ += key.second.size() + value.size() + 16;
    const auto [at, fresh] = slots_.try_emplace(std::move(key));
    Slot& slot = at->second;
    if (fresh) {
        slot = Slot{kind, std::move(value), kind};
        return;
    }
    if (kind == Kind::merge && slot.kind != Kind::erase) {
        slot.value = merge_(slot.value, value);  // a put stays a put, a merge stays a merge
        return;
    }
    slot.kind = kind == Kind::merge ? Kind::put : kind;
    slot.value = std::move(value);
}

void Overlay::put(Family family, std::string key, std::string value)
{
    write(Key(family, std::move(key)), Kind::put, std::move(value));
}

void Overlay::erase(Family family, std::string key)
{
    write(Key(family, std::move(key)), Kind::erase, {});
}

void Overlay::merge(Family family, std::string key, std::string operand)
{
    assert(merges(family));
    write(Key(family, std::move(key)), Kind::merge, std::move(operand));
}

void Overlay::erase_range(Family family, const KeyRange& range)
{
    assert(!written_once(family) && !merges(family));
    std::erase_if(slots_, [&](const auto& slot) {
        const auto& [of, key] = slot.first;
        return of == family && key >= range.lower && (range.upper.empty() || key < range.upper);
    });
    ranges_.emplace_back(family, range);
}

void Overlay::fold_into(Overlay& target) &&
{
    for (const auto& [family, range] : ranges_)
        target.erase_range(family, range);
    for (auto& [key, slot] : slots_) {
        // A written-once key that this overlay removed and wrote again must tell so to the target.
        if (written_once(key.first) && slot.first != slot.kind)
            target.write(key, slot.first, {});
        target.write(key, slot.kind, std::move(slot.value));
    }
}

KvBatch Overlay::batch() const
{
    KvBatch batch;
    for (const auto& [family, range] : ranges_)
        batch.add(KvWrite::Kind::erase_range, family, range.lower, range.upper);
    for (const auto& [key, slot] : slots_) {
        const auto& [family, name] = key;
        if (written_once(family)) {
            // Removed first: it is in the store. Put first: it is not. Only the difference may be written, because a
            // second put without a removal between would survive the next SingleDelete.
            const bool was_there = slot.first == Kind::erase;
            const bool is_there = slot.kind == Kind::put;
            if (was_there && !is_there)
                batch.add(KvWrite::Kind::single_erase, family, name);
            else if (!was_there && is_there)
                batch.add(KvWrite::Kind::put, family, name, slot.value);
            continue;
        }
        switch (slot.kind) {
            case Kind::put:
                batch.add(KvWrite::Kind::put, family, name, slot.value);
                break;
            case Kind::erase:
                batch.add(KvWrite::Kind::erase, family, name);
                break;
            case Kind::merge:
                batch.add(KvWrite::Kind::merge, family, name, slot.value);
                break;
        }
    }
    return batch;
}

}  // namespace winnow::storage
