#include "core/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace winnow {
namespace {

using testing::HasSubstr;

TEST(Metrics, CountersGaugesAndHistogramsAreExposedAsText)
{
    Metrics metrics;
    metrics.counter("winnow_probes_total", "Probes made", {{"verdict", "risky"}}).add();
    metrics.counter("winnow_probes_total", "Probes made", {{"verdict", "risky"}}).add(2);
    metrics.counter("winnow_probes_total", "Probes made", {{"verdict", "unknown"}}).add();
    metrics.gauge("winnow_queue_messages", "Messages waiting").set(7);
    auto& seconds = metrics.histogram("winnow_sync_seconds", "Time of a sync", {0.001, 0.01});
    seconds.observe(0.0005);
    seconds.observe(0.5);

    const std::string text = metrics.expose();
    EXPECT_THAT(text, HasSubstr("# HELP winnow_probes_total Probes made\n# TYPE winnow_probes_total counter\n"));
    EXPECT_THAT(text, HasSubstr("winnow_probes_total{verdict=\"risky\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("winnow_probes_total{verdict=\"unknown\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("winnow_queue_messages 7\n"));
    EXPECT_THAT(text, HasSubstr("winnow_sync_seconds_bucket{le=\"0.001\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("winnow_sync_seconds_bucket{le=\"+Inf\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("winnow_sync_seconds_count 2\n"));
}

TEST(Metrics, TheSameNameAndLabelsGiveTheSameHandleWhateverTheirOrder)
{
    Metrics metrics;
    auto& one = metrics.counter("winnow_x_total", "help", {{"a", "1"}, {"b", "2"}});
    EXPECT_EQ(&one, &metrics.counter("winnow_x_total", "another help", {{"b", "2"}, {"a", "1"}}));
    EXPECT_NE(&one, &metrics.counter("winnow_x_total", "help", {{"a", "1"}, {"b", "3"}}));
    EXPECT_THAT(metrics.expose(), HasSubstr("# HELP winnow_x_total help\n"));
}

TEST(Metrics, ANameOfAnotherKindOrAMalformedOneIsRefused)
{
    Metrics metrics;
    metrics.counter("winnow_x_total", "help");
    EXPECT_THROW(metrics.gauge("winnow_x_total", "help"), std::invalid_argument);
    EXPECT_THROW(metrics.counter("winnow-x", "help"), std::invalid_argument);
}

TEST(Metrics, LabelValuesAreEscaped)
{
    Metrics metrics;
    metrics.gauge("winnow_x", "help", {{"text", "a\"b\\c\nd"}}).set(1);
    EXPECT_THAT(metrics.expose(), HasSubstr(R"(winnow_x{text="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, HandlesAddUpFromManyThreads)
{
    Metrics metrics;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&metrics] {
                for (int i = 0; i < 1000; ++i)
                    metrics.counter("winnow_x_total", "help").add();
            });
    }
    EXPECT_THAT(metrics.expose(), HasSubstr("winnow_x_total 4000\n"));
}

}  // namespace
}  // namespace winnow
