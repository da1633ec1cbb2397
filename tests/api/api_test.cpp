// What every answer has in common.
#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using ApiBasics = ApiTest;

net::HttpFields with(const std::string& name, const std::string& value)
{
    net::HttpFields fields;
    fields.add(name, value);
    return fields;
}

TEST_F(ApiBasics, AKeyIsTakenFromEitherField)
{
    EXPECT_EQ(call("GET", "/api/v1/queue", {}, with("Authorization", "Bearer " + key)).status, 200);
    EXPECT_EQ(call("GET", "/api/v1/queue", {}, with("Authorization", "bearer  " + key)).status, 200);
    EXPECT_EQ(call("GET", "/api/v1/queue", {}, with("X-API-Key", key)).status, 200);
}

TEST_F(ApiBasics, WithoutAValidKeyNothingIsServedAndNoBodyIsRead)
{
    for (const auto& fields :
         {with("X-API-Key", ""), with("X-API-Key", "wnw_nonsense"), with("Authorization", "Basic " + key),
          with("Authorization", "Bearer"), with("Authorization", key), with("X-API-Key", key + "x")}) {
        TextBody body{"email\na@example.test\n"};
        const Reply reply = send("POST", "/api/v1/lists", body, fields);
        EXPECT_EQ(reply.status, 401);
        EXPECT_EQ(reply.code(), "unauthorized");
        EXPECT_EQ(reply.fields.get("WWW-Authenticate"), "Bearer realm=\"winnow\"");
        EXPECT_FALSE(body.read);
    }
}

TEST_F(ApiBasics, EveryResourceNeedsAKey)
{
    const std::string id = "01J00000000000000000000000";
    for (const auto& [method, target] :
         std::vector<std::pair<std::string, std::string>>{{"GET", "/lists"},
                                                          {"POST", "/lists"},
                                                          {"GET", "/lists/" + id},
                                                          {"POST", "/lists/" + id + "/verify"},
                                                          {"GET", "/lists/" + id + "/results"},
                                                          {"GET", "/jobs/" + id},
                                                          {"POST", "/jobs/" + id + "/pause"},
                                                          {"POST", "/jobs/" + id + "/resume"},
                                                          {"POST", "/jobs/" + id + "/cancel"},
                                                          {"POST", "/campaigns"},
                                                          {"GET", "/campaigns"},
                                                          {"GET", "/campaigns/" + id},
                                                          {"POST", "/campaigns/" + id + "/start"},
                                                          {"POST", "/campaigns/" + id + "/cancel"},
                                                          {"GET", "/campaigns/" + id + "/held"},
                                                          {"GET", "/suppressions"},
                                                          {"POST", "/suppressions"},
                                                          {"DELETE", "/suppressions"},
                                                          {"POST", "/suppressions/import"},
                                                          {"GET", "/suppressions/export"},
                                                          {"GET", "/risk"},
                                                          {"POST", "/risk"},
                                                          {"POST", "/check"},
                                                          {"GET", "/queue"},
                                                          {"GET", "/events"},
                                                          {"GET", "/messages/" + id}}) {
        clock.advance(std::chrono::minutes{1});  // many wrong keys at once are answered with 429
        EXPECT_EQ(call_as("nobody", method, "/api/v1" + target).status, 401) << method << " " << target;
    }
}

TEST_F(ApiBasics, UnknownPathsAreNotFoundAndWrongMethodsNameTheRightOnes)
{
    for (const char* path : {"/", "/api/v1", "/api/v1/list", "/api/v1/lists/", "/api/v1/lists/not-an-id",
                             "/api/v1/lists/..%2f..%2fetc", "/api/v2/lists", "/metrics/x"}) {
        const Reply reply = get(path);
        EXPECT_EQ(reply.status, 404) << path;
        EXPECT_EQ(reply.code(), "not_found") << path;
    }
    const Reply reply = call("PUT", "/api/v1/suppressions");
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.fields.get("Allow"), "GET, HEAD, POST, DELETE");
}

TEST_F(ApiBasics, UnknownAndRepeatedQueryParametersAreRefusedByName)
{
    EXPECT_EQ(get("/api/v1/queue?verbose=1").wrong(), "verbose: is not known here; known are: domains");
    EXPECT_EQ(get("/api/v1/lists?limit=5&offset=10").wrong(), "offset: is not known here; known are: after, limit");
    EXPECT_EQ(get("/api/v1/lists?limit=5&limit=6").wrong(), "limit: is given twice");
    EXPECT_EQ(get("/api/v1/lists?limit=0").status, 400);
    EXPECT_EQ(get("/api/v1/lists?limit=1001").status, 400);
}

TEST_F(ApiBasics, EveryAnswerCarriesTheSecurityFieldsAndARequestId)
{
    const std::vector<Reply> answers{get("/api/v1/queue"),    get("/nothing"), call_as("no", "GET", "/api/v1/queue"),
                                     call("PUT", "/metrics"), get("/metrics"), get("/health/live")};
    std::set<std::string> ids;
    for (const Reply& reply : answers) {
        EXPECT_EQ(reply.fields.get("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(reply.fields.get("Cache-Control"), "no-store");
        EXPECT_EQ(reply.fields.get("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'");
        ids.emplace(reply.fields.get("X-Request-Id"));
        if (reply.status >= 400) {
            EXPECT_EQ(reply.json()["request_id"], reply.fields.get("X-Request-Id"));
        }
    }
    EXPECT_EQ(ids.size(), answers.size());
}

TEST_F(ApiBasics, BodiesAreCappedAtOneMegabyte)
{
    const std::string fits = "{\"address\":\"a@example.test\"" + std::string((1u << 20) - 28, ' ') + "}";
    ASSERT_EQ(fits.size(), 1u << 20);
    EXPECT_EQ(call("POST", "/api/v1/risk", fits).status, 200);
    const Reply reply = call("POST", "/api/v1/risk", fits + " ");
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(reply.code(), "too_large");
}

TEST_F(ApiBasics, MalformedDeepAndForeignJsonIsRefusedEverywhere)
{
    const std::string list = plain_list("email\na@example.test\n");
    const std::vector<std::string> targets{"/api/v1/risk", "/api/v1/check", "/api/v1/campaigns", "/api/v1/suppressions",
                                           "/api/v1/lists/" + list + "/verify"};
    for (const std::string& target : targets) {
        EXPECT_EQ(call("POST", target, "{\"address\":").code(), "malformed_json") << target;
        EXPECT_EQ(call("POST", target, "[]").code(), "malformed_json") << target;
        const std::string deep = "{\"address\":" + std::string(50'000, '[') + std::string(50'000, ']') + "}";
        EXPECT_EQ(call("POST", target, deep).status, 400) << target;
        const Reply reply = call("POST", target, R"({"is_admin":true})");
        EXPECT_EQ(reply.status, 400) << target;
        EXPECT_NE(reply.body.find("/is_admin"), std::string::npos) << target;
    }
}

TEST_F(ApiBasics, ALineIsLoggedPerRequestWithoutAddresses)
{
    log_lines.clear();
    get("/api/v1/risk?address=secret.person@example.test");
    ASSERT_EQ(log_lines.size(), 1u);
    const auto line = parse_json(log_lines[0]);
    EXPECT_EQ(line["event"], "http.request");
    EXPECT_EQ(line["route"], "/api/v1/risk");
    EXPECT_EQ(line["status"], 200);
    EXPECT_EQ(line["workspace"], "default");
    EXPECT_EQ(log_lines[0].find("secret"), std::string::npos);
    EXPECT_EQ(log_lines[0].find(key), std::string::npos);
}

TEST_F(ApiBasics, RequestsAreCountedByRouteAndClass)
{
    get("/api/v1/queue");
    get("/api/v1/queue?x=1");
    const std::string text = get("/metrics").body;
    EXPECT_NE(text.find(R"(winnow_http_requests_total{route="/api/v1/queue",status="2xx"} 1)"), std::string::npos);
    EXPECT_NE(text.find(R"(winnow_http_requests_total{route="/api/v1/queue",status="4xx"} 1)"), std::string::npos);
    EXPECT_NE(text.find("winnow_http_request_seconds_bucket"), std::string::npos);
}

TEST_F(ApiBasics, AStoreThatIsClosingIsNotAvailableNow)
{
    ASSERT_TRUE(engine->close());
    const Reply reply = post("/api/v1/suppressions", {{"address", "a@example.test"}});
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "unavailable");
    EXPECT_EQ(reply.fields.get("Retry-After"), "5");
}

}  // namespace
}  // namespace winnow::test
