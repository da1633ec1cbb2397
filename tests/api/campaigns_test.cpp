#include <algorithm>

#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using nlohmann::json;

class CampaignsApi : public ApiTest {
public:
    std::string list;

    void SetUp() override
    {
        ApiTest::SetUp();
        list = plain_list("Name,email\nAnn,ann@example.test\nBob,bob@example.test\nCid,cid@example.test\n");
        add_verdict("ann@example.test", Reason::accepted);
        add_verdict("cid@example.test", Reason::mailbox_not_found);
    }
    void add_verdict(const char* address, Reason reason)
    {
        VerdictRecord verdict;
        verdict.reason = reason;
        verdict.verdict = verdict_of(reason);
        verdict.checked_at = clock.now();
        verdict.expires_at = clock.now() + std::chrono::days{30};
        commit(storage::PutVerdict{"default", parse_address(address).address, verdict});
    }
    json request() const
    {
        return {{"list_id", list},
                {"name", "Spring"},
                {"from", "News <news@sender.test>"},
                {"subject", "Hello {{Name}}"},
                {"text", "Dear {{Name}}"},
                {"verify_held", false}};
    }
    std::string create(json body)
    {
        const Reply reply = post("/api/v1/campaigns", body);
        EXPECT_EQ(reply.status, 201) << reply.body;
        return reply.json()["campaign"]["id"];
    }
    /// Lets the runner pass every row.
    json passed(const std::string& id)
    {
        timers.run_for(io, std::chrono::seconds{2});
        return get("/api/v1/campaigns/" + id).json()["campaign"];
    }
};

TEST_F(CampaignsApi, ADraftIsStoredAndStartedLater)
{
    const Reply reply = post("/api/v1/campaigns", request());
    ASSERT_EQ(reply.status, 201) << reply.body;
    const json draft = reply.json()["campaign"];
    EXPECT_EQ(draft["state"], "draft");
    EXPECT_EQ(draft["name"], "Spring");
    EXPECT_EQ(draft["subject"], "Hello {{Name}}");
    const std::string at{reply.fields.get("Location")};
    EXPECT_EQ(get(at).json()["campaign"]["id"], draft["id"]);
    const Reply started = post(at + "/start");
    EXPECT_EQ(started.status, 202);
    EXPECT_EQ(started.json()["campaign"]["state"], "running");
    EXPECT_EQ(post(at + "/start").status, 202) << "starting twice is one start";
}

TEST_F(CampaignsApi, TheAnswerShowsWhatTheGateDidAndWhy)
{
    json body = request();
    body["start"] = true;
    const std::string id = create(body);
    const json campaign = passed(id);
    EXPECT_EQ(campaign["rows_passed"], 3);
    EXPECT_EQ(campaign["queued"], 1);
    EXPECT_EQ(campaign["held"], 1);
    EXPECT_EQ(campaign["refused"], 1);
    EXPECT_EQ(campaign["gate"]["queued"]["accepted"], 1);
    EXPECT_EQ(campaign["gate"]["refused"]["mailbox_not_found"], 1);
    EXPECT_EQ(campaign["gate"]["held"].size(), 1u);
    EXPECT_EQ(campaign["messages"]["queued"], 1);
    EXPECT_EQ(campaign["messages"]["held"], 1);
    EXPECT_EQ(campaign["later"], json::object());
    const json queue = get("/api/v1/queue").json();
    EXPECT_EQ(queue["queued"], 1);
    EXPECT_EQ(queue["held"], 1);
    EXPECT_EQ(queue["held_by_reason"].size(), 1u);
}

TEST_F(CampaignsApi, HeldRecipientsAreShownWithTheirReasonInPages)
{
    const std::string more = plain_list("email\na@example.test\nb@example.test\nc@example.test\n");
    json body = request();
    body["list_id"] = more;
    body["subject"] = "x";
    body["text"] = "y";
    body["start"] = true;
    const std::string held = "/api/v1/campaigns/" + create(body) + "/held";
    timers.run_for(io, std::chrono::seconds{2});
    std::set<std::string> seen;
    std::string after;
    for (int page = 0; page < 4; ++page) {
        const Reply reply = get(held + "?limit=2" + (after.empty() ? "" : "&after=" + after));
        ASSERT_EQ(reply.status, 200) << reply.body;
        const json body_of_page = reply.json();
        for (const json& one : body_of_page["held"]) {
            EXPECT_TRUE(seen.insert(one["recipient"]).second);
            EXPECT_FALSE(one["reason"].get<std::string>().empty());
            EXPECT_EQ(get("/api/v1/messages/" + one["message_id"].get<std::string>()).json()["message"]["state"],
                      "held");
        }
        if (reply.json()["next"].is_null())
            break;
        after = reply.json()["next"];
    }
    EXPECT_EQ(seen.size(), 3u);
    for (const char* cursor : {"x", "1", "1.", ".1", "1.2x", "-1.2"})
        EXPECT_EQ(get(held + "?after=" + cursor).status, 400) << cursor;
}

TEST_F(CampaignsApi, ErrorsNameTheField)
{
    const auto reply_to = [&](const char* field, const json& value) {
        json body = request();
        if (value.is_null())
            body.erase(field);
        else
            body[field] = value;
        return post("/api/v1/campaigns", body);
    };
    EXPECT_EQ(reply_to("subject", nullptr).wrong(), "/subject: is required");
    EXPECT_EQ(reply_to("from", nullptr).wrong(), "/from: is required");
    EXPECT_EQ(reply_to("from", "nonsense").status, 400);
    EXPECT_EQ(reply_to("subject", "a\r\nBcc: x@example.test").status, 400);
    EXPECT_EQ(reply_to("text", nullptr).wrong().substr(0, 6), "/text:");
    EXPECT_EQ(reply_to("text", "{{Phone}}").status, 400);
    EXPECT_EQ(reply_to("hold", "long").wrong().substr(0, 6), "/hold:");
    EXPECT_EQ(reply_to("include_risky", "yes").status, 400);
    EXPECT_EQ(reply_to("headers", {{"X-Bad\r\n", "x"}}).status, 400);
    EXPECT_EQ(reply_to("state", "running").wrong().substr(0, 7), "/state:");
    EXPECT_EQ(reply_to("workspace", "other").wrong().substr(0, 11), "/workspace:");
    EXPECT_EQ(reply_to("list_id", "01J00000000000000000000000").status, 404);
    EXPECT_EQ(get("/api/v1/campaigns").json()["campaigns"].size(), 0u);
}

TEST_F(CampaignsApi, ACancelledCampaignStaysCancelled)
{
    json body = request();
    body["start"] = true;
    const std::string at = "/api/v1/campaigns/" + create(body);
    const Reply cancelled = post(at + "/cancel");
    EXPECT_EQ(cancelled.status, 202) << cancelled.body;
    EXPECT_EQ(cancelled.json()["campaign"]["state"], "cancelled");
    EXPECT_EQ(post(at + "/start").status, 409);
    EXPECT_EQ(post(at + "/cancel").status, 202);
    EXPECT_EQ(post(at + "/cancel", {{"force", true}}).status, 400);
}

TEST_F(CampaignsApi, AreListedInPages)
{
    for (int i = 0; i < 3; ++i) {
        create(request());
        clock.advance(std::chrono::seconds{1});
    }
    const json first = get("/api/v1/campaigns?limit=2").json();
    ASSERT_EQ(first["campaigns"].size(), 2u);
    const json second = get("/api/v1/campaigns?limit=2&after=" + first["next"].get<std::string>()).json();
    EXPECT_EQ(second["campaigns"].size(), 1u);
    EXPECT_TRUE(second["next"].is_null());
}

TEST_F(CampaignsApi, AnotherWorkspaceSeesNothingOfThem)
{
    const std::string at = "/api/v1/campaigns/" + create(request());
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/campaigns").json()["campaigns"].size(), 0u);
    EXPECT_EQ(call_as(other_key, "GET", at).status, 404);
    EXPECT_EQ(call_as(other_key, "GET", at + "/held").status, 404);
    EXPECT_EQ(call_as(other_key, "POST", at + "/start").status, 404);
    EXPECT_EQ(call_as(other_key, "POST", at + "/cancel").status, 404);
    EXPECT_EQ(call_as(other_key, "POST", "/api/v1/campaigns", request().dump()).status, 404) << "its list";
}

TEST_F(CampaignsApi, AKeyThatIsBoundToDomainsMakesCampaignsFromThem)
{
    const std::string file = dir.file("keys");
    api::ApiKey properties;
    properties.from = relay::SenderDomains::parse({"sender.test"}).value();
    const std::string bound = api::KeyRing::create(file, properties, rng).value().text;
    *ring = api::KeyRing::load(file, api::KeyRing::Missing::is_empty).value();

    json own = request();
    own["from"] = "News <news@mail.sender.test>";
    EXPECT_EQ(call_as(bound, "POST", "/api/v1/campaigns", own.dump()).status, 201);
    json borrowed = request();
    borrowed["from"] = "News <boss@victim.test>";
    const Reply refused = call_as(bound, "POST", "/api/v1/campaigns", borrowed.dump());
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.code(), "sender_not_allowed");
    EXPECT_EQ(refused.json()["errors"][0]["pointer"], "/from");
    const std::string why = refused.json()["errors"][0]["detail"];
    EXPECT_EQ(why.find("this credential may not send as boss@victim.test"), 0u)
        << "the pointer names the field: " << why;
    EXPECT_EQ(refused.json()["detail"], why);
    EXPECT_EQ(post("/api/v1/campaigns", borrowed).status, 201) << "a key without a list may use any domain";
}

TEST_F(CampaignsApi, HeldRowsNameTheirNextStepWhichSettlesThem)
{
    json body = request();
    body["start"] = true;
    const std::string id = create(body);
    json campaign = passed(id);
    ASSERT_EQ(campaign["messages"]["held"], 1);
    EXPECT_FALSE(campaign["hold_until"].is_null());
    const std::string again = "/api/v1/lists/" + list + "/verify";
    EXPECT_NE(campaign["next_step"].get<std::string>().find("POST " + again), std::string::npos);

    const Reply job = post(again);
    ASSERT_EQ(job.status, 202) << job.body;
    finish_job(job.json()["job"]["id"]);
    campaign = passed(id);
    EXPECT_FALSE(campaign["messages"].contains("held"));
    EXPECT_EQ(campaign["messages"]["queued"], 2) << "ann, and bob who was asked";
    EXPECT_TRUE(campaign["next_step"].is_null());
}

/// By default: nobody has to ask for it.
class VerifiedByTheCampaign : public CampaignsApi {
public:
    std::string start()
    {
        json body = request();
        body.erase("verify_held");
        body["start"] = true;
        return create(body);
    }
};

TEST_F(VerifiedByTheCampaign, AHeldRowGetsItsVerdictWithoutAnybodysCall)
{
    resolver.hold();
    const std::string id = start();
    json campaign = passed(id);
    ASSERT_EQ(campaign["messages"]["held"], 1);
    EXPECT_EQ(campaign["verify_held"], true);
    const std::string job = campaign["verification"]["job_id"];
    EXPECT_EQ(campaign["verification"]["state"], "running");
    EXPECT_EQ(campaign["next_step"].get<std::string>().find("job " + job + " verifies them: GET /api/v1/jobs/" + job),
              0u)
        << campaign["next_step"];
    EXPECT_EQ(get("/api/v1/campaigns").json()["campaigns"][0]["verification"], campaign["verification"]);
    EXPECT_EQ(get("/api/v1/lists/" + list).json()["job"]["id"], job) << "the list's latest";
    EXPECT_EQ(get("/api/v1/jobs/" + job).json()["job"]["deadline"], campaign["hold_until"]);

    resolver.release();
    finish_job(job);
    campaign = passed(id);
    EXPECT_EQ(campaign["messages"]["queued"], 2) << "ann, and bob who was asked";
    EXPECT_TRUE(campaign["next_step"].is_null());
    const auto asked_about = [&](const char* who) {
        return std::count(mx.calls.begin(), mx.calls.end(), "rcpt " + std::string(who));
    };
    EXPECT_EQ(asked_about("bob@example.test"), 1);
    EXPECT_EQ(asked_about("ann@example.test") + asked_about("cid@example.test"), 0) << "a verdict costs nothing";
}

TEST_F(VerifiedByTheCampaign, ACancelledVerificationIsNotStartedAgain)
{
    resolver.hold();
    const std::string id = start();
    const std::string job = passed(id)["verification"]["job_id"];
    post("/api/v1/jobs/" + job + "/cancel");
    resolver.release();
    clock.advance(std::chrono::hours{3});
    const json campaign = passed(id);
    EXPECT_EQ(campaign["verification"], (json{{"job_id", job}, {"state", "cancelled"}}));
    const std::string next = campaign["next_step"];
    EXPECT_NE(next.find("was cancelled"), std::string::npos) << next;
    EXPECT_NE(next.find("POST /api/v1/lists/" + list + "/verify"), std::string::npos) << "who wants it has to say so";
}

TEST_F(VerifiedByTheCampaign, APausedVerificationSaysHowItGoesOn)
{
    resolver.hold();
    const std::string id = start();
    const std::string job = passed(id)["verification"]["job_id"];
    post("/api/v1/jobs/" + job + "/pause");
    resolver.release();
    const json campaign = passed(id);
    EXPECT_EQ(campaign["verification"]["state"], "paused");
    EXPECT_NE(campaign["next_step"].get<std::string>().find("POST /api/v1/jobs/" + job + "/resume"), std::string::npos);
}

}  // namespace
}  // namespace winnow::test
