#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Forecast = ApiTest;
using nlohmann::json;

constexpr const char* contacts =
    "email\nann@example.test\nbob@example.test\nnobody@example.test\nnot an address\nANN@example.test\n";

TEST_F(Forecast, APlanTellsWhatAVerificationWouldCostAndAsksNoMailHost)
{
    const std::string list = plain_list(contacts);
    const Reply reply = get("/api/v1/lists/" + list + "/plan?deadline=30m");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json plan = reply.json()["plan"];
    EXPECT_EQ(plan["list_id"], list);
    EXPECT_EQ(plan["addresses"], 4);
    EXPECT_EQ(plan["probing"], true);
    EXPECT_EQ(plan["decided"], (json{{"syntax_invalid", 1}}));
    EXPECT_EQ(plan["asked"], 3);
    EXPECT_EQ(plan["rcpts"], 4) << "and one stranger";
    EXPECT_EQ(plan["connections"], 1);
    EXPECT_EQ(plan["deadline_seconds"], 1'800);
    EXPECT_EQ(plan["not_reached"], 0);
    EXPECT_EQ(plan["groups"].size(), 1u);
    EXPECT_TRUE(connector.attempts.empty());
    EXPECT_TRUE(get("/api/v1/lists/" + list).json()["job"].is_null());
}

TEST_F(Forecast, AfterAVerificationThePlanIsEmpty)
{
    const json uploaded = upload(contacts);
    finish_job(uploaded["job"]["id"]);
    const json plan = get("/api/v1/lists/" + uploaded["list"]["id"].get<std::string>() + "/plan").json()["plan"];
    EXPECT_EQ(plan["cached"], 3);
    EXPECT_EQ(plan["asked"], 0);
    EXPECT_EQ(plan["eta_seconds"], 0);
}

TEST_F(Forecast, AnEstimateVerifiesADrawnPart)
{
    const std::string list = plain_list(contacts);
    const Reply reply = post("/api/v1/lists/" + list + "/estimate", {{"rows", 100}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json told = reply.json()["estimate"];
    EXPECT_EQ(told["addresses"], 4);
    EXPECT_EQ(told["drawn"], 4);
    EXPECT_EQ(told["answered"], 4);
    EXPECT_EQ(told["probed"], 3);
    EXPECT_EQ(told["verdicts"]["deliverable"]["share"], 0.5);
    EXPECT_EQ(told["verdicts"]["deliverable"]["interval"], (json{0.5, 0.5})) << "all were drawn";
    EXPECT_EQ(told["by_reason"]["syntax_invalid"], 1);
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["verdict"], "deliverable");
}

TEST_F(Forecast, AnEstimateIsWithinTheProbeCap)
{
    std::string csv = "email\n";
    for (int i = 0; i < 50; ++i)
        csv += "user" + std::to_string(i) + "@example.test\n";
    const std::string list = plain_list(csv);
    const auto estimate = [&](int rows) {
        return call_as(small_key, "POST", "/api/v1/lists/" + list + "/estimate", json{{"rows", rows}}.dump());
    };
    EXPECT_EQ(estimate(11).code(), "probe_cap_reached");
    EXPECT_TRUE(connector.attempts.empty());
    EXPECT_EQ(estimate(6).status, 200);
    EXPECT_EQ(estimate(6).status, 429) << "four are left";
}

TEST_F(Forecast, WhatIsKnownCostsNothing)
{
    const std::string list = plain_list("email\nnot an address\nann@mailinator.com\n");
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + list + "/estimate", "{}").status, 200);
}

TEST_F(Forecast, IsOfListsOfTheWorkspaceAndRefusesWhatItDoesNotKnow)
{
    const std::string list = plain_list(contacts);
    for (const std::string what : {"plan", "estimate"}) {
        const std::string method = what == "plan" ? "GET" : "POST";
        EXPECT_EQ(call_as(other_key, method, "/api/v1/lists/" + list + "/" + what).status, 404);
    }
    EXPECT_EQ(get("/api/v1/lists/" + list + "/plan?deadline=soon").status, 400);
    EXPECT_EQ(get("/api/v1/lists/" + list + "/plan?rows=3").status, 400);
    EXPECT_EQ(post("/api/v1/lists/" + list + "/estimate", {{"rows", 0}}).status, 400);
    EXPECT_EQ(post("/api/v1/lists/" + list + "/estimate", {{"rows", 1'001}}).status, 400);
    EXPECT_EQ(post("/api/v1/lists/" + list + "/estimate", {{"row", 10}}).status, 400);
}

TEST_F(Forecast, AJobTellsItsRateItsEndAndItsCost)
{
    const json uploaded = upload(contacts);
    const std::string id = uploaded["job"]["id"];
    EXPECT_EQ(uploaded["job"]["rows_per_second"], 0.0);
    EXPECT_TRUE(uploaded["job"]["eta_seconds"].is_null());
    finish_job(id);
    const json job = get("/api/v1/jobs/" + id).json()["job"];
    EXPECT_EQ(job["counters"]["connections"], 1);
    EXPECT_EQ(job["counters"]["probes"], 4);
    EXPECT_EQ(job["probes_per_decided"], 1.0);
    EXPECT_EQ(job["connections_per_1000"], 250.0);
    EXPECT_EQ(job["rows_per_second"], 0.0) << "it does not run any more";
}

}  // namespace
}  // namespace winnow::test
