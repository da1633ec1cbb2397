#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Lists = ApiTest;
using nlohmann::json;

constexpr const char* contacts =
    "Name,E-Mail,City\r\n"
    "Ann,ann@example.test,Bonn\r\n"
    "Bob,nobody@example.test,Rome\r\n"
    "Ann again,ANN@example.test,Bonn\r\n"
    "Cid,not an address,Oslo\r\n";

struct Part {
    std::string name, value;
    std::string filename = {};
};

std::string form(const std::vector<Part>& parts)
{
    std::string body;
    for (const Part& part : parts) {
        body += "--XyZ\r\nContent-Disposition: form-data; name=\"" + part.name + "\"";
        if (!part.filename.empty())
            body += "; filename=\"" + part.filename + "\"\r\nContent-Type: text/csv";
        body += "\r\n\r\n" + part.value + "\r\n";
    }
    return body + "--XyZ--\r\n";
}

net::HttpFields form_type()
{
    net::HttpFields fields;
    fields.add("Content-Type", "multipart/form-data; boundary=XyZ");
    return fields;
}

std::size_t list_count(ApiTest& test)
{
    return test.get("/api/v1/lists").json()["lists"].size();
}

TEST_F(Lists, ARawBodyIsAListAndAJob)
{
    const json answer = upload(contacts, "?name=Spring&source=shop&collected_at=2025&consent_basis=newsletter");
    const json& list = answer["list"];
    EXPECT_EQ(list["name"], "Spring");
    EXPECT_EQ(list["source"], "shop");
    EXPECT_EQ(list["collected_at"], "2025");
    EXPECT_EQ(list["consent_basis"], "newsletter");
    EXPECT_EQ(list["rows"], 4);
    EXPECT_EQ(list["duplicates"], 1);
    EXPECT_EQ(list["malformed"], 0);
    EXPECT_EQ(list["columns"], (json{"Name", "E-Mail", "City"}));
    EXPECT_EQ(list["email_column"], "E-Mail");
    EXPECT_EQ(list["email_column_number"], 2);
    EXPECT_EQ(list["encoding"], "US-ASCII");
    EXPECT_EQ(list["complete"], true);
    EXPECT_EQ(list["created_at"], "2026-01-01T00:00:00.000Z");
    EXPECT_EQ(answer["job"]["list_id"], list["id"]);
    EXPECT_EQ(answer["job"]["state"], "running");
    EXPECT_EQ(answer["job"]["counters"]["total"], 3);
}

TEST_F(Lists, AFormGivesTheSameFieldsInAnyOrder)
{
    for (const auto& parts :
         std::vector<std::vector<Part>>{{{"name", "Spring"}, {"verify", "false"}, {"file", contacts, "contacts.csv"}},
                                        {{"file", contacts, "contacts.csv"}, {"name", "Spring"}, {"verify", "false"}},
                                        {{"upload", contacts, "contacts.csv"}, {"verify", "no"}, {"name", "Spring"}}}) {
        const Reply reply = call("POST", "/api/v1/lists", form(parts), form_type());
        ASSERT_EQ(reply.status, 201) << reply.body;
        EXPECT_EQ(reply.json()["list"]["name"], "Spring");
        EXPECT_EQ(reply.json()["list"]["rows"], 4);
        EXPECT_TRUE(reply.json()["job"].is_null());
        const json stored = get(std::string(reply.fields.get("Location"))).json();
        EXPECT_EQ(stored["list"]["name"], "Spring");
    }
}

TEST_F(Lists, TheFileNameIsTheNameOfAListWithoutOne)
{
    const Reply reply =
        call("POST", "/api/v1/lists", form({{"file", contacts, "contacts.csv"}, {"verify", "0"}}), form_type());
    EXPECT_EQ(reply.json()["list"]["name"], "contacts.csv");
    EXPECT_EQ(upload(contacts, "?verify=0&filename=leads.csv")["list"]["name"], "leads.csv");
}

TEST_F(Lists, WhateverIsWrongWithAnUploadNoListStays)
{
    const std::vector<std::pair<std::vector<Part>, std::string>> forms{
        {{{"name", "no file"}}, "file: is required"},
        {{{"file", contacts, "a.csv"}, {"colour", "red"}}, "colour: is not known"},
        {{{"file", contacts, "a.csv"}, {"verify", "perhaps"}}, "verify: has to be true or false"},
        {{{"file", contacts, "a.csv"}, {"file", contacts, "b.csv"}}, "file: is a second file"},
        {{{"file", contacts, "a.csv"}, {"column", "City"}}, "column: has to come before the file"},
        {{{"file", contacts, "a.csv"}, {"name", std::string(9'000, 'x')}}, "name: is longer"},
        {{{"deadline", "soon"}, {"file", contacts, "a.csv"}}, "deadline: "}};
    for (const auto& [parts, expected] : forms) {
        const Reply reply = call("POST", "/api/v1/lists", form(parts), form_type());
        EXPECT_EQ(reply.status, 400) << reply.body;
        EXPECT_EQ(reply.wrong().substr(0, expected.size()), expected);
        EXPECT_EQ(list_count(*this), 0u) << expected;
    }
    const std::string too_long = "email,note\nann@x.test,\nben@x.test," + std::string(3 << 20, 'a') + "\n";
    const Reply refused = call("POST", "/api/v1/lists?filename=a.csv", too_long);
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_EQ(refused.json()["detail"].get<std::string>().substr(0, 39), "a.csv: line 3 is longer than 1 MiB, and");
    EXPECT_EQ(list_count(*this), 0u);
    for (const char* body : {"", "email\n", "name,city\nAnn,Bonn\n", "e\0mail\n", "   \n  \n"}) {
        EXPECT_EQ(call("POST", "/api/v1/lists", body).status, 400) << body;
        EXPECT_EQ(list_count(*this), 0u) << body;
    }
    EXPECT_EQ(call("POST", "/api/v1/lists?colour=red", contacts).status, 400);
    EXPECT_EQ(call("POST", "/api/v1/lists?column=Phone", contacts).status, 400);
    EXPECT_EQ(list_count(*this), 0u);
}

TEST_F(Lists, AFormThatEndsEarlyLeavesNothing)
{
    const std::string whole = form({{"file", contacts, "a.csv"}});
    for (const std::size_t cut : {whole.size() - 9, whole.size() / 2, std::size_t{10}, std::size_t{0}}) {
        const Reply reply = call("POST", "/api/v1/lists", whole.substr(0, cut), form_type());
        EXPECT_EQ(reply.status, 400) << cut << reply.body;
        EXPECT_EQ(list_count(*this), 0u);
    }
}

TEST_F(Lists, AConnectionThatBreaksAfterManyRowsLeavesNothing)
{
    std::size_t pieces = 0;
    SourceBody::Source source = [&]() -> boost::asio::awaitable<Result<std::string>> {
        if (++pieces > 5)
            co_return Error{Errc::io_error, "connection reset"};
        std::string rows = pieces == 1 ? "email\n" : "";
        for (int i = 0; i < 1'000; ++i)
            rows += "p" + std::to_string(pieces) + "x" + std::to_string(i) + "@example.test\n";
        co_return rows;
    };
    SourceBody body{source};
    net::HttpFields fields;
    fields.add("X-API-Key", key);
    const Reply reply = send("POST", "/api/v1/lists", body, fields);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.code(), "malformed_body");
    EXPECT_EQ(list_count(*this), 0u);
}

TEST_F(Lists, BodiesThatAreNoListAreRefusedByTheirType)
{
    net::HttpFields fields;
    fields.add("Content-Type", "application/json");
    EXPECT_EQ(call("POST", "/api/v1/lists", "{}", fields).status, 415);
    net::HttpFields zipped;
    zipped.add("Content-Encoding", "gzip");
    EXPECT_EQ(call("POST", "/api/v1/lists", contacts, zipped).status, 415);
    net::HttpFields broken;
    broken.add("Content-Type", "multipart/form-data");
    EXPECT_EQ(call("POST", "/api/v1/lists", contacts, broken).status, 400);
}

/// Rows are in the store while the upload still goes on: nothing holds the file.
TEST_F(Lists, ALargeUploadStreamsIntoTheStore)
{
    constexpr int pieces = 20;
    constexpr int rows_per_piece = 1'000;
    constexpr int held_back = 4;  ///< pieces: the sample for the dialect, and one batch
    int sent = 0;
    int in_store = 0;
    SourceBody::Source source = [&]() -> boost::asio::awaitable<Result<std::string>> {
        if (sent > held_back) {
            const auto open = co_await engine->lists("default", "", 1);
            const auto row = static_cast<std::uint64_t>((sent - held_back) * rows_per_piece);
            const auto found = co_await engine->rows("default", open->at(0).id, row, 1);
            in_store += !open->at(0).complete && found->size() == 1 ? 1 : 0;
        }
        if (sent == pieces)
            co_return std::string{};
        std::string rows = sent == 0 ? "email,name\n" : "";
        for (int i = 0; i < rows_per_piece; ++i)
            rows += "u" + std::to_string(sent * rows_per_piece + i) + "@example.test,someone\n";
        ++sent;
        co_return rows;
    };
    SourceBody body{source};
    net::HttpFields fields;
    fields.add("X-API-Key", key);
    const Reply reply = send("POST", "/api/v1/lists?verify=false", body, fields);
    ASSERT_EQ(reply.status, 201) << reply.body;
    EXPECT_EQ(reply.json()["list"]["rows"], pieces * rows_per_piece);
    EXPECT_EQ(in_store, pieces - held_back);

    const Reply results = get("/api/v1/lists/" + reply.json()["list"]["id"].get<std::string>() + "/results");
    EXPECT_TRUE(results.streamed);
    EXPECT_LE(results.largest_piece, 80u * 1024);
    EXPECT_EQ(std::count(results.body.begin(), results.body.end(), '\n'), pieces * rows_per_piece + 1);
}

TEST_F(Lists, AreListedInPages)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(plain_list("email\na@example.test\n"));
        clock.advance(std::chrono::seconds{1});
    }
    const json first = get("/api/v1/lists?limit=2").json();
    ASSERT_EQ(first["lists"].size(), 2u);
    EXPECT_EQ(first["lists"][0]["id"], ids[0]);
    EXPECT_EQ(first["next"], ids[1]);
    const json second = get("/api/v1/lists?limit=2&after=" + ids[1]).json();
    ASSERT_EQ(second["lists"].size(), 1u);
    EXPECT_EQ(second["lists"][0]["id"], ids[2]);
    EXPECT_TRUE(second["next"].is_null());
}

TEST_F(Lists, AVerifiedListShowsItsJobAndTheVerdictsOfItsRows)
{
    const json answer = upload(contacts);
    const std::string id = answer["list"]["id"];
    finish_job(answer["job"]["id"]);
    const json stored = get("/api/v1/lists/" + id).json();
    EXPECT_EQ(stored["list"]["encoding"], "US-ASCII");
    const json& job = stored["job"];
    EXPECT_EQ(job["state"], "done");
    EXPECT_EQ(job["progress"], 1.0);
    EXPECT_EQ(job["by_reason"], (json{{"accepted", 1}, {"mailbox_not_found", 1}, {"syntax_invalid", 1}}));
    EXPECT_EQ(job["by_verdict"]["undeliverable"], 2);
    EXPECT_FALSE(job["finished_at"].is_null());

    const Reply csv = get("/api/v1/lists/" + id + "/results");
    EXPECT_EQ(csv.fields.get("Content-Type"), "text/csv; charset=utf-8");
    EXPECT_NE(csv.body.find("Name,E-Mail,City,winnow_verdict"), std::string::npos);
    EXPECT_NE(csv.body.find("Ann,ann@example.test,Bonn,deliverable,accepted"), std::string::npos);
    EXPECT_NE(csv.body.find("Ann again,ANN@example.test,Bonn,deliverable,accepted"), std::string::npos);
    EXPECT_NE(csv.body.find("Cid,not an address,Oslo,undeliverable,syntax_invalid"), std::string::npos);

    const std::string only = get("/api/v1/lists/" + id + "/results?verdict=deliverable").body;
    EXPECT_EQ(only.find("nobody@"), std::string::npos);
    const Reply ndjson = get("/api/v1/lists/" + id + "/results?format=ndjson&evidence=true");
    EXPECT_EQ(ndjson.fields.get("Content-Type"), "application/x-ndjson");
    const json first = parse_json(ndjson.body.substr(0, ndjson.body.find('\n')));
    EXPECT_EQ(first["address"], "ann@example.test");
    EXPECT_EQ(first["columns"]["City"], "Bonn");
    EXPECT_FALSE(first["evidence"].empty());
}

TEST_F(Lists, ResultsRefuseWhatTheyDoNotKnow)
{
    const std::string id = plain_list("email\na@example.test\n");
    const std::string results = "/api/v1/lists/" + id + "/results";
    EXPECT_EQ(get(results).status, 200);  // before any verification
    EXPECT_EQ(get(results + "?format=xlsx").status, 400);
    EXPECT_EQ(get(results + "?verdict=good").status, 400);
    EXPECT_EQ(get(results + "?evidence=true").wrong(), "evidence: goes with format=ndjson only");
    EXPECT_EQ(get(results + "?columns=1").status, 400);
}

TEST_F(Lists, VerifyingStartsOneJobAtATime)
{
    const std::string id = plain_list(contacts);
    const Reply started = post("/api/v1/lists/" + id + "/verify", {{"deadline", "1h"}});
    ASSERT_EQ(started.status, 202) << started.body;
    const std::string job = started.json()["job"]["id"];
    EXPECT_EQ(started.fields.get("Location"), "/api/v1/jobs/" + job);
    EXPECT_EQ(started.json()["job"]["deadline"], "2026-01-01T01:00:00.000Z");
    const Reply again = post("/api/v1/lists/" + id + "/verify");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "already_exists");
    finish_job(job);
    EXPECT_EQ(post("/api/v1/lists/" + id + "/verify").status, 202);
    EXPECT_EQ(post("/api/v1/lists/" + id + "/verify", {{"deadline", 5}}).status, 400);
}

TEST_F(Lists, JobsArePausedResumedAndCancelled)
{
    resolver.hold();  // so that the job cannot end
    const json answer = upload(contacts);
    const std::string job = "/api/v1/jobs/" + answer["job"]["id"].get<std::string>();
    EXPECT_EQ(get(job).json()["job"]["state"], "running");
    EXPECT_EQ(post(job + "/resume").status, 409);
    EXPECT_EQ(post(job + "/pause", {{"note", "lunch"}}).status, 202);
    resolver.release();
    const auto paused = run(jobs->wait("default", answer["job"]["id"], {}));
    ASSERT_TRUE(paused);
    EXPECT_EQ(get(job).json()["job"]["state"], "paused");
    EXPECT_EQ(get(job).json()["job"]["note"], "lunch");
    EXPECT_EQ(post(job + "/pause").status, 409);
    EXPECT_EQ(post(job + "/resume").status, 202);
    finish_job(answer["job"]["id"]);
    EXPECT_EQ(post(job + "/cancel").status, 409);
    EXPECT_EQ(post(job + "/pause", {{"why", "x"}}).status, 400);
}

TEST_F(Lists, AJobIsCancelled)
{
    resolver.hold();
    const json answer = upload(contacts);
    const std::string id = answer["job"]["id"];
    EXPECT_EQ(post("/api/v1/jobs/" + id + "/cancel").status, 202);
    resolver.release();
    const auto cancelled = run(jobs->wait("default", id, {}));
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->state, JobState::cancelled);
    EXPECT_EQ(get("/api/v1/lists/" + answer["list"]["id"].get<std::string>()).json()["job"]["state"], "cancelled");
}

TEST_F(Lists, AnotherWorkspaceSeesNothingOfThem)
{
    const json answer = upload(contacts);
    const std::string list = "/api/v1/lists/" + answer["list"]["id"].get<std::string>();
    const std::string job = "/api/v1/jobs/" + answer["job"]["id"].get<std::string>();
    EXPECT_EQ(call_as(other_key, "GET", "/api/v1/lists").json()["lists"].size(), 0u);
    for (const auto& [method, target] : std::vector<std::pair<std::string, std::string>>{{"GET", list},
                                                                                         {"GET", list + "/results"},
                                                                                         {"POST", list + "/verify"},
                                                                                         {"GET", job},
                                                                                         {"POST", job + "/pause"},
                                                                                         {"POST", job + "/resume"},
                                                                                         {"POST", job + "/cancel"}}) {
        const Reply reply = call_as(other_key, method, target);
        EXPECT_EQ(reply.status, 404) << method << " " << target;
        EXPECT_EQ(reply.code(), "not_found");
    }
    finish_job(answer["job"]["id"]);
}

}  // namespace
}  // namespace winnow::test
