#include "tests/api/api_fixture.hpp"
#include "tests/support/gzip.hpp"

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

TEST_F(Lists, WhenContactsWereCollectedIsADateOrATime)
{
    for (const char* wrong : {"2024-13-01", "2024", "last%20spring"}) {
        const Reply reply = call("POST", std::string("/api/v1/lists?collected_at=") + wrong, contacts);
        EXPECT_EQ(reply.status, 400) << wrong;
        EXPECT_EQ(reply.wrong().rfind("collected_at: ", 0), 0u) << reply.body;
    }
    EXPECT_EQ(list_count(*this), 0u);
    const json answer = upload(contacts, "?verify=false&collected_at=2024-12-01T10:00:00%2B01:00");
    EXPECT_EQ(answer["list"]["collected_at"], "2024-12-01T10:00:00+01:00") << "as it was written";
}

TEST_F(Lists, ARawBodyIsAListAndAJob)
{
    const json answer = upload(contacts, "?name=Spring&source=shop&collected_at=2025-03-01&consent_basis=newsletter");
    const json& list = answer["list"];
    EXPECT_EQ(list["name"], "Spring");
    EXPECT_EQ(list["source"], "shop");
    EXPECT_EQ(list["collected_at"], "2025-03-01");
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
    net::HttpFields compressed;
    compressed.add("Content-Encoding", "br");
    EXPECT_EQ(call("POST", "/api/v1/lists", contacts, compressed).status, 415);
    net::HttpFields packed_form = form_type();
    packed_form.add("Content-Encoding", "gzip");
    EXPECT_EQ(call("POST", "/api/v1/lists", gzip(form({{"file", contacts, "a.csv"}})), packed_form).status, 415);
    net::HttpFields zipped;
    zipped.add("Content-Encoding", "gzip");
    const Reply plain = call("POST", "/api/v1/lists", contacts, zipped);
    EXPECT_EQ(plain.status, 400);
    EXPECT_EQ(plain.json()["detail"], "the list is not gzip, although it was announced as such");
    net::HttpFields broken;
    broken.add("Content-Type", "multipart/form-data");
    EXPECT_EQ(call("POST", "/api/v1/lists", contacts, broken).status, 400);
}

TEST_F(Lists, AGzipFileIsReadInABodyInAFormAndAsAContentCoding)
{
    net::HttpFields coded;
    coded.add("Content-Encoding", "GZip");
    const std::vector<Reply> answers{
        call("POST", "/api/v1/lists?verify=0", gzip(contacts)),
        call("POST", "/api/v1/lists?verify=0", gzip(contacts), coded),
        call("POST", "/api/v1/lists", form({{"verify", "0"}, {"file", gzip(contacts), "c.csv.gz"}}), form_type())};
    for (const Reply& reply : answers) {
        ASSERT_EQ(reply.status, 201) << reply.body;
        EXPECT_EQ(reply.json()["list"]["rows"], 4);
        EXPECT_EQ(reply.json()["list"]["notes"], (json{"the file was compressed with gzip; its export is plain"}));
        const Reply csv = get("/api/v1/lists/" + reply.json()["list"]["id"].get<std::string>() + "/results");
        EXPECT_EQ(csv.body.substr(0, 31), "Name,E-Mail,City,winnow_verdict");
    }
}

TEST_F(Lists, ABombIsRefusedAsTooLargeAndLeavesNothing)
{
    std::string rows = "email,note\n";
    for (int i = 0; i < 5'000; ++i)
        rows += "ann@x.test," + std::string(1'000, 'n') + "\n";
    const Reply reply = call("POST", "/api/v1/lists?filename=a.csv.gz", gzip(rows));
    EXPECT_EQ(reply.status, 413) << reply.body;
    EXPECT_EQ(reply.code(), "too_large");
    EXPECT_NE(reply.json()["detail"].get<std::string>().find("expands to more than 200 times"), std::string::npos);
    const std::string whole = gzip(contacts);
    EXPECT_EQ(call("POST", "/api/v1/lists", whole.substr(0, whole.size() - 4)).status, 400);
    EXPECT_EQ(list_count(*this), 0u);
}

TEST_F(Lists, AnNdjsonListComesBackAsNdjsonOrAsCsv)
{
    const std::string rows =
        "{\"n\": 1, \"mail\": \"ann@example.test\"}\n{\"n\": 2, \"mail\": \"nobody@example.test\"}\n";
    const json answer = upload(rows);
    EXPECT_EQ(answer["list"]["format"], "ndjson");
    EXPECT_EQ(answer["list"]["delimiter"], nullptr);
    EXPECT_EQ(answer["list"]["email_column"], "mail");
    finish_job(answer["job"]["id"]);
    const std::string results = "/api/v1/lists/" + answer["list"]["id"].get<std::string>() + "/results";
    const Reply same = get(results);
    EXPECT_EQ(same.fields.get("Content-Type"), "application/x-ndjson");
    EXPECT_NE(same.fields.get("Content-Disposition").find(".ndjson\""), std::string_view::npos);
    const json first = parse_json(same.body.substr(0, same.body.find('\n')));
    EXPECT_EQ(first["n"], 1);
    EXPECT_EQ(first["winnow_verdict"], "deliverable");
    const Reply csv = get(results + "?format=csv");
    EXPECT_EQ(csv.fields.get("Content-Type"), "text/csv; charset=utf-8");
    EXPECT_NE(csv.body.find("\n2,nobody@example.test,undeliverable,mailbox_not_found,"), std::string::npos) << csv.body;
    const Reply shaped = get(results + "?format=ndjson");
    EXPECT_EQ(parse_json(shaped.body.substr(0, shaped.body.find('\n')))["columns"]["n"], "1");

    net::HttpFields type;
    type.add("Content-Type", "application/x-ndjson; charset=utf-8");
    const Reply texts = call("POST", "/api/v1/lists?verify=0", "\"ann@example.test\"\n", type);
    EXPECT_EQ(texts.json()["list"]["format"], "ndjson") << texts.body;
    EXPECT_EQ(call("POST", "/api/v1/lists", contacts, type).status, 400);
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

TEST_F(Lists, WhetherThereIsAHeaderMayBeTold)
{
    const std::string rows = "ann at example.test\nbob@example.test\n";
    EXPECT_EQ(upload(rows, "?verify=0")["list"]["rows"], 1);
    EXPECT_EQ(upload(rows, "?verify=0&header=false")["list"]["rows"], 2);
    EXPECT_EQ(call("POST", "/api/v1/lists?header=perhaps", rows).wrong(), "header: has to be true or false");
    const Reply late = call("POST", "/api/v1/lists", form({{"file", rows, "a"}, {"header", "no"}}), form_type());
    EXPECT_EQ(late.wrong(), "header: has to come before the file");
}

TEST_F(Lists, ADryRunSaysHowTheFileIsReadAndStoresNothing)
{
    const std::string file = std::string(contacts) + "\"Dan\r\n";
    const Reply reply = call("POST", "/api/v1/lists?dry_run=true&filename=a.csv", file);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json list = reply.json()["list"];
    EXPECT_EQ(reply.json()["dry_run"], true);
    EXPECT_EQ(list["name"], "a.csv");
    EXPECT_EQ(list["format"], "csv");
    EXPECT_EQ(list["compression"], nullptr);
    EXPECT_EQ(list["encoding"], "US-ASCII");
    EXPECT_EQ(list["delimiter"], ",");
    EXPECT_EQ(list["has_header"], true);
    EXPECT_EQ(list["email_column_number"], 2);
    EXPECT_EQ(list["email_column_found_by"], "name");
    EXPECT_EQ(list["rows"], 5);
    EXPECT_EQ(list["addresses"], 3);
    EXPECT_EQ(list["duplicates"], 1);
    EXPECT_EQ(list["malformed"], 1);
    EXPECT_FALSE(list.contains("id"));
    const json rows = reply.json()["rows"];
    ASSERT_EQ(rows.size(), 5u);
    EXPECT_EQ(rows[0]["cells"], (json{"Ann", "ann@example.test", "Bonn"}));
    EXPECT_EQ(rows[2]["duplicate_of"], 1);
    EXPECT_EQ(rows[2]["line"], 4);
    EXPECT_EQ(rows[4]["malformed"], "unterminated_quote");
    EXPECT_EQ(rows[4]["address"], nullptr);
    EXPECT_EQ(reply.fields.get("RateLimit"), "") << "no probe is reserved";

    const Reply in_form = call("POST", "/api/v1/lists",
                               form({{"dry_run", "1"}, {"column", "City"}, {"file", contacts, "c.csv"}}), form_type());
    ASSERT_EQ(in_form.status, 200) << in_form.body;
    EXPECT_EQ(in_form.json()["list"]["email_column_found_by"], "request");
    const Reply late =
        call("POST", "/api/v1/lists", form({{"file", contacts, "c.csv"}, {"dry_run", "1"}}), form_type());
    EXPECT_EQ(late.wrong(), "dry_run: has to come before the file");
    EXPECT_EQ(call("POST", "/api/v1/lists?dry_run=true", "email\n").status, 400);
    EXPECT_EQ(list_count(*this), 0u);
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
    const std::string two = get("/api/v1/lists/" + id + "/results?reason=syntax_invalid&reason=mailbox_not_found").body;
    EXPECT_EQ(two.find("ann@"), std::string::npos);
    EXPECT_NE(two.find("nobody@"), std::string::npos);
    EXPECT_NE(two.find("not an address"), std::string::npos);
    const json sizes = get("/api/v1/lists/" + id + "/segments").json()["segments"];
    EXPECT_EQ(sizes["addresses"], 3);
    EXPECT_EQ(sizes["by_verdict"], (json{{"deliverable", 1}, {"undeliverable", 2}}));
    EXPECT_EQ(sizes["by_reason"]["syntax_invalid"], 1);
    EXPECT_EQ(sizes["by_provider"], (json{{"none", 3}}));
    EXPECT_EQ(sizes["by_flag"], json::object());

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
    EXPECT_EQ(get(results + "?verdict=riskey").wrong(), "verdict: does not know \"riskey\"; did you mean \"risky\"?");
    EXPECT_EQ(get(results + "?reason=accepted,catchall").wrong(),
              "reason: does not know \"catchall\"; did you mean \"catch_all\"?");
    EXPECT_EQ(get(results + "?flag=rôle").status, 400);
    EXPECT_EQ(get(results + "?provider=gmial").wrong(), "provider: does not know \"gmial\"; did you mean \"gmail\"?");
    EXPECT_EQ(get(results + "?verdict=risky&verdict=unknown&flag=role,seg&provider=none").status, 200);
    EXPECT_EQ(get(results + "?format=csv&format=csv").wrong(), "format: is given twice");
    EXPECT_EQ(get(results + "?evidence=true").wrong(), "evidence: goes with format=ndjson only");
    EXPECT_EQ(get(results + "?columns=1").status, 400);
}

TEST_F(Lists, RejectedRowsAreATableOfTheirOwn)
{
    const std::string id = plain_list(std::string(contacts) + "Dan\r\n");
    const std::string rejected = "/api/v1/lists/" + id + "/rejected";
    const Reply csv = get(rejected);
    EXPECT_EQ(csv.fields.get("Content-Type"), "text/csv; charset=utf-8");
    EXPECT_EQ(csv.fields.get("Content-Disposition"), "attachment; filename=\"winnow-" + id + "-rejected.csv\"");
    EXPECT_TRUE(csv.body.starts_with("line,row,reason,detail,address,record\n5,4,no_at,")) << csv.body;
    EXPECT_NE(csv.body.find("\n6,5,malformed,no e-mail column: the record has 1 of 3 columns,,Dan\n"),
              std::string::npos);
    const Reply ndjson = get(rejected + "?format=ndjson");
    EXPECT_EQ(ndjson.fields.get("Content-Type"), "application/x-ndjson");
    EXPECT_EQ(parse_json(ndjson.body.substr(0, ndjson.body.find('\n')))["line"], 5);
    EXPECT_EQ(get(rejected + "?format=xml").status, 400);
    EXPECT_EQ(get(rejected + "?verdict=risky").status, 400);
    EXPECT_EQ(get("/api/v1/lists/none/rejected").status, 404);
    EXPECT_EQ(call_as(other_key, "GET", rejected).status, 404);
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
    const Reply pausing = post(job + "/pause", {{"note", "lunch"}});
    EXPECT_EQ(pausing.status, 202) << "the DNS has not answered yet";
    EXPECT_EQ(pausing.json()["becomes"], "paused");
    EXPECT_EQ(pausing.json()["job"]["state"], "running");
    resolver.release();
    const auto paused = run(jobs->wait("default", answer["job"]["id"], {}));
    ASSERT_TRUE(paused);
    EXPECT_EQ(get(job).json()["job"]["state"], "paused");
    EXPECT_EQ(get(job).json()["job"]["note"], "lunch");
    EXPECT_EQ(post(job + "/pause").status, 409);
    const Reply resumed = post(job + "/resume");
    EXPECT_EQ(resumed.status, 200);
    EXPECT_EQ(resumed.json()["job"]["state"], "running");
    EXPECT_EQ(resumed.json()["job"]["note"], "");
    finish_job(answer["job"]["id"]);
    EXPECT_EQ(post(job + "/cancel").status, 409);
    EXPECT_EQ(post(job + "/pause", {{"why", "x"}}).status, 400);
}

TEST_F(Lists, AJobIsToldAsItIsAfterTheAct)
{
    // Greylisted: rows wait, and nothing is under way.
    mx.rcpt_reply = [](const std::string&) { return SmtpReply::make(450, "4.2.0 Greylisted, try again later"); };
    const json answer = upload("email\nann@example.test\n");
    const std::string job = "/api/v1/jobs/" + answer["job"]["id"].get<std::string>();
    timers.run_for(io, std::chrono::seconds{10});
    const Reply paused = post(job + "/pause", {{"note", "lunch"}});
    EXPECT_EQ(paused.status, 200) << paused.body;
    EXPECT_EQ(paused.json()["job"]["state"], "paused");
    EXPECT_EQ(paused.json()["job"]["note"], "lunch");
    EXPECT_FALSE(paused.json().contains("becomes"));
    EXPECT_EQ(post(job + "/resume").json()["job"]["state"], "waiting") << "for the row's time, and no more paused";
    EXPECT_EQ(post(job + "/pause").json()["job"]["state"], "paused");
    const Reply cancelled = post(job + "/cancel");
    EXPECT_EQ(cancelled.status, 200);
    EXPECT_EQ(cancelled.json()["job"]["state"], "cancelled") << "also one that was paused";
    EXPECT_FALSE(cancelled.json()["job"]["finished_at"].is_null());
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
                                                                                         {"GET", list + "/segments"},
                                                                                         {"GET", list + "/rejected"},
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
