#include "verifier/list_rejects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/csv.hpp"
#include "tests/verifier/list_fixture.hpp"

namespace winnow::verifier {
namespace {

using testing::HasSubstr;
using Table = std::vector<std::vector<std::string>>;

class ListRejects : public ListTest {
protected:
    std::string rejects(const storage::ListRecord& list, RejectsOptions options = {})
    {
        std::string out;
        auto append = [&out, this](std::string piece) -> awaitable<Result<>> {
            largest = std::max(largest, piece.size());
            out += piece;
            co_return Result<>{};
        };
        std::function<awaitable<Result<>>(std::string)> sink = append;
        const auto done = lab.run(export_rejects(*lab.engine, ProbeLab::ws, list.id, options, sink));
        EXPECT_TRUE(done);
        count = done ? *done : 0;
        return out;
    }
    static Table table_of(const std::string& csv)
    {
        CsvReader reader;
        reader.feed(csv);
        reader.finish();
        Table table;
        while (const CsvRecord* record = reader.next())
            table.emplace_back(record->fields.begin(), record->fields.end());
        return table;
    }
    std::uint64_t count = 0;
};

TEST_F(ListRejects, AreTheRowsThatNobodyCanBeMailedByWithTheirLineAndReason)
{
    const auto list = upload(
                          "id,email\n1,ann@x.test\n2\n\n\"3\n3\",ben@x.test\n4,not an address\n5,a@b\n6,ann@x.test\n"
                          "7,\"x@y.test\n")
                          .list;
    const Table table = table_of(rejects(list));
    ASSERT_EQ(table.size(), 6u);
    EXPECT_EQ(table[0], (std::vector<std::string>{"line", "row", "reason", "detail", "address", "record"}));
    EXPECT_EQ(table[1], (std::vector<std::string>{"3", "2", "malformed",
                                                  "no e-mail column: the record has 1 of 2 columns", "", "2"}));
    EXPECT_EQ(table[2], (std::vector<std::string>{"4", "3", "malformed", "blank line", "", ""}));
    EXPECT_EQ(table[3][0], "7") << "the record before it has two lines";
    EXPECT_EQ(table[3][2], "no_at");
    EXPECT_EQ(table[3][4], "not an address");
    EXPECT_EQ(table[4][2], "domain_single_label");
    EXPECT_FALSE(table[4][3].empty());
    EXPECT_EQ(table[5][2], "malformed");
    EXPECT_EQ(table[5][5], "7,\"x@y.test");
    EXPECT_EQ(count, 5u) << "a duplicate is none";
}

TEST_F(ListRejects, OfNdjsonAreTheLinesThatCouldNotBeRead)
{
    const auto list = upload("{\"email\":\"ann@x.test\"}\n{\"email\":\n{\"email\":\"x\"}\n").list;
    RejectsOptions options;
    options.ndjson = true;
    std::istringstream lines(rejects(list, options));
    std::vector<nlohmann::json> objects;
    for (std::string line; std::getline(lines, line);)
        objects.push_back(test::parse_json(line));
    ASSERT_EQ(objects.size(), 2u);
    EXPECT_EQ(objects[0]["line"], 2);
    EXPECT_EQ(objects[0]["reason"], "malformed");
    EXPECT_EQ(objects[0]["address"], nullptr);
    EXPECT_EQ(objects[0]["record"], "{\"email\":");
    EXPECT_EQ(objects[1]["reason"], "no_at");
    EXPECT_EQ(objects[1]["row"], 3);
}

TEST_F(ListRejects, AreUtf8SafeForSpreadsheetsWhenAskedAndBoundedInTheirPieces)
{
    std::string file = "name;email\n=1+1;M\xfcller\n";
    for (int i = 0; i < 3'000; ++i)
        file += std::string(60, 'n') + ";no address " + std::to_string(i) + "\n";
    file += "Ann;ann@x.test\n";
    const auto list = upload(file).list;
    RejectsOptions options;
    options.spreadsheet_safe = true;
    const Table table = table_of(rejects(list, options));
    EXPECT_EQ(table.at(1)[4], "M\xc3\xbcller");
    EXPECT_EQ(table.at(1)[5], "'=1+1;M\xc3\xbcller");
    EXPECT_EQ(count, 3'001u);
    EXPECT_LE(largest, 70'000u);
    EXPECT_EQ(table_of(rejects(list)).at(1)[5], "=1+1;M\xc3\xbcller");
}

TEST_F(ListRejects, OfACleanListAreAHeaderAlone)
{
    const auto list = upload("email\nann@x.test\n").list;
    EXPECT_EQ(rejects(list), "line,row,reason,detail,address,record\n");
    RejectsOptions options;
    options.ndjson = true;
    EXPECT_EQ(rejects(list, options), "");
}

}  // namespace
}  // namespace winnow::verifier
