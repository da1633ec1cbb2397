#include "verifier/unfinished_lists.hpp"

#include <utility>

#include "storage/memory_disk.hpp"
#include "tests/verifier/list_fixture.hpp"

namespace winnow::verifier {
namespace {

class UnfinishedLists : public ListTest {
protected:
    std::size_t discard() { return lab.run(discard_unfinished_lists(*lab.engine, ProbeLab::ws)).value(); }

    /// The whole program, on a disk that is well again.
    void restart()
    {
        lab.kill_process();
        storage::set_faults(*lab.disk, {});
        auto engine = storage::open_memory_engine(lab.disk, storage::EngineKeys::fixed("lab"), {}, lab.clock, lab.rng);
        lab.engine = std::move(engine.value());
    }

    void store(const std::string& id, bool complete)
    {
        storage::ListRecord list;
        list.workspace = ProbeLab::ws;
        list.id = id;
        list.name = id;
        list.complete = complete;
        auto ops = storage::OpList::of(storage::PutList{std::move(list)});
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    }
};

TEST_F(UnfinishedLists, AreRemovedAndFinishedOnesStay)
{
    const auto kept = upload("email,name\na@x.test,Ann\n").list;
    store("0000000000000000000000000A", false);
    store("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", false);
    EXPECT_EQ(discard(), 2u);
    EXPECT_EQ(stored_lists(), 1u);
    EXPECT_EQ(rows(kept).size(), 1u);
    EXPECT_EQ(discard(), 0u);
}

TEST_F(UnfinishedLists, AreFoundBehindAPageOfFinishedOnes)
{
    for (int i = 0; i < 501; ++i)
        store("L" + std::to_string(1'000 + i), true);
    store("M", false);
    EXPECT_EQ(discard(), 1u);
}

TEST_F(UnfinishedLists, WhatADiskThatFailedLeftIsGoneAfterTheNextStart)
{
    storage::DiskFaults full;
    full.fail_sync_after = 2;
    storage::set_faults(*lab.disk, full);
    ASSERT_FALSE(try_upload(people(20'000)));
    EXPECT_EQ(stored_lists(), 1u) << "the store takes no writes any more, so the upload could not be taken out";

    restart();
    EXPECT_EQ(stored_lists(), 1u);
    EXPECT_EQ(discard(), 1u);
    EXPECT_EQ(stored_lists(), 0u);
    EXPECT_TRUE(upload("a@x.test\n").list.complete);
}

}  // namespace
}  // namespace winnow::verifier
