// Held rows of a campaign: when a verification is asked for, and when not.
#include "relay/campaigns.hpp"
#include "relay/verdict_requests.hpp"
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;

namespace {

/// Stores a job as the verifier would, with whatever comes with it; nobody works on it.
class FakeVerdicts final : public relay::VerdictRequests {
public:
    explicit FakeVerdicts(test::RelayWorld& world) : world_(world) {}

    net::awaitable<Result<>> ask_for(relay::VerdictRequest request) override
    {
        ++asked;
        if (refusal)
            co_return *refusal;
        storage::JobRecord job;
        job.workspace = request.workspace;
        job.id = request.job_id;
        job.list_id = request.list_id;
        job.state = JobState::running;
        job.created = world_.clock.now();
        storage::OpList ops = std::move(request.with);
        ops.ops.emplace_back(storage::PutJob{job});
        WINNOW_CO_CHECK(co_await world_.engine->commit(std::move(ops)));
        jobs.push_back(job);
        last = std::move(request);
        co_return Result<>{};
    }

    int asked = 0;
    std::vector<storage::JobRecord> jobs;  ///< as they were stored
    relay::VerdictRequest last;
    std::optional<Error> refusal;

private:
    test::RelayWorld& world_;
};

class CampaignVerdicts : public test::RelayWorld {
public:
    FakeVerdicts verdicts{*this};
    std::unique_ptr<relay::Campaigns> campaigns;

    CampaignVerdicts() { open_campaigns(); }
    ~CampaignVerdicts() override { campaigns.reset(); }

    void open_campaigns()
    {
        relay::Services all = services();
        all.verdicts = &verdicts;
        campaigns = std::make_unique<relay::Campaigns>(all, options);
    }
    /// Of three people, the first two have no verdict.
    void put_list()
    {
        storage::ListRecord list;
        list.workspace = ws;
        list.id = "list-1";
        list.columns = {"email"};
        list.complete = true;
        std::vector<storage::ListRow> rows;
        for (const char* who : {"a@example.test", "b@example.test", "c@example.test"}) {
            storage::ListRow row;
            row.number = rows.size() + 1;
            row.address = row.raw = who;
            rows.push_back(std::move(row));
        }
        list.rows = rows.size();
        commit(storage::PutList{list});
        commit(storage::PutRows{ws, "list-1", std::move(rows)});
        gate.hold("a@example.test", "greylisted");
        gate.hold("b@example.test", "not_verified");
    }
    std::string launch(milliseconds hold, bool verify_held = true)
    {
        put_list();
        relay::CampaignRequest request;
        request.workspace = ws;
        request.list_id = "list-1";
        request.from = "news@sender.test";
        request.subject = request.text = "hello";
        request.hold_for = hold;
        request.verify_held = verify_held;
        request.key_id = "key-1";
        const std::string id = get(campaigns->create(request)).id;
        get(campaigns->start(ws, id));
        return id;
    }
    storage::CampaignRecord record(const std::string& id) { return get(campaigns->get(ws, id)); }
    /// A campaign looks at its few held rows twice a second: hours of that in a jump.
    void later(std::chrono::nanoseconds time)
    {
        clock.advance(time);
        pass(1s);
    }
    void end_job(std::size_t which, JobState state)
    {
        auto job = get(engine->get_job(ws, verdicts.jobs.at(which).id)).value();
        job.state = state;
        commit(storage::PutJob{job});
    }
    void restart()
    {
        run(campaigns->drain());
        open_campaigns();
        ASSERT_TRUE(run(campaigns->resume()));
    }
};

}  // namespace

TEST_F(CampaignVerdicts, AVerificationIsAskedForOnceWhenRowsAreHeld)
{
    const std::string id = launch(24h);
    pass(2s);
    ASSERT_EQ(verdicts.asked, 1);
    EXPECT_EQ(verdicts.last.workspace, ws);
    EXPECT_EQ(verdicts.last.list_id, "list-1");
    EXPECT_EQ(verdicts.last.key_id, "key-1");
    EXPECT_EQ(verdicts.last.rows, 2u);
    EXPECT_EQ(verdicts.last.until, record(id).hold_until);
    EXPECT_EQ(record(id).verification, verdicts.jobs[0].id);
    later(20h);
    EXPECT_EQ(verdicts.asked, 1) << "the job goes on";
    EXPECT_EQ(record(id).gate.at("held:greylisted"), 1u);
}

TEST_F(CampaignVerdicts, WithoutHeldRowsNobodyIsAsked)
{
    const std::string id = launch(0ms);  // nobody waits: who has no verdict is refused
    deliver(1min);
    EXPECT_EQ(record(id).refused, 2u);
    EXPECT_EQ(verdicts.asked, 0);
}

TEST_F(CampaignVerdicts, WhoeverDoesNotWantItWaitsForVerdictsOfOthers)
{
    const std::string id = launch(24h, false);
    pass(1s);
    later(3h);
    EXPECT_EQ(record(id).held, 2u);
    EXPECT_EQ(verdicts.asked, 0);
}

TEST_F(CampaignVerdicts, AfterAJobThatIsOverItIsAskedAgainHourly)
{
    const std::string id = launch(24h);
    pass(1s);
    later(10min);
    end_job(0, JobState::done);
    later(49min);
    EXPECT_EQ(verdicts.asked, 1) << "within the hour";
    later(2min);
    ASSERT_EQ(verdicts.asked, 2);
    EXPECT_EQ(record(id).verification, verdicts.jobs[1].id);
    end_job(1, JobState::failed);
    later(58min);
    EXPECT_EQ(verdicts.asked, 2);
    later(3min);
    EXPECT_EQ(verdicts.asked, 3) << "a failed one decided nothing either";
}

TEST_F(CampaignVerdicts, InTheLastHourOfTheHoldNobodyIsAskedAgain)
{
    serve();
    const std::string id = launch(150min);
    pass(1s);
    later(95min);
    end_job(0, JobState::done);
    later(50min);
    EXPECT_EQ(verdicts.asked, 1);
    EXPECT_EQ(record(id).held, 2u);
    deliver(10min);
    EXPECT_EQ(record(id).state, CampaignState::done);
    EXPECT_EQ(record(id).refused, 2u);
}

TEST_F(CampaignVerdicts, AfterACancelledJobThereIsNoOther)
{
    const std::string id = launch(24h);
    pass(1s);
    later(10min);
    end_job(0, JobState::cancelled);
    later(3h);
    EXPECT_EQ(verdicts.asked, 1);
    restart();
    later(3h);
    EXPECT_EQ(verdicts.asked, 1) << "also after a restart";
    EXPECT_EQ(record(id).held, 2u);
}

TEST_F(CampaignVerdicts, APausedJobIsLeftPaused)
{
    launch(24h);
    pass(1s);
    later(10min);
    end_job(0, JobState::paused);
    later(3h);
    restart();
    later(3h);
    EXPECT_EQ(verdicts.asked, 1);
}

TEST_F(CampaignVerdicts, AfterARestartTheJobIsKnown)
{
    const std::string id = launch(24h);
    pass(1s);
    later(10min);
    campaigns.reset();
    stop_world();
    crash(*disk);
    open_store();
    open_campaigns();
    ASSERT_TRUE(run(campaigns->resume()));
    later(2h);
    EXPECT_EQ(verdicts.asked, 1);
    end_job(0, JobState::done);
    later(1min);
    EXPECT_EQ(verdicts.asked, 2) << "more than an hour after the first";
}

TEST_F(CampaignVerdicts, AVerificationThatRunsAlreadyIsWaitedFor)
{
    storage::JobRecord job;
    job.workspace = ws;
    job.id = "job-of-somebody";
    job.list_id = "list-1";
    job.state = JobState::waiting;
    job.created = clock.now();
    verdicts.jobs.push_back(job);
    commit(storage::PutJob{job});
    const std::string id = launch(24h);
    pass(1s);
    later(2h);
    EXPECT_EQ(verdicts.asked, 0);
    EXPECT_EQ(record(id).verification, "job-of-somebody");
    end_job(0, JobState::done);
    later(1min);
    EXPECT_EQ(verdicts.asked, 1);
}

TEST_F(CampaignVerdicts, ACapThatIsReachedIsToldAndTriedAgainOnTheNextDay)
{
    const auto midnight = std::chrono::floor<std::chrono::days>(clock.now()) + std::chrono::days{1};
    later(midnight - 3h - clock.now());
    verdicts.refusal = Error{Errc::limit_exceeded, "the cap is reached"};
    const std::string id = launch(24h);
    pass(1s);
    later(2h + 59min);
    EXPECT_EQ(verdicts.asked, 1);
    EXPECT_EQ(record(id).note, "the cap is reached");
    EXPECT_EQ(record(id).verification, "");
    verdicts.refusal.reset();
    later(2min);
    EXPECT_EQ(verdicts.asked, 2);
    EXPECT_EQ(record(id).note, "");
    EXPECT_EQ(record(id).verification, verdicts.jobs.at(0).id);
}

TEST_F(CampaignVerdicts, WhenNobodyCanVerifyItIsTriedHourly)
{
    verdicts.refusal = Error{Errc::unavailable, "no probes today"};
    const std::string id = launch(24h);
    for (int i = 0; i < 5; ++i)
        later(30min);
    EXPECT_EQ(verdicts.asked, 3);
    EXPECT_EQ(record(id).note, "no probes today");
    EXPECT_EQ(record(id).state, CampaignState::running);
}

TEST_F(CampaignVerdicts, WhoeverWasFasterDoesNotKeepItFromAsking)
{
    verdicts.refusal = Error{Errc::conflict, "changed in between"};
    const std::string id = launch(24h);
    pass(2s);
    EXPECT_GE(verdicts.asked, 2) << "a conflict is looked at again at once";
    EXPECT_EQ(record(id).note, "");
    verdicts.refusal.reset();
    pass(2s);
    EXPECT_EQ(record(id).verification, verdicts.jobs.at(0).id);
}

TEST_F(CampaignVerdicts, ADoneCampaignSaysNoMoreWhyRowsWaited)
{
    verdicts.refusal = Error{Errc::limit_exceeded, "the cap is reached"};
    const std::string id = launch(24h);
    deliver(1min);
    ASSERT_EQ(record(id).note, "the cap is reached");
    serve();
    gate.answers.clear();
    later(10min);
    EXPECT_EQ(record(id).state, CampaignState::done);
    EXPECT_EQ(record(id).note, "");
}
