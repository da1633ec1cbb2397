// Lists that are no CSV file: NDJSON, gzip, one address a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ndjson.hpp"
#include "tests/support/gzip.hpp"
#include "tests/verifier/list_fixture.hpp"

namespace winnow::verifier {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ListFormats : public ListTest {
protected:
    static UploadOptions named(std::string file_name)
    {
        UploadOptions options;
        options.reading.file_name = std::move(file_name);
        return options;
    }
    static UploadOptions with_column(std::string column)
    {
        UploadOptions options;
        options.reading.column = std::move(column);
        return options;
    }
    static std::vector<json> objects_of(const std::string& ndjson)
    {
        std::vector<json> objects;
        std::istringstream lines(ndjson);
        for (std::string line; std::getline(lines, line);)
            objects.push_back(test::parse_json(line));
        return objects;
    }
};

// --- NDJSON

TEST_F(ListFormats, NdjsonIsToldFromCsvByItsContent)
{
    const auto list =
        upload("{\"id\": 1, \"email\": \"ann@x.test\"}\n\n{\"id\": 2, \"email\": \" ben@x.test \"}\n").list;
    EXPECT_EQ(list.format, storage::ListFormat::ndjson);
    EXPECT_THAT(list.columns, ElementsAre("id", "email"));
    EXPECT_EQ(list.email_column, 1);
    EXPECT_EQ(list.rows, 2u);
    const auto found = rows(list);
    EXPECT_EQ(found.at(0).raw, "{\"id\": 1, \"email\": \"ann@x.test\"}");
    EXPECT_EQ(found.at(1).address, "ben@x.test");
    EXPECT_EQ(found.at(1).line, 3u) << "the blank line is counted";
}

TEST_F(ListFormats, TheMemberWithTheAddressesIsFoundByNameContentOrRequest)
{
    EXPECT_THAT(addresses("{\"note\":\"zoe@x.test\",\"E-Mail\":\"ann@x.test\"}\n"), ElementsAre("ann@x.test"));
    EXPECT_THAT(addresses("{\"id\":\"7\",\"who\":\"ann@x.test\"}\n{\"id\":\"8\",\"who\":\"ben@x.test\"}\n"),
                ElementsAre("ann@x.test", "ben@x.test"));
    const std::string two = "{\"email\":\"ann@x.test\",\"backup\":\"zoe@x.test\"}\n";
    EXPECT_THAT(addresses(two, with_column("backup")), ElementsAre("zoe@x.test"));
    EXPECT_THAT(addresses(two, with_column("2")), ElementsAre("zoe@x.test"));
    EXPECT_THAT(refusal(two, with_column("phone")).context, HasSubstr("the columns are: email, backup"));
    EXPECT_THAT(refusal("{\"id\":1,\"city\":\"Rome\"}\n").context, HasSubstr("no column looks like e-mail addresses"));
}

TEST_F(ListFormats, NestedMembersAreNamedByTheirPath)
{
    const std::string file = "{\"user\":{\"name\":\"Ann\",\"contact\":[\"ann@x.test\"]}}\n";
    const auto list = upload(file).list;
    EXPECT_THAT(list.columns, ElementsAre("user.name", "user.contact.0"));
    EXPECT_EQ(rows(list).at(0).address, "ann@x.test");
    EXPECT_THAT(addresses(file, with_column("user.name")), ElementsAre("Ann"));
}

TEST_F(ListFormats, JsonTextsAndObjectsMayStandInOneFile)
{
    const std::string file = "{\"email\":\"ann@x.test\"}\n\"Ben <ben@x.test>\"\n\"c\\u0065m@x.test\"\n";
    EXPECT_THAT(addresses(file), ElementsAre("ann@x.test", "ben@x.test", "cem@x.test"));
    const std::string texts = "\"ann@x.test\"\n\"b\\u0065n@x.test\"\n";
    EXPECT_EQ(upload(texts).list.format, storage::ListFormat::csv) << "quoted cells, as far as anybody can tell";
    for (const char* name : {"a.ndjson", "A.JSONL", "a.ndjson.gz"}) {
        const auto list = upload(texts, named(name)).list;
        EXPECT_EQ(list.format, storage::ListFormat::ndjson) << name;
        EXPECT_EQ(rows(list).at(1).address, "ben@x.test");
        EXPECT_TRUE(list.columns.empty());
    }
}

TEST_F(ListFormats, LinesThatHoldNoAddressAreKeptWithTheReason)
{
    const auto list = upload(
                          "{\"email\":\"ann@x.test\"}\n{\"email\":\"ben@x.test\"\n{\"mail\":1}\n7\n{\"email\":null}\n"
                          "{\"email\":\"dan@x.test\"}\n")
                          .list;
    const auto found = rows(list);
    ASSERT_EQ(found.size(), 6u);
    EXPECT_THAT(found[1].malformed, HasSubstr("not JSON at octet"));
    EXPECT_EQ(found[2].malformed, "no member \"email\"");
    EXPECT_EQ(found[3].malformed, "neither a JSON object nor a JSON text");
    EXPECT_EQ(found[4].malformed, "empty e-mail field");
    EXPECT_EQ(found[5].address, "dan@x.test");
    EXPECT_EQ(list.malformed, 4u);
    const std::string deep = "{\"email\":\"ann@x.test\"}\n" + std::string(5'000, '[') + "\n";
    EXPECT_THAT(rows(upload(deep).list).at(1).malformed, HasSubstr("deeper than 64"));
}

TEST_F(ListFormats, JsonInAnotherFormIsRefusedWithTheWayToTurnIt)
{
    const auto options = named("contacts.json");
    EXPECT_THAT(refusal("[{\"email\":\"ann@x.test\"},\n{\"email\":\"ben@x.test\"}]\n", options).context,
                HasSubstr("contacts.json is a JSON array"));
    EXPECT_THAT(refusal("{\n  \"email\": \"ann@x.test\"\n}\n", options).context, HasSubstr("not one object a line"));
    EXPECT_THAT(refusal("ann@x.test\nben@x.test\n", named("a.ndjson")).context,
                HasSubstr("a.ndjson: none of the first lines is a JSON object"));
    const std::string long_line = "{\"email\":\"ann@x.test\"}\n{\"email\":\"" + std::string(2 << 20, 'a') + "\"}\n";
    EXPECT_THAT(refusal(long_line, options).context, HasSubstr("contacts.json: line 2 is longer than 1 MiB"));
    EXPECT_THAT(refusal("{\"email\":\"" + std::string(2 << 20, 'a') + "\"}\n", named("a.jsonl")).context,
                HasSubstr("line 1 is longer than 64 KiB"));
    EXPECT_EQ(stored_lists(), 0u);
    EXPECT_EQ(upload("{name},[email]\nAnn,ann@x.test\n").list.format, storage::ListFormat::csv)
        << "braces alone are no JSON";
}

TEST_F(ListFormats, AnNdjsonListComesBackWithOurMembersInTheUsersObjects)
{
    const std::string first = R"({"id": 10000000000000000001, "email": "ann@x.test" })";
    const auto list = upload(first + "\n{\"broken\n{ }\n\"ben@x.test\"\n").list;
    conclude_rows(list, Reason::accepted);
    const std::string out = exported(list);
    EXPECT_THAT(out, testing::StartsWith(first.substr(0, first.size() - 1) + ",\"winnow_verdict\":\"deliverable\","))
        << "octet for octet";
    const auto objects = objects_of(out);
    ASSERT_EQ(objects.size(), 4u);
    EXPECT_EQ(objects[0]["winnow_reason"], "accepted");
    EXPECT_EQ(objects[0]["winnow_p_bounce"], 0.02);
    EXPECT_EQ(objects[0]["winnow_flags"], json::array());
    EXPECT_EQ(objects[0]["winnow_suggestion"], nullptr);
    EXPECT_EQ(objects[0]["winnow_suppressed"], json::array());
    EXPECT_EQ(objects[1]["winnow_raw"], "{\"broken");
    EXPECT_EQ(objects[1]["winnow_verdict"], nullptr);
    EXPECT_THAT(objects[1]["winnow_reason"].get<std::string>(), testing::StartsWith("malformed_row: "));
    EXPECT_EQ(objects[2]["winnow_reason"], "malformed_row: no member \"email\"");
    EXPECT_EQ(objects[3]["email"], "ben@x.test");
}

TEST_F(ListFormats, AnNdjsonExportThatIsVerifiedAgainHasOurMembersOnce)
{
    const auto first = upload("{\"email\":\"ann@x.test\"}\n{\"email\":\"ben@x.test\",\"winnow_note\":1}\n").list;
    conclude_rows(first, Reason::mailbox_not_found);
    const std::string once = exported(first);
    const auto again = upload(once);
    EXPECT_THAT(again.notes, testing::Contains(HasSubstr("written anew")));
    EXPECT_THAT(again.list.columns, ElementsAre("email", "winnow_note"));
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_EQ(rows(again.list).at(i).raw, rows(first).at(i).raw);
    conclude_rows(again.list, Reason::mailbox_not_found);
    EXPECT_EQ(exported(again.list), once);

    const std::string own = R"({"email":"ann@x.test","winnow_verdict":"mine"})";
    EXPECT_EQ(rows(upload(own + "\n").list).at(0).raw, own) << "not the whole set: the user's own";
}

TEST_F(ListFormats, ATextBecomesAnObjectWithTheMemberOfTheAddresses)
{
    const auto list = upload("{\"mail\":\"ann@x.test\"}\n\"ben@x.test\"\n").list;
    conclude_rows(list, Reason::accepted);
    const std::string once = exported(list);
    EXPECT_EQ(objects_of(once).at(1)["mail"], "ben@x.test");
    EXPECT_THAT(addresses(once), ElementsAre("ann@x.test", "ben@x.test"));
    const auto nested = upload("{\"who\":{\"mail\":\"ann@x.test\"}}\n\"ben@x.test\"\n").list;
    EXPECT_EQ(objects_of(exported(nested)).at(1)["email"], "ben@x.test");
}

TEST_F(ListFormats, AnNdjsonListCanBeHadAsCsvAndInTheShapeOfAllLists)
{
    const auto list =
        upload("{\"email\":\"ann@x.test\",\"name\":\"A, \\\"n\\\"\"}\n{\"email\":\"ben@x.test\",\"age\":7}\nnonsense\n")
            .list;
    conclude_rows(list, Reason::accepted);
    ExportOptions options;
    options.format = ExportFormat::csv;
    const std::string csv = exported(list, options);
    EXPECT_THAT(csv, testing::StartsWith("email,name,age,winnow_verdict,"));
    EXPECT_THAT(csv, HasSubstr("\nann@x.test,\"A, \"\"n\"\"\",,deliverable,"));
    EXPECT_THAT(csv, HasSubstr("\nben@x.test,,7,deliverable,"));
    EXPECT_THAT(csv, HasSubstr("\nnonsense,,,,malformed_row: "));
    options.format = ExportFormat::ndjson;
    const auto objects = objects_of(exported(list, options));
    EXPECT_EQ(objects.at(0)["columns"]["name"], "A, \"n\"");
    EXPECT_EQ(objects.at(1)["columns"]["age"], "7");
    EXPECT_EQ(objects.at(1)["verdict"], "deliverable");
}

TEST_F(ListFormats, NdjsonInOtherEncodingsBecomesUtf8)
{
    const auto list = upload("{\"email\":\"ann@x.test\",\"name\":\"M\xfcller\"}\n");
    EXPECT_EQ(rows(list.list).at(0).raw, "{\"email\":\"ann@x.test\",\"name\":\"M\xc3\xbcller\"}");
    EXPECT_THAT(list.notes, ElementsAre("read as windows-1252, written as UTF-8"));
    EXPECT_THAT(addresses("\xef\xbb\xbf{\"email\":\"ann@x.test\"}\n"), ElementsAre("ann@x.test"));
    std::string wide = "\xff\xfe";
    for (const char c : std::string("{\"email\":\"ann@x.test\"}\r\n"))
        (wide += c) += '\0';
    EXPECT_THAT(addresses(wide), ElementsAre("ann@x.test"));
}

// --- gzip

TEST_F(ListFormats, AGzipFileIsReadAsWhatIsInItAndExportedPlain)
{
    const std::string file = "name;email\r\nAnn;ann@x.test\r\nBen;ben@x.test\r\n";
    const auto plain = upload(file);
    const auto packed = upload(test::gzip(file), named("contacts.csv.gz"));
    EXPECT_EQ(packed.bytes, test::gzip(file).size());
    EXPECT_THAT(packed.notes, testing::Contains(HasSubstr("compressed with gzip")));
    EXPECT_EQ(packed.list.terminator, "\r\n");
    conclude_rows(plain.list, Reason::accepted);
    conclude_rows(packed.list, Reason::accepted);
    EXPECT_EQ(exported(packed.list), exported(plain.list));
    EXPECT_THAT(addresses(test::gzip("{\"email\":\"ann@x.test\"}\n")), ElementsAre("ann@x.test"));
    for (const std::size_t piece : {1u, 3u, 17u})
        EXPECT_EQ(try_upload(test::gzip(file), {}, piece)->list.rows, 2u) << piece;
}

TEST_F(ListFormats, AGzipFileThatIsDamagedIsRefusedAndLeavesNothingBehind)
{
    const std::string file = test::gzip("email\n" + people(3'000));
    const auto options = named("a.csv.gz");
    EXPECT_EQ(refusal(file.substr(0, file.size() - 1), options).context, "a.csv.gz is cut off: its end is missing");
    std::string damaged = file;
    damaged[file.size() / 2] = static_cast<char>(damaged[file.size() / 2] ^ 0x55);
    EXPECT_THAT(refusal(damaged, options).context, testing::StartsWith("a.csv.gz is damaged"));
    EXPECT_THAT(refusal(test::gzip(file), options).context, HasSubstr("compressed twice"));
    EXPECT_THAT(refusal(test::gzip(""), options).context, HasSubstr("is empty"));
    UploadOptions announced;
    announced.reading.gzip = true;
    EXPECT_THAT(refusal("email\nann@x.test\n", announced).context, HasSubstr("is not gzip"));
    EXPECT_EQ(stored_lists(), 0u);
}

TEST_F(ListFormats, ABombIsRefusedWithItsReasonAndLeavesNothingBehind)
{
    const std::string line = "email\n" + people(100) + std::string(3 << 20, 'a') + "\n";
    EXPECT_THAT(refusal(test::gzip(line), named("a.csv.gz")).context, HasSubstr("is longer than 1 MiB"));
    std::string lines = "email,note\n";
    for (int i = 0; i < 5'000; ++i)
        lines += "ann@x.test," + std::string(1'000, 'n') + "\n";
    const Error error = refusal(test::gzip(lines), named("a.csv.gz"));
    EXPECT_EQ(error.code, Errc::limit_exceeded);
    EXPECT_THAT(error.context, HasSubstr("a.csv.gz expands to more than 200 times its size"));
    EXPECT_EQ(stored_lists(), 0u);
}

// --- one address a line, and what is no list

TEST_F(ListFormats, OneAddressALineNeedsNoHeaderAndNoDelimiter)
{
    EXPECT_THAT(addresses("ann@x.test\r\n\r\n\"Ben, B\" <ben@x.test>\r\nCem <cem@x.test>\r\n"),
                ElementsAre("ann@x.test", "ben@x.test", "cem@x.test"));
    EXPECT_THAT(addresses("ann@x.test,\nben@x.test,\n"), ElementsAre("ann@x.test", "ben@x.test"));
    EXPECT_THAT(addresses("E-Mail\nann@x.test"), ElementsAre("ann@x.test"));
    EXPECT_THAT(addresses("ann@x.test"), ElementsAre("ann@x.test"));
}

TEST_F(ListFormats, OtherKindsOfFilesAreCalledByTheirName)
{
    EXPECT_THAT(refusal(std::string("PK\3\4\24\0\6\0\10\0", 10)).context, HasSubstr("Excel workbook"));
    EXPECT_THAT(refusal("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").context, HasSubstr("old Excel workbook"));
    EXPECT_THAT(refusal("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n").context, HasSubstr("PDF"));
}

}  // namespace
}  // namespace winnow::verifier
