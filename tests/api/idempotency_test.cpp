#include "tests/api/api_fixture.hpp"
#include "tests/support/flaky_engine.hpp"

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

/// The API as a process that ends at a commit of its choice, and its successor over the same store.
class IdempotencyAcrossCrashes : public IdempotencyKey {
public:
    struct Request {
        std::string target, body;
        int status = 201;
    };

    /// Another process over the store. Commits before which it ends: see FlakyEngine.
    void begin_process()
    {
        stores.push_back(std::make_unique<FlakyEngine>(*engine));
        FlakyEngine& store = process();
        verifier::VerifierOptions probing = verifier->options();
        const verifier::Services services{store,   resolver,  connector,      timers,
                                          clock,   rng,       null_log(),     metrics,
                                          replies, providers, ApiTest::lists, io.get_executor()};
        verifiers.push_back(std::make_unique<verifier::Verifier>(services, probing));
        job_runners.push_back(std::make_unique<verifier::VerificationJobs>(*verifiers.back()));
        relay::RelayOptions relaying;
        relaying.hostname = "mail.test";
        relaying.bounce_domain = "bounce.test";
        const relay::Services relay_services{store, engine_keys, resolver, connector, timers,    clock,
                                             rng,   null_log(),  metrics,  replies,   providers, *gate};
        campaign_runners.push_back(std::make_unique<relay::Campaigns>(relay_services, relaying));
        api = std::make_unique<api::Api>(api::Services{
            store, *verifiers.back(), *job_runners.back(), *campaign_runners.back(), *ring, clock, rng, *log, metrics,
            [this] { return not_ready; }, verifier::Rules{replies, providers, ApiTest::lists}});
    }
    FlakyEngine& process() { return *stores.back(); }

    std::vector<std::unique_ptr<FlakyEngine>> stores;
    std::vector<std::unique_ptr<verifier::Verifier>> verifiers;
    std::vector<std::unique_ptr<verifier::VerificationJobs>> job_runners;
    std::vector<std::unique_ptr<relay::Campaigns>> campaign_runners;
};

std::vector<std::string> ids(const json& documents)
{
    std::vector<std::string> all;
    for (const json& document : documents)
        all.push_back(document["id"]);
    return all;
}

TEST_F(IdempotencyAcrossCrashes, ACampaignIsMadeOnceWhereverTheProcessEnds)
{
    const std::string list = plain_list(csv);
    const std::string body = json{{"list_id", list}, {"from", "a@sender.test"}, {"subject", "s"}, {"text", "t"}}.dump();
    for (int survived = 1; survived <= 3; ++survived) {
        const auto before = ids(get("/api/v1/campaigns").json()["campaigns"]).size();
        const std::string name = "c" + std::to_string(survived);
        begin_process();
        process().dies_after = survived;
        const Reply first = post_with(name, "/api/v1/campaigns", body);
        begin_process();
        const Reply again = post_with(name, "/api/v1/campaigns", body);
        ASSERT_EQ(again.status, 201) << again.body;
        EXPECT_EQ(again.fields.get("Idempotency-Replayed"), "true") << "its first commit was the campaign";
        EXPECT_EQ(again.fields.get("Location"),
                  "/api/v1/campaigns/" + again.json()["campaign"]["id"].get<std::string>());
        EXPECT_EQ(ids(get("/api/v1/campaigns").json()["campaigns"]).size(), before + 1);
        if (first.status == 201) {
            EXPECT_EQ(first.json()["campaign"]["id"], again.json()["campaign"]["id"]);
        }
    }
}

TEST_F(IdempotencyAcrossCrashes, ACommitThatFailedLeavesTheKeyFreeForTheSameRequest)
{
    const std::string list = plain_list(csv);
    const std::string body = json{{"list_id", list}, {"from", "a@sender.test"}, {"subject", "s"}, {"text", "t"}}.dump();
    for (const bool applied : {false, true}) {
        begin_process();
        process().fail_every = 1;
        process().applies_anyway = applied;
        const std::string name = applied ? "k-applied" : "k-lost";
        EXPECT_EQ(post_with(name, "/api/v1/campaigns", body).status, 503);
        begin_process();
        const Reply again = post_with(name, "/api/v1/campaigns", body);
        EXPECT_EQ(again.status, 201) << again.body;
        EXPECT_EQ(again.fields.has("Idempotency-Replayed"), applied);
    }
    EXPECT_EQ(get("/api/v1/campaigns").json()["campaigns"].size(), 2u);
}

TEST_F(IdempotencyAcrossCrashes, AnotherRequestUnderTheKeyOfALostAnswerIsRefused)
{
    const std::string list = plain_list(csv);
    const json body{{"list_id", list}, {"from", "a@sender.test"}, {"subject", "s"}, {"text", "t"}};
    begin_process();
    process().fail_every = 1;
    process().applies_anyway = true;
    EXPECT_EQ(post_with("k", "/api/v1/campaigns", body.dump()).status, 503);
    begin_process();
    json other = body;
    other["subject"] = "another";
    EXPECT_EQ(post_with("k", "/api/v1/campaigns", other.dump()).code(), "idempotency_key_reused");
}

TEST_F(IdempotencyAcrossCrashes, ASuppressionThatWasLiftedMeanwhileIsNotAddedAgain)
{
    begin_process();
    process().dies_after = 1;
    const std::string body = R"({"address":"a@example.test"})";
    const Reply first = post_with("s1", "/api/v1/suppressions", body);
    EXPECT_EQ(first.status, 201) << "the answer is kept in the commit of the entry";
    begin_process();
    EXPECT_EQ(call("DELETE", "/api/v1/suppressions?address=a@example.test").status, 204);
    const Reply again = post_with("s1", "/api/v1/suppressions", body);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.fields.get("Idempotency-Replayed"), "true");
    EXPECT_TRUE(get("/api/v1/suppressions?address=a@example.test").json()["entries"].empty());
}

TEST_F(IdempotencyAcrossCrashes, AnImportThatWasOverIsToldFromOneThatWasCutOff)
{
    for (int survived = 1; survived <= 2; ++survived) {
        std::string file;
        for (int i = 0; i < 700; ++i)
            file += "u" + std::to_string(i) + "@run" + std::to_string(survived) + ".test\n";
        const std::string name = "i" + std::to_string(survived);
        begin_process();
        process().dies_after = survived;
        const Reply first = post_with(name, "/api/v1/suppressions/import", file);
        EXPECT_EQ(first.status, survived == 1 ? 503 : 200);
        begin_process();
        const Reply again = post_with(name, "/api/v1/suppressions/import", file);
        EXPECT_EQ(again.status, 200);
        EXPECT_EQ(again.fields.has("Idempotency-Replayed"), survived == 2);
        const json counts = again.json()["import"];
        EXPECT_EQ(counts["added"].get<int>() + counts["already_there"].get<int>(), 700);
    }
}

TEST_F(IdempotencyAcrossCrashes, AnUploadIsOneListWhereverTheProcessEnds)
{
    // List, rows, complete list, notes, answer.
    for (int survived = 1; survived <= 5; ++survived) {
        const auto complete = [this] {
            std::size_t count = 0;
            const json all = get("/api/v1/lists?limit=1000").json();
            for (const json& list : all["lists"])
                count += list["complete"].get<bool>() ? 1 : 0;
            return count;
        };
        begin_process();
        const std::size_t before = complete();
        process().dies_after = survived;
        const std::string name = "u" + std::to_string(survived);
        const Reply first = post_with(name, "/api/v1/lists?verify=false&name=spring", csv);
        EXPECT_EQ(first.status, survived >= 4 ? 201 : 503);
        begin_process();
        const Reply again = post_with(name, "/api/v1/lists?verify=false&name=spring", csv);
        ASSERT_EQ(again.status, 201) << again.body;
        EXPECT_EQ(complete(), before + 1);
        EXPECT_EQ(again.json()["list"]["name"], "spring");
        EXPECT_EQ(again.json()["list"]["rows"], 1);
        if (first.status == 201) {
            EXPECT_EQ(again.json()["list"]["id"], first.json()["list"]["id"]);
        }
    }
}

TEST_F(IdempotencyAcrossCrashes, AnUploadHasOneJobWhereverTheProcessEnds)
{
    // List, rows, probes reserved, complete list, job; then the job's own.
    for (int survived = 3; survived <= 6; ++survived) {
        begin_process();
        process().dies_after = survived;
        const std::string name = "j" + std::to_string(survived);
        const std::string file = csv + std::string("x") + std::to_string(survived) + "@example.test\n";
        (void)post_with(name, "/api/v1/lists", file);
        begin_process();
        const Reply again = post_with(name, "/api/v1/lists", file);
        ASSERT_EQ(again.status, 201) << again.body;
        const std::string list = again.json()["list"]["id"];
        const std::string job = again.json()["job"]["id"];
        EXPECT_EQ(get("/api/v1/lists/" + list).json()["job"]["id"], job);
        std::size_t jobs_of_list = 0;
        for (const storage::JobRecord& open : run(engine->open_jobs()).value())
            jobs_of_list += open.list_id == list ? 1 : 0;
        EXPECT_LE(jobs_of_list, 1u);
    }
}

TEST_F(IdempotencyAcrossCrashes, AListIsVerifiedOnceWhereverTheProcessEnds)
{
    for (int survived = 1; survived <= 3; ++survived) {
        const std::string list = plain_list(csv + std::string("y") + std::to_string(survived) + "@example.test\n");
        begin_process();
        process().dies_after = survived;
        const std::string name = "v" + std::to_string(survived);
        (void)post_with(name, "/api/v1/lists/" + list + "/verify", "");
        const std::string known = [&] {
            const json job = get("/api/v1/lists/" + list).json()["job"];
            return job.is_null() ? std::string() : job["id"].get<std::string>();
        }();
        EXPECT_EQ(known.empty(), survived == 1) << "the reservation is the first commit, the job the second";
        begin_process();
        const Reply again = post_with(name, "/api/v1/lists/" + list + "/verify", "");
        ASSERT_EQ(again.status, 202) << again.body;
        if (!known.empty()) {
            EXPECT_EQ(again.json()["job"]["id"], known);
        }
    }
}

}  // namespace
}  // namespace winnow::test
