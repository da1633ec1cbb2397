#include <gtest/gtest.h>

#include "app/commands.hpp"
#include "core/duration.hpp"

namespace winnow::app {
namespace {

std::string since(const std::string& given)
{
    const auto time = since_of(given, parse_time("2026-11-20T12:00:00Z").value());
    return time ? format_time(*time) : time.error().context;
}

TEST(Since, IsHowLongAgoADayOrATime)
{
    EXPECT_EQ(since("7d"), "2026-11-13T12:00:00.000Z");
    EXPECT_EQ(since("24h"), "2026-11-19T12:00:00.000Z");
    EXPECT_EQ(since("2026-11-01"), "2026-11-01T00:00:00.000Z");
    EXPECT_EQ(since("2026-11-01T10:00:00+02:00"), "2026-11-01T08:00:00.000Z");
}

TEST(Since, AnythingElseIsToldWithExamples)
{
    for (const char* given : {"yesterday", "7", "2026-13-01", "-3d"})
        EXPECT_NE(since(given).find("7d, 24h"), std::string::npos) << since(given);
}

}  // namespace
}  // namespace winnow::app
