// What happens when the disk, the files or the operator go wrong.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "storage/kv_engine.hpp"
#include "storage/memory_kv.hpp"
#include "storage/start_up.hpp"
#include "storage/suppression_value.hpp"
#include "tests/storage/engine_fixture.hpp"
#include "tests/support/spawn.hpp"
#include "tests/support/virtual_timers.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class Faults : public AnyEngineTest {};
WINNOW_FOR_EACH_ENGINE(Faults);

TEST_P(Faults, AfterAFailedSyncTheStoreIsReadOnlyUntilTheRestart)
{
    apply(PutValue{"k", "1"});
    home.fail_next_sync();
    const auto failed = run(engine->commit(OpList::of(PutValue{"k", "2"})));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, code(Errc::io_error));
    home.heal();
    EXPECT_EQ(refuse(PutValue{"k", "3"}), code(Errc::unavailable)) << "the disk is fine again, the promise is not";
    EXPECT_EQ(get(engine->get_value("k")), "1") << "nothing of the failed commit shows";
    const auto stats = get(engine->stats());
    EXPECT_TRUE(stats.read_only);
    EXPECT_NE(stats.read_only_reason, "");
    reopen();
    EXPECT_FALSE(get(engine->stats()).read_only);
    apply(PutValue{"k", "4"});
    EXPECT_EQ(get(engine->get_value("k")), "4");
}

TEST_P(Faults, AnotherKeySetIsRefused)
{
    engine.reset();
    const auto opened = home.open(EngineKeys::fixed("other"), options, clock, rng);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code(Errc::conflict));
    EXPECT_NE(opened.error().context.find("key file"), std::string::npos) << opened.error().context;
    reopen();
}

TEST_P(Faults, TheNumberOfLanesIsThatOfTheFirstOpening)
{
    options.lanes = 3;
    reopen();
    EXPECT_EQ(engine->lane_count(), 8u);
}

TEST(MemoryDiskFaults, ARecordThatCannotBeReadIsReportedKeptAsideAndNotDeleted)
{
    struct Fixture : EngineTest<MemoryHome> {
        void TestBody() override {}
    } f;
    f.SetUp();
    f.apply(PutList{f.list("L1")});
    f.apply(PutList{f.list("L2")});
    f.apply(PutVerdict{f.ws, address("a@example.test"), {}});
    ASSERT_TRUE(damage_first_value(*f.home.disk, "document"));
    ASSERT_TRUE(damage_first_value(*f.home.disk, "verdict"));
    const auto alone = f.run(f.engine->get_list(f.ws, "L1"));
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().code, code(Errc::corrupt));
    const auto lists = f.get(f.engine->lists(f.ws, "", 10));
    ASSERT_EQ(lists.size(), 1u) << "a list passes over it";
    EXPECT_EQ(lists[0].id, "L2");
    EXPECT_EQ(f.get(f.engine->stats()).quarantined, 1u) << "once, however often it is met";
    EXPECT_EQ(f.refuse(PutList{f.list("L1")}), code(Errc::corrupt)) << "nothing overwrites it unread";
    EXPECT_FALSE(f.get(f.engine->get_verdict(f.ws, address("a@example.test")))) << "a cache: absent";
    EXPECT_EQ(f.get(f.engine->stats()).quarantined, 2u);
    ASSERT_TRUE(damage_first_value(*f.home.disk, "document"));  // the same bit again: as it was
    EXPECT_TRUE(f.get(f.engine->get_list(f.ws, "L1"))) << "the record itself stayed in its place";
}

TEST(MemoryDiskFaults, ASuppressionThatCannotBeReadStopsTheMailRatherThanLettingItThrough)
{
    struct Fixture : EngineTest<MemoryHome> {
        void TestBody() override {}
    } f;
    f.SetUp();
    SuppressionEntry entry;
    entry.workspace = f.ws;
    entry.address = "a@example.test";
    entry.origin = SuppressionOrigin::import_;
    f.apply(AddSuppression{entry});
    ASSERT_TRUE(damage_first_value(*f.home.disk, "suppression"));
    auto hits = f.engine->check(f.ws, "", address("a@example.test"));
    ASSERT_FALSE(hits);
    EXPECT_EQ(hits.error().code, code(Errc::corrupt));
    entry.reason = SuppressionReason::bounce;
    f.apply(AddSuppression{entry});  // joins, and keeps the unreadable bytes
    EXPECT_EQ(f.checked("a@example.test"), "workspace:bounce");
}

TEST(MemoryDiskFaults, DamagedCountersStartAgainADamagedSequenceRefuses)
{
    struct Fixture : EngineTest<MemoryHome> {
        void TestBody() override {}
    } f;
    f.SetUp();
    f.enqueue(f.message("a@example.test"));
    ASSERT_TRUE(damage_first_value(*f.home.disk, "state"));  // the first one is the queue's counters
    f.enqueue(f.message("b@example.test"));
    EXPECT_EQ(f.get(f.engine->queue_counts(f.ws)).queued, 1u);
    EXPECT_EQ(f.get(f.engine->stats()).quarantined, 1u);
}

TEST(MemoryDiskFaults, ACrashDuringASlowCommitLeavesAllOrNothingOfIt)
{
    for (const bool survives : {false, true}) {
        auto disk = make_memory_disk();
        ManualClock clock;
        SeededRng rng(1);
        const EngineKeys keys = EngineKeys::fixed("k");
        auto engine = open_memory_engine(disk, keys, {}, clock, rng).value();
        DiskFaults script;
        script.fail_sync_after = 0;
        script.failed_writes_survive = survives;
        set_faults(*disk, script);
        ASSERT_FALSE(run(engine->commit(OpList::of(PutValue{"a", "1"}, PutValue{"b", "2"}))));
        crash(*disk);
        EXPECT_FALSE(run(engine->commit(OpList::of(PutValue{"c", "3"}))));
        engine.reset();
        engine = open_memory_engine(disk, keys, {}, clock, rng).value();
        EXPECT_EQ(run(engine->get_value("a")).value().has_value(), survives);
        EXPECT_EQ(run(engine->get_value("b")).value().has_value(), survives);
        EXPECT_FALSE(run(engine->get_value("c")).value().has_value());
    }
}

TEST(MemoryDiskFaults, ADelayedCommitShowsNothingBeforeItEnds)
{
    auto disk = make_memory_disk();
    ManualClock clock;
    VirtualTimers timers(clock);
    SeededRng rng(1);
    auto engine = open_memory_engine(disk, EngineKeys::fixed("k"), {}, clock, rng).value();
    DiskFaults script;
    script.delay = 5ms;
    script.timers = &timers;
    set_faults(*disk, script);
    boost::asio::io_context io(1);
    bool ended = false;
    spawn_then(io, engine->commit(OpList::of(PutValue{"a", "1"})),
               [&ended](const Result<Committed>& result) { ended = result.has_value(); });
    timers.run_for(io, 4ms);
    EXPECT_FALSE(ended);
    EXPECT_FALSE(run(engine->get_value("a")).value());
    timers.run_for(io, 1ms);
    EXPECT_TRUE(ended);
    EXPECT_EQ(run(engine->get_value("a")).value(), "1");
}

// --- format

class Format : public ::testing::Test {
protected:
    std::unique_ptr<KeyValueStore> kv = open_memory_kv(make_memory_disk(), merge_suppression_values);
    SeededRng rng{1};
    Result<StoreMeta> prepare(std::uint32_t format, std::span<const Migration> steps = {}, const char* key = "k1")
    {
        return prepare_store(*kv, 4, key, rng, format, steps);
    }
};

TEST_F(Format, AnEmptyStoreBecomesOneOfThisVersion)
{
    const auto made = prepare(1);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->format, 1u);
    EXPECT_EQ(made->lanes, 4u);
    EXPECT_EQ(made->engine_uuid.size(), 16u);
    EXPECT_EQ(prepare(1)->engine_uuid, made->engine_uuid);
}

TEST_F(Format, ANewerStoreIsRefusedUntouched)
{
    ASSERT_TRUE(prepare(2));
    const auto opened = prepare(1);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code(Errc::newer_format));
    EXPECT_TRUE(prepare(2));
}

Result<> write_mark(KeyValueStore& store, const char* key)
{
    KvBatch batch;
    batch.put(Family::value, key, "done");
    return store.write(batch, true);
}

TEST_F(Format, AnOlderStoreIsMigratedStepByStepAndAFailedStepIsRepeated)
{
    ASSERT_TRUE(prepare(1));
    static bool fails = true;
    const Migration steps[] = {
        {2, "second",
         [](KeyValueStore& store) -> Result<> {
             if (fails)
                 return Error(Errc::io_error, "no");
             return write_mark(store, "2");
         }},
        {1, "first", [](KeyValueStore& store) { return write_mark(store, "1"); }},
    };
    ASSERT_FALSE(prepare(3, steps));
    EXPECT_EQ(prepare(2, steps)->format, 2u) << "the first step is done";
    EXPECT_EQ(kv->get(Family::value, "2").value(), std::nullopt);
    fails = false;
    EXPECT_EQ(prepare(3, steps)->format, 3u);
    EXPECT_EQ(kv->get(Family::value, "1").value(), "done");
    EXPECT_EQ(kv->get(Family::value, "2").value(), "done");
}

TEST_F(Format, AStoreTooOldForThisVersionIsRefused)
{
    ASSERT_TRUE(prepare(1));
    const auto opened = prepare(2);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code(Errc::unsupported));
}

// --- the data directory

class DataDirectory : public EngineTest<RocksHome> {};

TEST_F(DataDirectory, ASecondProcessIsToldWhoHasItAndWhatToDo)
{
    const std::string dir = home.dir.path();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto opened = open_rocks_engine(dir, keys, options, clock, rng, null_log());
        const bool as_wanted =
            !opened && opened.error().code == code(Errc::locked) &&
            opened.error().context.find(dir) != std::string::npos &&
            opened.error().context.find("process " + std::to_string(::getppid())) != std::string::npos &&
            opened.error().context.find("stop") != std::string::npos;
        ::_exit(as_wanted ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(engine->close());
}

TEST_F(DataDirectory, OfANewerFormatIsRefusedWithItsName)
{
    engine.reset();
    {
        RocksKvOptions kv;
        kv.directory = home.dir.file("store");
        kv.merge = merge_suppression_values;
        auto store = open_rocks_kv(kv).value();
        const auto bytes = store->get(Family::meta, shape::meta()).value().value();
        StoreMeta meta = decode<StoreMeta>(bytes).value();
        meta.format = format_version + 1;
        KvBatch batch;
        batch.put(Family::meta, shape::meta(), encode(meta));
        ASSERT_TRUE(store->write(batch, true));
    }
    const auto opened = home.open(keys, options, clock, rng);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code(Errc::newer_format));
    EXPECT_NE(opened.error().context.find(home.dir.path().string()), std::string::npos) << opened.error().context;
}

TEST_F(DataDirectory, ThatCannotBeMadeIsAnErrorWithTheReason)
{
    const std::string file = home.dir.write("file", "");
    const auto opened = open_rocks_engine(file + "/data", keys, options, clock, rng, null_log());
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().context.find(file), std::string::npos);
}

TEST_F(DataDirectory, NoClearAddressOrDomainIsInAnyKey)
{
    std::string everything;
    auto disk = make_memory_disk();
    auto memory = open_memory_engine(disk, keys, options, clock, rng).value();
    std::swap(engine, memory);
    MessageRecord record = message("secretname@hidden-domain.test", "C1");
    const MessageRef held_one = enqueue(record);
    enqueue(record);
    record.state = MessageState::held;
    enqueue(record);
    apply(hard_bounce(held_one));
    SuppressionEntry entry;
    entry.workspace = ws;
    entry.address = "secretname+x@hidden-domain.test";
    entry.reason = SuppressionReason::complaint;
    apply(AddSuppression{entry});
    entry.address.clear();
    entry.domain = "hidden-domain.test";
    apply(AddSuppression{entry});
    apply(PutVerdict{ws, address("secretname@hidden-domain.test"), {}});
    apply(PutCatchAll{"hidden-domain.test", {}});
    apply(PutValue{"probes/hidden-domain.test", "1"});
    apply(AddCounter{"probes/secretname@hidden-domain.test", 1});
    OpList ops = OpList::of(PutValue{"k", "v"});
    ops.idempotency_key = "secretname@hidden-domain.test";
    ASSERT_TRUE(run(engine->commit(ops)));
    apply(PutList{list("L1")});
    apply(PutRows{ws, "L1", {{1, 2, "secretname@hidden-domain.test", "secretname@hidden-domain.test", 0, ""}}});
    std::swap(engine, memory);
    const std::string all_keys = dump(*disk, false);
    EXPECT_GT(all_keys.size(), 500u);
    EXPECT_EQ(all_keys.find("secretname"), std::string::npos);
    EXPECT_EQ(all_keys.find("hidden"), std::string::npos);
    EXPECT_NE(dump(*disk, true).find("secretname"), std::string::npos)
        << "the control: messages hold it in their value";
}

TEST_F(DataDirectory, SuppressedAddressesAreSealedOnDisk)
{
    SuppressionEntry entry;
    entry.workspace = ws;
    entry.address = "secretname@hidden-domain.test";
    apply(AddSuppression{entry});
    engine.reset();
    for (const auto& file : std::filesystem::recursive_directory_iterator(home.dir.path())) {
        if (!file.is_regular_file())
            continue;
        std::ifstream in(file.path(), std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        EXPECT_EQ(bytes.find("secretname"), std::string::npos) << file.path();
        EXPECT_EQ(bytes.find("hidden-domain"), std::string::npos) << file.path();
    }
    reopen();
    EXPECT_EQ(get(engine->find_suppressions(ws, address("secretname@hidden-domain.test"))).at(0).address,
              "secretname@hidden-domain.test");
}

}  // namespace
}  // namespace winnow::test
