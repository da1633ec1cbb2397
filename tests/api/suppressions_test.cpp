#include <set>

#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using Suppressions = ApiTest;
using nlohmann::json;

constexpr const char* base = "/api/v1/suppressions";

json entries_of(ApiTest& test, const std::string& address)
{
    return test.get(std::string(base) + "?address=" + address).json()["entries"];
}

TEST_F(Suppressions, AnEntryIsAddedFoundAndLifted)
{
    const Reply added = post(base, {{"address", "ann@example.test"}, {"reason", "complaint"}, {"note", "wrote to us"}});
    ASSERT_EQ(added.status, 201) << added.body;
    EXPECT_EQ(added.json()["suppression"]["scope"], "workspace");

    const Reply found = get(std::string(base) + "?address=ann@example.test");
    ASSERT_EQ(found.status, 200);
    EXPECT_EQ(found.json()["suppressed_by"], json{"workspace:complaint"});
    const json entry = found.json()["entries"].at(0);
    EXPECT_EQ(entry["address"], "ann@example.test");
    EXPECT_EQ(entry["reason"], "complaint");
    EXPECT_EQ(entry["origin"], "api");
    EXPECT_EQ(entry["note"], "wrote to us");
    EXPECT_EQ(entry["first"], "2026-01-01T00:00:00.000Z");
    EXPECT_FALSE(entry["actor"].is_null());
    EXPECT_TRUE(entry["expires"].is_null());

    const Reply unconfirmed = call("DELETE", std::string(base) + "?address=ann@example.test&note=sorry");
    EXPECT_EQ(unconfirmed.status, 409) << "a complaint is the person's own word";
    EXPECT_EQ(unconfirmed.code(), "confirmation_required");
    EXPECT_NE(unconfirmed.json()["detail"].get<std::string>().find("complaint of 2026-01-01T00:00:00.000Z"),
              std::string::npos)
        << unconfirmed.body;
    EXPECT_EQ(entries_of(*this, "ann@example.test").size(), 1u);
    EXPECT_EQ(call("DELETE", base, R"({"address":"ann@example.test","confirm":true,"note":"sorry"})").status, 204);
    EXPECT_EQ(entries_of(*this, "ann@example.test").size(), 0u);
    EXPECT_EQ(call("DELETE", std::string(base) + "?address=ann@example.test").status, 404);
}

TEST_F(Suppressions, AddingWhatIsThereSaysSoAndKeepsTheNote)
{
    const Reply first = post(base, {{"address", "ann@example.test"}, {"note", "asked by phone"}});
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(first.json()["already"], false);
    EXPECT_FALSE(first.json().contains("before"));
    clock.advance(std::chrono::hours{1});

    const Reply again = post(base, {{"address", "ann@example.test"}});
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.json()["already"], true);
    EXPECT_EQ(again.json()["before"]["reason"], "manual");
    EXPECT_EQ(again.json()["before"]["note"], "asked by phone");
    EXPECT_EQ(again.json()["before"]["first"], "2026-01-01T00:00:00.000Z");
    const json entry = entries_of(*this, "ann@example.test").at(0);
    EXPECT_EQ(entry["note"], "asked by phone");
    EXPECT_EQ(entry["last"], "2026-01-01T01:00:00.000Z");

    const Reply stronger = post(base, {{"address", "ann@example.test"}, {"reason", "complaint"}});
    EXPECT_EQ(stronger.json()["already"], true);
    EXPECT_EQ(stronger.json()["before"]["reason"], "manual");
    EXPECT_EQ(post(base, {{"address", "ann@example.test"}, {"note", "b"}}).json()["before"]["reason"], "complaint");
}

TEST_F(Suppressions, AnotherScopeOrTheDomainsEntryIsNotTheSame)
{
    ASSERT_EQ(post(base, {{"domain", "example.test"}}).status, 201);
    EXPECT_EQ(post(base, {{"domain", "EXAMPLE.test"}}).json()["already"], true);
    EXPECT_EQ(post(base, {{"address", "ann@example.test"}}).json()["already"], false);
    EXPECT_EQ(post(base, {{"address", "ann@example.test"}, {"scope", "global"}}).json()["already"], false);
    EXPECT_EQ(post(base, {{"address", "ann@example.test"}, {"scope", "global"}}).json()["already"], true);
    const std::string list = plain_list("email\nann@example.test\n");
    const json of_list{{"address", "ann@example.test"}, {"scope", "list"}, {"list_id", list}};
    EXPECT_EQ(post(base, of_list).json()["already"], false);
    EXPECT_EQ(post(base, of_list).json()["already"], true);
}

TEST_F(Suppressions, AnAddressThatIsNotThereIsFoundEmpty)
{
    const Reply reply = get(std::string(base) + "?address=new@example.test");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.json()["entries"], json::array());
    EXPECT_EQ(reply.json()["suppressed_by"], json::array());
}

TEST_F(Suppressions, AWholeDomainIsOneEntry)
{
    ASSERT_EQ(post(base, {{"domain", "Example.TEST"}}).status, 201);
    EXPECT_EQ(get(std::string(base) + "?address=any@example.test").json()["suppressed_by"], json{"workspace:manual"});
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"reason", "bounce"}}).status, 201);
    const json of_domain = get(std::string(base) + "?domain=example.test").json();
    EXPECT_EQ(of_domain["entries"].size(), 2u);
    EXPECT_TRUE(of_domain["next"].is_null());
    EXPECT_EQ(call("DELETE", base, R"({"domain":"example.test"})").status, 204);
    EXPECT_EQ(get(std::string(base) + "?address=any@example.test").json()["suppressed_by"], json::array());
}

TEST_F(Suppressions, AListsEntryHoldsForThatListAlone)
{
    const std::string list = plain_list("email\nann@example.test\n");
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"scope", "list"}, {"list_id", list}}).status, 201);
    EXPECT_EQ(get(std::string(base) + "?address=ann@example.test").json()["suppressed_by"], json::array());
    EXPECT_EQ(get(std::string(base) + "?address=ann@example.test&list_id=" + list).json()["suppressed_by"],
              json{"list:manual"});
    EXPECT_EQ(entries_of(*this, "ann@example.test").at(0)["list_id"], list);
    EXPECT_EQ(call("DELETE", std::string(base) + "?address=ann@example.test").status, 404) << "another scope";
    EXPECT_EQ(call("DELETE", std::string(base) + "?address=ann@example.test&scope=list&list_id=" + list).status, 204);
}

TEST_F(Suppressions, AnEntryMayExpire)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"expires", "2026-01-02T00:00:00Z"}}).status, 201);
    EXPECT_EQ(entries_of(*this, "ann@example.test").size(), 1u);
    clock.advance(std::chrono::hours{25});
    EXPECT_EQ(entries_of(*this, "ann@example.test").size(), 0u);
}

TEST_F(Suppressions, RequestsThatAreWrongSayWhere)
{
    EXPECT_EQ(post(base, json::object()).wrong(), "/address: give either address or domain");
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"domain", "example.test"}}).status, 400);
    EXPECT_EQ(post(base, {{"address", "nonsense"}}).status, 400);
    EXPECT_EQ(post(base, {{"domain", "no domain"}}).wrong(), "/domain: is not a domain name");
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"reason", "erased"}}).status, 400);
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"reason", "boredom"}}).status, 400);
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"scope", "list"}}).wrong(),
              "/list_id: is required for scope list");
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"list_id", "01J00000000000000000000000"}}).status, 400);
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"scope", "list"}, {"list_id", "01J00000000000000000000000"}})
                  .status,
              404);
    EXPECT_EQ(post(base, {{"address", "a@example.test"}, {"origin", "outcome"}}).wrong().substr(0, 8), "/origin:");
    EXPECT_EQ(get(std::string(base) + "?address=x").status, 400);
    EXPECT_EQ(call("DELETE", base).status, 400);
    EXPECT_EQ(call("DELETE", std::string(base) + "?address=a@example.test", R"({"domain":"example.test"})").status,
              400);
}

TEST_F(Suppressions, GlobalEntriesAreForTheInstallationsOwnKeys)
{
    const std::string body = R"({"address":"ann@example.test","scope":"global"})";
    EXPECT_EQ(call_as(other_key, "POST", base, body).status, 403);
    EXPECT_EQ(call_as(key, "POST", base, body).status, 201);
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?address=ann@example.test").json()["suppressed_by"],
              json{"global:manual"});
    EXPECT_EQ(call_as(other_key, "DELETE", std::string(base) + "?address=ann@example.test&scope=global").status, 403);
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "/export?scope=global").status, 403);
    EXPECT_EQ(get(std::string(base) + "/export?scope=global&format=txt").body, "ann@example.test\n");
}

TEST_F(Suppressions, AnotherWorkspacesEntriesAreNotThere)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}}).status, 201);
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?address=ann@example.test").json()["entries"],
              json::array());
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?domain=example.test").json()["entries"], json::array());
    EXPECT_EQ(call_as(other_key, "DELETE", std::string(base) + "?address=ann@example.test").status, 404);
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "/export?format=txt").body, "");
    EXPECT_EQ(entries_of(*this, "ann@example.test").size(), 1u);
}

/// All pages of a listing; each entry as "scope address".
std::multiset<std::string> listed(ApiTest& test, const std::string& filters, std::size_t limit)
{
    std::multiset<std::string> all;
    std::string after;
    do {
        const Reply reply = test.get(std::string(base) + "?limit=" + std::to_string(limit) + filters +
                                     (after.empty() ? "" : "&after=" + after));
        EXPECT_EQ(reply.status, 200) << reply.body;
        const json page = reply.json();
        EXPECT_LE(page["entries"].size(), limit);
        for (const json& entry : page["entries"])
            all.insert(entry["scope"].get<std::string>() + " " +
                       (entry["address"].is_null() ? "@" + entry["domain"].get<std::string>()
                                                   : entry["address"].get<std::string>()));
        after = page["next"].is_null() ? "" : page["next"].get<std::string>();
    } while (!after.empty());
    return all;
}

TEST_F(Suppressions, AreListedInPages)
{
    const std::string list_id = plain_list("email\nx@example.test\n");
    std::multiset<std::string> everybody;
    for (int i = 0; i < 5; ++i) {
        const std::string address = "a" + std::to_string(i) + "@example.test";
        ASSERT_EQ(post(base, {{"address", address}, {"reason", i < 2 ? "bounce" : "complaint"}}).status, 201);
        everybody.insert("workspace " + address);
    }
    ASSERT_EQ(post(base, {{"domain", "gone.test"}}).status, 201);
    ASSERT_EQ(post(base, {{"address", "l@example.test"}, {"scope", "list"}, {"list_id", list_id}}).status, 201);
    everybody.insert({"workspace @gone.test", "list l@example.test"});
    ASSERT_EQ(call_as(key, "POST", base, R"({"address":"g@example.test","scope":"global"})").status, 201);
    ASSERT_EQ(call_as(other_key, "POST", base, R"({"address":"other@example.test"})").status, 201);
    everybody.insert("global g@example.test");

    for (const std::size_t limit : {1u, 2u, 3u, 7u, 8u, 100u})
        EXPECT_EQ(listed(*this, "", limit), everybody) << limit;
    using All = std::multiset<std::string>;
    EXPECT_EQ(listed(*this, "&reason=bounce", 1), (All{"workspace a0@example.test", "workspace a1@example.test"}));
    EXPECT_EQ(listed(*this, "&scope=global", 1), (All{"global g@example.test"}));
    EXPECT_EQ(listed(*this, "&scope=list", 1), (All{"list l@example.test"}));
    EXPECT_EQ(listed(*this, "&list_id=" + list_id, 1), (All{"list l@example.test"}));
    EXPECT_EQ(listed(*this, "&domain=gone.test", 1), (All{"workspace @gone.test"}));
    EXPECT_EQ(listed(*this, "&domain=example.test", 2).size(), 7u);
    EXPECT_EQ(listed(*this, "&since=2030-01-01T00:00:00Z", 2).size(), 0u);
}

TEST_F(Suppressions, AnotherKeyListsNeitherGlobalNorForeignEntries)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}}).status, 201);
    ASSERT_EQ(post(base, {{"address", "g@example.test"}, {"scope", "global"}}).status, 201);
    ASSERT_EQ(call_as(other_key, "POST", base, R"({"address":"other@example.test"})").status, 201);
    const json page = call_as(other_key, "GET", base).json();
    ASSERT_EQ(page["entries"].size(), 1u);
    EXPECT_EQ(page["entries"][0]["address"], "other@example.test");
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?scope=global").status, 403);
    const std::string into_global = get(std::string(base) + "?scope=global&limit=1").json()["next"].get<std::string>();
    EXPECT_EQ(call_as(other_key, "GET", std::string(base) + "?after=" + into_global).status, 400);
}

TEST_F(Suppressions, AListingThatIsWrongSaysWhere)
{
    for (const char* query :
         {"?after=x", "?after=w1", "?after=wzz", "?domain=", "?domain=no%20domain", "?limit=0", "?limit=1001",
          "?reason=boredom", "?address=", "?address=a@example.test&domain=example.test",
          "?address=a@example.test&reason=bounce", "?whatever=1"}) {
        const Reply reply = get(std::string(base) + query);
        EXPECT_EQ(reply.status, 400) << query << reply.body;
    }
}

TEST_F(Suppressions, ImportTakesOneAddressALine)
{
    const Reply reply = call("POST", std::string(base) + "/import?reason=unsubscribe",
                             "ann@example.test\n\nbob@example.test\r\nnonsense\n@gone.test\n");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json result = reply.json()["import"];
    EXPECT_EQ(result["added"], 3);
    EXPECT_EQ(result["malformed"], 1);
    EXPECT_EQ(result["errors"][0]["line"], 4);
    const json entry = entries_of(*this, "bob@example.test").at(0);
    EXPECT_EQ(entry["reason"], "unsubscribe");
    EXPECT_EQ(entry["origin"], "import");
    EXPECT_EQ(entry["source_event"], result["id"]);
    EXPECT_EQ(get(std::string(base) + "?address=any@gone.test").json()["suppressed_by"].size(), 1u);
    const json events = get("/api/v1/events").json()["events"];
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0]["type"], "suppression.imported");
}

TEST_F(Suppressions, ImportReadsTheColumnsOfOtherSenders)
{
    const Reply reply = call("POST", std::string(base) + "/import?reason=bounce",
                             "status;reason;email;created\n"
                             "5.1.1;550 5.1.1 no such user;ann@example.test;1\n"
                             ";complaint;Bob <bob@example.test>;2\n");
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["import"]["added"], 2);
    EXPECT_EQ(entries_of(*this, "ann@example.test").at(0)["reason"], "bounce");
    EXPECT_EQ(entries_of(*this, "ann@example.test").at(0)["note"], "550 5.1.1 no such user");
    EXPECT_EQ(entries_of(*this, "bob@example.test").at(0)["reason"], "complaint");
}

TEST_F(Suppressions, AFileErasesNobody)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"reason", "manual"}}).status, 201);
    const Reply reply =
        call("POST", std::string(base) + "/import", "email,reason\nann@example.test,erased\nbob@example.test,erased\n");
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["import"]["malformed"], 0);
    const json ann = entries_of(*this, "ann@example.test").at(0);
    EXPECT_EQ(ann["address"], "ann@example.test") << "its clear text stays";
    const json bob = entries_of(*this, "bob@example.test").at(0);
    EXPECT_EQ(bob["reason"], "manual");
    EXPECT_EQ(bob["note"], "erased");
    EXPECT_EQ(call("POST", std::string(base) + "/import?reason=erased", "cem@example.test\n").status, 400);
}

TEST_F(Suppressions, AnImportLeavesWhatIsAtLeastAsStrongAsItIs)
{
    const auto add = [this](const char* address, const char* reason) {
        EXPECT_EQ(post(base, {{"address", address}, {"reason", reason}, {"note", "by phone"}}).status, 201);
    };
    add("ann@example.test", "complaint");
    add("bob@example.test", "unsubscribe");
    add("cem@example.test", "bounce");
    const json before = entries_of(*this, "ann@example.test");
    const json result = call("POST", std::string(base) + "/import?reason=unsubscribe",
                             "ann@example.test\nbob@example.test\ncem@example.test\ndan@example.test\n")
                            .json()["import"];
    EXPECT_EQ(result["already_there"], 2);
    EXPECT_EQ(result["added"], 2);
    EXPECT_EQ(entries_of(*this, "ann@example.test"), before);
    EXPECT_EQ(entries_of(*this, "bob@example.test").at(0)["origin"], "api");
    EXPECT_EQ(entries_of(*this, "bob@example.test").at(0)["note"], "by phone");
    EXPECT_EQ(get(std::string(base) + "?address=cem+news@example.test").json()["suppressed_by"].size(), 1u)
        << "the unsubscribe is about all tags, the bounce was not";
}

TEST_F(Suppressions, AnImportIntoOneScopeIsNotHeldUpByAnother)
{
    ASSERT_EQ(post(base, {{"address", "ann@example.test"}, {"scope", "global"}}).status, 201);
    ASSERT_EQ(post(base, {{"domain", "gone.test"}}).status, 201);
    const json result =
        call("POST", std::string(base) + "/import", "ann@example.test\nany@gone.test\n").json()["import"];
    EXPECT_EQ(result["added"], 2);
    EXPECT_EQ(result["already_there"], 0);
}

TEST_F(Suppressions, ImportNamesTheFirstHundredMalformedLines)
{
    std::string file = "email\n";
    for (int i = 0; i < 300; ++i)
        file += (i % 2 == 0 ? "user" + std::to_string(i) + "@example.test\n" : "broken" + std::to_string(i) + "\n");
    const json result = call("POST", std::string(base) + "/import", file).json()["import"];
    EXPECT_EQ(result["added"], 150);
    EXPECT_EQ(result["malformed"], 150);
    EXPECT_EQ(result["errors"].size(), 100u);
    EXPECT_EQ(result["errors"][99]["line"], 201);
}

TEST_F(Suppressions, ImportRefusesWhatIsNoList)
{
    EXPECT_EQ(call("POST", std::string(base) + "/import", "").status, 400);
    EXPECT_EQ(call("POST", std::string(base) + "/import", "name,city\nAnn,Bonn\n").status, 400);
    EXPECT_EQ(call("POST", std::string(base) + "/import?scope=planet", "a@example.test\n").status, 400);
    EXPECT_EQ(call("POST", std::string(base) + "/import?column=7", "email\na@example.test\n").status, 400);
    EXPECT_EQ(call_as(other_key, "POST", std::string(base) + "/import?scope=global", "a@example.test\n").status, 403);
}

TEST_F(Suppressions, ALargeImportStreams)
{
    int sent = 0;
    SourceBody::Source source = [&]() -> boost::asio::awaitable<Result<std::string>> {
        std::string rows;
        for (int i = 0; i < 2'000 && sent < 5'000; ++i, ++sent)
            rows += "u" + std::to_string(sent) + "@example.test\n";
        co_return rows;
    };
    SourceBody body{source};
    net::HttpFields fields;
    fields.add("X-API-Key", key);
    const Reply reply = send("POST", std::string(base) + "/import", body, fields);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["import"]["added"], 5'000);
    const Reply exported = get(std::string(base) + "/export?format=txt");
    EXPECT_EQ(std::count(exported.body.begin(), exported.body.end(), '\n'), 5'000);
    EXPECT_LE(exported.largest_piece, 100u * 1024);
}

TEST_F(Suppressions, WhatIsExportedCanBeImported)
{
    ASSERT_EQ(
        post(base, {{"address", "ann@example.test"}, {"reason", "complaint"}, {"note", "a \"note\", quoted"}}).status,
        201);
    ASSERT_EQ(post(base, {{"domain", "gone.test"}}).status, 201);
    const Reply csv = get(std::string(base) + "/export");
    EXPECT_EQ(csv.fields.get("Content-Type"), "text/csv; charset=utf-8");
    const Reply imported = call_as(other_key, "POST", std::string(base) + "/import", csv.body);
    ASSERT_EQ(imported.status, 200) << imported.body;
    EXPECT_EQ(imported.json()["import"]["added"], 2);
    EXPECT_EQ(imported.json()["import"]["malformed"], 0);
    const json copy = call_as(other_key, "GET", std::string(base) + "?address=ann@example.test").json();
    EXPECT_EQ(copy["suppressed_by"], json{"workspace:complaint"});
    EXPECT_EQ(copy["entries"][0]["note"], "a \"note\", quoted");
}

TEST_F(Suppressions, ExportsAreFiltered)
{
    ASSERT_EQ(post(base, {{"address", "old@example.test"}, {"reason", "bounce"}}).status, 201);
    clock.advance(std::chrono::hours{2});
    ASSERT_EQ(post(base, {{"address", "new@example.test"}, {"reason", "complaint"}}).status, 201);
    const std::string all = std::string(base) + "/export?format=txt";
    EXPECT_EQ(get(all + "&reason=bounce").body, "old@example.test\n");
    EXPECT_EQ(get(all + "&since=2026-01-01T01:00:00Z").body, "new@example.test\n");
    EXPECT_EQ(get(all + "&scope=list").body, "");
    const Reply ndjson = get(std::string(base) + "/export?format=ndjson&reason=complaint");
    EXPECT_EQ(parse_json(ndjson.body)["address"], "new@example.test");
    EXPECT_EQ(get(std::string(base) + "/export?format=xml").status, 400);
    EXPECT_EQ(get(std::string(base) + "/export?since=yesterday").status, 400);
}

TEST_F(Suppressions, TheSpreadsheetFormDisarmsFormulas)
{
    ASSERT_EQ(post(base, {{"address", "a@example.test"}, {"note", "=cmd|' /C calc'!A0"}}).status, 201);
    EXPECT_EQ(get(std::string(base) + "/export").body.find("'=cmd"), std::string::npos);
    EXPECT_NE(get(std::string(base) + "/export?spreadsheet_safe=true").body.find("'=cmd"), std::string::npos);
}

}  // namespace
}  // namespace winnow::test
