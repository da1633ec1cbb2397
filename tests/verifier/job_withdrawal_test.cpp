#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "tests/verifier/job_lab.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A job that is paused or cancelled says nothing more to anybody.
class JobWithdrawal : public testing::TestWithParam<const char*> {
protected:
    JobWithdrawal()
    {
        lab.options.manners = Manners{};
        lab.start_process();
    }

    Result<> stop(const std::string& job_id)
    {
        if (std::string_view(GetParam()) == "cancel")
            return lab.run(lab.jobs->cancel(ProbeLab::ws, job_id));
        return lab.run(lab.jobs->pause(ProbeLab::ws, job_id, "by hand"));
    }
    JobState stopped() const
    {
        return std::string_view(GetParam()) == "cancel" ? JobState::cancelled : JobState::paused;
    }
    /// All commands that came at `when` or later, QUIT aside.
    std::vector<std::string> said_since(SteadyPoint when)
    {
        std::vector<std::string> said;
        for (const auto& session : lab.host().sessions)
            for (const auto& line : session->lines)
                if (line.at >= when && line.text != "QUIT")
                    said.push_back(line.text);
        return said;
    }
    static std::vector<std::string> people(int count, const std::string& prefix = "user")
    {
        std::vector<std::string> out;
        for (int i = 1; i <= count; ++i)
            out.push_back(prefix + std::to_string(i) + "@x.test");
        return out;
    }
    static std::function<SmtpReply(const std::string&)> knows_users()
    {
        return [](const std::string& recipient) {
            if (recipient.rfind("user", 0) == 0)
                return reply(250, "2.1.5 Ok");
            return reply(550, "5.1.1 user unknown");
        };
    }

    JobLab lab;
};

INSTANTIATE_TEST_SUITE_P(By, JobWithdrawal, testing::Values("pause", "cancel"),
                         [](const auto& how) { return std::string(how.param); });

TEST_P(JobWithdrawal, WhileDnsIsOutstandingConnectsToNobody)
{
    lab.dns.hold();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{1});
    ASSERT_GT(lab.dns.waiting(), 0u);
    ASSERT_TRUE(stop(job.id));
    lab.dns.release();
    EXPECT_EQ(lab.wait(job.id).state, stopped());
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.host().attempts, 0u);
    EXPECT_TRUE(lab.results(list.id).empty()) << "rows that nobody was asked about have no result";
}

TEST_P(JobWithdrawal, BetweenTwoQuestionsAsksNoMoreRecipients)
{
    lab.host().mx.rcpt_reply = knows({});
    const auto job = lab.start(lab.upload(people(30)));
    // One RCPT a second: the second address waits for its turn.
    lab.timers.run_for(lab.io, milliseconds{500});
    ASSERT_EQ(lab.host().count("MAIL"), 1u);
    ASSERT_EQ(lab.host().rcpts().size(), 1u);
    const SteadyPoint now = lab.clock.steady();
    ASSERT_TRUE(stop(job.id));
    const auto ended = lab.wait(job.id);
    EXPECT_EQ(ended.state, stopped());
    EXPECT_EQ(ended.counters.done, 1u);
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_TRUE(said_since(now).empty()) << said_since(now).front();
    EXPECT_TRUE(lab.host().sessions.front()->quit());
}

TEST_P(JobWithdrawal, UnderAQuestionTakesItsAnswerAndIntroducesNoStranger)
{
    std::string job_id;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        EXPECT_EQ(recipient, "user1@x.test");
        const auto ignore = [](std::exception_ptr, const Result<>&) {};
        if (stopped() == JobState::cancelled)
            boost::asio::co_spawn(lab.io, lab.jobs->cancel(ProbeLab::ws, job_id), ignore);
        else
            boost::asio::co_spawn(lab.io, lab.jobs->pause(ProbeLab::ws, job_id, "by hand"), ignore);
        return reply(250, "2.1.5 Ok");
    };
    const auto list = lab.upload(people(3));
    job_id = lab.start(list).id;
    EXPECT_EQ(lab.wait(job_id).state, stopped());
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.host().rcpts().size(), 1u);
    EXPECT_TRUE(lab.results(list.id).empty()) << "accepted by a domain that was not tested is no verdict";
}

TEST_P(JobWithdrawal, InTheMiddleOfACatchAllTestEndsIt)
{
    lab.host().mx.rcpt_reply = knows_users();
    const auto list = lab.upload({"user1@x.test"});
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, milliseconds{500});  // the stranger's RCPT comes after a second
    ASSERT_EQ(lab.host().rcpts().size(), 1u);
    ASSERT_TRUE(stop(job.id));
    EXPECT_EQ(lab.wait(job.id).state, stopped());
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.host().rcpts().size(), 1u);

    // What was broken off is begun anew.
    const auto again = stopped() == JobState::paused ? job : lab.start(list);
    if (stopped() == JobState::paused) {
        ASSERT_TRUE(lab.run(lab.jobs->unpause(ProbeLab::ws, job.id)));
    }
    EXPECT_EQ(lab.wait(again.id).state, JobState::done);
    EXPECT_EQ(lab.reasons(list.id), (std::map<Reason, std::uint64_t>{{Reason::accepted, 1}}));
}

TEST_P(JobWithdrawal, LeavesTheTestToAnotherJobThatWaitsForIt)
{
    lab.stop_process();
    lab.options.manners.connections_per_site = 2;
    lab.options.manners.rcpts_per_connection = 2;
    lab.options.manners.between_connections = milliseconds{0};
    lab.start_process();
    lab.host().mx.rcpt_reply = knows_users();
    const auto one = lab.start(lab.upload({"user1@x.test"}));
    const auto list = lab.upload({"user2@x.test", "user3@x.test", "user4@x.test"});
    const auto two = lab.start(list);
    // An address of each job is accepted, on two connections; the stranger's turn comes a second later.
    lab.timers.run_for(lab.io, milliseconds{500});
    ASSERT_EQ(lab.host().rcpts().size(), 2u);
    ASSERT_TRUE(stop(one.id));
    EXPECT_EQ(lab.wait(one.id).state, stopped());
    const auto done = lab.wait(two.id);
    EXPECT_EQ(done.state, JobState::done);
    EXPECT_EQ(lab.reasons(list.id), (std::map<Reason, std::uint64_t>{{Reason::accepted, 3}}));
    EXPECT_EQ(lab.host().rcpts().size(), 5u) << "four users and one stranger";
}

TEST_P(JobWithdrawal, WhileTheHostKeepsSilentAsksNobodyElse)
{
    lab.dns.add_mx("two.test", 10, "a.two.test").add_mx("two.test", 20, "b.two.test");
    lab.dns.add("a.two.test", net::DnsType::a, "198.51.100.50").add("b.two.test", net::DnsType::a, "198.51.100.51");
    lab.internet.host("198.51.100.50").silent = true;
    const auto job = lab.start(lab.upload({"user1@two.test"}));
    lab.timers.run_for(lab.io, seconds{1});
    ASSERT_EQ(lab.internet.host("198.51.100.50").attempts, 1u);
    ASSERT_TRUE(stop(job.id));
    EXPECT_EQ(lab.wait(job.id).state, stopped());
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.internet.host("198.51.100.51").attempts, 0u);
}

}  // namespace
}  // namespace winnow::verifier
