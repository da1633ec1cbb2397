#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

class ExplainApi : public ApiTest {};

TEST_F(ExplainApi, TellsEverythingAboutAnAddress)
{
    ASSERT_EQ(post("/api/v1/check", {{"address", "nobody@example.test"}}).status, 200);
    const Reply reply = get("/api/v1/explain?address=nobody@example.test");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto e = reply.json();
    EXPECT_EQ(e["address"], "nobody@example.test");
    EXPECT_EQ(e["syntax"]["usable"], true);
    EXPECT_EQ(e["lists"]["disposable"], false);
    EXPECT_EQ(e["verdict"]["reason"], "mailbox_not_found");
    EXPECT_TRUE(e["by_rules_of_today"].is_null());
    EXPECT_EQ(e["gate"]["campaign"]["decision"], "refuse");
    EXPECT_EQ(e["gate"]["campaign_with_risky"]["decision"], "refuse");
    EXPECT_TRUE(e["gate"]["transactional"]["smtp"].get<std::string>().starts_with("550 5.1.1"));
    ASSERT_FALSE(e["verdict"]["evidence"].empty());
    for (const auto& step : e["verdict"]["evidence"])
        EXPECT_TRUE(step["rule"].is_null() || e["rules"].contains(step["rule"].get<std::string>())) << step;
    EXPECT_FALSE(e["next"].get<std::string>().empty());
}

TEST_F(ExplainApi, OfATextThatIsNoAddressItTellsWhy)
{
    const auto e = get("/api/v1/explain?address=no%20address").json();
    EXPECT_EQ(e["syntax"]["valid"], false);
    EXPECT_EQ(e["verdict"]["reason"], "syntax_invalid");
    EXPECT_EQ(get("/api/v1/explain").status, 400);
    EXPECT_EQ(get("/api/v1/explain?address=a@b.test&what=1").status, 400);
}

TEST_F(ExplainApi, SeesItsOwnWorkspaceOnly)
{
    ASSERT_EQ(post("/api/v1/check", {{"address", "nobody@example.test"}}).status, 200);
    EXPECT_TRUE(call_as(other_key, "GET", "/api/v1/explain?address=nobody@example.test").json()["verdict"].is_null());
}

class RecomputeApi : public ApiTest {
protected:
    void store(const std::string& address, const char* answer)
    {
        storage::PutVerdict put;
        put.workspace = "default";
        put.address = parse_address(address).address;
        put.verdict.reason = Reason::mailbox_not_found;
        put.verdict.verdict = Verdict::undeliverable;
        Evidence step;
        step.kind = EvidenceKind::rcpt;
        step.asked = "RCPT TO:<" + address + ">";
        step.of = "mx.example.test[192.0.2.25]";
        step.answer = answer;
        step.rule = "an-older-row";
        put.verdict.evidence.push_back(step);
        commit(put);
    }
};

TEST_F(RecomputeApi, ADryRunIsWhatHappensUnlessItIsSaidOtherwise)
{
    store("ann@example.test", "550 5.7.1 Client host is listed on a block list");
    const auto dry = post("/api/v1/verdicts/recompute").json();
    EXPECT_EQ(dry["dry_run"], true);
    EXPECT_EQ(dry["verdicts"], 1);
    EXPECT_EQ(dry["changed"], 1) << dry;
    EXPECT_EQ(dry["changes"][0]["from"], "mailbox_not_found");
    EXPECT_EQ(dry["samples"][0]["subject"], "ann@example.test");
    EXPECT_EQ(dry["written"], 0);
    EXPECT_EQ(get("/api/v1/risk?address=ann@example.test").json()["reason"], "mailbox_not_found");

    EXPECT_EQ(post("/api/v1/verdicts/recompute", {{"dry_run", false}}).json()["written"], 1);
    EXPECT_NE(get("/api/v1/risk?address=ann@example.test").json()["reason"], "mailbox_not_found");
    EXPECT_EQ(post("/api/v1/verdicts/recompute").json()["changed"], 0);
}

TEST_F(RecomputeApi, LooksAtItsOwnWorkspaceOnly)
{
    store("ann@example.test", "550 5.7.1 Client host is listed on a block list");
    EXPECT_EQ(call_as(other_key, "POST", "/api/v1/verdicts/recompute").json()["verdicts"], 0);
    EXPECT_EQ(post("/api/v1/verdicts/recompute", {{"dryrun", false}}).status, 400);
}

}  // namespace
}  // namespace winnow::test
