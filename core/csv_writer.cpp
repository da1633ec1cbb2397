#include <algorithm>

#include "core/csv.hpp"

namespace winnow {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// A spreadsheet runs a cell that begins with one of these, also in their full-width forms, also after spaces when it
/// trims on import.
bool would_run(std::string_view field) noexcept
{
    const std::size_t first = field.find_first_not_of(' ');
    if (first == std::string_view::npos)
        return false;
    field.remove_prefix(first);
    if (std::string_view("=+-@\t\r\n").find(field.front()) != std::string_view::npos)
        return true;
    return field.starts_with("\xEF\xBC\x9D") || field.starts_with("\xEF\xBC\x8B") ||
           field.starts_with("\xEF\xBC\x8D") || field.starts_with("\xEF\xBC\xA0");
}

bool needs_quotes(std::string_view field, const CsvDialect& dialect)
{
    return field.find(dialect.quote) != std::string_view::npos ||
           field.find(dialect.delimiter) != std::string_view::npos ||
           field.find_first_of("\r\n") != std::string_view::npos || field.starts_with(byte_order_mark) ||
           (!dialect.comment.empty() && field.starts_with(dialect.comment));
}

std::string without_structure(std::string field, const CsvDialect& dialect)
{
    for (std::size_t at = 0; (at = field.find(dialect.delimiter, at)) != std::string::npos;)
        field.replace(at, dialect.delimiter.size(), " ");
    std::replace_if(
        field.begin(), field.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return field;
}

}  // namespace

std::string csv_escape(std::string_view field, const CsvDialect& dialect, bool spreadsheet_safe)
{
    std::string cell(field);
    const bool disarm = spreadsheet_safe && would_run(field);
    if (disarm)
        cell.insert(0, 1, '\'');
    if (dialect.quote == '\0')
        return without_structure(std::move(cell), dialect);
    if (!disarm && !needs_quotes(cell, dialect))
        return cell;
    std::string out(1, dialect.quote);
    for (const char c : cell) {
        if (c == dialect.quote)
            out += dialect.escape;
        out += c;
    }
    return out + dialect.quote;
}

void CsvWriter::row(std::span<const std::string_view> fields)
{
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0)
            out_ += dialect_.delimiter;
        // A record of one empty cell would read as a blank line.
        if (fields.size() == 1 && fields[0].empty() && dialect_.quote != '\0')
            out_.append(2, dialect_.quote);
        else
            out_ += csv_escape(fields[i], dialect_, spreadsheet_safe_);
    }
    out_ += terminator_;
}

void CsvWriter::annotate(const CsvRecord& record, std::size_t columns, std::span<const std::string_view> cells)
{
    if (record.kind != CsvKind::record || record.fault == CsvFault::none) {
        out_ += record.raw;
    } else {
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            if (i > 0)
                out_ += dialect_.delimiter;
            out_ += csv_escape(record.fields[i], dialect_);
        }
    }
    if (record.kind == CsvKind::record) {
        for (std::size_t i = record.fields.size(); i < columns; ++i)
            out_ += dialect_.delimiter;
        for (const std::string_view cell : cells)
            (out_ += dialect_.delimiter) += csv_escape(cell, dialect_, spreadsheet_safe_);
    }
    out_ += record.terminator;
}

}  // namespace winnow
