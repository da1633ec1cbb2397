// What is particular to the RocksDB substrate; everything else is in the conformance suite.
#include "storage/rocks_kv.hpp"

#include <gtest/gtest.h>

#include "storage/record_codec.hpp"
#include "storage/rocks_engine.hpp"
#include "storage/suppression_value.hpp"
#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class RocksKvTest : public ::testing::Test {
protected:
    TempDir dir;
    std::unique_ptr<KeyValueStore> kv;

    void open(KvExpired expired = {})
    {
        kv.reset();
        RocksKvOptions options;
        options.directory = dir.file("store");
        options.merge = merge_suppression_values;
        options.expired = std::move(expired);
        auto opened = open_rocks_kv(std::move(options));
        ASSERT_TRUE(opened) << opened.error().message();
        kv = std::move(*opened);
    }
    void put(Family family, std::string key, std::string value)
    {
        KvBatch batch;
        batch.put(family, std::move(key), std::move(value));
        ASSERT_TRUE(kv->write(batch, true));
    }
};

TEST_F(RocksKvTest, MergesAreFoldedTheSameWayBeforeAndAfterACompactionAndAReopening)
{
    open();
    SuppressionFacts expected;
    for (const auto reason : {SuppressionReason::bounce, SuppressionReason::manual, SuppressionReason::bounce}) {
        SuppressionFacts facts;
        facts.facts.push_back({});
        facts.facts.back().core.reason = reason;
        facts.facts.back().core.strikes = static_cast<int>(expected.facts.size());
        expected = join(expected, facts);
        KvBatch batch;
        batch.add(KvWrite::Kind::merge, Family::suppression, "k", encode(facts));
        ASSERT_TRUE(kv->write(batch, true));
    }
    const auto stored = [this] { return kv->get(Family::suppression, "k").value().value(); };
    EXPECT_EQ(stored(), encode(expected));
    ASSERT_TRUE(kv->compact(Family::suppression));
    EXPECT_EQ(stored(), encode(expected));
    open();
    EXPECT_EQ(stored(), encode(expected));
}

TEST_F(RocksKvTest, CompactionDropsWhatExpiredAndNothingElse)
{
    open([](Family family, std::string_view value) { return family == Family::value && value == "old"; });
    put(Family::value, "a", "old");
    put(Family::value, "b", "new");
    put(Family::verdict, "a", "old");
    put(Family::event, "a", "old");
    EXPECT_TRUE(kv->get(Family::value, "a").value());
    for (const Family family : {Family::value, Family::verdict, Family::event})
        ASSERT_TRUE(kv->compact(family));
    EXPECT_FALSE(kv->get(Family::value, "a").value());
    EXPECT_TRUE(kv->get(Family::value, "b").value());
    EXPECT_TRUE(kv->get(Family::verdict, "a").value());
    EXPECT_TRUE(kv->get(Family::event, "a").value());
}

TEST_F(RocksKvTest, AnIteratorAndASnapshotOutliveTheClosingOfTheStore)
{
    open();
    put(Family::event, "a", "1");
    auto snapshot = kv->snapshot();
    auto at = kv->scan(Family::event, KeyRange{}, snapshot.get());
    ASSERT_TRUE(kv->close());
    ASSERT_TRUE(at->valid());
    EXPECT_EQ(at->value(), "1");
    EXPECT_FALSE(kv->get(Family::event, "a"));
    EXPECT_FALSE(kv->scan(Family::event, KeyRange{})->valid());
    at.reset();
    snapshot.reset();
}

TEST_F(RocksKvTest, AScanStaysInItsBoundsAndFamily)
{
    open();
    for (const char* key : {"a", "b1", "b2", "c"})
        put(Family::event, key, key);
    put(Family::row, "b3", "b3");
    std::string seen;
    auto at = kv->scan(Family::event, KeyRange::prefix("b"));
    for (; at->valid(); at->next())
        seen += at->key();
    EXPECT_EQ(seen, "b1b2");
    EXPECT_TRUE(at->status());
}

}  // namespace
}  // namespace winnow::test
