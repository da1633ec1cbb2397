#include "storage/overlay.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "storage/memory_kv.hpp"
#include "storage/suppression_value.hpp"

namespace winnow::test {
namespace {

using namespace storage;

std::string concatenate(std::optional<std::string_view> existing, std::string_view operand)
{
    return std::string(existing.value_or("")) + std::string(operand);
}

/// A store that checks the contract of written-once keys as RocksDB relies on it: every put and every removal meets the
/// other one.
class StrictKv {
public:
    StrictKv() : disk(make_memory_disk()), kv(open_memory_kv(disk, concatenate)) {}
    void write(const KvBatch& batch)
    {
        for (const KvWrite& write : batch.writes) {
            if (write.kind == KvWrite::Kind::single_erase)
                broken = broken || live.erase(write.key) != 1;
            else if (write.family == Family::due)
                broken = broken || write.kind != KvWrite::Kind::put || !live.insert(write.key).second;
        }
        ASSERT_TRUE(kv->write(batch, true));
    }
    std::shared_ptr<MemoryDisk> disk;
    std::unique_ptr<KeyValueStore> kv;
    std::set<std::string> live;
    bool broken = false;
};

// Due keys go in and out in any number of lists, some refused, and groups: the batches never put a key twice and
// never remove one that is not there.
RC_GTEST_PROP(Overlay, WrittenOnceKeysStayWrittenOnceHoweverCommitsAreGrouped, ())
{
    StrictKv store;
    std::set<std::string> model;
    for (int g = *rc::gen::inRange(1, 6); g > 0; --g) {
        Overlay group(*store.kv, concatenate);
        for (int l = *rc::gen::inRange(1, 5); l > 0; --l) {
            Overlay list(&group);
            std::set<std::string> changed = model;
            for (int o = *rc::gen::inRange(1, 6); o > 0; --o) {
                const std::string key = *rc::gen::element<std::string>("a", "b");
                if (changed.insert(key).second) {
                    list.put(Family::due, key, "");
                } else {
                    changed.erase(key);
                    list.erase(Family::due, key);
                }
                RC_ASSERT((list.get(Family::due, key).value() != std::nullopt) == changed.contains(key));
            }
            if (!*rc::gen::inRange(0, 3))
                continue;  // refused: forgotten
            std::move(list).fold_into(group);
            model = changed;
        }
        store.write(group.batch());
        RC_ASSERT(!store.broken);
        RC_ASSERT(store.live == model);
    }
}

// Reads through the overlays, and the store afterwards, agree with a plain map for every mixture of writes.
RC_GTEST_PROP(Overlay, ReadsSeeWhatTheStoreWillHold, ())
{
    StrictKv store;
    std::map<std::string, std::string> model;
    for (int g = *rc::gen::inRange(1, 5); g > 0; --g) {
        Overlay group(*store.kv, concatenate);
        for (int l = *rc::gen::inRange(1, 4); l > 0; --l) {
            Overlay list(&group);
            auto changed = model;
            for (int o = *rc::gen::inRange(1, 6); o > 0; --o) {
                const std::string key = *rc::gen::element<std::string>("a", "b");
                const std::string value = *rc::gen::element<std::string>("1", "2");
                const int kind = *rc::gen::inRange(0, 3);
                if (kind == 0) {
                    list.put(Family::suppression, key, value);
                    changed[key] = value;
                } else if (kind == 1) {
                    list.erase(Family::suppression, key);
                    changed.erase(key);
                } else {
                    list.merge(Family::suppression, key, value);
                    changed[key] += value;
                }
                const auto read = list.get(Family::suppression, key).value();
                RC_ASSERT(read.has_value() == changed.contains(key));
                RC_ASSERT(read.value_or("") == (changed.contains(key) ? changed[key] : ""));
            }
            if (!*rc::gen::inRange(0, 3))
                continue;
            std::move(list).fold_into(group);
            model = changed;
        }
        store.write(group.batch());
        for (const std::string key : {"a", "b"}) {
            const auto read = store.kv->get(Family::suppression, key).value();
            RC_ASSERT(read.has_value() == model.contains(key));
            RC_ASSERT(read.value_or("") == (model.contains(key) ? model[key] : ""));
        }
    }
}

TEST(Overlay, ARangeHoldsWhatEveryLayerMakesOfIt)
{
    StrictKv store;
    KvBatch batch;
    batch.put(Family::row, "a1", "stored");
    batch.put(Family::row, "a2", "stored");
    batch.put(Family::row, "a4", "stored");
    batch.put(Family::row, "b1", "stored");
    batch.put(Family::result, "a1", "of another family");
    store.write(batch);
    Overlay group(*store.kv, concatenate);
    group.put(Family::row, "a3", "pending");
    group.put(Family::row, "a2", "changed");
    Overlay list(&group);
    list.erase(Family::row, "a1");
    list.put(Family::row, "a0", "new");
    std::string seen;
    KeyRange range = KeyRange::prefix("a");
    for (const Overlay::Entry& entry : list.entries(Family::row, range).value())
        seen += entry.key + "=" + entry.value + " ";
    EXPECT_EQ(seen, "a0=new a2=changed a3=pending a4=stored ");
    range.upper = "a3";
    EXPECT_EQ(list.entries(Family::row, range).value().size(), 2u) << "the upper end is not in it";
    EXPECT_TRUE(list.entries(Family::verdict, {}).value().empty());
}

TEST(Overlay, AnErasedRangeHidesWhatIsBelowAndNotWhatIsPutAfterwards)
{
    StrictKv store;
    KvBatch batch;
    batch.put(Family::row, "a1", "old");
    batch.put(Family::row, "a2", "old");
    batch.put(Family::row, "b1", "old");
    store.write(batch);
    Overlay group(*store.kv, concatenate);
    group.put(Family::row, "a3", "pending");
    Overlay list(&group);
    list.erase_range(Family::row, KeyRange::prefix("a"));
    list.put(Family::row, "a2", "new");
    EXPECT_EQ(list.get(Family::row, "a1").value(), std::nullopt);
    EXPECT_EQ(list.get(Family::row, "a2").value(), "new");
    EXPECT_EQ(list.get(Family::row, "a3").value(), std::nullopt);
    EXPECT_EQ(list.get(Family::row, "b1").value(), "old");
    EXPECT_EQ(group.get(Family::row, "a1").value(), "old") << "the list is not accepted yet";
    std::move(list).fold_into(group);
    store.write(group.batch());
    EXPECT_EQ(store.kv->get(Family::row, "a1").value(), std::nullopt);
    EXPECT_EQ(store.kv->get(Family::row, "a2").value(), "new");
    EXPECT_EQ(store.kv->get(Family::row, "a3").value(), std::nullopt);
    EXPECT_EQ(store.kv->get(Family::row, "b1").value(), "old");
}

}  // namespace
}  // namespace winnow::test
