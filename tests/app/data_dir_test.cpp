#include "app/data_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "app/runtime.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::app {
namespace {

using testing::HasSubstr;

class DataDir : public testing::Test {
protected:
    void SetUp() override
    {
        config.share_dir = WINNOW_DATA_DIR;
        config.data_dir = globals.data_dir = dir.file("above/data");
        config.key_file = key_file_of(config.data_dir, "/nowhere/winnow.key");
        auto made = Runtime::make(config, null_log(), false);
        ASSERT_TRUE(made) << made.error().context;
        runtime = std::move(*made);
    }
    auto open(NewData new_data) { return open_data_dir(*runtime, config, globals, new_data); }

    test::TempDir dir;
    Globals globals;
    Config config;
    std::unique_ptr<Runtime> runtime;
};

TEST_F(DataDir, AMistypedFolderIsRefusedAndNothingIsMade)
{
    const auto opened = open(NewData::refused);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::invalid_argument);
    EXPECT_THAT(opened.error().context, HasSubstr("no winnow data in " + config.data_dir));
    EXPECT_THAT(opened.error().context, HasSubstr("--data-dir"));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(DataDir, AFolderThatIsThereButHoldsOtherThingsIsRefusedToo)
{
    std::filesystem::create_directories(config.data_dir);
    EXPECT_FALSE(open(NewData::refused));
    EXPECT_TRUE(std::filesystem::is_empty(config.data_dir));
}

TEST_F(DataDir, TheDataOneFolderFurtherInAreNamed)
{
    config.data_dir = dir.file("above");
    std::filesystem::create_directories(dir.file("above/data/store"));
    std::filesystem::copy_file(dir.write("x", ""), dir.file("above/data/store/CURRENT"));
    const auto opened = open(NewData::refused);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().context, HasSubstr(dir.file("above/data") + " has some"));
}

TEST_F(DataDir, TheFirstDataComeWithAKeyBesideThemAndAreFoundAgain)
{
    EXPECT_EQ(config.key_file, dir.file("above/data.key"));
    ASSERT_TRUE(open(NewData::made));
    EXPECT_TRUE(holds_data(config.data_dir).value());
    EXPECT_EQ(key_file_of(config.data_dir + "/", "/nowhere/winnow.key"), dir.file("above/data.key"));
    const auto again = open(NewData::refused);
    EXPECT_TRUE(again) << again.error().context;
}

TEST_F(DataDir, WithoutItsKeyTheConfigurationIsAskedFor)
{
    ASSERT_TRUE(open(NewData::made));
    std::filesystem::remove(config.key_file);
    config.key_file = key_file_of(config.data_dir, dir.file("winnow.key"));
    EXPECT_EQ(config.key_file, dir.file("winnow.key"));
    const auto opened = open(NewData::made);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().context, testing::StartsWith("name the configuration"));
    EXPECT_THAT(opened.error().context, HasSubstr("--config"));
    EXPECT_THAT(opened.error().context, HasSubstr(config.key_file));
    EXPECT_FALSE(std::filesystem::exists(config.key_file));
}

}  // namespace
}  // namespace winnow::app
