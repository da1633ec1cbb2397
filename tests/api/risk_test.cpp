#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Risk = ApiTest;
using nlohmann::json;

TEST_F(Risk, SaysWhatIsStoredAndNeverAsksAnyone)
{
    const Reply reply = get("/api/v1/risk?address=ann@example.test");
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.json()["verdict"], "unknown");
    EXPECT_EQ(reply.json()["reason"], "not_probed");
    EXPECT_EQ(reply.json()["suppressed_by"], json::array());
    EXPECT_EQ(resolver.total_queries(), 0u);
    EXPECT_TRUE(connector.attempts.empty());
}

TEST_F(Risk, AfterACheckItKnows)
{
    ASSERT_EQ(post("/api/v1/check", {{"address", "ann@example.test"}}).json()["reason"], "accepted");
    const std::size_t connections = connector.attempts.size();
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["verdict"], "deliverable");
    EXPECT_EQ(connector.attempts.size(), connections);
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/risk?address=ann@example.test").json()["verdict"], "unknown");
}

TEST_F(Risk, APlusStaysAPlus)
{
    EXPECT_EQ(get("/api/v1/risk?address=ann+tag@example.test").json()["address"], "ann+tag@example.test");
    EXPECT_EQ(get("/api/v1/risk?address=ann%2Btag%40example.test").json()["address"], "ann+tag@example.test");
}

TEST_F(Risk, WhatIsNoAddressIsAVerdictAndNoError)
{
    const Reply reply = get("/api/v1/risk?address=not%20an%20address");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.json()["reason"], "syntax_invalid");
    EXPECT_EQ(get("/api/v1/risk").status, 400);
    EXPECT_EQ(get("/api/v1/risk?address=").status, 400);
    EXPECT_EQ(get("/api/v1/risk?address=%ff%fe@example.test").status, 200);
}

TEST_F(Risk, SuppressionsStandBesideTheVerdict)
{
    ASSERT_EQ(post("/api/v1/suppressions", {{"address", "ann@example.test"}, {"reason", "complaint"}}).status, 201);
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["suppressed_by"], json{"workspace:complaint"});
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/risk?address=ann@example.test").json()["suppressed_by"],
              json::array());
}

TEST_F(Risk, ManyAddressesAreAnsweredInTheirOrder)
{
    const Reply reply = post("/api/v1/risk", {{"addresses", {"b@example.test", "x", "a@example.test"}}});
    ASSERT_EQ(reply.status, 200);
    const json results = reply.json()["results"];
    ASSERT_EQ(results.size(), 3u);
    EXPECT_EQ(results[0]["address"], "b@example.test");
    EXPECT_EQ(results[1]["reason"], "syntax_invalid");
    EXPECT_FALSE(results[2].contains("evidence"));
    EXPECT_TRUE(post("/api/v1/risk", {{"address", "a@example.test"}}).json().contains("evidence"));
}

TEST_F(Risk, AThousandAddressesAreTheMost)
{
    json many = json::array();
    for (int i = 0; i < 1'000; ++i)
        many.push_back("u" + std::to_string(i) + "@example.test");
    EXPECT_EQ(post("/api/v1/risk", {{"addresses", many}}).status, 200);
    many.push_back("one@example.test");
    EXPECT_EQ(post("/api/v1/risk", {{"addresses", many}}).status, 400);
    EXPECT_EQ(post("/api/v1/risk", {{"addresses", {"a@example.test"}}, {"address", "b@example.test"}}).status, 400);
    EXPECT_EQ(post("/api/v1/risk", json::object()).status, 400);
    EXPECT_EQ(post("/api/v1/risk", {{"addresses", {1, 2}}}).status, 400);
}

TEST_F(Risk, ACheckAsksTheMailServerAndShowsEveryStep)
{
    const Reply good = post("/api/v1/check", {{"address", "ann@example.test"}});
    ASSERT_EQ(good.status, 200) << good.body;
    EXPECT_EQ(good.json()["verdict"], "deliverable");
    EXPECT_FALSE(good.json()["evidence"].empty());
    const Reply bad = post("/api/v1/check", {{"address", "nobody@example.test"}, {"deadline_ms", 5'000}});
    EXPECT_EQ(bad.json()["verdict"], "undeliverable");
    EXPECT_EQ(bad.json()["reason"], "mailbox_not_found");
}

TEST_F(Risk, ACheckAnswersWithinItsDeadline)
{
    resolver.hold();
    const TimePoint before = clock.now();
    const Reply reply = post("/api/v1/check", {{"address", "ann@example.test"}, {"deadline_ms", 700}});
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.json()["verdict"], "unknown");
    EXPECT_EQ(reply.json()["reason"], "timeout");
    EXPECT_EQ(clock.now() - before, milliseconds{700});
    resolver.release();
}

TEST_F(Risk, ACheckThatIsNotSettledInTimeIsToldLater)
{
    resolver.hold();
    const Reply asked = post("/api/v1/check", {{"address", "ann@example.test"}, {"deadline_ms", 700}});
    ASSERT_EQ(asked.status, 202) << asked.body;
    const json open = asked.json();
    EXPECT_EQ(open["settled"], false);
    const std::string url = open["poll_url"];
    EXPECT_EQ(asked.fields.get("Location"), url);
    EXPECT_EQ(asked.fields.get("Retry-After"), "2");
    EXPECT_EQ(url, "/api/v1/checks/" + open["check_id"].get<std::string>());
    EXPECT_EQ(open["evidence"][0]["rule"], "syntax:ok") << "what is known so far";

    const Reply still = get(url);
    EXPECT_EQ(still.status, 200);
    EXPECT_EQ(still.json()["settled"], false);
    EXPECT_EQ(still.json()["poll_url"], url);
    EXPECT_EQ(still.fields.get("Retry-After"), "2");
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["reason"], "not_probed") << "nothing was stored";

    resolver.release();
    timers.run_until_idle(io);
    const Reply settled = get(url);
    EXPECT_EQ(settled.status, 200);
    EXPECT_EQ(settled.json()["settled"], true);
    EXPECT_EQ(settled.json()["verdict"], "deliverable");
    EXPECT_EQ(settled.json()["address"], "ann@example.test");
    EXPECT_TRUE(settled.json()["poll_url"].is_null());
    EXPECT_FALSE(settled.fields.has("Retry-After"));
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["verdict"], "deliverable");
}

TEST_F(Risk, AnOpenCheckIsItsWorkspacesAndIsForgottenAfterAWhile)
{
    resolver.hold();
    const json open = post("/api/v1/check", {{"address", "ann@example.test"}, {"deadline_ms", 10}}).json();
    const std::string url = open["poll_url"];
    EXPECT_EQ(call_as(other_key, "GET", url).status, 404);
    EXPECT_EQ(get(url + "?list=x").status, 400);
    clock.advance(std::chrono::minutes{30});
    EXPECT_EQ(get(url).json()["settled"], false) << "what is not settled stays";
    resolver.release();
    timers.run_until_idle(io);
    clock.advance(verifier::Verifier::check_memory - milliseconds{1});
    EXPECT_EQ(get(url).status, 200);
    clock.advance(milliseconds{1});
    const Reply gone = get(url);
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.code(), "not_found");
    EXPECT_NE(gone.body.find("/api/v1/risk"), std::string::npos) << "the cure is named";
}

TEST_F(Risk, ASettledCheckHasNothingToComeBackFor)
{
    const json answer = post("/api/v1/check", {{"address", "ann@example.test"}}).json();
    EXPECT_EQ(answer["settled"], true);
    EXPECT_TRUE(answer["check_id"].is_null());
    EXPECT_TRUE(answer["poll_url"].is_null());
}

TEST_F(Risk, SuppressionsStandBesideAnOpenCheck)
{
    ASSERT_EQ(post("/api/v1/suppressions", {{"address", "ann@example.test"}, {"reason", "unsubscribe"}}).status, 201);
    resolver.hold();
    const json open = post("/api/v1/check", {{"address", "ann@example.test"}, {"deadline_ms", 10}}).json();
    EXPECT_EQ(open["suppressed_by"], json{"workspace:unsubscribe"});
    EXPECT_EQ(get(open["poll_url"]).json()["suppressed_by"], json{"workspace:unsubscribe"});
    resolver.release();
}

TEST_F(Risk, ACheckTakesTenSecondsByDefaultAndSixtyAtMost)
{
    resolver.hold();
    const TimePoint before = clock.now();
    post("/api/v1/check", {{"address", "ann@example.test"}});
    EXPECT_EQ(clock.now() - before, std::chrono::seconds{10});
    resolver.release();
    EXPECT_EQ(post("/api/v1/check", {{"address", "a@example.test"}, {"deadline_ms", 60'001}}).status, 400);
    EXPECT_EQ(post("/api/v1/check", {{"address", "a@example.test"}, {"deadline_ms", 0}}).status, 400);
    EXPECT_EQ(post("/api/v1/check", json::object()).wrong(), "/address: is required");
}

}  // namespace
}  // namespace winnow::test
