#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"
#include "verifier/job_progress.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::seconds;

class JobCostTest : public testing::Test {
protected:
    JobCostTest()
    {
        lab.options.manners = Manners::lifted();
        lab.options.manners.connections_per_site = 1;
        lab.host().mx.rcpt_reply = users_only();
    }
    static std::function<SmtpReply(const std::string&)> users_only()
    {
        return [](const std::string& recipient) {
            return recipient.rfind("user", 0) == 0 ? reply(250, "2.1.5 Ok") : reply(550, "5.1.1 user unknown");
        };
    }
    static std::vector<std::string> people(int count, const std::string& domain)
    {
        std::vector<std::string> out;
        for (int i = 1; i <= count; ++i)
            out.push_back("user" + std::to_string(i) + "@" + domain);
        return out;
    }

    JobLab lab;
};

TEST_F(JobCostTest, EveryConnectionIsCountedAlsoThoseThatAStrangerNeeded)
{
    // One RCPT a connection: the stranger of the catch-all test gets one of its own.
    lab.options.manners.rcpts_per_connection = 1;
    lab.start_process();
    const auto job = lab.verify(lab.upload(people(7, "x.test")));
    lab.expect_complete(job);
    EXPECT_EQ(job.counters.probes, 8u);
    EXPECT_EQ(job.counters.connections, 8u);
    EXPECT_EQ(lab.host().sessions.size(), 8u);
    EXPECT_EQ(lab.stored_job(job.id).counters.connections, 8u);
}

TEST_F(JobCostTest, EachJobCountsItsOwn)
{
    lab.host_for("z.test", "198.51.100.66").mx.rcpt_reply = users_only();
    lab.options.manners.rcpts_per_connection = 2;
    lab.start_process();
    const auto first = lab.start(lab.upload(people(9, "x.test")));
    const auto second = lab.start(lab.upload(people(3, "z.test")));
    const auto of_first = lab.wait(first.id).counters.connections;
    const auto of_second = lab.wait(second.id).counters.connections;
    EXPECT_EQ(of_first, 5u) << "nine addresses and a stranger";
    EXPECT_EQ(of_first, lab.host().sessions.size());
    EXPECT_EQ(of_second, lab.internet.host("198.51.100.66").sessions.size());
}

TEST_F(JobCostTest, ASilentHostCostsNoConnection)
{
    lab.host_for("silent.test", "198.51.100.68").silent = true;
    lab.start_process();
    const auto job = lab.verify(lab.upload({"user1@x.test", "user1@silent.test"}), seconds{100});
    EXPECT_EQ(job.counters.connections, 1u);
}

TEST_F(JobCostTest, AJobTellsItsRateAndItsEndWhileItRuns)
{
    lab.options.manners = Manners{};
    lab.options.manners.rcpts_per_connection = 100;
    lab.start_process();
    const auto job = lab.start(lab.upload(people(100, "x.test")));
    EXPECT_FALSE(lab.jobs->progress(job).eta) << "nothing is known yet";
    lab.timers.run_for(lab.io, seconds{50});
    const auto now = lab.run(lab.jobs->get(ProbeLab::ws, job.id)).value();
    const JobProgress progress = lab.jobs->progress(now);
    EXPECT_NEAR(progress.rows_per_second, 1.0, 0.1) << "a second between two RCPTs";
    ASSERT_TRUE(progress.eta);
    EXPECT_NEAR(static_cast<double>(progress.eta->count()), static_cast<double>(100 - now.counters.done) * 1000.0,
                6'000.0);
    const auto done = lab.wait(job.id);
    EXPECT_EQ(lab.jobs->progress(done).rows_per_second, 0.0);
}

}  // namespace
}  // namespace winnow::verifier
