#include "verifier/jobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/flaky_engine.hpp"
#include "tests/verifier/job_lab.hpp"
#include "verifier/job_run.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::JobRecord;
using storage::RowState;
using testing::HasSubstr;

class JobsTest : public testing::Test {
protected:
    JobsTest()
    {
        lab.options.manners = Manners::lifted();
        lab.host().mx.rcpt_reply = knows_all_but_strangers();
    }

    /// "user..." exists, "gone..." does not, and neither does anybody else.
    static std::function<SmtpReply(const std::string&)> knows_all_but_strangers()
    {
        return [](const std::string& recipient) {
            if (recipient.rfind("user", 0) == 0)
                return reply(250, "2.1.5 Ok");
            return reply(550, "5.1.1 <" + recipient + ">: user unknown");
        };
    }
    /// A triplet waits `wait` from its first contact; then as knows_all_but_strangers.
    std::function<SmtpReply(const std::string&)> greylists(seconds wait, std::string words)
    {
        return [this, wait, words](const std::string& recipient) {
            const auto& session = *lab.host().sessions.back();
            std::string sender;
            for (const auto& line : session.lines)
                if (line.text.rfind("MAIL", 0) == 0)
                    sender = line.text;
            const auto first = first_contact.emplace(session.source + sender + recipient, lab.clock.steady()).first;
            if (lab.clock.steady() - first->second < wait)
                return reply(451, words);
            return knows_all_but_strangers()(recipient);
        };
    }
    static std::vector<std::string> people(int count, const std::string& prefix = "user",
                                           const std::string& domain = "x.test")
    {
        std::vector<std::string> out;
        for (int i = 1; i <= count; ++i)
            out.push_back(prefix + std::to_string(i) + "@" + domain);
        return out;
    }

    JobLab lab;
    std::map<std::string, SteadyPoint> first_contact;
};

TEST_F(JobsTest, AWholeListEndsWithOneResultPerRowAndExactCounters)
{
    lab.start_process();
    std::string csv = "name,email\n";
    for (int i = 0; i < 700; ++i)
        csv += "N," + std::string(i % 3 == 0 ? "gone" : "user") + std::to_string(i) + "@x.test\n";
    csv += "Dup,USER1@x.test\nDup,user1+tag@x.test\nBad\n\nWrong,not an address\nNone,ann@nowhere.test\n";
    const auto list = lab.upload_csv(csv);
    EXPECT_EQ(list.rows, 706u);
    EXPECT_EQ(list.duplicates, 1u);
    EXPECT_EQ(list.malformed, 2u);
    const JobRecord job = lab.verify(list);
    lab.expect_complete(job);
    EXPECT_EQ(job.counters.total, 703u);
    EXPECT_EQ(job.counters.duplicates, 1u);
    EXPECT_EQ(job.counters.malformed, 2u);
    EXPECT_EQ(job.counters.by_reason.at(Reason::accepted), 467u);
    EXPECT_EQ(job.counters.by_reason.at(Reason::mailbox_not_found), 234u);
    EXPECT_EQ(job.counters.by_reason.at(Reason::syntax_invalid), 1u);
    EXPECT_EQ(job.counters.by_reason.at(Reason::domain_not_found), 1u);
    EXPECT_EQ(job.counters.probes, lab.host().rcpts().size());
    EXPECT_EQ(lab.stored_job(job.id).counters.done, 703u);
    const auto events = lab.run(lab.engine->events(ProbeLab::ws, 0, 100)).value();
    EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const auto& e) { return e.type == "list.completed"; }), 1);
}

/// Where tags are literal, "jane+old" and "jane" are two mailboxes: neither speaks for the other.
TEST_F(JobsTest, EachMailboxOfAPersonGetsAVerdictOfItsOwn)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return recipient.find("jane@") != std::string::npos ? reply(250, "2.1.5 ok") : reply(550, "5.1.1 User unknown");
    };
    lab.start_process();
    for (const char* csv : {"email\njane+old@x.test\njane@x.test\n", "email\njane@x.test\njane+old@x.test\n"}) {
        const auto list = lab.upload_csv(csv);
        const JobRecord job = lab.verify(list);
        lab.expect_complete(job);
        EXPECT_EQ(job.counters.by_reason.at(Reason::accepted), 1u) << csv;
        EXPECT_EQ(job.counters.by_reason.at(Reason::mailbox_not_found), 1u) << csv;
        for (const auto& row : lab.run(lab.engine->rows(ProbeLab::ws, list.id, 1, 2)).value()) {
            const auto result = lab.run(lab.engine->row_results(ProbeLab::ws, list.id, row.number, 1)).value().at(0);
            EXPECT_EQ(result.verdict.reason,
                      row.address == "jane@x.test" ? Reason::accepted : Reason::mailbox_not_found);
        }
    }
}

TEST_F(JobsTest, ProgressNeverRunsAheadOfTheStoreAndNeverBack)
{
    lab.start_process();
    const auto list = lab.upload(people(700));
    const auto job = lab.start(list);
    std::uint64_t last = 0;
    std::size_t steps = 0;
    std::function<void(const JobRecord&)> progress = [&](const JobRecord& j) {
        EXPECT_GE(j.counters.done, last);
        EXPECT_LE(j.counters.done, j.counters.total);
        last = j.counters.done;
        ++steps;
    };
    const auto done = lab.run(lab.jobs->wait(ProbeLab::ws, job.id, progress));
    lab.expect_complete(done.value());
    EXPECT_GE(steps, 2u);
}

TEST_F(JobsTest, OnlyCompleteListsAreVerifiedAndEachByOneJobAtATime)
{
    lab.start_process();
    EXPECT_EQ(lab.run(lab.jobs->start(ProbeLab::ws, "nothing", hours{1})).error().code, Errc::not_found);
    const auto list = lab.upload(people(50));
    const auto job = lab.start(list);
    EXPECT_EQ(lab.run(lab.jobs->start(ProbeLab::ws, list.id, hours{1})).error().code, Errc::already_exists);
    lab.wait(job.id);
    EXPECT_TRUE(lab.run(lab.jobs->start(ProbeLab::ws, list.id, hours{1})));
}

TEST_F(JobsTest, ASecondVerificationAsksAgainOnlyWhatIsNotKnownAnyMore)
{
    lab.start_process();
    const auto list = lab.upload(people(40));
    lab.expect_complete(lab.verify(list));
    const std::size_t asked = lab.host().rcpts().size();
    const JobRecord second = lab.verify(list);
    lab.expect_complete(second);
    EXPECT_EQ(second.counters.probes, 0u);
    EXPECT_EQ(lab.host().rcpts().size(), asked);
    lab.clock.advance(hours{24 * 31});
    lab.expect_complete(lab.verify(list));
    EXPECT_GT(lab.host().rcpts().size(), asked + 39);
}

// --- greylisting

TEST_F(JobsTest, AGreylistedRowWaitsAsLongAsAskedAndIsThenAskedWithTheSameTriplet)
{
    lab.host().mx.rcpt_reply = greylists(seconds{300}, "4.7.1 Greylisted, try again in 300 seconds");
    lab.start_process();
    const auto list = lab.upload({"user1@x.test", "gone1@x.test", "user2@x.test"});
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{60});
    for (const auto& result : lab.results(list.id)) {
        EXPECT_EQ(result.state, RowState::waiting);
        EXPECT_EQ(result.verdict.reason, Reason::greylisted);
        EXPECT_EQ(result.probe_mx, "mx.x.test");
        EXPECT_EQ(result.probe_source, "192.0.2.1");
        EXPECT_EQ(result.reverse_path, "probe@winnow.example");
        EXPECT_GE(result.due - ProbeLab{}.clock.now(), seconds{300});
    }
    EXPECT_EQ(lab.stored_job(job.id).state, JobState::waiting);
    EXPECT_EQ(lab.stored_job(job.id).counters.waiting, 3u);
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 2u);
    EXPECT_EQ(done.counters.by_reason.at(Reason::mailbox_not_found), 1u);
    const auto times = lab.host().rcpt_times();
    for (const SteadyPoint at : times)
        EXPECT_TRUE(at - times.front() < seconds{60} || at - times.front() >= seconds{300}) << "never earlier";
    for (const auto& result : lab.results(list.id)) {
        std::size_t rcpts = 0;
        for (const Evidence& step : result.verdict.evidence)
            rcpts += step.kind == EvidenceKind::rcpt;
        EXPECT_EQ(rcpts, 2u) << "the evidence is the whole story";
    }
}

TEST_F(JobsTest, AGreylistWaitOutlivesTheProcess)
{
    lab.host().mx.rcpt_reply = greylists(seconds{300}, "4.7.1 Greylisted, try again in 300 seconds");
    lab.start_process();
    const auto list = lab.upload(people(5));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{60});
    const std::size_t asked = lab.host().rcpts().size();
    lab.kill_process();
    lab.start_process();
    ASSERT_TRUE(lab.run(lab.jobs->resume()));
    lab.timers.run_for(lab.io, seconds{30});
    EXPECT_EQ(lab.host().rcpts().size(), asked) << "a restart is no reason to come earlier";
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 5u);
}

TEST_F(JobsTest, WithoutAHintTheLadderOfGreylistingIsWaitedFor)
{
    lab.host().mx.rcpt_reply = greylists(seconds{300}, "4.7.1 Greylisted");
    lab.start_process();
    const JobRecord done = lab.verify(lab.upload(people(2)));
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 2u);
    EXPECT_GE(lab.clock.elapsed(), seconds{330});
}

TEST_F(JobsTest, WhoGreylistsForEverKeepsThatReasonAtTheDeadline)
{
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(451, "4.7.1 Greylisted"); };
    lab.start_process();
    const JobRecord done = lab.verify(lab.upload(people(3)), minutes{30});
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::greylisted), 3u);
    EXPECT_LE(lab.clock.elapsed(), minutes{31});
    EXPECT_LE(lab.host().rcpts().size(), 3u * 6u + 4u);
}

TEST_F(JobsTest, ATemporaryFailureIsAskedAgainAndAPermanentOneIsNot)
{
    std::map<std::string, int> asked;
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        if (recipient == "user2@x.test")
            return reply(550, "5.7.1 policy");
        if (recipient == "user1@x.test" && ++asked[recipient] == 1)
            return reply(450, "4.2.1 mailbox temporarily unavailable");
        return knows_all_but_strangers()(recipient);
    };
    lab.start_process();
    const JobRecord done = lab.verify(lab.upload(people(2)));
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 1u);
    EXPECT_EQ(asked["user1@x.test"], 2);
    const auto rcpts = lab.host().rcpts();
    EXPECT_EQ(std::count(rcpts.begin(), rcpts.end(), "user2@x.test"), 1);
}

TEST_F(JobsTest, ARetryThatDoesNotGetItsTurnKeepsTheReasonOfTheFirstAnswer)
{
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(451, "4.3.0 Queue file write error"); };
    lab.options.manners = Manners{};
    lab.start_process();
    const JobRecord done = lab.verify(lab.upload(people(30)), minutes{6});
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::temp_failure), 30u);
    EXPECT_LT(lab.host().rcpts().size(), 60u) << "not all of them could be asked twice";
}

TEST_F(JobsTest, ARowOfASlowSiteDoesNotKeepAnotherSitesRetriesWaiting)
{
    auto& slow = lab.host_for("slow.test", "198.51.100.80");
    slow.options.reply_delay = seconds{40};
    slow.mx.rcpt_reply = [](const std::string&) { return reply(451, "4.7.1 Greylisted, try again in 60 seconds"); };
    lab.host().mx.rcpt_reply = greylists(seconds{120}, "4.7.1 Greylisted, try again in 120 seconds");
    lab.start_process();
    auto addresses = people(700, "user", "slow.test");
    addresses.push_back("user1@x.test");
    const auto list = lab.upload(addresses);
    lab.start(list);
    lab.timers.run_for(lab.io, minutes{10});
    const auto result = lab.run(lab.engine->row_results(ProbeLab::ws, list.id, 701, 1)).value();
    ASSERT_EQ(result.size(), 1u);
    EXPECT_EQ(result.front().verdict.reason, Reason::accepted);
}

// --- verdict cache

TEST_F(JobsTest, AFailedProbeNeverOverwritesAFreshVerdict)
{
    lab.start_process();
    lab.expect_complete(lab.verify(lab.upload({"user1@x.test", "gone1@x.test"})));
    const auto known = [&](const std::string& text) {
        return *lab.run(lab.engine->get_verdict(ProbeLab::ws, parse_address(text).address)).value();
    };
    ASSERT_EQ(known("user1@x.test").reason, Reason::accepted);

    // A result that says "unknown" comes by another way, as from a job that asked at the same time.
    const auto list = lab.upload({"user1@x.test", "gone1@x.test"});
    storage::RowResult failed;
    failed.number = 1;
    failed.state = RowState::done;
    conclude(failed.verdict, Reason::timeout, lab.clock.now());
    auto other = failed;
    other.number = 2;
    auto ops = storage::OpList::of(storage::PutRowResults{ProbeLab::ws, list.id, {failed, other}});
    ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    EXPECT_EQ(known("user1@x.test").reason, Reason::accepted);
    EXPECT_EQ(known("gone1@x.test").reason, Reason::mailbox_not_found);
}

// --- restarts

TEST_F(JobsTest, ARestartInTheMiddleLosesNoRowAndCountsNoneTwice)
{
    lab.host().options.reply_delay = milliseconds{20};
    lab.start_process();
    const auto list = lab.upload(people(700));
    const auto job = lab.start(list);
    std::set<std::uint64_t> seen;
    for (int restarts = 0; restarts < 4; ++restarts) {
        lab.timers.run_for(lab.io, milliseconds{2'500});
        const auto stored = lab.stored_job(job.id);
        EXPECT_EQ(stored.counters.done, lab.results(list.id).size()) << "counters cover exactly what is stored";
        seen.insert(stored.counters.done);
        lab.kill_process();
        lab.start_process();
        ASSERT_TRUE(lab.run(lab.jobs->resume()));
    }
    EXPECT_GE(seen.size(), 3u) << "the restarts came in the middle";
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 700u);
}

TEST_F(JobsTest, ADrainLeavesWhatWasNotAskedPendingAndTheNextStartGoesOn)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{50});
    lab.run(lab.jobs->drain());
    EXPECT_LE(lab.clock.elapsed(), seconds{60});
    const auto stored = lab.stored_job(job.id);
    EXPECT_TRUE(stored.state == JobState::running || stored.state == JobState::waiting);
    EXPECT_EQ(stored.counters.done, lab.results(list.id).size());
    EXPECT_GT(stored.counters.done, 0u);
    EXPECT_LT(stored.counters.done, 30u);
    for (const auto& result : lab.results(list.id))
        EXPECT_NE(result.verdict.reason, Reason::not_probed);
    for (const auto& session : lab.host().sessions)
        EXPECT_TRUE(session->quit());
    lab.kill_process();
    lab.start_process();
    ASSERT_TRUE(lab.run(lab.jobs->resume()));
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.at(Reason::accepted), 30u);
}

// --- pause, cancel

TEST_F(JobsTest, APauseStopsAtOnceAndKeepsItsReason)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{10});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, job.id, "prober_unhealthy: no PTR")));
    lab.timers.run_for(lab.io, seconds{45});
    const auto paused = lab.run(lab.jobs->get(ProbeLab::ws, job.id)).value();
    EXPECT_EQ(paused.state, JobState::paused);
    EXPECT_EQ(paused.note, "prober_unhealthy: no PTR");
    const std::size_t asked = lab.host().rcpts().size();
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.host().rcpts().size(), asked);
    EXPECT_EQ(lab.run(lab.jobs->pause(ProbeLab::ws, job.id, "again")).error().code, Errc::conflict);

    ASSERT_TRUE(lab.run(lab.jobs->unpause(ProbeLab::ws, job.id)));
    EXPECT_EQ(lab.run(lab.jobs->unpause(ProbeLab::ws, job.id)).error().code, Errc::conflict);
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_TRUE(done.note.empty());
}

TEST_F(JobsTest, TheTimeInPauseIsAddedToTheDeadline)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list, std::chrono::hours{1});
    lab.timers.run_for(lab.io, seconds{10});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, job.id, "by hand")));
    const auto paused = lab.wait(job.id);
    const auto since = paused.paused;
    EXPECT_GT(since, job.started);
    EXPECT_LT(paused.counters.done, 30u);

    lab.timers.run_for(lab.io, std::chrono::hours{5});
    lab.stop_process();
    lab.start_process();
    const auto pause = lab.engine->now() - since;
    ASSERT_TRUE(lab.run(lab.jobs->unpause(ProbeLab::ws, job.id)));
    const JobRecord running = lab.stored_job(job.id);
    EXPECT_EQ(running.deadline, job.deadline + pause);
    EXPECT_EQ(running.paused, TimePoint{});
    const JobRecord done = lab.wait(job.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason.count(Reason::not_probed), 0u);
}

TEST_F(JobsTest, APausedJobStaysPausedAfterARestart)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto job = lab.start(lab.upload(people(30)));
    lab.timers.run_for(lab.io, seconds{10});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, job.id, "by hand")));
    lab.wait(job.id);
    lab.kill_process();
    lab.start_process();
    ASSERT_TRUE(lab.run(lab.jobs->resume()));
    lab.timers.run_for(lab.io, minutes{5});
    EXPECT_EQ(lab.stored_job(job.id).state, JobState::paused);
    ASSERT_TRUE(lab.run(lab.jobs->unpause(ProbeLab::ws, job.id)));
    lab.expect_complete(lab.wait(job.id));
}

TEST_F(JobsTest, ACancelledJobKeepsWhatItKnowsAndEndsWithAnEvent)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{10});
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, job.id)));
    const JobRecord ended = lab.wait(job.id);
    EXPECT_EQ(ended.state, JobState::cancelled);
    EXPECT_EQ(ended.counters.done, lab.results(list.id).size());
    EXPECT_LT(ended.counters.done, 30u);
    const auto events = lab.run(lab.engine->events(ProbeLab::ws, 0, 100)).value();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().type, "list.cancelled");
    EXPECT_EQ(lab.run(lab.jobs->cancel(ProbeLab::ws, job.id)).error().code, Errc::conflict);
    EXPECT_TRUE(lab.run(lab.jobs->start(ProbeLab::ws, list.id, hours{2}))) << "the list is free again";
}

TEST_F(JobsTest, ACancelWinsOverAPauseAndReachesAPausedJob)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto one = lab.start(lab.upload(people(30)));
    lab.timers.run_for(lab.io, seconds{3});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, one.id, "wait")));
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, one.id)));
    EXPECT_EQ(lab.run(lab.jobs->pause(ProbeLab::ws, one.id, "wait")).error().code, Errc::conflict);
    EXPECT_EQ(lab.wait(one.id).state, JobState::cancelled);

    const auto two = lab.start(lab.upload(people(30, "other")));
    lab.timers.run_for(lab.io, seconds{3});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, two.id, "wait")));
    EXPECT_EQ(lab.wait(two.id).state, JobState::paused);
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, two.id)));
    EXPECT_EQ(lab.wait(two.id).state, JobState::cancelled);
}

TEST_F(JobsTest, AVerificationAfterACancelledOneTakesItsWaitingRowsToo)
{
    lab.host().mx.rcpt_reply = [](const std::string&) { return reply(451, "4.7.1 Greylisted"); };
    lab.start_process();
    const auto list = lab.upload(people(4));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{30});
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, job.id)));
    EXPECT_EQ(lab.wait(job.id).state, JobState::cancelled);
    lab.host().mx.rcpt_reply = knows_all_but_strangers();
    const JobRecord second = lab.verify(list);
    lab.expect_complete(second);
}

TEST_F(JobsTest, TheListMayBeDeletedUnderItsJob)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = lab.upload(people(30));
    const auto job = lab.start(list);
    lab.timers.run_for(lab.io, seconds{3});
    auto ops = storage::OpList::of(storage::DeleteList{ProbeLab::ws, list.id});
    ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    lab.timers.run_for(lab.io, minutes{20});
    const auto ended = lab.run(lab.jobs->get(ProbeLab::ws, job.id));
    if (ended) {
        EXPECT_FALSE(is_open(ended->state)) << to_string(ended->state);
    }
}

// --- the store fails

class FlakyStore : public JobsTest, public testing::WithParamInterface<bool> {};

TEST_P(FlakyStore, IsWrittenToAgainAndNothingIsAskedTwice)
{
    lab.start_process();
    const auto list = lab.upload(people(700));
    test::FlakyEngine flaky{*lab.engine};
    const Services real = lab.services();
    const Services services{flaky,    real.resolver, real.connector, real.timers,    real.clock, real.rng,
                            real.log, real.metrics,  real.replies,   real.providers, real.lists, real.executor};
    Verifier verifier{services, lab.options};
    VerificationJobs jobs{verifier};
    const auto job = lab.run(jobs.start(ProbeLab::ws, list.id, hours{2}));
    ASSERT_TRUE(job);
    flaky.fail_every = 3;
    flaky.applies_anyway = GetParam();  // as when a sync fails after the write
    std::function<void(const JobRecord&)> no_progress;
    const auto done = lab.run(jobs.wait(ProbeLab::ws, job->id, no_progress));
    ASSERT_TRUE(done);
    lab.expect_complete(*done);
    EXPECT_GE(flaky.failures, 1);
    EXPECT_EQ(lab.host().rcpts().size(), 701u);
    lab.timers.run_until_idle(lab.io);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutTheWrite, FlakyStore, testing::Bool());

TEST_F(JobsTest, ADrainEndsAlsoWhenTheStoreTakesNothingAnyMore)
{
    lab.start_process();
    const auto list = lab.upload(people(600));
    lab.start(list);
    storage::DiskFaults faults;
    faults.fail_sync_after = 0;
    storage::set_faults(*lab.disk, faults);
    lab.timers.run_for(lab.io, seconds{5});
    lab.run(lab.jobs->drain());
    EXPECT_LE(lab.clock.elapsed(), seconds{30});
}

// --- suppressions

TEST_F(JobsTest, SuppressionsStandBesideTheVerdictAndSpareTheirOwnersAProbe)
{
    lab.start_process();
    const auto suppress = [&](const std::string& address, SuppressionReason reason) {
        storage::SuppressionEntry entry;
        entry.workspace = ProbeLab::ws;
        entry.address = address;
        entry.reason = reason;
        auto ops = storage::OpList::of(storage::AddSuppression{entry});
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    };
    suppress("user1@x.test", SuppressionReason::manual);
    suppress("user2@x.test", SuppressionReason::bounce);
    const auto list = lab.upload(people(3));
    lab.expect_complete(lab.verify(list));
    const auto results = lab.results(list.id);
    EXPECT_THAT(results[0].suppressed_by, testing::ElementsAre("workspace:manual"));
    EXPECT_EQ(results[0].verdict.reason, Reason::not_probed);
    EXPECT_THAT(results[1].suppressed_by, testing::ElementsAre("workspace:bounce"));
    EXPECT_EQ(results[1].verdict.reason, Reason::accepted) << "a bounce may have passed";
    EXPECT_TRUE(results[2].suppressed_by.empty());
    const auto rcpts = lab.host().rcpts();
    EXPECT_EQ(std::count(rcpts.begin(), rcpts.end(), "user1@x.test"), 0);
}

TEST_F(JobsTest, ASecondVerificationTakesTheStoredVerdictsAndStoresThemNotAnew)
{
    constexpr std::size_t rows = 1'700;  // more than one commit of results
    lab.start_process();
    const auto list = lab.upload(people(rows));
    lab.expect_complete(lab.verify(list));
    const auto asked = lab.host().rcpts().size();
    const Address first = parse_address("user1@x.test").address;
    const TimePoint checked = lab.run(lab.engine->get_verdict(ProbeLab::ws, first)).value()->checked_at;
    storage::SuppressionEntry left;
    left.scope = ScopeKind::list;
    left.workspace = ProbeLab::ws;
    left.list_id = list.id;
    left.address = "user1@x.test";
    left.reason = SuppressionReason::unsubscribe;
    auto ops = storage::OpList::of(storage::AddSuppression{left});
    ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));

    test::FlakyEngine flaky{*lab.engine};
    const Services real = lab.services();
    const Services services{flaky,    real.resolver, real.connector, real.timers,    real.clock, real.rng,
                            real.log, real.metrics,  real.replies,   real.providers, real.lists, real.executor};
    Verifier verifier{services, lab.options};
    VerificationJobs jobs{verifier};
    lab.clock.advance(hours{1});
    const auto job = lab.run(jobs.start(ProbeLab::ws, list.id, hours{2}));
    ASSERT_TRUE(job);
    flaky.fail_every = 3;
    std::function<void(const JobRecord&)> no_progress;
    const auto done = lab.run(jobs.wait(ProbeLab::ws, job->id, no_progress));
    ASSERT_TRUE(done);
    lab.expect_complete(*done);
    EXPECT_GE(flaky.failures, 1) << "commits beside the handing out are tried again too";
    EXPECT_EQ(lab.host().rcpts().size(), asked) << "nobody was asked again";
    EXPECT_EQ(done->counters.by_reason.at(Reason::accepted), rows);
    EXPECT_EQ(lab.run(lab.engine->get_verdict(ProbeLab::ws, first)).value()->checked_at, checked);
    const auto results = lab.results(list.id);
    EXPECT_EQ(results[0].verdict.checked_at, checked);
    EXPECT_THAT(results[0].suppressed_by, testing::ElementsAre("list:unsubscribe"));
    EXPECT_EQ(results[0].verdict.verdict, Verdict::deliverable) << "beside the verdict, not inside it";
    EXPECT_TRUE(results[1].suppressed_by.empty());
    lab.timers.run_until_idle(lab.io);
}

}  // namespace
}  // namespace winnow::verifier
