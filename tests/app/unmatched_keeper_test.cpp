#include "app/unmatched_keeper.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <fstream>

#include "storage/memory_disk.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::app {
namespace {

class UnmatchedKeeperTest : public testing::Test {
protected:
    void SetUp() override
    {
        config.share_dir = WINNOW_DATA_DIR;
        config.replies_extra = dir.file("own.tsv");
        rows("");
        start();
    }
    /// Rows of the installation's own, as the file holds them.
    void rows(const std::string& text) const { std::ofstream(config.replies_extra) << "# own\n" << text; }
    /// A process over the same disk.
    void start()
    {
        engine.reset();
        auto made = Runtime::make(config, null_log(), false);
        ASSERT_TRUE(made) << made.error().context;
        runtime = std::move(*made);
        engine = storage::open_memory_engine(disk, storage::EngineKeys::fixed("lab"), {}, runtime->clock, runtime->rng)
                     .value();
    }
    void hear(const char* words) const { (void)runtime->replies->classify(SmtpReply::make(550, words), {}); }
    void run(boost::asio::awaitable<void> story) const
    {
        run_to_end(*runtime, [](boost::asio::awaitable<void> told) -> boost::asio::awaitable<int> {
            co_await std::move(told);
            co_return 0;
        }(std::move(story)));
        runtime->io.restart();
    }

    test::TempDir dir;
    Config config;
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<storage::Engine> engine;
};

TEST_F(UnmatchedKeeperTest, WhatWasCollectedIsThereInTheNextRun)
{
    {
        UnmatchedKeeper keeper{*runtime, *engine};
        run(keeper.load());
        hear("qwertz");
        run(keeper.save());
        EXPECT_EQ(keeper.replies().all().size(), 1u);
    }
    hear("yxcvb");  // nobody collects
    start();
    UnmatchedKeeper keeper{*runtime, *engine};
    run(keeper.load());
    hear("qwertz");
    ASSERT_EQ(keeper.replies().all().size(), 1u);
    EXPECT_EQ(keeper.replies().all().at(0).text, "qwertz");
    EXPECT_EQ(keeper.replies().all().at(0).count, 2u);
}

TEST_F(UnmatchedKeeperTest, WhatARowReadsByNowIsNoLongerUnmatched)
{
    {
        UnmatchedKeeper keeper{*runtime, *engine};
        hear("qwertz");
        hear("yxcvb");
        run(keeper.save());
    }
    rows("own-1\t*\t5xx\t-\t*\tqwertz\tpolicy\t-\town\n");
    start();
    UnmatchedKeeper keeper{*runtime, *engine};
    run(keeper.load());
    ASSERT_EQ(keeper.replies().all().size(), 1u);
    EXPECT_EQ(keeper.replies().all().at(0).text, "yxcvb");
}

}  // namespace
}  // namespace winnow::app
