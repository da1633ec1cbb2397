// The committer thread: groups, order, neighbours, the end.

#include <set>

#include "tests/storage/engine_fixture.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

using namespace storage;

class CommitterThread : public EngineTest<RocksHome> {
public:
    /// Starts a commit; its result lands in `results` at `slot`, on io's thread.
    void start(std::size_t slot, OpList ops)
    {
        spawn_then(io, engine->commit(std::move(ops)), [this, slot](Result<Committed> result) {
            on_io = on_io && io.get_executor().running_in_this_thread();
            ++ended;
            results.at(slot).emplace(std::move(result));
        });
    }
    void finish()
    {
        io.restart();
        io.run();
    }
    std::vector<std::optional<Result<Committed>>> results;
    std::size_t ended = 0;
    bool on_io = true;
};

TEST_F(CommitterThread, ManyCallersShareSyncsAndEachGetsItsOwnAnswerOnItsOwnExecutor)
{
    constexpr std::size_t callers = 400;
    results.resize(callers);
    const auto before = get(engine->stats());
    ended = 0;
    for (std::size_t i = 0; i < callers; ++i) {
        if (i % 10 == 3)
            start(i, OpList::of(Enqueue{message("x@example.test")}, PutRows{ws, "no such list", {}}));
        else
            start(i, OpList::of(Enqueue{message("a" + std::to_string(i) + "@example.test")}));
    }
    finish();
    ASSERT_EQ(ended, callers);
    EXPECT_TRUE(on_io);
    std::set<std::uint64_t> seqs;
    for (std::size_t i = 0; i < callers; ++i) {
        ASSERT_TRUE(results[i].has_value());
        EXPECT_EQ(static_cast<bool>(*results[i]), i % 10 != 3) << i;
        if (*results[i])
            seqs.insert((**results[i]).results.at(0).message.seq);
    }
    EXPECT_EQ(seqs.size(), 360u);
    EXPECT_EQ(*seqs.begin(), 1u);
    EXPECT_EQ(*seqs.rbegin(), 360u) << "refused lists use up no number";
    const auto after = get(engine->stats());
    EXPECT_EQ(after.commits - before.commits, 360u);
    EXPECT_LT(after.groups - before.groups, 200u) << "syncs are shared";
    EXPECT_EQ(events().size(), 360u);
}

TEST_F(CommitterThread, OpListsOfOneCallerAreAppliedInTheOrderOfSubmission)
{
    constexpr std::size_t count = 200;
    results.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        ListRecord record = list("L1");
        record.version = i;  // each one needs its predecessor
        start(i, OpList::of(PutList{record}));
    }
    finish();
    for (std::size_t i = 0; i < count; ++i)
        EXPECT_TRUE(results[i] && *results[i]) << i;
    EXPECT_EQ(get(engine->get_list(ws, "L1"))->version, count);
}

TEST_F(CommitterThread, AGroupStopsAtItsSize)
{
    options.group_bytes = 1;
    reopen();
    constexpr std::size_t count = 50;
    results.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        start(i, OpList::of(PutValue{"k" + std::to_string(i), "v"}));
    finish();
    EXPECT_EQ(ended, count);
    EXPECT_EQ(get(engine->stats()).groups, count) << "one list fills a group of one octet";
}

TEST_F(CommitterThread, AFailedSyncFailsTheWholeGroupButNotTheReasonOfARefusal)
{
    constexpr std::size_t count = 20;
    results.resize(count);
    home.fail_next_sync();
    for (std::size_t i = 0; i < count; ++i) {
        if (i == 0)
            start(i, OpList::of(PutRows{ws, "no such list", {}}));
        else
            start(i, OpList::of(PutValue{"k", "v"}));
    }
    finish();
    EXPECT_EQ(results[0]->error().code, code(Errc::not_found));
    for (std::size_t i = 1; i < count; ++i) {
        ASSERT_FALSE(*results[i]);
        const auto failed = results[i]->error().code;
        EXPECT_TRUE(failed == code(Errc::io_error) || failed == code(Errc::unavailable)) << failed.message();
    }
    EXPECT_EQ(get(engine->get_value("k")), std::nullopt);
}

TEST_F(CommitterThread, CloseFinishesWhatWasSubmitted)
{
    constexpr std::size_t count = 100;
    results.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        start(i, OpList::of(PutValue{"k" + std::to_string(i), "v"}));
    io.poll();  // everything is submitted
    ASSERT_TRUE(engine->close());
    finish();
    EXPECT_EQ(ended, count);
    reopen();
    for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(results[i]);
        EXPECT_EQ(static_cast<bool>(*results[i]), get(engine->get_value("k" + std::to_string(i))).has_value());
    }
}

}  // namespace
}  // namespace winnow::test
