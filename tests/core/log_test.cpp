#include "core/log.hpp"

#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <thread>
#include <vector>

#include "tests/support/json.hpp"
#include "tests/support/manual_clock.hpp"

namespace winnow {
namespace {

using Lines = std::vector<std::string>;

struct CallbackLogTest : testing::Test {
    test::ManualClock clock;
    Lines lines;
    std::unique_ptr<Log> log = make_callback_log(
        [](std::string_view line, void* arg) { static_cast<Lines*>(arg)->emplace_back(line); }, &lines, clock);
};

TEST_F(CallbackLogTest, ALineIsTimeLevelEventAndTheFieldsInOrder)
{
    log->warn("site_paused", {{"site", "mx.example.test"}, {"seconds", 90}, {"ratio", 0.25}, {"probe", true}});
    EXPECT_EQ(lines, Lines{R"({"ts":"2026-01-01T00:00:00.000Z","level":"warn","event":"site_paused",)"
                           R"("site":"mx.example.test","seconds":90,"ratio":0.25,"probe":true})"});
}

TEST_F(CallbackLogTest, NoContentOfAFieldBreaksTheLine)
{
    const std::string latin1 = "bo\xeete \"pleine\"\r\n{\"level\":\"forged\"}\x1b[31m";
    log->info("reply", {{"text", latin1}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].find_first_of("\r\n\x1b"), std::string::npos);
    const auto parsed = test::parse_json(lines[0]);
    EXPECT_EQ(parsed["level"], "info");
    EXPECT_EQ(parsed["text"], "bo\uFFFDte \"pleine\"\r\n{\"level\":\"forged\"}\x1b[31m");
    EXPECT_TRUE(parsed["nan"].is_null());
}

TEST_F(CallbackLogTest, AFieldCannotReplaceTimeLevelOrEvent)
{
    log->error("real", {{"event", "forged"}, {"level", "debug"}, {"x", 1}, {"x", 2}});
    const auto parsed = test::parse_json(lines.at(0));
    EXPECT_EQ(parsed["event"], "real");
    EXPECT_EQ(parsed["level"], "error");
    EXPECT_EQ(parsed["x"], 1);
}

TEST(NullLog, TakesEverything)
{
    null_log().error("anything", {{"field", 1}});
    EXPECT_EQ(null_log().dropped(), 0u);
}

TEST(AsyncLog, WritesWholeLinesOfTheWantedLevelsBeforeItEnds)
{
    test::ManualClock clock;
    std::string out;
    {
        const auto log = make_async_log(
            LogLevel::info, clock, [&](std::string_view line) { out += line; }, 1000);
        log->debug("not wanted");
        std::vector<std::jthread> writers;
        for (int w = 0; w < 4; ++w)
            writers.emplace_back([&log, w] {
                for (int i = 0; i < 100; ++i)
                    log->info("tick", {{"writer", w}, {"i", i}});
            });
    }
    int count = 0;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line); ++count)
        EXPECT_EQ(test::parse_json(line)["event"], "tick");
    EXPECT_EQ(count, 400);
}

TEST(AsyncLog, AFullQueueDropsCountsAndSaysSoInsteadOfBlocking)
{
    test::ManualClock clock;
    Lines lines;
    std::promise<void> taken;
    std::promise<void> release;
    auto log = make_async_log(
        LogLevel::info, clock,
        [&, first = true](std::string_view line) mutable {
            lines.emplace_back(line);
            if (std::exchange(first, false)) {
                taken.set_value();
                release.get_future().wait();
            }
        },
        4);
    log->info("first");
    taken.get_future().wait();  // the log's thread now holds the first line; the queue is empty
    for (int i = 0; i < 10; ++i)
        log->info("later", {{"i", i}});
    EXPECT_EQ(log->dropped(), 6u);
    release.set_value();
    log.reset();

    ASSERT_EQ(lines.size(), 6u);  // first, the remark, and the four youngest
    EXPECT_EQ(test::parse_json(lines[1])["event"], "log_lines_dropped");
    EXPECT_EQ(test::parse_json(lines[1])["count"], 6);
    EXPECT_EQ(test::parse_json(lines[2])["i"], 6);
    EXPECT_EQ(test::parse_json(lines[5])["i"], 9);
}

TEST(Redact, KeepsTheDomainAndTheFirstCharacter)
{
    EXPECT_EQ(redact("jane.doe@example.com"), "j***@example.com");
    EXPECT_EQ(redact("j@example.com"), "j***@example.com");
    EXPECT_EQ(redact("\"a@b\"@example.com"), "\"***@example.com");
    EXPECT_EQ(redact("\xc3\xa9lise@example.com"), "\xc3\xa9***@example.com");
    EXPECT_EQ(redact("@example.com"), "***@example.com");
    EXPECT_EQ(redact("not an address"), "n***");
    EXPECT_EQ(redact(""), "***");
}

}  // namespace
}  // namespace winnow
