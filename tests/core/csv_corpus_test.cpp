#include <gtest/gtest.h>

#include <algorithm>

#include "core/csv.hpp"
#include "tests/support/corpus.hpp"

namespace winnow {
namespace {

using test::Score;
using Rows = std::vector<std::vector<std::string>>;

std::string from_base64(std::string_view text)
{
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto value = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
        if (value == std::string_view::npos)
            break;
        bits = bits << 6 | static_cast<unsigned>(value);
        if ((count += 6) >= 8)
            out += static_cast<char>(bits >> (count -= 8) & 0xFF);
    }
    return out;
}

std::string text_or(const nlohmann::json& config, const char* key, std::string otherwise)
{
    const auto found = config.find(key);
    return found != config.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

/// PapaParse's options in our words.
CsvDialect dialect_of(const nlohmann::json& config, const std::string& text, bool guess_delimiter)
{
    CsvDialect dialect;
    const auto quote = config.find("quoteChar");
    dialect.quote = quote == config.end() ? '"' : quote->is_string() ? quote->get<std::string>().at(0) : '\0';
    dialect.escape = text_or(config, "escapeChar", {dialect.quote}).at(0);
    if (const auto comments = config.find("comments"); comments != config.end())
        dialect.comment = comments->is_string() ? comments->get<std::string>() : *comments == true ? "#" : "";
    const CsvDialect sniffed = sniff_dialect(text, true, dialect);
    dialect.newline = sniffed.newline;
    const std::string newline = text_or(config, "newline", "");
    if (newline == "\r\n")
        dialect.newline = CsvNewline::crlf;
    else if (!newline.empty())
        dialect.newline = newline == "\r" ? CsvNewline::cr : CsvNewline::lf;
    if (guess_delimiter)
        dialect.delimiter = sniffed.delimiter;
    if (const std::string wanted = text_or(config, "delimiter", ""); !wanted.empty()) {
        CsvDialect tried = dialect;
        tried.delimiter = wanted;
        if (tried.valid())
            dialect = tried;
    }
    dialect.skip_lines = static_cast<std::size_t>(std::max(0, config.value("skipFirstNLines", 0)));
    return dialect;
}

Rows read_all(const std::string& text, const CsvDialect& dialect)
{
    CsvReader reader(dialect, CsvLimits{.recover_at_next_line = false});
    reader.feed(text);
    reader.finish();
    Rows rows;
    while (const CsvRecord* record = reader.next())
        if (record->kind == CsvKind::record)
            rows.emplace_back(record->fields.begin(), record->fields.end());
    return rows;
}

/// Rows that the scorer ignores: blank lines, which PapaParse reports as one empty cell.
void drop_blank_rows(Rows& rows, bool greedy)
{
    std::erase_if(rows, [greedy](const auto& row) {
        return (row.size() == 1 && row[0].empty()) ||
               (greedy && std::all_of(row.begin(), row.end(), [](const std::string& cell) {
                    return cell.find_first_not_of(" \t") == std::string::npos;
                }));
    });
}

TEST(CsvCorpus, EachSuiteScoresAboveItsFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "csv");
    const auto labels = test::read_labels(dir / "labels.tsv");
    std::map<std::string, Score> scores;
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        const auto& label = labels.at(id);
        const auto& config = row.at("config");
        const std::string text = from_base64(row.at("csv_b64").get<std::string>());
        const bool greedy = config.value("skipEmptyLines", nlohmann::json()) == "greedy";
        Rows got = read_all(text, dialect_of(config, text, label.at("suite") == "papaparse-parse"));
        Rows expected = test::parse_json(label.at("expected_json")).get<Rows>();
        drop_blank_rows(got, greedy);
        drop_blank_rows(expected, greedy);
        // PapaParse's "preview" stops after so many records, the header not counted.
        if (const std::size_t preview = config.value("preview", 0u); preview > 0)
            got.resize(std::min(got.size(), preview + (row.at("header") == true ? 1 : 0)));
        scores.try_emplace(label.at("suite"), "csv/" + label.at("suite")).first->second.add(got == expected, id);
    }
    for (const auto& [suite, score] : scores)
        EXPECT_GE(score.report(), 0.97) << suite;
}

TEST(CsvInjectionCorpus, NoExportedCellBeginsWithAFormula)
{
    WINNOW_CORPUS_OR_SKIP(dir, "csv-injection");
    Score score("csv-injection");
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string cell = csv_escape(row.at("value").get<std::string>(), CsvDialect{}, true);
        const Rows read_back = read_all(cell, CsvDialect{});
        ASSERT_EQ(read_back.size(), 1u);
        ASSERT_EQ(read_back[0].size(), 1u);
        const char first = read_back[0][0].front();
        score.add(std::string_view("=+-@\t\r\n").find(first) == std::string_view::npos, row.at("id"));
    }
    EXPECT_EQ(score.report(), 1.0);
}

}  // namespace
}  // namespace winnow
