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
