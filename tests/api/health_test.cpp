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

TEST_F(Health, MetricsCountTheQueueOfEveryWorkspaceWithAKey)
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
    put("default", MessageState::queued);
    put("other", MessageState::held);
    storage::MarkInFlight mark;
    mark.refs.push_back(put("default", MessageState::queued));
    commit(std::move(mark));
    const std::string text = open_get(*this, "/metrics").body;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"queued\"} 2\n"), std::string::npos) << text;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"held\"} 1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("winnow_queue_messages{state=\"in_flight\"} 1\n"), std::string::npos) << text;
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
    EXPECT_NE(reply.json()["detail"].get<std::string>().find("read-only"), std::string::npos);
}

}  // namespace
}  // namespace winnow::test
