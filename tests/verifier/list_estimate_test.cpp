#include "verifier/list_estimate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/json.hpp"
#include "tests/verifier/job_lab.hpp"
#include "verifier/forecast_json.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class ListEstimateTest : public testing::Test {
protected:
    ListEstimateTest()
    {
        lab.options.manners = Manners::lifted();
        lab.host().mx.rcpt_reply = [](const std::string& recipient) {
            return recipient.rfind("user", 0) == 0 ? reply(250, "2.1.5 Ok") : reply(550, "5.1.1 user unknown");
        };
        lab.start_process();
    }
    /// Three of four are users.
    storage::ListRecord upload(int count)
    {
        std::vector<std::string> rows;
        for (int i = 0; i < count; ++i)
            rows.push_back((i % 4 == 0 ? "gone" : "user") + std::to_string(i) + "@x.test");
        return lab.upload(rows);
    }
    ListEstimate estimate(const storage::ListRecord& list, std::uint64_t rows, milliseconds time = minutes{1})
    {
        EstimateOptions options;
        options.rows = rows;
        options.time = time;
        auto told = lab.run(lab.jobs->estimate(ProbeLab::ws, list.id, options));
        EXPECT_TRUE(told) << told.error().message();
        return told ? *told : ListEstimate{};
    }
    std::set<std::string> asked() const
    {
        std::set<std::string> people;
        for (const std::string& recipient : const_cast<ListEstimateTest*>(this)->lab.host().rcpts())
            if (recipient.rfind("user", 0) == 0 || recipient.rfind("gone", 0) == 0)
                people.insert(recipient);
        return people;
    }

    JobLab lab;
};

TEST_F(ListEstimateTest, AsksAsManyAsWereDrawnAndTellsTheirShares)
{
    const auto list = upload(1'000);
    const ListEstimate told = estimate(list, 100);
    EXPECT_EQ(told.addresses, 1'000u);
    EXPECT_EQ(told.drawn, 100u);
    EXPECT_EQ(told.answered(), 100u);
    EXPECT_EQ(told.probed, 100u);
    EXPECT_EQ(told.cached, 0u);
    EXPECT_EQ(asked().size(), 100u) << "and nobody else";
    EXPECT_EQ(told.probes, lab.host().rcpts().size());
    EXPECT_EQ(told.sampled(Verdict::deliverable) + told.sampled(Verdict::undeliverable), 100u);
    EXPECT_NEAR(told.share(Verdict::deliverable).share, 0.75, 0.15);
    EXPECT_LT(told.share(Verdict::deliverable).low, 0.75);
    EXPECT_GT(told.share(Verdict::deliverable).high, 0.75);
    EXPECT_EQ(lab.results(list.id).size(), 0u) << "it is no verification of the list";
}

TEST_F(ListEstimateTest, TheVerdictsAreKeptSoThatNobodyIsAskedTwice)
{
    const auto list = upload(200);
    estimate(list, 50);
    const std::size_t rcpts = lab.host().rcpts().size();
    const auto job = lab.verify(list);
    lab.expect_complete(job);
    EXPECT_EQ(asked().size(), 200u);
    EXPECT_EQ(lab.host().rcpts().size(), rcpts + 150);
    const ListEstimate again = estimate(list, 50);
    EXPECT_EQ(again.cached, 50u);
    EXPECT_EQ(again.probed, 0u);
    EXPECT_EQ(again.probes, 0u);
}

TEST_F(ListEstimateTest, ASeedDrawsTheSameRowsAgain)
{
    std::set<std::string> first;
    for (int turn = 0; turn < 2; ++turn) {
        JobLab other;
        other.options.manners = Manners::lifted();
        other.host().mx.rcpt_reply = knows({});
        other.start_process();
        std::vector<std::string> rows;
        for (int i = 0; i < 500; ++i)
            rows.push_back("user" + std::to_string(i) + "@x.test");
        const auto list = other.upload(rows);
        EstimateOptions options;
        options.rows = 20;
        EXPECT_TRUE(other.run(other.jobs->estimate(ProbeLab::ws, list.id, options)));
        const auto rcpts = other.host().rcpts();
        const std::set<std::string> drawn{rcpts.begin(), rcpts.end()};
        EXPECT_EQ(drawn.size(), 20u);
        if (turn == 0)
            first = drawn;
        EXPECT_EQ(drawn, first);
    }
}

TEST_F(ListEstimateTest, DrawsNeitherRepetitionsNorMalformedRows)
{
    const auto list =
        lab.upload_csv("email\nuser1@x.test\nUSER1@x.test\n\nuser1@x.test\ngone1@x.test\n\nuser1@x.test\n");
    const ListEstimate told = estimate(list, 100);
    EXPECT_EQ(told.addresses, 2u);
    EXPECT_EQ(told.drawn, 2u) << "a short list is verified as a whole";
    const ShareEstimate live = told.share(Verdict::deliverable);
    EXPECT_EQ(live.low, 0.5);
    EXPECT_EQ(live.high, 0.5) << "nothing is left to guess";
}

TEST_F(ListEstimateTest, WhatHadNoTurnInTimeIsPartOfNoShare)
{
    lab.options.manners = Manners{};
    lab.start_process();
    const auto list = upload(300);
    const SteadyPoint begun = lab.clock.steady();
    const ListEstimate told = estimate(list, 100, seconds{40});
    EXPECT_LE(lab.clock.steady() - begun, seconds{40});
    EXPECT_GT(told.unfinished, 80u) << "five RCPTs a connection and 30 s between two";
    EXPECT_GE(told.answered(), 3u);
    EXPECT_EQ(told.by_reason.count(Reason::not_probed), 0u);
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : told.by_reason)
        sum += count;
    EXPECT_EQ(sum, told.answered());
    const std::size_t rcpts = lab.host().rcpts().size();
    lab.timers.run_until_idle(lab.io);
    EXPECT_LE(lab.host().rcpts().size(), rcpts + 2) << "nobody is asked any more";
}

TEST_F(ListEstimateTest, AnswersAtItsTimeAlsoWhenNobodyElseDoes)
{
    const auto list = upload(10);
    lab.dns.hold();
    const SteadyPoint begun = lab.clock.steady();
    const ListEstimate told = estimate(list, 5, seconds{7});
    EXPECT_EQ(lab.clock.steady() - begun, seconds{7});
    EXPECT_EQ(told.unfinished, 5u);
    EXPECT_EQ(told.share(Verdict::deliverable).high, 1.0) << "nothing is known";
    lab.dns.release();
    lab.timers.run_until_idle(lab.io);
}

TEST_F(ListEstimateTest, OnlyACompleteListOfTheWorkspaceIsDrawnFrom)
{
    const auto list = upload(1);
    const EstimateOptions options;
    EXPECT_EQ(lab.run(lab.jobs->estimate(ProbeLab::ws, "nothing", options)).error().code, Errc::not_found);
    EXPECT_EQ(lab.run(lab.jobs->estimate("other", list.id, options)).error().code, Errc::not_found);
}

TEST_F(ListEstimateTest, TheJsonSaysHowManyOfTheListToExpect)
{
    ListEstimate told;
    told.list_id = "01J";
    told.addresses = 1'000;
    told.drawn = 110;
    told.unfinished = 10;
    told.by_reason = {{Reason::accepted, 80}, {Reason::mailbox_not_found, 20}};
    const auto json = estimate_to_json(told);
    EXPECT_EQ(json["answered"], 100);
    const auto& live = json["verdicts"]["deliverable"];
    EXPECT_EQ(live["sampled"], 80);
    EXPECT_EQ(live["share"], 0.8);
    EXPECT_EQ(live["expected"], 800);
    EXPECT_LT(live["interval"][0], 0.8);
    EXPECT_GT(live["interval"][1], 0.8);
    EXPECT_LT(live["expected_interval"][0], 800);
    EXPECT_EQ(json["verdicts"]["unknown"]["sampled"], 0);
    told.unfinished = told.drawn;
    told.by_reason.clear();
    EXPECT_TRUE(estimate_to_json(told)["verdicts"]["deliverable"]["share"].is_null());
}

}  // namespace
}  // namespace winnow::verifier
