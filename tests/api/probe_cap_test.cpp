#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using ProbeCap = ApiTest;
using nlohmann::json;

std::string rows(int n)
{
    std::string csv = "email\n";
    for (int i = 0; i < n; ++i)
        csv += "user" + std::to_string(i) + "@example.test\n";
    return csv;
}

Reply check(ApiTest& test, const std::string& who, const std::string& address)
{
    return test.call_as(who, "POST", "/api/v1/check", json{{"address", address}}.dump());
}

TEST_F(ProbeCap, AListTakesOneProbePerUniqueAddress)
{
    const Reply fits = call_as(small_key, "POST", "/api/v1/lists", rows(10) + "USER1@example.test\n");
    ASSERT_EQ(fits.status, 201) << fits.body;
    EXPECT_EQ(fits.fields.get("RateLimit"), "\"probes\";r=0;t=86400");
    finish_job(fits.json()["job"]["id"]);
}

TEST_F(ProbeCap, AListAboveTheCapIsRefusedAndNotStored)
{
    clock.advance(std::chrono::hours{18});
    const Reply reply = call_as(small_key, "POST", "/api/v1/lists", rows(11));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.code(), "probe_cap_reached");
    EXPECT_EQ(reply.fields.get("Retry-After"), std::to_string(6 * 3600));
    EXPECT_EQ(get("/api/v1/lists").json()["lists"].size(), 0u);

    const Reply stored = call_as(small_key, "POST", "/api/v1/lists?verify=false", rows(11));
    ASSERT_EQ(stored.status, 201);
    const std::string list = stored.json()["list"]["id"];
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + list + "/verify").status, 429);
    EXPECT_EQ(call_as(key, "POST", "/api/v1/lists/" + list + "/verify").status, 202) << "the cap is the key's own";
}

TEST_F(ProbeCap, AJobThatDoesNotStartGivesItsProbesBack)
{
    const std::string list = plain_list(rows(6));
    const Reply started = call_as(small_key, "POST", "/api/v1/lists/" + list + "/verify");
    ASSERT_EQ(started.status, 202);
    // 4 are left: the second start is refused for the cap, and with a fitting one for the open job.
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + list + "/verify").status, 429);
    EXPECT_EQ(call_as(key, "POST", "/api/v1/lists/" + list + "/verify").status, 409);
    const std::string four = plain_list(rows(4));
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + four + "/verify").status, 202);
}

TEST_F(ProbeCap, AChecksUnusedProbesAreGivenBack)
{
    // Nothing is probed for these: as many as one likes.
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(check(*this, small_key, "not an address").status, 200);
    // Each of these costs one or more; the tenth or an earlier one is refused.
    int answered = 0;
    Reply last;
    for (int i = 0; i < 11; ++i) {
        last = check(*this, small_key, "user" + std::to_string(i) + "@example.test");
        if (last.status != 200)
            break;
        ++answered;
    }
    EXPECT_EQ(last.status, 429);
    EXPECT_GE(answered, 2);
    EXPECT_LE(answered, 8);
}

TEST_F(ProbeCap, ACheckThatGoesOnMaySpendWhatItReserved)
{
    resolver.hold();
    const std::string body = json{{"address", "ann@example.test"}, {"deadline_ms", 10}}.dump();
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(call_as(small_key, "POST", "/api/v1/check", body).status, 202) << i;
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/check", body).status, 429) << "one probe is left";
    resolver.release();
}

TEST_F(ProbeCap, StartsAnewAtMidnightUtc)
{
    ASSERT_EQ(call_as(small_key, "POST", "/api/v1/lists", rows(10)).status, 201);
    EXPECT_EQ(check(*this, small_key, "ann@example.test").status, 429);
    clock.advance(std::chrono::hours{24});
    EXPECT_EQ(check(*this, small_key, "ann@example.test").status, 200);
}

}  // namespace
}  // namespace winnow::test
