#include <algorithm>
#include <map>

#include "core/csv.hpp"

namespace winnow {
namespace {

constexpr std::size_t sniffed_bytes = 64 * 1024;
constexpr std::size_t sniffed_records = 200;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// How evenly a delimiter splits the sample.
struct Evenness {
    double share = 0;         ///< of the records with the commonest number of cells, less those with broken quotes
    std::size_t columns = 0;  ///< that number
};

bool has_misplaced_quote(const CsvRecord& record, char quote)
{
    // A quote next to a cell's end but not around the cell: this delimiter cut through a quoted cell.
    return quote != '\0' && std::any_of(record.fields.begin(), record.fields.end(), [&](std::string_view field) {
               return field.size() > 1 && (field.back() == quote) != (field.front() == quote);
           });
}

Evenness measure(std::string_view sample, bool complete, const CsvDialect& dialect)
{
    CsvReader reader(dialect);
    reader.feed(sample);
    if (complete)
        reader.finish();
    std::map<std::size_t, std::size_t> records_by_columns;
    std::size_t records = 0;
    std::size_t broken = 0;
    while (const CsvRecord* record = records < sniffed_records ? reader.next() : nullptr) {
        if (record->kind != CsvKind::record)
            continue;
        ++records;
        if (record->fault != CsvFault::none || has_misplaced_quote(*record, dialect.quote))
            ++broken;
        else
            ++records_by_columns[record->fields.size()];
    }
    Evenness result;
    std::size_t most = 0;
    for (const auto& [columns, count] : records_by_columns) {
        if (columns > 1 && count >= most) {
            most = count;
            result.columns = columns;
        }
    }
    if (records > 0)
        result.share = (static_cast<double>(most) - static_cast<double>(broken)) / static_cast<double>(records);
    return result;
}

CsvNewline guess_newline(std::string_view sample, char quote)
{
    std::size_t line_feeds = 0;
    std::size_t lone_returns = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        const char c = sample[i];
        if (c == quote && quote != '\0')
            quoted = !quoted;
        else if (c == '\n' && !quoted)
            ++line_feeds;
        else if (c == '\r' && !quoted && (i + 1 == sample.size() || sample[i + 1] != '\n'))
            ++lone_returns;
    }
    if (line_feeds == 0 && lone_returns > 0)
        return CsvNewline::cr;
    // A few returns among line feeds are data that some old system left in a cell.
    return lone_returns > line_feeds ? CsvNewline::any : CsvNewline::lf;
}

}  // namespace

bool CsvDialect::valid() const noexcept
{
    const auto is_line_end = [](char c) { return c == '\r' || c == '\n'; };
    if (delimiter.empty() || std::any_of(delimiter.begin(), delimiter.end(), is_line_end))
        return false;
    if (delimiter == byte_order_mark || delimiter == comment)
        return false;
    if (quote != '\0' && (is_line_end(quote) || is_line_end(escape) || delimiter.find(quote) != std::string::npos))
        return false;
    return std::none_of(comment.begin(), comment.end(), is_line_end) && (comment.empty() || comment.front() != quote);
}

CsvDialect sniff_dialect(std::string_view sample, bool complete, const CsvDialect& known)
{
    if (sample.size() > sniffed_bytes) {
        sample = sample.substr(0, sniffed_bytes);
        complete = false;
    }
    CsvDialect dialect = known;
    dialect.newline = guess_newline(sample, known.quote);

    const std::string_view text = sample.starts_with(byte_order_mark) ? sample.substr(3) : sample;
    constexpr std::string_view declaration = "sep=";
    if (text.starts_with(declaration) && text.size() > declaration.size()) {
        dialect.delimiter = text[declaration.size()];
        const std::string_view rest = text.substr(declaration.size() + 1);
        if (dialect.valid() && (rest.empty() || rest.front() == '\r' || rest.front() == '\n')) {
            dialect.skip_lines = std::max<std::size_t>(known.skip_lines, 1);
            return dialect;
        }
    }

    dialect.delimiter = ",";
    Evenness best;
    for (const char* candidate : {",", ";", "\t", "|", "\x1f", "\x1e"}) {
        CsvDialect tried = dialect;
        tried.delimiter = candidate;
        if (!tried.valid())
            continue;
        const Evenness evenness = measure(sample, complete, tried);
        if (evenness.columns > 1 &&
            (evenness.share > best.share || (evenness.share == best.share && evenness.columns > best.columns))) {
            best = evenness;
            dialect.delimiter = candidate;
        }
    }
    return dialect;
}

std::string_view to_string(CsvFault fault) noexcept
{
    switch (fault) {
        case CsvFault::none:
            return "none";
        case CsvFault::unterminated_quote:
            return "unterminated_quote";
        case CsvFault::text_after_closing_quote:
            return "text_after_closing_quote";
        case CsvFault::record_too_large:
            return "record_too_large";
    }
    return "none";
}

}  // namespace winnow
