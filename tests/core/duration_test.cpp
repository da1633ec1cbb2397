#include "core/duration.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace winnow {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsNumbersWithUnits)
{
    const std::pair<std::string_view, milliseconds> table[] = {
        {"250ms", 250ms},
        {"90s", 90s},
        {"15m", 15min},
        {"1h30m", 90min},
        {"2d", 48h},
        {"0s", 0ms},
        {"1d2h3m4s5ms", 93'784'005ms},
        {"1s500ms", 1500ms},
    };
    for (const auto& [text, value] : table)
        EXPECT_EQ(parse_duration(text).value(), value) << text;
}

TEST(Duration, RefusesWhatCouldBeMisunderstoodAndNamesTheCure)
{
    for (const std::string_view text : {"", "15", "m", "-5m", "+5m", "1.5h", "5 m", "5M", "5min", "30m1h", "1h1h",
                                        "5m3", " 5m", "5m ", "106751991168d", "99999999999999999999s"}) {
        const auto result = parse_duration(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, Errc::invalid_argument);
    }
    EXPECT_NE(parse_duration("15").error().context.find("for example 15m"), std::string::npos);
}

TEST(Duration, IsWrittenInTheLargestUnits)
{
    EXPECT_EQ(format_duration(5min + 30s), "5m30s");
    EXPECT_EQ(format_duration(48h), "2d");
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(0ms), "0s");
    EXPECT_EQ(format_duration(-90s), "-1m30s");
    EXPECT_EQ(format_duration(milliseconds::min()).front(), '-');
}

RC_GTEST_PROP(Duration, EveryDurationIsReadBackAsWritten, ())
{
    const auto count = *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max());
    RC_ASSERT(parse_duration(format_duration(milliseconds{count})).value() == milliseconds{count});
}

TEST(Time, IsWrittenAndReadAsRfc3339)
{
    const TimePoint t = parse_time("2026-01-02T03:04:05.678Z").value();
    EXPECT_EQ(to_unix_ms(t), 1'767'323'045'678);
    EXPECT_EQ(format_time(t), "2026-01-02T03:04:05.678Z");
    EXPECT_EQ(parse_time("2026-01-02T05:04:05.678+02:00").value(), t);
    EXPECT_EQ(parse_time("2026-01-01 22:34:05.6789999-04:30").value(), t);
    EXPECT_EQ(parse_time("2026-01-02t03:04:05z").value(), t - 678ms);
    EXPECT_EQ(format_time(parse_time("2024-02-29T23:59:60Z").value()), "2024-03-01T00:00:00.000Z");
    EXPECT_EQ(format_time(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, RefusesWhatIsNoInstant)
{
    for (const std::string_view text :
         {"", "2026-01-02", "2026-01-02T03:04:05", "2026-1-2T03:04:05Z", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z",
          "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z", "2026-01-02T03:04:05.Z",
          "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+0200", "2026-01-02T03:04:05+24:00", "2026-00-02T03:04:05Z"})
        EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Time, ADateStandsForItsFirstInstant)
{
    EXPECT_EQ(format_time(parse_date_or_time("2024-02-29").value()), "2024-02-29T00:00:00.000Z");
    EXPECT_EQ(parse_date_or_time("2024-02-29T01:00:00+01:00").value(), parse_date_or_time("2024-02-29").value());
    for (const char* text : {"", "2024", "2024-13-01", "2023-02-29", "2024-2-9", "29.02.2024", "02/29/2024",
                             "2024-02-29T", "2024-02-29T01:00:00", "2024-02-29 ", "yesterday"}) {
        const auto time = parse_date_or_time(text);
        ASSERT_FALSE(time) << text;
        EXPECT_NE(time.error().context.find("2026-01-31T12:00:00Z"), std::string::npos);
    }
}

RC_GTEST_PROP(Time, EveryInstantOfFourDigitYearsIsReadBackAsWritten, ())
{
    const auto ms = *rc::gen::inRange<std::int64_t>(-62'135'596'800'000, 253'402'300'800'000);
    RC_ASSERT(parse_time(format_time(from_unix_ms(ms))).value() == from_unix_ms(ms));
}

TEST(Time, IsWrittenForMailHeaders)
{
    EXPECT_EQ(format_rfc5322_date(from_unix_ms(1'767'323'045'678)), "Fri, 02 Jan 2026 03:04:05 +0000");
    EXPECT_EQ(format_rfc5322_date(from_unix_ms(0)), "Thu, 01 Jan 1970 00:00:00 +0000");
}

TEST(Size, ReadsBytesAndPowersOf1024)
{
    EXPECT_EQ(parse_size("512").value(), 512u);
    EXPECT_EQ(parse_size("64KB").value(), 65'536u);
    EXPECT_EQ(parse_size("10mb").value(), 10'485'760u);
    EXPECT_EQ(parse_size("2GB").value(), 2'147'483'648u);
    for (const std::string_view text : {"", "KB", "-1KB", "1.5MB", "1 MB", "1XB", "1K", "18014398509481984KB"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Size, IsWrittenInTheLargestUnitThatDividesIt)
{
    EXPECT_EQ(format_size(65'536), "64KB");
    EXPECT_EQ(format_size(1'536), "1536B");
    EXPECT_EQ(format_size(0), "0B");
}

RC_GTEST_PROP(Size, EverySizeIsReadBackAsWritten, (std::uint64_t bytes))
{
    RC_ASSERT(parse_size(format_size(bytes)).value() == bytes);
}

}  // namespace
}  // namespace winnow
