#include "app/queue_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace winnow::app {
namespace {

using nlohmann::json;

TEST(QueueReport, SaysWhereMailWaitsAndWhatWasHeardThere)
{
    const json answer{
        {"queued", 13},
        {"held", 0},
        {"in_flight", 0},
        {"held_by_reason", json::object()},
        {"waiting",
         {{{"domain", "slow.test"},
           {"queued", 12},
           {"next", "2026-11-20T14:03:00.000Z"},
           {"last",
            {{"at", "2026-11-20T13:48:00.000Z"},
             {"stage", "rcpt"},
             {"class", "greylisted"},
             {"reply", "451 4.7.1 " + std::string("come back later, please, ") + std::string(2'000, 'x')}}}},
          {{"domain", "new.test"}, {"queued", 1}, {"next", "2026-11-20T14:05:00.000Z"}, {"last", nullptr}}}}};
    const std::string text = queue_text(answer, 80);
    EXPECT_NE(text.find("  slow.test: 12, next attempt 2026-11-20 14:03 UTC\n"), std::string::npos) << text;
    EXPECT_NE(text.find("greylisted at rcpt, 2026-11-20 13:48 UTC: 451 4.7.1 come"), std::string::npos) << text;
    EXPECT_NE(text.find("  new.test: 1, next attempt 2026-11-20 14:05 UTC\n"), std::string::npos) << text;
    EXPECT_NE(text.find("- not tried yet\n"), std::string::npos) << text;
    EXPECT_LT(text.size(), 1'000u);
}

TEST(QueueReport, AnEmptyQueueAndAnOlderServerShowTheCountsAlone)
{
    json answer{{"queued", 0}, {"held", 2}, {"in_flight", 0}, {"held_by_reason", {{"greylisted", 2}}}};
    const std::string counts = queue_text(answer, 80);
    EXPECT_NE(counts.find("greylisted 2"), std::string::npos);
    answer["waiting"] = json::array();
    EXPECT_EQ(queue_text(answer, 80), counts);
}

}  // namespace
}  // namespace winnow::app
