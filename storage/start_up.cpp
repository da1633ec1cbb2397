#include "storage/start_up.hpp"

#include <algorithm>
#include <map>

#include "storage/key_shapes.hpp"

namespace winnow::storage {
namespace {

Result<> write_meta(KeyValueStore& store, const StoreMeta& meta)
{
    KvBatch batch;
    batch.put(Family::meta, shape::meta(), encode(meta));
    return store.write(batch, true);
}

Result<StoreMeta> create(KeyValueStore& store, std::uint32_t lanes, const std::string& key_id, Rng& rng,
                         std::uint32_t format)
{
    if (lanes == 0)
        return Error(Errc::invalid_argument, "a store needs at least one lane");
    StoreMeta meta;
    meta.format = format;
    meta.engine_uuid.resize(16);
    rng.fill(std::as_writable_bytes(std::span(meta.engine_uuid.data(), meta.engine_uuid.size())));
    meta.lanes = lanes;
    meta.key_id = key_id;
    WINNOW_CHECK(write_meta(store, meta));
    return meta;
}

}  // namespace

std::span<const Migration> migrations()
{
    return {};
}

Result<StoreMeta> prepare_store(KeyValueStore& store, std::uint32_t lanes, const std::string& key_id, Rng& rng,
                                std::uint32_t format, std::span<const Migration> steps)
{
    WINNOW_TRY(const auto bytes, store.get(Family::meta, shape::meta()));
    if (!bytes)
        return create(store, lanes, key_id, rng, format);
    WINNOW_TRY(StoreMeta meta, decode<StoreMeta>(*bytes));
    if (meta.format > format)
        return Error(Errc::newer_format, "the data was written by a newer winnow (format " +
                                             std::to_string(meta.format) + ", this one knows " +
                                             std::to_string(format) + "): start the newer version");
    if (meta.key_id != key_id)
        return Error(Errc::conflict, "the data was written with key set " + meta.key_id + ", but the key file holds " +
                                         key_id + ": use the key file of this installation");
    while (meta.format < format) {
        const auto step = std::find_if(steps.begin(), steps.end(),
                                       [&meta](const Migration& migration) { return migration.from == meta.format; });
        if (step == steps.end())
            return Error(Errc::unsupported, "the data is of format " + std::to_string(meta.format) +
                                                ", which this version cannot migrate: go through an older release");
        WINNOW_CHECK(step->run(store));
        ++meta.format;
        WINNOW_CHECK(write_meta(store, meta));
    }
    return meta;
}

Result<std::uint64_t> clear_in_flight(KeyValueStore& store)
{
    KvBatch batch;
    std::map<std::string, std::uint64_t> per_workspace;
    std::uint64_t marks = 0;
    auto at = store.scan(Family::in_flight, KeyRange{});
    for (; at->valid(); at->next()) {
        ++marks;
        batch.erase(Family::in_flight, std::string(at->key()));
        WINNOW_TRY(const auto bytes, store.get(Family::message, at->key()));
        if (!bytes)
            continue;
        if (const auto message = decode<StoredMessage>(*bytes))
            ++per_workspace[message->record.workspace];
    }
    WINNOW_CHECK(at->status());
    if (marks == 0)
        return marks;
    for (const auto& [workspace, count] : per_workspace) {
        std::string key = shape::state(shape::State::queue_counts, workspace);
        WINNOW_TRY(const auto bytes, store.get(Family::state, key));
        if (!bytes)
            continue;
        if (auto counts = decode<QueueCounts>(*bytes)) {
            counts->in_flight -= std::min(counts->in_flight, count);
            batch.put(Family::state, std::move(key), encode(*counts));
        }
    }
    WINNOW_CHECK(store.write(batch, true));
    return marks;
}

}  // namespace winnow::storage
