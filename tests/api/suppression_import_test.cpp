#include <algorithm>

#include "api/sendgrid_export.hpp"
#include "api/suppression_rows.hpp"
#include "tests/api/api_fixture.hpp"
#include "tests/support/gzip.hpp"

namespace winnow::test {
namespace {

using SuppressionImports = ApiTest;
using nlohmann::json;
using Rows = std::vector<std::string>;

constexpr const char* base = "/api/v1/suppressions";

/// What a reader makes of a file that comes in pieces: "line: address, domain, reason", "line! fault", "error".
Rows rows_of(std::string_view file, std::size_t piece, std::string column = {})
{
    Rows told;
    api::SuppressionRows rows{std::move(column)};
    for (std::size_t at = 0;; at += piece) {
        if (at < file.size())
            rows.feed(std::string(file.substr(at, piece)));
        else
            rows.finish();
        for (;;) {
            const auto row = rows.next();
            if (!row) {
                told.push_back(row.error().context);
                return told;
            }
            if (!*row)
                break;
            const api::SuppressionRow& r = **row;
            told.push_back(std::to_string(r.line) + (r.fault.empty()
                                                         ? ": " + std::string(r.address) + ", " +
                                                               std::string(r.domain) + ", " + std::string(r.reason)
                                                         : "! " + r.fault));
        }
        if (at >= file.size())
            return told;
    }
}

std::string utf16(std::string_view ascii)
{
    std::string text = "\xFF\xFE";
    for (const char c : ascii) {
        text += c;
        text += '\0';
    }
    return text;
}

json first_entry(ApiTest& test, const std::string& address)
{
    const json entries = test.get(std::string(base) + "?address=" + address).json()["entries"];
    return entries.empty() ? json() : entries.at(0);
}

std::int64_t stored(ApiTest& test)
{
    const std::string all = test.get(std::string(base) + "/export?format=txt").body;
    return std::count(all.begin(), all.end(), '\n');
}

constexpr const char* csv_file = "email,domain,reason\r\nann@example.test,,complaint\r\n\r\n,gone.test,\r\n";
constexpr const char* ndjson_file = R"({"email":"ann@example.test","reason":"complaint"}

{"domain":"gone.test"}
"bob@example.test"
{"email":"cem@example.test"
17
)";

TEST(SuppressionRows, AreTheSameHoweverTheFileIsCutAndPacked)
{
    const Rows of_csv{"2: ann@example.test, , complaint", "4: , gone.test, "};
    const Rows of_ndjson{"1: ann@example.test, , complaint", "3: , gone.test, ", "4: bob@example.test, , ",
                         "5! the text is not JSON at octet 28", "6! neither a JSON object nor a JSON text"};
    for (const std::size_t piece : {1u, 2u, 7u, 1'000u}) {
        EXPECT_EQ(rows_of(csv_file, piece), of_csv) << piece;
        EXPECT_EQ(rows_of(gzip(csv_file), piece), of_csv) << piece;
        EXPECT_EQ(rows_of(utf16(csv_file), piece), of_csv) << piece;
        EXPECT_EQ(rows_of(ndjson_file, piece), of_ndjson) << piece;
        EXPECT_EQ(rows_of(gzip(ndjson_file), piece), of_ndjson) << piece;
        EXPECT_EQ(rows_of(gzip(utf16(ndjson_file)), piece), of_ndjson) << piece;
    }
}

TEST(SuppressionRows, GzipThatIsCutOffAnywhereIsSaid)
{
    const std::string whole = gzip(csv_file);
    for (std::size_t length = 3; length < whole.size(); ++length) {
        const Rows rows = rows_of(whole.substr(0, length), 16);
        ASSERT_FALSE(rows.empty()) << length;
        EXPECT_EQ(rows.back(), "the file is cut off: its end is missing") << length;
    }
}

TEST(SuppressionRows, WhatIsNoListIsRefusedWithTheCure)
{
    const auto only = [](std::string_view file, std::string column = {}) {
        const Rows rows = rows_of(file, 1'000, std::move(column));
        return rows.size() == 1 ? rows.front() : "rows: " + std::to_string(rows.size());
    };
    EXPECT_EQ(only(""), "the file is empty; one address a line is enough");
    EXPECT_EQ(only("a"),
              "no column looks like e-mail addresses; the columns are: a; use --column NAME or --column "
              "NUMBER, counted from 1");
    EXPECT_EQ(only(gzip("")), "the file is empty; one address a line is enough");
    EXPECT_EQ(only(gzip(gzip(csv_file))), "the file is compressed twice; compress it once");
    EXPECT_NE(only(R"([{"email":"ann@example.test"}])").find("jq -c '.[]'"), std::string::npos);
    EXPECT_NE(only("{\n\"email\": \"ann@example.test\"\n}\n").find("jq -c ."), std::string::npos);
    EXPECT_NE(only(ndjson_file, "mail").find("there is no column \"mail\""), std::string::npos);
    std::string damaged = gzip(csv_file);
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    EXPECT_NE(rows_of(damaged, 1'000).back().find("the file is damaged"), std::string::npos);
}

TEST(SuppressionRows, AListOfForeignDigestsIsRefusedAsWhatItIs)
{
    const Rows refused{
        "the file holds digests of addresses, which cannot be imported; it has to hold the addresses themselves"};
    const std::string md5(32, 'a'), sha1(40, '0'), sha256(64, 'F');
    EXPECT_EQ(rows_of("email_md5\n" + md5 + "\n", 100), refused);
    EXPECT_EQ(rows_of(sha1 + "\n" + sha1 + "\n", 100), refused);
    EXPECT_EQ(rows_of("name,sha256\nAnn," + sha256 + "\n", 100), refused);
    EXPECT_EQ(rows_of(R"({"digest":")" + md5 + "\"}\n", 100), refused) << "which is no digest of ours";
    EXPECT_EQ(rows_of("email,md5\nann@example.test," + md5 + "\n", 100), (Rows{"2: ann@example.test, , "}));
}

TEST(SuppressionRows, AMemberIsFoundByNameContentOrRequest)
{
    const Rows ann{"1: ann@example.test, , "};
    EXPECT_EQ(rows_of(R"({"Name":"Ann","E-Mail":"Ann <ann@example.test>"})", 100), ann);
    EXPECT_EQ(rows_of(R"({"who":"ann@example.test","city":"Bonn"})", 100), ann);
    EXPECT_EQ(rows_of(R"({"user":{"login":"ann@example.test"},"email":"x@example.test"})", 100, "user.login"), ann);
}

TEST(SuppressionRows, AnOverlongLineOfNdjsonCostsThatLineOnly)
{
    const std::string file = R"({"email":"ann@example.test"})"
                             "\n"
                             R"({"email":")" +
                             std::string(200'000, 'x') +
                             "\"}\n"
                             R"({"email":"bob@example.test"})"
                             "\n";
    EXPECT_EQ(rows_of(file, 10'000),
              (Rows{"1: ann@example.test, , ", "2! longer than 64 KB", "3: bob@example.test, , "}));
}

TEST_F(SuppressionImports, NdjsonIsReadALineAnObject)
{
    const Reply reply = call("POST", std::string(base) + "/import?reason=unsubscribe",
                             R"({"email":"ann@example.test","reason":"complaint","note":"wrote","created":1700000000}
{"address":"bob@example.test","expires":"2027-01-01T00:00:00Z","created":"2025-06-01T12:00:00+02:00"}
{"domain":"gone.test"}
{"email":"cem@example.test"
{"name":"nobody"}
{"email":"eve@example.test","created":-5}
{"email":"eve@example.test","created":99999999999999}
{"email":"eve@example.test","expires":"soon"}
{"digest":"00ff"}
)");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json result = reply.json()["import"];
    EXPECT_EQ(result["added"], 3);
    EXPECT_EQ(result["malformed"], 6);
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_EQ(result["errors"][i]["line"], i + 4);
    EXPECT_EQ(result["errors"][1]["detail"], "no address");
    EXPECT_EQ(result["errors"][2]["detail"], "created: '-5' is before 1970 or in the future");
    EXPECT_EQ(result["errors"][5]["detail"], "no address, and the digest has not 32 hexadecimal digits");

    const json ann = first_entry(*this, "ann@example.test");
    EXPECT_EQ(ann["reason"], "complaint");
    EXPECT_EQ(ann["note"], "wrote");
    EXPECT_EQ(ann["first"], "2023-11-14T22:13:20.000Z");
    EXPECT_EQ(ann["last"], "2026-01-01T00:00:00.000Z") << "heard of now";
    const json bob = first_entry(*this, "bob@example.test");
    EXPECT_EQ(bob["reason"], "unsubscribe");
    EXPECT_EQ(bob["expires"], "2027-01-01T00:00:00.000Z");
    EXPECT_EQ(bob["first"], "2025-06-01T10:00:00.000Z");
    EXPECT_EQ(get(std::string(base) + "?address=any@gone.test").json()["suppressed_by"].size(), 1u);
}

TEST_F(SuppressionImports, WhatIsExportedAsNdjsonComesBack)
{
    ASSERT_EQ(post(base, {{"domain", "gone.test"}}).status, 201);
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"reason", "complaint"}, {"note", "a \"note\""}}).status,
              201);
    const std::string file = get(std::string(base) + "/export?format=ndjson").body;
    const json result = call_as(other_key, "POST", std::string(base) + "/import", gzip(file)).json()["import"];
    EXPECT_EQ(result["added"], 2) << result;
    EXPECT_EQ(result["malformed"], 0);
    const json copy = call_as(other_key, "GET", std::string(base) + "?address=ann@example.test").json();
    EXPECT_EQ(copy["suppressed_by"], json{"workspace:complaint"});
    EXPECT_EQ(copy["entries"][0]["note"], "a \"note\"");
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?address=any@gone.test").json()["suppressed_by"],
              json{"workspace:manual"});
}

TEST_F(SuppressionImports, ADryRunCountsAndStoresNothing)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"reason", "complaint"}}).status, 201);
    const auto events = [this] { return get("/api/v1/events").json()["events"].size(); };
    const std::size_t before = events();
    std::string file = "ann@example.test\nnonsense\n@gone.test\n";
    for (int i = 0; i < 1'100; ++i)
        file += "user" + std::to_string(i) + "@example.test\n";
    const auto import = [&](const std::string& query) {
        const Reply reply = call("POST", std::string(base) + "/import" + query, gzip(file));
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.json()["import"];
    };
    json dry = import("?dry_run=true");
    EXPECT_EQ(stored(*this), 1);
    EXPECT_EQ(events(), before);
    EXPECT_EQ(dry["added"], 1'101);
    EXPECT_EQ(dry["already_there"], 1);
    EXPECT_EQ(dry["malformed"], 1);
    EXPECT_EQ(dry["errors"][0]["line"], 2);
    EXPECT_EQ(dry["dry_run"], true);
    EXPECT_TRUE(dry["id"].is_null());

    const json real = import("");
    EXPECT_EQ(stored(*this), 1'102);
    EXPECT_EQ(events(), before + 1);
    EXPECT_EQ(real["dry_run"], false);
    for (const char* count : {"added", "already_there", "malformed", "errors"})
        EXPECT_EQ(real[count], dry[count]) << count;
    EXPECT_EQ(call("POST", std::string(base) + "/import?dry_run=perhaps", file).status, 400);
}

TEST_F(SuppressionImports, ADryRunUnderAKeyForRepetitionsStoresNothingEither)
{
    net::HttpFields fields;
    fields.add("Idempotency-Key", "looked-first");
    const std::string target = std::string(base) + "/import?dry_run=true";
    const Reply first = call("POST", target, "ann@example.test\n", fields);
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(call("POST", target, "ann@example.test\n", fields).body, first.body);
    EXPECT_EQ(stored(*this), 0);
}

TEST_F(SuppressionImports, AFileThatIsCutOffTellsHowFarItGot)
{
    std::string rows;
    for (int i = 0; i < 3'200; ++i)
        rows += "user" + std::to_string(i) + "@department.example.test\n";
    const std::string file = gzip(rows);
    const Reply cut = call("POST", std::string(base) + "/import", file.substr(0, file.size() - 6));
    EXPECT_EQ(cut.status, 400);
    const std::int64_t before = stored(*this);
    EXPECT_GT(before, 0);
    EXPECT_EQ(cut.json()["detail"], "the file is cut off: its end is missing; the first " + std::to_string(before) +
                                        " suppressions of it are stored, and sending it again does no harm");
    const json again = call("POST", std::string(base) + "/import", file).json()["import"];
    EXPECT_EQ(again["added"], 3'200 - before);
    EXPECT_EQ(again["already_there"], before);
    EXPECT_EQ(stored(*this), 3'200);
}

TEST_F(SuppressionImports, AGzipBombIsRefused)
{
    const Reply bomb = call("POST", std::string(base) + "/import",
                            gzip("email\nann@example.test\n" + std::string(6u << 20, ' ') + "\n"));
    EXPECT_EQ(bomb.status, 413) << bomb.body;
    EXPECT_NE(bomb.json()["detail"].get<std::string>().find("the file expands to more than 200 times its size"),
              std::string::npos)
        << bomb.body;
    EXPECT_EQ(stored(*this), 0);
}

TEST(SendGridExports, AreKnownByTheirColumns)
{
    using api::SendGridExport;
    const auto kind = [](std::vector<std::string> columns) { return api::sendgrid_export(columns); };
    EXPECT_EQ(kind({"status", "reason", "email", "created"}), SendGridExport::bounces);
    EXPECT_EQ(kind({"Email", " IP", "CREATED"}), SendGridExport::spam_reports);
    EXPECT_EQ(kind({"\xEF\xBB\xBF"
                    "email",
                    "created"}),
              SendGridExport::unsubscribes);
    EXPECT_EQ(kind({"created", "reason", "email"}), SendGridExport::invalid_emails);
    EXPECT_EQ(kind({}), std::nullopt);
    EXPECT_EQ(kind({"email"}), std::nullopt);
    EXPECT_EQ(kind({"email", "created", "name"}), std::nullopt);
    EXPECT_EQ(kind({"email", "created", "created"}), std::nullopt);
    for (const auto every : {SendGridExport::bounces, SendGridExport::spam_reports, SendGridExport::unsubscribes,
                             SendGridExport::invalid_emails})
        EXPECT_TRUE(api::to_string(every).starts_with("sendgrid_"));
}

TEST(SendGridExports, ABlockIsAboutTheSenderTheMailOrTheMoment)
{
    for (const char* status : {"4.0.0", "4.2.2", "421", "4.7.1", "5.7.1", "5.7.26", "5.6.0", "5.5.1", "5.1.8", "5.3.4"})
        EXPECT_TRUE(api::is_block(status)) << status;
    for (const char* status : {"5.1.1", "5.0.0", "5.2.1", "5.1.10", "5.4.4", "5.3.0", "550", "", " 5.1.1 ", "unknown"})
        EXPECT_FALSE(api::is_block(status)) << status;
}

TEST_F(SuppressionImports, SendGridsBouncesComeInAndItsBlocksDoNot)
{
    const std::string file =
        "status,reason,email,created\n"
        "5.1.1,550 5.1.1 there is nobody of that name,ann@example.test,1700000000\n"
        "4.0.0,error dialing remote address,bob@example.test,1700000001\n"
        "5.7.1,550 5.7.1 your network is not trusted,cem@example.test,1700000002\n"
        ",,dan@example.test,1700000003\n";
    const json result = call("POST", std::string(base) + "/import", file).json()["import"];
    EXPECT_EQ(result["kind"], "sendgrid_bounces");
    EXPECT_EQ(result["added"], 2);
    EXPECT_EQ(result["malformed"], 2);
    EXPECT_EQ(result["errors"][0]["line"], 3);
    EXPECT_EQ(result["errors"][1]["detail"],
              "a block (status 5.7.1): the sender was refused, not the address; to import it all the same, name a "
              "reason for the rows of the file");
    const json ann = first_entry(*this, "ann@example.test");
    EXPECT_EQ(ann["reason"], "bounce");
    EXPECT_EQ(ann["note"], "550 5.1.1 there is nobody of that name");
    EXPECT_EQ(ann["first"], "2023-11-14T22:13:20.000Z");
    EXPECT_EQ(first_entry(*this, "dan@example.test")["reason"], "bounce");
    EXPECT_TRUE(first_entry(*this, "bob@example.test").is_null());

    const json all = call("POST", std::string(base) + "/import?reason=manual", file).json()["import"];
    EXPECT_EQ(all["malformed"], 0);
    EXPECT_EQ(first_entry(*this, "bob@example.test")["reason"], "manual");
    EXPECT_EQ(first_entry(*this, "bob@example.test")["note"], "error dialing remote address");
}

TEST_F(SuppressionImports, SendGridsOtherExportsSayWhyByTheirKind)
{
    const auto reason_after = [this](const std::string& file, const std::string& query = {}) {
        EXPECT_EQ(call("POST", std::string(base) + "/import" + query, file).status, 200);
        const std::string address = file.substr(file.find_last_of("\n\",", file.find('@')) + 1);
        return first_entry(*this, address.substr(0, address.find_first_of("\",\n")))["reason"];
    };
    EXPECT_EQ(reason_after("email,ip,created\nann@example.test,192.0.2.1,1700000000\n"), "complaint");
    EXPECT_EQ(reason_after("email,created\nbob@example.test,1700000000\n"), "unsubscribe");
    EXPECT_EQ(reason_after("email,reason,created\ncem@example.test,bad syntax,1700000000\n"), "invalid");
    EXPECT_EQ(reason_after("email,created\ndan@example.test,1700000000\n", "?reason=manual"), "manual");
    EXPECT_EQ(reason_after("email,created,city\neve@example.test,1700000000,Bonn\n"), "manual");
    EXPECT_EQ(reason_after(R"({"created":1700000000,"email":"fay@example.test","ip":"192.0.2.1"})"), "complaint");
}

}  // namespace
}  // namespace winnow::test
