// The user's rows as CSV, our columns behind theirs.
#include <algorithm>
#include <array>
#include <cstdio>

#include "core/csv.hpp"
#include "core/duration.hpp"
#include "core/join.hpp"
#include "verifier/list_reader.hpp"
#include "verifier/row_writers.hpp"

namespace winnow::verifier {
namespace {

constexpr std::array<std::string_view, 8> added_columns{"winnow_verdict",    "winnow_reason",     "winnow_p_bounce",
                                                        "winnow_flags",      "winnow_suggestion", "winnow_provider",
                                                        "winnow_suppressed", "winnow_checked_at"};

/// Cells that a record may have more than the header before the header stops growing with it: each short row is padded
/// to its length, and one line of commas must not make a gigabyte of them.
constexpr std::size_t widest_header = 256;

using Cells = std::array<std::string, added_columns.size()>;

Cells cells_of(const storage::RowResult& result)
{
    const VerdictRecord& v = result.verdict;
    std::string flags;
    for (std::string_view flag : v.flags.names())
        flags += (flags.empty() ? "" : " ") + std::string(flag);
    std::array<char, 16> p{};
    std::snprintf(p.data(), p.size(), "%.3f", v.p_bounce);
    return {std::string(to_string(v.verdict)),
            std::string(to_string(v.reason)),
            p.data(),
            flags,
            v.suggestion,
            v.provider,
            joined(result.suppressed_by, " "),
            v.checked_at == TimePoint{} ? "" : format_time(v.checked_at)};
}

/// A row that could not be read has no address, hence no verdict; the reason column says what is wrong with it.
Cells malformed_cells(const storage::ListRow& row)
{
    Cells cells;
    cells[1] = malformed_reason(row);
    return cells;
}

class CsvRowWriter final : public RowWriter {
public:
    CsvRowWriter(const storage::ListRecord& list, bool spreadsheet_safe)
        : list_(list), columns_(list.columns), spreadsheet_safe_(spreadsheet_safe)
    {
        // As the upload read it: what does not end records is data.
        dialect_.delimiter = std::string(1, list.delimiter);
        dialect_.newline = list.terminator == "\r" ? CsvNewline::cr : CsvNewline::lf;
        if (is_json() && columns_.empty())
            columns_.push_back("email");
        width_ = std::max(columns_.size(), std::min(static_cast<std::size_t>(list.widest), widest_header));
    }

    void header(std::string& out) override;
    void row(std::string& out, const storage::ListRow& row, const storage::RowResult* result) override;

private:
    bool is_json() const noexcept { return list_.format == storage::ListFormat::ndjson; }
    std::string as_csv(const std::vector<std::string>& cells) const;
    void csv_row(std::string& out, std::string_view raw, const Cells& cells);
    void plain_row(std::string& out, std::string_view raw, std::size_t user_cells, const Cells& cells);
    void rewritten_row(std::string& out, const CsvRecord& record, const Cells& cells);
    void added_cells(std::string& out, std::size_t user_cells, const Cells& cells);
    bool is_overfull(std::size_t user_cells) const noexcept { return width_ > 0 && user_cells > width_; }

    const storage::ListRecord& list_;
    std::vector<std::string> columns_;
    std::size_t width_ = 0;  ///< cells before ours; 0 = every row ends where it ends
    CsvDialect dialect_;
    bool spreadsheet_safe_;
};

std::string CsvRowWriter::as_csv(const std::vector<std::string>& cells) const
{
    std::string raw;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0)
            raw += list_.delimiter;
        raw += csv_escape(cells[i], dialect_);
    }
    return raw;
}

/// The user's octets, then our cells in their columns.
void CsvRowWriter::csv_row(std::string& out, std::string_view raw, const Cells& cells)
{
    if (!spreadsheet_safe_ && raw.find(dialect_.quote) == std::string_view::npos) {
        const auto user_cells = static_cast<std::size_t>(std::count(raw.begin(), raw.end(), list_.delimiter)) + 1;
        if (!is_overfull(user_cells)) {
            plain_row(out, raw, user_cells, cells);
            return;
        }
    }
    CsvReader reader{dialect_};
    reader.feed(raw);
    reader.feed(list_.terminator);
    reader.finish();
    const CsvRecord* const record = reader.next();
    if (!record || record->kind != CsvKind::record) {
        (out += raw) += list_.terminator;
    } else if (spreadsheet_safe_ || is_overfull(record->fields.size())) {
        rewritten_row(out, *record, cells);
    } else {
        std::array<std::string_view, added_columns.size()> views;
        std::copy(cells.begin(), cells.end(), views.begin());
        CsvWriter writer{out, dialect_, list_.terminator};
        writer.annotate(*record, width_, views);
    }
}

/// Most rows have no quotes: their columns are counted, not decoded.
void CsvRowWriter::plain_row(std::string& out, std::string_view raw, std::size_t user_cells, const Cells& cells)
{
    out += raw;
    if (!raw.empty())
        added_cells(out, user_cells, cells);
    out += list_.terminator;
}

/// For people who open the file in a spreadsheet: no cell may run, whoever wrote it. And for a record that is longer
/// than any header may become: its last cell before ours holds the rest of it.
void CsvRowWriter::rewritten_row(std::string& out, const CsvRecord& record, const Cells& cells)
{
    const std::size_t user_cells = is_overfull(record.fields.size()) ? width_ : record.fields.size();
    for (std::size_t i = 0; i < user_cells; ++i) {
        std::string cell(record.fields[i]);
        if (i + 1 == user_cells)
            for (const std::string_view more : record.fields.subspan(user_cells))
                (cell += list_.delimiter) += more;
        if (i > 0)
            out += list_.delimiter;
        out += csv_escape(cell, dialect_, spreadsheet_safe_);
    }
    added_cells(out, user_cells, cells);
    out += list_.terminator;
}

void CsvRowWriter::added_cells(std::string& out, std::size_t user_cells, const Cells& cells)
{
    for (std::size_t i = user_cells; i < width_; ++i)
        out += list_.delimiter;
    for (const std::string& cell : cells)
        (out += list_.delimiter) += csv_escape(cell, dialect_, spreadsheet_safe_);
}

void CsvRowWriter::header(std::string& out)
{
    const std::string raw = is_json() ? as_csv(columns_) : list_.header_raw;
    if (raw.empty())
        return;
    // "sep=;" and blank lines stand before the names, and stay as they are.
    CsvReader reader{dialect_};
    reader.feed(raw);
    reader.finish();
    std::size_t names_at = 0;
    while (const CsvRecord* record = reader.next())
        if (record->kind == CsvKind::record)
            names_at = static_cast<std::size_t>(record->offset);
    Cells cells;
    std::copy(added_columns.begin(), added_columns.end(), cells.begin());
    out += std::string_view(raw).substr(0, names_at);
    csv_row(out, std::string_view(raw).substr(names_at), cells);
}

void CsvRowWriter::row(std::string& out, const storage::ListRow& row, const storage::RowResult* result)
{
    if (is_blank(row)) {
        (out += row.raw) += list_.terminator;
        return;
    }
    std::string made;
    if (is_json())
        made = as_csv(cells_of_row(list_, row));
    const std::string& raw = is_json() ? made : row.raw;
    if (!row.malformed.empty())
        csv_row(out, raw, malformed_cells(row));
    else
        csv_row(out, raw, result ? cells_of(*result) : Cells{});
}

}  // namespace

std::unique_ptr<RowWriter> make_csv_writer(const storage::ListRecord& list, bool spreadsheet_safe)
{
    return std::make_unique<CsvRowWriter>(list, spreadsheet_safe);
}

std::string malformed_reason(const storage::ListRow& row)
{
    return "malformed_row: " + row.malformed;
}

std::span<const std::string_view> export_columns() noexcept
{
    return added_columns;
}

bool is_own_member(std::string_view path) noexcept
{
    return std::any_of(added_columns.begin(), added_columns.end(), [path](std::string_view name) {
        return path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '.');
    });
}

}  // namespace winnow::verifier
