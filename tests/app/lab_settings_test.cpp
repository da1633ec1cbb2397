#include "app/lab_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/commands.hpp"

namespace winnow::app {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(LabSettings, TheDefaultsAndTighterMannersAreNoneOfThem)
{
    Config config;
    EXPECT_EQ(lab_settings(config), "");
    config.verifier.manners.rcpts_per_connection = 1;
    config.verifier.manners.between_rcpts = milliseconds{5'000};
    EXPECT_EQ(lab_settings(config), "");
}

TEST(LabSettings, FlagsForLabsAreTold)
{
    Config config;
    ProbeFlags flags;
    flags.allow_private = true;
    ASSERT_TRUE(apply(flags, config));
    EXPECT_THAT(lab_settings(config), HasSubstr("--allow-private"));
    EXPECT_THAT(lab_settings(config), Not(HasSubstr("manners")));
    flags.fast = true;
    ASSERT_TRUE(apply(flags, config));
    EXPECT_THAT(lab_settings(config), HasSubstr("manners"));
    EXPECT_THAT(lab_settings(config), HasSubstr("300 times shorter"));
}

TEST(LabSettings, ASettingThatKnocksMoreOftenIsTold)
{
    Config config;
    config.verifier.manners.between_connections = milliseconds{0};
    EXPECT_THAT(lab_settings(config), HasSubstr("verifier.manners"));
    config = Config{};
    config.verifier.manners.large_per_hour = 0;
    EXPECT_THAT(lab_settings(config), HasSubstr("verifier.manners"));
}

}  // namespace
}  // namespace winnow::app
