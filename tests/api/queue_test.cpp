#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Queue = ApiTest;
using nlohmann::json;

storage::MessageRecord message(const ApiTest& test, std::string id, MessageState state)
{
    storage::MessageRecord m;
    m.id = std::move(id);
    m.workspace = "default";
    m.recipient = "ann@example.test";
    m.domain = "example.test";
    m.state = state;
    m.held_reason = state == MessageState::held ? "greylisted" : "";
    m.accepted = m.due = test.clock.now();
    m.expires = m.due + std::chrono::hours{1};
    return m;
}

constexpr const char* first = "01J00000000000000000000001";
constexpr const char* second = "01J00000000000000000000002";

TEST_F(Queue, CountsWhatWaitsAndWhy)
{
    EXPECT_EQ(get("/api/v1/queue").json(),
              (json{{"queued", 0}, {"held", 0}, {"in_flight", 0}, {"held_by_reason", json::object()}}));
    commit(storage::Enqueue{message(*this, first, MessageState::queued)});
    commit(storage::Enqueue{message(*this, second, MessageState::held)});
    const json counts = get("/api/v1/queue").json();
    EXPECT_EQ(counts["queued"], 1);
    EXPECT_EQ(counts["held"], 1);
    EXPECT_EQ(counts["held_by_reason"], (json{{"greylisted", 1}}));
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/queue").json()["queued"], 0);
}

TEST_F(Queue, TheDomainsThatMostWaitsForTellTheirLastReply)
{
    auto at = [this](std::string id, std::string domain) {
        auto m = message(*this, std::move(id), MessageState::queued);
        m.domain = std::move(domain);
        return m;
    };
    auto tried = at(first, "slow.test");
    storage::AttemptRecord attempt;
    attempt.at = clock.now();
    attempt.stage = Stage::rcpt;
    attempt.klass = ReplyClass::greylisted;
    attempt.reply = "451 4.7.1 come back later";
    tried.history.push_back(attempt);
    commit(storage::Enqueue{tried});
    commit(storage::Enqueue{at(second, "slow.test")});
    commit(storage::Enqueue{at("01J00000000000000000000003", "new.test")});

    EXPECT_FALSE(get("/api/v1/queue").json().contains("waiting"));
    const json waiting = get("/api/v1/queue?domains=10").json()["waiting"];
    ASSERT_EQ(waiting.size(), 2u);
    EXPECT_EQ(waiting[0]["domain"], "slow.test");
    EXPECT_EQ(waiting[0]["queued"], 2);
    EXPECT_EQ(waiting[0]["last"]["class"], "greylisted");
    EXPECT_EQ(waiting[0]["last"]["stage"], "rcpt");
    EXPECT_EQ(waiting[0]["last"]["reply"], "451 4.7.1 come back later");
    EXPECT_EQ(waiting[1]["domain"], "new.test");
    EXPECT_TRUE(waiting[1]["last"].is_null());

    EXPECT_EQ(get("/api/v1/queue?domains=1").json()["waiting"].size(), 1u);
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/queue?domains=10").json()["waiting"], json::array());
    EXPECT_EQ(get("/api/v1/queue?domains=many").status, 400);
}

TEST_F(Queue, AMessageShowsItsState)
{
    commit(storage::Enqueue{message(*this, first, MessageState::queued)});
    const std::string at = std::string("/api/v1/messages/") + first;
    const json found = get(at).json()["message"];
    EXPECT_EQ(found["state"], "queued");
    EXPECT_EQ(found["recipient"], "ann@example.test");
    EXPECT_EQ(found["history"], json::array());
    EXPECT_EQ(call_as(other_key, "GET", at).status, 404);
    EXPECT_EQ(get(std::string("/api/v1/messages/") + second).status, 404);
}

TEST_F(Queue, EventsAreReadFromWhereOneLeftOff)
{
    for (const char* address : {"a@example.test", "b@example.test", "c@example.test"})
        ASSERT_EQ(post("/api/v1/suppressions", {{"address", address}}).status, 201);
    const json page = get("/api/v1/events?limit=2").json();
    ASSERT_EQ(page["events"].size(), 2u);
    EXPECT_EQ(page["events"][0]["type"], "suppression.added");
    EXPECT_EQ(page["events"][0]["detail"], "workspace:manual");
    EXPECT_FALSE(page["events"][0]["address_digest"].is_null());
    const std::string next = std::to_string(page["next"].get<std::uint64_t>());
    EXPECT_EQ(get("/api/v1/events?after=" + next).json()["events"].size(), 1u);
    const json end = get("/api/v1/events?after=99").json();
    EXPECT_EQ(end["events"].size(), 0u);
    EXPECT_EQ(end["next"], 99);
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/events").json()["events"].size(), 0u);
    EXPECT_EQ(get("/api/v1/events?after=-1").status, 400);
}

TEST_F(Queue, NoEventHoldsAnAddress)
{
    ASSERT_EQ(post("/api/v1/suppressions", {{"address", "secret@example.test"}}).status, 201);
    EXPECT_EQ(get("/api/v1/events").body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace winnow::test
