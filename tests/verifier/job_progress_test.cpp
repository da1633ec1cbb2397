#include "verifier/job_progress.hpp"

#include <gtest/gtest.h>

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SteadyPoint begin{hours{7}};

TEST(RateWindowTest, CountsTheLastMinute)
{
    RateWindow rate{begin};
    for (int second = 0; second < 120; ++second)
        rate.record(second < 60 ? 10 : 30, begin + seconds{second});
    EXPECT_DOUBLE_EQ(rate.per_second(begin + seconds{119}), 30.0);
    EXPECT_DOUBLE_EQ(rate.per_second(begin + seconds{119 + 30}), 15.0) << "half of the minute was silent";
    EXPECT_DOUBLE_EQ(rate.per_second(begin + seconds{119 + 60}), 0.0);
    EXPECT_DOUBLE_EQ(rate.per_second(begin + hours{100}), 0.0);
}

TEST(RateWindowTest, AtFirstCountsTheTimeThereWas)
{
    RateWindow rate{begin};
    EXPECT_DOUBLE_EQ(rate.per_second(begin), 0.0);
    rate.record(500, begin + milliseconds{100});
    EXPECT_DOUBLE_EQ(rate.per_second(begin + milliseconds{100}), 500.0) << "no rate is told of less than a second";
    rate.record(500, begin + seconds{10});
    EXPECT_DOUBLE_EQ(rate.per_second(begin + seconds{10}), 100.0);
}

TEST(RateWindowTest, AGapIsSilence)
{
    RateWindow rate{begin};
    rate.record(600, begin);
    rate.record(60, begin + hours{1});
    EXPECT_DOUBLE_EQ(rate.per_second(begin + hours{1}), 1.0);
}

class JobProgressTest : public testing::Test {
protected:
    JobProgressTest()
    {
        job.state = JobState::running;
        job.deadline = now + hours{2};
        job.counters.total = 10'000;
        job.counters.done = 4'000;
    }

    TimePoint now{hours{400'000}};
    storage::JobRecord job;
};

TEST_F(JobProgressTest, WhatIsLeftAtThisRate)
{
    const JobProgress progress = progress_of(job, 100.0, now);
    EXPECT_DOUBLE_EQ(progress.rows_per_second, 100.0);
    EXPECT_EQ(progress.eta, seconds{60});
}

TEST_F(JobProgressTest, IsNeverPastTheDeadline)
{
    EXPECT_EQ(progress_of(job, 0.1, now).eta, hours{2});
    EXPECT_EQ(progress_of(job, 1e-300, now).eta, hours{2});
    EXPECT_EQ(progress_of(job, 100.0, now + hours{3}).eta, seconds{0});
}

TEST_F(JobProgressTest, NobodyKnowsWithoutARateOrWhenAllIsWaiting)
{
    EXPECT_FALSE(progress_of(job, 0.0, now).eta);
    job.counters.waiting = 6'000;
    EXPECT_FALSE(progress_of(job, 100.0, now).eta) << "a receiver said when";
    job.counters.waiting = 5'999;
    EXPECT_TRUE(progress_of(job, 100.0, now).eta);
}

TEST_F(JobProgressTest, AJobThatDoesNotRunHasNone)
{
    for (const JobState state : {JobState::paused, JobState::waiting, JobState::done, JobState::cancelled}) {
        job.state = state;
        EXPECT_FALSE(progress_of(job, 100.0, now).eta);
        EXPECT_EQ(progress_of(job, 100.0, now).rows_per_second, 0.0);
    }
}

TEST_F(JobProgressTest, WhatItCostIsToldPerAddress)
{
    storage::JobCounters c;
    EXPECT_FALSE(probes_per_decided(c));
    EXPECT_FALSE(connections_per_1000(c));
    c.by_reason = {{Reason::accepted, 60}, {Reason::mailbox_not_found, 20}, {Reason::greylisted, 20}};
    c.done = 100;
    c.probes = 120;
    c.connections = 25;
    EXPECT_EQ(decided(c), 80u);
    EXPECT_DOUBLE_EQ(*probes_per_decided(c), 1.5);
    EXPECT_DOUBLE_EQ(*connections_per_1000(c), 250.0);
    c.by_reason = {{Reason::timeout, 100}};
    EXPECT_FALSE(probes_per_decided(c)) << "nothing is decided";
}

}  // namespace
}  // namespace winnow::verifier
