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

/// A campaign to a list that nobody verified: all of its rows are held.
std::string start_campaign(ApiTest& test, const std::string& who, const std::string& list)
{
    const json body{{"list_id", list}, {"from", "news@sender.test"}, {"subject", "s"}, {"text", "t"}, {"start", true}};
    const Reply reply = test.call_as(who, "POST", "/api/v1/campaigns", body.dump());
    EXPECT_EQ(reply.status, 201) << reply.body;
    test.timers.run_for(test.io, std::chrono::seconds{2});
    return reply.json()["campaign"]["id"];
}

TEST_F(ProbeCap, HeldRowsOfACampaignAreOnTheAccountOfTheKeyThatMadeIt)
{
    const std::string list = plain_list(rows(12));
    VerdictRecord known;
    known.reason = Reason::mailbox_not_found;
    known.verdict = verdict_of(known.reason);
    known.checked_at = clock.now();
    known.expires_at = clock.now() + std::chrono::days{30};
    for (int i = 0; i < 4; ++i)
        commit(
            storage::PutVerdict{"default", parse_address("user" + std::to_string(i) + "@example.test").address, known});
    const std::string id = start_campaign(*this, small_key, list);
    const json campaign = get("/api/v1/campaigns/" + id).json()["campaign"];
    ASSERT_FALSE(campaign["verification"].is_null()) << campaign;
    finish_job(campaign["verification"]["job_id"]);
    // 8 rows had no verdict; 2 probes are left.
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + plain_list(rows(3)) + "/verify").status, 429);
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists/" + plain_list(rows(2)) + "/verify").status, 202);
}

TEST_F(ProbeCap, HeldRowsBeyondTheCapWaitForMidnight)
{
    clock.advance(std::chrono::hours{18});
    const Reply spent = call_as(small_key, "POST", "/api/v1/lists", "email\nann@example.test\n");
    ASSERT_EQ(spent.status, 201);
    finish_job(spent.json()["job"]["id"]);
    const auto probes = mx.calls.size();
    const std::string id = start_campaign(*this, small_key, plain_list(rows(10)));
    const json held = get("/api/v1/campaigns/" + id).json()["campaign"];
    EXPECT_TRUE(held["verification"].is_null());
    EXPECT_NE(held["note"].get<std::string>().find("daily probe cap"), std::string::npos) << held["note"];
    EXPECT_NE(held["note"].get<std::string>().find("midnight UTC"), std::string::npos) << held["note"];
    EXPECT_EQ(held["messages"]["held"], 10);

    const auto midnight = std::chrono::floor<std::chrono::days>(clock.now()) + std::chrono::days{1};
    clock.advance(midnight - clock.now() - std::chrono::minutes{1});
    timers.run_for(io, std::chrono::seconds{2});
    EXPECT_EQ(mx.calls.size(), probes) << "nobody was asked";
    clock.advance(std::chrono::minutes{1});
    timers.run_for(io, std::chrono::seconds{30});
    const json campaign = get("/api/v1/campaigns/" + id).json()["campaign"];
    EXPECT_EQ(campaign["note"], "");
    EXPECT_EQ(campaign["gate"]["refused"]["mailbox_not_found"], 10) << campaign;
}

TEST_F(ProbeCap, AVerificationOfHeldRowsThatDoesNotStartGivesItsProbesBack)
{
    const std::string list = plain_list(rows(6));
    ASSERT_EQ(post("/api/v1/lists/" + list + "/verify").status, 202);
    relay::VerdictRequest request;
    request.workspace = "default";
    request.list_id = list;
    request.key_id = small_key.substr(4, 12);
    request.rows = 6;
    request.until = clock.now() + std::chrono::hours{1};
    request.job_id = "01J00000000000000000000000";
    const auto asked = run(held_verdicts->ask_for(request));
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, Errc::already_exists) << asked.error().message();
    EXPECT_EQ(call_as(small_key, "POST", "/api/v1/lists", rows(10)).status, 201) << "the whole cap is there";
}

TEST_F(ProbeCap, WithoutItsKeyACampaignsHeldRowsAreNotVerified)
{
    relay::VerdictRequest request;
    request.workspace = "default";
    request.list_id = plain_list(rows(1));
    request.rows = 1;
    request.until = clock.now() + std::chrono::hours{1};
    request.job_id = "01J00000000000000000000000";
    for (const std::string& id : {std::string{"nobodyskey00"}, std::string{}, other_key.substr(4, 12)}) {
        request.key_id = id;
        const auto asked = run(held_verdicts->ask_for(request));
        ASSERT_FALSE(asked) << id;
        EXPECT_EQ(asked.error().code, Errc::permission_denied) << id;
    }
}

}  // namespace
}  // namespace winnow::test
