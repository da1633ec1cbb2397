#include "app/list_preview.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/json.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json answer()
{
    return {{"dry_run", true},
            {"list",
             {{"name", "contacts.csv"},
              {"format", "csv"},
              {"compression", nullptr},
              {"encoding", "UTF-8"},
              {"delimiter", ";"},
              {"has_header", true},
              {"columns", {"Name", "E-Mail"}},
              {"email_column", "E-Mail"},
              {"email_column_number", 2},
              {"email_column_found_by", "name"},
              {"rows", 1234},
              {"addresses", 1200},
              {"duplicates", 30},
              {"malformed", 4},
              {"notes", {"line ends are mixed"}},
              {"bytes", 40000}}},
            {"rows",
             {{{"row", 1},
               {"line", 2},
               {"address", "ann@x.test"},
               {"duplicate_of", nullptr},
               {"malformed", nullptr},
               {"cells", {"Ann", "ann@x.test"}}},
              {{"row", 2},
               {"line", 3},
               {"address", "ANN@x.test"},
               {"duplicate_of", 1},
               {"malformed", nullptr},
               {"cells", {"Ann", "ANN@x.test"}}},
              {{"row", 3},
               {"line", 4},
               {"address", nullptr},
               {"duplicate_of", nullptr},
               {"malformed", "empty e-mail field"},
               {"cells", {"Ben", ""}}}}}};
}

std::size_t widest(const std::string& text)
{
    std::size_t most = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        most = std::max(most, line.size());
    return most;
}

TEST(PreviewText, SaysHowTheFileIsReadAndShowsItsFirstRows)
{
    const std::string text = preview_text(answer(), 80);
    EXPECT_THAT(text, testing::StartsWith("contacts.csv\n  1,234 rows; nothing was stored\n"));
    EXPECT_THAT(text, HasSubstr("CSV, delimiter \";\", with a header, UTF-8"));
    EXPECT_THAT(text, HasSubstr("columns: Name, E-Mail"));
    EXPECT_THAT(text, HasSubstr("column 2 \"E-Mail\", found by its name"));
    EXPECT_THAT(text, HasSubstr("1,200 addresses, 30 duplicates, 4 blank or malformed"));
    EXPECT_THAT(text, HasSubstr("note: line ends are mixed"));
    EXPECT_THAT(text, HasSubstr("       2  ann@x.test\n"));
    EXPECT_THAT(text, HasSubstr("       3  ANN@x.test  (again: row 1)\n"));
    EXPECT_THAT(text, HasSubstr("       4  - empty e-mail field\n"));
}

TEST(PreviewText, NamesTheOtherForms)
{
    json ndjson = answer();
    ndjson["list"].update({{"format", "ndjson"}, {"delimiter", nullptr}, {"compression", "gzip"}});
    EXPECT_THAT(preview_text(ndjson, 80), HasSubstr("NDJSON, UTF-8, gzip"));
    json lines = answer();
    lines["list"].update({{"has_header", false}, {"columns", json::array()}, {"email_column", nullptr}});
    for (json& row : lines["rows"])
        row["cells"] = json::array({"x"});
    const std::string text = preview_text(lines, 80);
    EXPECT_THAT(text, HasSubstr("one address a line, UTF-8"));
    EXPECT_THAT(text, Not(HasSubstr("columns:")));
}

TEST(PreviewText, NoLineIsTooWideAndNoWordOfTheFileSpeaksToTheTerminal)
{
    json odd = answer();
    odd["list"]["name"] = std::string(200, 'l');
    odd["rows"][0]["address"] = "\x1b[2J" + std::string(300, 'a');
    odd["rows"][1]["address"] = "M\xc3\xbcller\xc2\x9b" + std::string(300, '\xc3') + "@x.test\nb";
    odd["list"]["columns"] = {"\x1b]0;title\x07", std::string(200, 'n')};
    for (const std::size_t columns : {40u, 80u}) {
        const std::string text = preview_text(odd, columns);
        EXPECT_LE(widest(text.substr(0, text.find("columns:"))), columns);
        EXPECT_LE(widest(text.substr(text.find("the first"))), columns) << "but for a word that is too long by itself";
        EXPECT_THAT(text, Not(HasSubstr("\x1b")));
        EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
        EXPECT_THAT(text, HasSubstr("M\xc3\xbcller"));
    }
}

}  // namespace
}  // namespace winnow::app
