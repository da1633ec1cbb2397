#include "verifier/check_table.hpp"

#include <gtest/gtest.h>

namespace winnow::verifier {
namespace {

using std::chrono::seconds;

class CheckTableTest : public testing::Test {
protected:
    std::shared_ptr<OpenCheck> add(const std::string& id, const std::string& workspace = "w")
    {
        auto check = std::make_shared<OpenCheck>();
        check->workspace = workspace;
        check->id = id;
        table.add(check);
        return check;
    }
    bool has(const std::string& id, const std::string& workspace = "w")
    {
        return table.find(workspace, id, now) != nullptr;
    }

    SteadyPoint now{seconds{1'000}};
    CheckTable table{3, seconds{60}};
};

TEST_F(CheckTableTest, IsSearchedByWorkspaceAndId)
{
    const auto check = add("a");
    EXPECT_EQ(table.find("w", "a", now), check);
    EXPECT_FALSE(has("a", "other"));
    EXPECT_FALSE(has("b"));
    EXPECT_FALSE(has(""));
}

TEST_F(CheckTableTest, WhatIsNotSettledStays)
{
    add("a");
    now += std::chrono::hours{100};
    EXPECT_TRUE(has("a"));
}

TEST_F(CheckTableTest, ASettledCheckStaysForItsTime)
{
    table.settled(*add("a"), now);
    now += seconds{59};
    EXPECT_TRUE(has("a"));
    now += seconds{1};
    EXPECT_FALSE(has("a"));
    EXPECT_EQ(table.size(), 0u);
}

TEST_F(CheckTableTest, OfTooManySettledOnesTheOldestGoesAndNoOpenOne)
{
    add("open");
    for (const char* id : {"a", "b", "c", "d"}) {
        table.settled(*add(id), now);
        now += seconds{1};
    }
    EXPECT_FALSE(has("a"));
    EXPECT_TRUE(has("b"));
    EXPECT_TRUE(has("d"));
    EXPECT_TRUE(has("open"));
    EXPECT_EQ(table.size(), 4u);
}

TEST_F(CheckTableTest, ACheckThatWasNeverAddedTakesNoPlace)
{
    OpenCheck in_time;
    in_time.workspace = "w";
    table.settled(in_time, now);
    add("a");
    EXPECT_EQ(table.size(), 1u);
}

}  // namespace
}  // namespace winnow::verifier
