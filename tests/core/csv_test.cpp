#include "core/csv.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace winnow {
namespace {

struct Row {
    std::vector<std::string> fields;
    std::string raw;
    std::string terminator;
    std::size_t line = 0;
    std::uint64_t offset = 0;
    CsvKind kind = CsvKind::record;
    CsvFault fault = CsvFault::none;
};

void drain(CsvReader& reader, std::vector<Row>& rows)
{
    while (const CsvRecord* record = reader.next())
        rows.push_back({{record->fields.begin(), record->fields.end()},
                        std::string(record->raw),
                        std::string(record->terminator),
                        record->line,
                        record->offset,
                        record->kind,
                        record->fault});
}

std::vector<Row> read(std::string_view text, const CsvDialect& dialect = {}, CsvLimits limits = {},
                      std::size_t chunk = 1 << 16)
{
    CsvReader reader(dialect, limits);
    std::vector<Row> rows;
    for (std::size_t at = 0; at < text.size(); at += chunk) {
        reader.feed(text.substr(at, chunk));
        drain(reader, rows);
    }
    reader.finish();
    drain(reader, rows);
    return rows;
}

using Fields = std::vector<std::string>;

TEST(CsvReader, GivesFieldsRawOctetsLineAndOffset)
{
    const auto rows = read("\xEF\xBB\xBFname,mail\r\n\"Lee, Ann\" ,a@x.test\n\nlast,\"say \"\"hi\"\"\"");
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[0].fields, (Fields{"name", "mail"}));
    EXPECT_EQ(rows[0].raw, "\xEF\xBB\xBFname,mail") << "a byte order mark is the file's, not the field's";
    EXPECT_EQ(rows[0].terminator, "\r\n");
    EXPECT_EQ(rows[1].fields, (Fields{"Lee, Ann", "a@x.test"}));
    EXPECT_EQ(rows[1].raw, "\"Lee, Ann\" ,a@x.test");
    EXPECT_EQ(rows[1].line, 2u);
    EXPECT_EQ(rows[1].offset, 14u);
    EXPECT_EQ(rows[2].kind, CsvKind::blank);
    EXPECT_TRUE(rows[2].fields.empty());
    EXPECT_EQ(rows[3].fields, (Fields{"last", "say \"hi\""}));
    EXPECT_EQ(rows[3].line, 4u);
    EXPECT_EQ(rows[3].terminator, "");
}

TEST(CsvReader, LineEndsFollowTheDialect)
{
    CsvDialect dialect;
    EXPECT_EQ(read("a\rb\nc\r\nd", dialect).size(), 4u);
    dialect.newline = CsvNewline::lf;
    auto rows = read("a\rb\nc\r\nd", dialect);
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[0].fields, Fields{"a\rb"});
    EXPECT_EQ(rows[1].fields, Fields{"c"});
    dialect.newline = CsvNewline::crlf;
    rows = read("a\rb\nc\r\nd", dialect);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].fields, Fields{"a\rb\nc"});
    dialect.newline = CsvNewline::cr;
    rows = read("a\rb\nc\r\nd", dialect);
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[2].fields, Fields{"\nd"});
}

TEST(CsvReader, EmptyInputHasNoRecordAndATrailingDelimiterHasACell)
{
    EXPECT_TRUE(read("").empty());
    EXPECT_EQ(read("a,\n,")[0].fields, (Fields{"a", ""}));
    EXPECT_EQ(read("a,\n,")[1].fields, (Fields{"", ""}));
    EXPECT_EQ(read("\xEF\xBB\xBF")[0].kind, CsvKind::blank);
    EXPECT_EQ(read("\"\"")[0].fields, Fields{""});
}

TEST(CsvReader, QuotesInTheMiddleOfABareCellAreData)
{
    const auto rows = read("5\" disk,b\"\n");
    EXPECT_EQ(rows[0].fields, (Fields{"5\" disk", "b\""}));
    EXPECT_EQ(rows[0].fault, CsvFault::none);
}

TEST(CsvReader, AQuotedCellMayRunOverLinesAndTheLineNumbersFollow)
{
    const auto rows = read("a,\"x\r\ny\nz\"\nb,c\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].fields[1], "x\r\ny\nz");
    EXPECT_EQ(rows[1].line, 4u);
}

TEST(CsvReader, TextAfterAClosingQuoteIsReportedAndKept)
{
    const auto rows = read("\"a\"b,\"c\"\nd,e\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].fault, CsvFault::text_after_closing_quote);
    EXPECT_EQ(rows[0].fields, Fields{"a\"b,\"c"});
    EXPECT_EQ(rows[1].fault, CsvFault::none);
}

TEST(CsvReader, AQuoteWithoutAPartnerCostsOneLineOnly)
{
    const auto rows = read("id,mail\n1,\"a@x.test\n2,b@x.test\n3,c@x.test\n");
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[1].fault, CsvFault::unterminated_quote);
    EXPECT_EQ(rows[1].fields, (Fields{"1", "a@x.test"}));
    EXPECT_EQ(rows[1].raw, "1,\"a@x.test");
    EXPECT_EQ(rows[1].terminator, "\n");
    EXPECT_EQ(rows[2].fields, (Fields{"2", "b@x.test"}));
    EXPECT_EQ(rows[2].line, 3u);
    EXPECT_EQ(rows[3].line, 4u);
}

TEST(CsvReader, AStrayQuoteThatMeetsAnotherQuotedCellCostsOneLineOnly)
{
    const auto rows = read("1,\"a@x.test\n2,b@x.test\n3,\"Lee, Ann\"\n");
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_NE(rows[0].fault, CsvFault::none);
    EXPECT_EQ(rows[1].fields, (Fields{"2", "b@x.test"}));
    EXPECT_EQ(rows[2].fields, (Fields{"3", "Lee, Ann"}));
}

TEST(CsvReader, ASloppyQuoteDoesNotBreakARealMultiLineCellBesideIt)
{
    const auto rows = read("\"a\"b\",\"x\ny\"\nc,d\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].fields, (Fields{"a\"b", "x\ny"}));
    EXPECT_EQ(rows[0].fault, CsvFault::text_after_closing_quote);
}

TEST(CsvReader, WithoutRecoveryAnOpenQuoteRunsToTheEnd)
{
    const auto rows = read("a,\"b\nc,d\n", {}, CsvLimits{.recover_at_next_line = false});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].fields, (Fields{"a", "b\nc,d\n"}));
    EXPECT_EQ(rows[0].fault, CsvFault::unterminated_quote);
}

TEST(CsvReader, ARecordBeyondTheCapKeepsItsBeginningAndTheNextLineIsRead)
{
    const CsvLimits limits{.max_record_bytes = 8};
    const std::string text = "12345678\n1,345678901234567890\nx,y\n";
    for (const std::size_t chunk : {1u, 3u, 100u}) {
        const auto rows = read(text, {}, limits, chunk);
        ASSERT_EQ(rows.size(), 3u) << chunk;
        EXPECT_EQ(rows[0].fault, CsvFault::none) << "as long as the cap";
        EXPECT_EQ(rows[1].fault, CsvFault::record_too_large);
        EXPECT_EQ(rows[1].raw, "1,345678");
        EXPECT_EQ(rows[1].fields, (Fields{"1", "345678"}));
        EXPECT_EQ(rows[1].terminator, "\n");
        EXPECT_EQ(rows[2].fields, (Fields{"x", "y"}));
        EXPECT_EQ(rows[2].line, 3u);
        EXPECT_EQ(rows[2].offset, text.size() - 4);
    }
}

TEST(CsvReader, TheCapEndsAnOpenQuoteAtItsFirstLine)
{
    const auto rows = read("\"ab\ncd\nef\ngh\n", {}, CsvLimits{.max_record_bytes = 6});
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[0].fault, CsvFault::unterminated_quote);
    EXPECT_EQ(rows[0].fields, Fields{"ab"});
    EXPECT_EQ(rows[1].fields, Fields{"cd"});
}

TEST(CsvReader, TheLastOversizeRecordMayLackItsLineEnd)
{
    const auto rows = read("a\nabcdefghij", {}, CsvLimits{.max_record_bytes = 4}, 1);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[1].fault, CsvFault::record_too_large);
    EXPECT_EQ(rows[1].raw, "abcd");
}

TEST(CsvReader, CommentsAndSkippedLinesAreReportedAsSuch)
{
    CsvDialect dialect;
    dialect.comment = "//";
    dialect.skip_lines = 1;
    const auto rows = read("My \"export\n// note\n/a,b\n", dialect, {}, 1);
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[0].kind, CsvKind::skipped);
    EXPECT_EQ(rows[1].kind, CsvKind::comment);
    EXPECT_EQ(rows[1].raw, "// note");
    EXPECT_EQ(rows[2].fields, (Fields{"/a", "b"}));
}

TEST(CsvReader, DelimitersMayBeLongerThanOneOctet)
{
    CsvDialect dialect;
    dialect.delimiter = "::";
    const auto rows = read("a:b::\"c::d\"::e:\n", dialect, {}, 1);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].fields, (Fields{"a:b", "c::d", "e:"}));
}

TEST(CsvReader, AFileMayHaveNoQuotesAtAll)
{
    CsvDialect dialect;
    dialect.quote = '\0';
    EXPECT_EQ(read("\"a,b\"\n", dialect)[0].fields, (Fields{"\"a", "b\""}));
}

TEST(CsvDialect, RefusesCharactersThatCannotBeToldApart)
{
    EXPECT_TRUE(CsvDialect{}.valid());
    for (const char* delimiter : {"", "\n", "\r\n", "\"", "\xEF\xBB\xBF"}) {
        CsvDialect dialect;
        dialect.delimiter = delimiter;
        EXPECT_FALSE(dialect.valid()) << delimiter;
    }
    CsvDialect same;
    same.comment = ",";
    EXPECT_FALSE(same.valid());
}

struct Sample {
    const char* text;
    const char* delimiter;
    CsvNewline newline;
};

class CsvSniffing : public testing::TestWithParam<Sample> {};

TEST_P(CsvSniffing, FindsDelimiterAndLineEnd)
{
    const auto dialect = sniff_dialect(GetParam().text, true);
    EXPECT_EQ(dialect.delimiter, GetParam().delimiter);
    EXPECT_EQ(dialect.newline, GetParam().newline);
}

INSTANTIATE_TEST_SUITE_P(
    Samples, CsvSniffing,
    testing::Values(Sample{"a,b\n1,2\n", ",", CsvNewline::lf},
                    Sample{"a;b\r\n1,5;2,5\r\n2,5;3\r\n", ";", CsvNewline::lf},
                    Sample{"name\tmail\rLee, Ann\ta@x.test\r", "\t", CsvNewline::cr},
                    Sample{"a|b\n\"x|y\"|z\n", "|", CsvNewline::lf},
                    Sample{"a@x.test\nb@x.test\n", ",", CsvNewline::lf}, Sample{"", ",", CsvNewline::lf},
                    Sample{"a\x1f"
                           "b\n1\x1f"
                           "2\n",
                           "\x1f", CsvNewline::lf},
                    Sample{"Name;Mail\nLee, Ann;a@x.test\nRoe, Bob, Jr;b@x.test\n", ";", CsvNewline::lf},
                    Sample{"\"Lee; Ann\",a@x.test\n\"Roe; Bob\",b@x.test\n", ",", CsvNewline::lf},
                    Sample{"a,\"x\ry\"\nb,c\n", ",", CsvNewline::lf}));

TEST(CsvSniffing, IgnoresTheCutOffRecordAtTheEndOfASample)
{
    EXPECT_EQ(sniff_dialect("a;b;c\n1;2;3\n4,4,4,4,4").delimiter, ";");
}

TEST(CsvSniffing, ObeysExcelsSeparatorLine)
{
    const std::string text = "sep=|\r\na,b|c\r\n";
    const auto dialect = sniff_dialect(text, true);
    EXPECT_EQ(dialect.delimiter, "|");
    const auto rows = read(text, dialect);
    EXPECT_EQ(rows[0].kind, CsvKind::skipped);
    EXPECT_EQ(rows[1].fields, (Fields{"a,b", "c"}));
}

TEST(CsvEscape, QuotesOnlyWhatNeedsIt)
{
    CsvDialect dialect;
    EXPECT_EQ(csv_escape("plain text", dialect), "plain text");
    EXPECT_EQ(csv_escape("a,b", dialect), "\"a,b\"");
    EXPECT_EQ(csv_escape("a\"b", dialect), "\"a\"\"b\"");
    EXPECT_EQ(csv_escape("a\nb", dialect), "\"a\nb\"");
    dialect.delimiter = ";";
    EXPECT_EQ(csv_escape("a,b", dialect), "a,b");
    dialect.comment = "#";
    EXPECT_EQ(csv_escape("#1", dialect), "\"#1\"");
    dialect.quote = '\0';
    EXPECT_EQ(csv_escape("a;b\nc", dialect), "a b c");
}

TEST(CsvEscape, DisarmsCellsThatASpreadsheetWouldRun)
{
    const CsvDialect dialect;
    for (const std::string cell : {"=1+1", "+1", "-1", "@x", "\tx", "\rx", "  =1",
                                   "\xEF\xBC\x9D"
                                   "1",
                                   "\xEF\xBC\x8B"
                                   "1",
                                   "\xEF\xBC\x8D"
                                   "1",
                                   "\xEF\xBC\xA0"
                                   "x"}) {
        EXPECT_EQ(csv_escape(cell, dialect, true), "\"'" + cell + '"');
        EXPECT_FALSE(csv_escape(cell, dialect).starts_with("\"'"));
    }
    EXPECT_EQ(csv_escape("a=b", dialect, true), "a=b");
    EXPECT_EQ(csv_escape("", dialect, true), "");
}

TEST(CsvWriter, AnnotatesTheUsersRecordsWithoutTouchingTheirOctets)
{
    const std::string text =
        "\xEF\xBB\xBFmail,\"name\"\r\n\"a@x.test\" ,Ann\r\n\r\nb@x.test\n# c\n\"d@x.test\ne@x.test,Eve";
    CsvDialect dialect;
    dialect.comment = "#";
    CsvReader reader(dialect);
    reader.feed(text);
    reader.finish();
    std::string out;
    CsvWriter writer(out, dialect);
    const std::string_view cells[] = {"risky", "a,b"};
    while (const CsvRecord* record = reader.next())
        writer.annotate(*record, 2, cells);
    EXPECT_EQ(out,
              "\xEF\xBB\xBFmail,\"name\",risky,\"a,b\"\r\n\"a@x.test\" ,Ann,risky,\"a,b\"\r\n\r\n"
              "b@x.test,,risky,\"a,b\"\n# c\nd@x.test,,risky,\"a,b\"\ne@x.test,Eve,risky,\"a,b\"");
}

TEST(CsvWriter, ARowOfOneEmptyCellIsNotABlankLine)
{
    std::string out;
    CsvWriter writer(out);
    const std::string_view cells[] = {""};
    writer.row(cells);
    EXPECT_EQ(out, "\"\"\r\n");
}

}  // namespace
}  // namespace winnow
