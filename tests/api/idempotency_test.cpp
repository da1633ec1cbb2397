#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using nlohmann::json;

class IdempotencyKey : public ApiTest {
public:
    Reply post_with(const std::string& idempotency_key, const std::string& target, std::string body,
                    const std::string& who = {})
    {
        net::HttpFields fields;
        fields.add("X-API-Key", who.empty() ? key : who);
        fields.add("Idempotency-Key", idempotency_key);
        return call("POST", target, std::move(body), std::move(fields));
    }
    std::size_t lists() { return get("/api/v1/lists").json()["lists"].size(); }
};

constexpr const char* csv = "email\nann@example.test\n";

TEST_F(IdempotencyKey, ARepeatedUploadIsOneList)
{
    const Reply first = post_with("k1", "/api/v1/lists?verify=false", csv);
    const Reply again = post_with("k1", "/api/v1/lists?verify=false", csv);
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_FALSE(first.fields.has("Idempotency-Replayed"));
    EXPECT_EQ(again.fields.get("Idempotency-Replayed"), "true");
    EXPECT_EQ(lists(), 1u);
}

TEST_F(IdempotencyKey, AnotherRequestUnderTheSameKeyIsRefused)
{
    ASSERT_EQ(post_with("k1", "/api/v1/lists?verify=false", csv).status, 201);
    EXPECT_EQ(post_with("k1", "/api/v1/lists?verify=false", "email\nbob@example.test\n").status, 422);
    EXPECT_EQ(post_with("k1", "/api/v1/lists?verify=false&name=x", csv).code(), "idempotency_key_reused");
    EXPECT_EQ(post_with("k1", "/api/v1/suppressions", R"({"address":"a@example.test"})").status, 422);
    EXPECT_EQ(lists(), 1u);
}

TEST_F(IdempotencyKey, BelongsToTheApiKey)
{
    ASSERT_EQ(post_with("k1", "/api/v1/lists?verify=false", csv).status, 201);
    EXPECT_EQ(post_with("k1", "/api/v1/lists?verify=false", csv, other_key).status, 201);
    EXPECT_FALSE(post_with("k1", "/api/v1/lists?verify=false", csv, small_key).fields.has("Idempotency-Replayed"));
    EXPECT_EQ(lists(), 2u);
}

TEST_F(IdempotencyKey, IsForgottenAfterADay)
{
    ASSERT_EQ(post_with("k1", "/api/v1/lists?verify=false", csv).status, 201);
    clock.advance(std::chrono::hours{25});
    EXPECT_FALSE(post_with("k1", "/api/v1/lists?verify=false", csv).fields.has("Idempotency-Replayed"));
    EXPECT_EQ(lists(), 2u);
}

TEST_F(IdempotencyKey, ARefusedRequestMayBeCorrectedUnderTheSameKey)
{
    EXPECT_EQ(post_with("k1", "/api/v1/suppressions", R"({"address":"nonsense"})").status, 400);
    EXPECT_EQ(post_with("k1", "/api/v1/suppressions", R"({"address":"a@example.test"})").status, 201);
}

TEST_F(IdempotencyKey, WorksForEveryJsonPost)
{
    const std::string list = plain_list(csv);
    const std::string body = json{{"list_id", list}, {"from", "a@sender.test"}, {"subject", "s"}, {"text", "t"}}.dump();
    const Reply first = post_with("c1", "/api/v1/campaigns", body);
    ASSERT_EQ(first.status, 201) << first.body;
    EXPECT_EQ(post_with("c1", "/api/v1/campaigns", body).json(), first.json());
    EXPECT_EQ(get("/api/v1/campaigns").json()["campaigns"].size(), 1u);
    const Reply job = post_with("v1", "/api/v1/lists/" + list + "/verify", "");
    ASSERT_EQ(job.status, 202);
    EXPECT_EQ(post_with("v1", "/api/v1/lists/" + list + "/verify", "").json(), job.json());
    finish_job(job.json()["job"]["id"]);
}

TEST_F(IdempotencyKey, WhileTheFirstIsUnderWayTheSecondIsToldSo)
{
    // The first request's body never ends until the second one was answered.
    Reply second;
    bool asked = false;
    SourceBody::Source source = [&]() -> boost::asio::awaitable<Result<std::string>> {
        if (asked)
            co_return std::string{};
        asked = true;
        net::HttpRequest request;
        request.method = "POST";
        request.target = request.path = "/api/v1/suppressions/import";
        request.fields.add("X-API-Key", key);
        request.fields.add("Idempotency-Key", "k1");
        TextBody body{"b@example.test\n"};
        request.body = &body;
        const net::HttpResponse response = co_await api->handle(request);
        second.status = response.status;
        second.body = response.body;
        co_return std::string("a@example.test\n");
    };
    SourceBody body{source};
    net::HttpFields fields;
    fields.add("X-API-Key", key);
    fields.add("Idempotency-Key", "k1");
    EXPECT_EQ(send("POST", "/api/v1/suppressions/import", body, fields).status, 200);
    EXPECT_EQ(second.status, 409);
    EXPECT_EQ(second.code(), "idempotency_in_progress");
}

TEST_F(IdempotencyKey, HasToBeAShortPrintableWord)
{
    for (const std::string& bad :
         {std::string(), std::string("two words"), std::string(256, 'x'), std::string("caf\xc3\xa9")})
        EXPECT_EQ(post_with(bad, "/api/v1/suppressions", R"({"address":"a@example.test"})").status, 400) << bad;
    EXPECT_EQ(post_with(std::string(255, 'x'), "/api/v1/suppressions", R"({"address":"a@example.test"})").status, 201);
}

}  // namespace
}  // namespace winnow::test
