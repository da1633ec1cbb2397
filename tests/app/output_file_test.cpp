#include "app/output_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_dir.hpp"

namespace winnow::app {
namespace {

std::size_t files_in(const test::TempDir& dir)
{
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(dir.path()), std::filesystem::directory_iterator{}));
}

TEST(OutputFile, AppearsUnderItsNameOnlyWhenItIsWhole)
{
    const test::TempDir dir;
    auto file = OutputFile::open(dir.file("out.csv"));
    ASSERT_TRUE(file) << file.error().context;
    ASSERT_TRUE(file->write("email\n"));
    EXPECT_FALSE(std::filesystem::exists(dir.file("out.csv")));
    ASSERT_TRUE(file->commit());
    EXPECT_EQ(dir.read("out.csv"), "email\n");
    EXPECT_EQ(files_in(dir), 1u);
}

TEST(OutputFile, WhatIsDiscardedLeavesTheOldFileAndNothingElse)
{
    const test::TempDir dir;
    dir.write("out.csv", "old\n");
    auto file = OutputFile::open(dir.file("out.csv"));
    ASSERT_TRUE(file) << file.error().context;
    ASSERT_TRUE(file->write("new\n"));
    EXPECT_EQ(files_in(dir), 2u);
    file->discard();
    EXPECT_EQ(files_in(dir), 1u);
    EXPECT_EQ(dir.read("out.csv"), "old\n");
    file->discard();  // once more does no harm
}

}  // namespace
}  // namespace winnow::app
