#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

class UnmatchedRepliesApi : public ApiTest {
protected:
    UnmatchedRepliesApi() { collecting.collect_unmatched(&unmatched); }
    void SetUp() override
    {
        ApiTest::SetUp();
        api = std::make_unique<api::Api>(api::Services{*engine, *verifier, *jobs, *campaigns, *ring, clock, rng, *log,
                                                       metrics, [this] { return not_ready; },
                                                       verifier::Rules{replies, providers, lists}, &unmatched});
    }
    void hear(int code, const char* words)
    {
        ReplyContext context;
        context.recipient = "jane@customer.example";
        context.provider = "google";
        (void)collecting.classify(SmtpReply::make(code, words), context);
    }

    UnmatchedReplies unmatched{clock};
    ReplyClassifier collecting = replies.snapshot();
};

TEST_F(UnmatchedRepliesApi, ShowsTheMostFrequentFirstWithoutAddresses)
{
    hear(550, "5.7.1 qwertz for <jane@customer.example>");
    hear(550, "5.7.1 qwertz for <jane@customer.example>");
    hear(450, "yxcvb");
    const Reply reply = get("/api/v1/replies/unmatched");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto body = reply.json();
    ASSERT_EQ(body["replies"].size(), 2u);
    EXPECT_EQ(body["replies"][0]["text"], "5.7.1 qwertz for <@>");
    EXPECT_EQ(body["replies"][0]["count"], 2);
    EXPECT_EQ(body["replies"][0]["code"], 550);
    EXPECT_EQ(body["replies"][0]["stage"], "rcpt");
    EXPECT_EQ(body["replies"][0]["provider"], "google");
    EXPECT_EQ(body["replies"][1]["text"], "yxcvb");
    EXPECT_EQ(body["passed_over"], 0);
    EXPECT_EQ(reply.body.find("jane"), std::string::npos);
    EXPECT_EQ(get("/api/v1/replies/unmatched?limit=1").json()["replies"].size(), 1u);
}

TEST_F(UnmatchedRepliesApi, IsForTheInstallationsOwnKeys)
{
    hear(550, "qwertz");
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/replies/unmatched").status, 403);
    EXPECT_EQ(get("/api/v1/replies/unmatched?limit=0").status, 400);
    EXPECT_EQ(get("/api/v1/replies/unmatched?what=1").status, 400);
}

TEST_F(ApiTest, WithoutACollectionThereAreNoUnmatchedReplies)
{
    EXPECT_EQ(get("/api/v1/replies/unmatched").json()["replies"].size(), 0u);
}

}  // namespace
}  // namespace winnow::test
