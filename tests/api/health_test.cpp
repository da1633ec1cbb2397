#include "core/duration.hpp"
#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Health = ApiTest;

Reply open_get(ApiTest& test, const std::string& target)
{
    TextBody nothing{""};
    return test.send("GET", target, nothing, {});
}

TEST_F(Health, NeedsNoKey)
{
    EXPECT_EQ(open_get(*this, "/health/live").json()["status"], "live");
    EXPECT_EQ(open_get(*this, "/health/ready").json()["status"], "ready");
    const Reply metrics_reply = open_get(*this, "/metrics");
    EXPECT_EQ(metrics_reply.status, 200);
    EXPECT_EQ(metrics_reply.fields.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(Health, MetricsCountTheQueueOfEveryWorkspaceAlsoOfOneWithoutAKey)
{
    const auto put = [this](const std::string& workspace, MessageState state) {
        storage::MessageRecord message;
        message.workspace = workspace;
        message.recipient = "a@example.test";
        message.domain = "example.test";
        message.state = state;
        message.held_reason = state == MessageState::held ? "greylisted" : "";
        message.accepted = message.due = clock.now();
        message.expires = clock.now() + std::chrono::hours{24};
        auto ops = storage::OpList::of(storage::Enqueue{std::move(message)});
        return run(engine->commit(std::move(ops))).value().results.at(0).message;
    };
    put("other", MessageState::queued);
    put("keyless", MessageState::queued);
    put("keyless", MessageState::held);
    storage::MarkInFlight mark;
    mark.refs.push_back(put("default", MessageState::queued));
    commit(std::move(mark));
    const std::string text = open_get(*this, "/metrics").body;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"queued\"} 2\n"), std::string::npos) << text;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"held\"} 1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"in_flight\"} 1\n"), std::string::npos) << text;
}

TEST_F(Health, ReadySaysThatTheProberWasNotTestedYet)
{
    const Reply reply = open_get(*this, "/health/ready");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.json()["prober"], (nlohmann::json{{"state", "untested"}, {"reason", nullptr}, {"since", nullptr}}));
}

class HealthOfAnUnfitProber : public ApiTest {
protected:
    HealthOfAnUnfitProber() { prober_options.self_test_targets = {"192.0.2.99"}; }
};

TEST_F(HealthOfAnUnfitProber, IsToldWithReasonAndTimeWhileTheInstanceIsReady)
{
    verifier->look_at_ourselves();
    timers.run_for(io, std::chrono::seconds{40});
    const auto found = clock.now();
    clock.advance(std::chrono::minutes{2});
    const Reply reply = open_get(*this, "/health/ready");
    EXPECT_EQ(reply.status, 200) << "mail and suppressions are served as ever";
    const nlohmann::json prober = reply.json()["prober"];
    EXPECT_EQ(prober["state"], "unhealthy");
    EXPECT_EQ(prober["reason"].get<std::string>().rfind("prober_unhealthy: no mail host answers", 0), 0u) << prober;
    const auto since = parse_time(prober["since"].get<std::string>());
    ASSERT_TRUE(since);
    EXPECT_LE(*since, found);
    EXPECT_GE(*since, found - std::chrono::seconds{40});
}

TEST_F(Health, NotReadyWhileDrainingButAlive)
{
    not_ready = "draining";
    const Reply reply = open_get(*this, "/health/ready");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "not_ready");
    EXPECT_EQ(reply.json()["detail"], "draining");
    EXPECT_TRUE(reply.fields.has("Retry-After"));
    EXPECT_EQ(open_get(*this, "/health/live").status, 200);
}

TEST_F(Health, NotReadyWhenTheStoreIsReadOnly)
{
    storage::DiskFaults faults;
    faults.fail_sync_after = 0;
    storage::set_faults(*disk, faults);
    EXPECT_NE(post("/api/v1/suppressions", {{"address", "a@example.test"}}).status, 201);
    const Reply reply = open_get(*this, "/health/ready");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.json()["detail"], "the store is read-only since a write failed; the log has the cause");
    const Reply refused = post("/api/v1/suppressions", {{"address", "b@example.test"}});
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.json()["detail"],
              "the store is read-only since a write failed: see the log, mend the cause, restart");
}

}  // namespace
}  // namespace winnow::test
