// CSV, TSV and one address a line: records become rows.
#include <algorithm>

#include "core/csv.hpp"
#include "core/trim.hpp"
#include "verifier/list_export.hpp"
#include "verifier/row_parsers.hpp"

namespace winnow::verifier {
namespace {

constexpr std::string_view blank_line = "blank line";
constexpr std::string_view comment_line = "comment";

class CsvRows final : public RowParser {
public:
    CsvRows(std::string file, const CsvDialect& dialect, EmailColumn column)
        : file_(std::move(file)), dialect_(dialect), column_(std::move(column)), reader_(dialect, limits())
    {
    }

    void feed(std::string_view text) override { reader_.feed(text); }
    void finish() override { reader_.finish(); }
    Result<storage::ListRow*> next() override;
    const EmailColumn& column() const noexcept override { return column_; }
    void describe(storage::ListRecord& list) const override;
    void add_notes(std::vector<std::string>& notes) const override;

private:
    static CsvLimits limits()
    {
        CsvLimits limits;
        limits.max_record_bytes = max_record_bytes;
        return limits;
    }
    void take_line_end(std::string_view terminator);
    void take_shape(const CsvRecord& record);
    bool take_header(const CsvRecord& record);
    void find_own_columns();
    std::string_view without_own(const CsvRecord& record) const;
    std::string fault_of(const CsvRecord& record) const;

    std::string file_;
    CsvDialect dialect_;
    EmailColumn column_;
    CsvReader reader_;
    storage::ListRow row_;
    std::vector<std::string> columns_;
    std::string header_raw_, terminator_;
    bool header_seen_ = false;
    bool mixed_line_ends_ = false;
    std::size_t widest_ = 0;          ///< cells of the longest record, our own not counted
    std::size_t faulty_ = 0;          ///< records that the export cannot give back as they are
    std::size_t first_faulty_ = 0;    ///< line of the first of them
    std::size_t own_columns_at_ = 0;  ///< columns of an earlier export begin there; 0 = there are none
};

void CsvRows::take_line_end(std::string_view terminator)
{
    if (terminator.empty())
        return;
    if (terminator_.empty())
        terminator_ = std::string(terminator);
    else if (terminator_ != terminator)
        mixed_line_ends_ = true;
}

/// Of a record that is a row: what the export has to know of all of them.
void CsvRows::take_shape(const CsvRecord& record)
{
    if (record.kind != CsvKind::record)
        return;
    const bool has_own = own_columns_at_ > 0 && record.fields.size() == own_columns_at_ + export_columns().size();
    widest_ = std::max(widest_, has_own ? own_columns_at_ : record.fields.size());
    if (record.fault != CsvFault::none && faulty_++ == 0)
        first_faulty_ = record.line;
}

/// A list that was verified before ends in our columns. Twice the same names would leave a reader to guess which one
/// counts: the old ones go, as a whole or not at all.
void CsvRows::find_own_columns()
{
    const auto own = export_columns();
    if (columns_.size() <= own.size() || !std::equal(own.begin(), own.end(), columns_.end() - std::ssize(own)))
        return;
    const std::size_t at = columns_.size() - own.size();
    if (column_.index >= at)
        return;
    own_columns_at_ = at;
}

/// The octets of a record without our columns. One that has not as many cells as the header, or broken quotes, stays as
/// it is.
std::string_view CsvRows::without_own(const CsvRecord& record) const
{
    const std::string_view raw = record.raw;
    if (own_columns_at_ == 0 || record.kind != CsvKind::record || record.fault != CsvFault::none ||
        record.fields.size() != own_columns_at_ + export_columns().size())
        return raw;
    std::size_t at = raw.starts_with("\xef\xbb\xbf") ? 3 : 0;
    for (std::size_t cell = 0;; at += dialect_.delimiter.size()) {
        if (at < raw.size() && raw[at] == dialect_.quote) {
            // A doubled quote ends one quoted stretch and begins the next: the cell is over where none begins.
            do {
                at = raw.find(dialect_.quote, at + 1);
                if (at == std::string_view::npos)
                    return raw;
                ++at;
            } while (at < raw.size() && raw[at] == dialect_.quote);
        }
        at = raw.find(dialect_.delimiter, at);
        if (at == std::string_view::npos || ++cell == own_columns_at_)
            return raw.substr(0, at);
    }
}

/// True for the header and for what stands before it: both belong to the list, not to its rows.
bool CsvRows::take_header(const CsvRecord& record)
{
    if (!column_.has_header || header_seen_)
        return false;
    header_seen_ = record.kind == CsvKind::record;
    if (!header_seen_) {
        header_raw_.append(record.raw).append(record.terminator);
        return true;
    }
    for (std::string_view field : record.fields)
        columns_.emplace_back(trim_wide(to_utf8(field)));
    find_own_columns();
    header_raw_.append(without_own(record));
    if (own_columns_at_ > 0)
        columns_.resize(own_columns_at_);
    columns_ = column_names(columns_);
    return true;
}

/// Why a record holds no address; empty when it may.
std::string CsvRows::fault_of(const CsvRecord& record) const
{
    if (record.kind == CsvKind::blank)
        return std::string(blank_line);
    if (record.kind != CsvKind::record)
        return std::string(comment_line);
    if (record.fault != CsvFault::none && record.fault != CsvFault::text_after_closing_quote)
        return std::string(to_string(record.fault));
    if (column_.index >= record.fields.size())
        return "no e-mail column: the record has " + std::to_string(record.fields.size()) + " of " +
               std::to_string(std::max(columns_.size(), column_.index + 1)) + " columns";
    return {};
}

Result<storage::ListRow*> CsvRows::next()
{
    while (const CsvRecord* const record = reader_.next()) {
        if (record->fault == CsvFault::record_too_large)
            return too_long(file_, record->line);
        take_line_end(record->terminator);
        if (take_header(*record))
            continue;
        take_shape(*record);
        row_ = {};
        row_.line = record->line;
        row_.raw = std::string(without_own(*record));
        row_.malformed = fault_of(*record);
        if (row_.malformed.empty()) {
            row_.address = std::string(address_in_cell(to_utf8(record->fields[column_.index])));
            if (row_.address.empty())
                row_.malformed = "empty e-mail field";
        }
        return &row_;
    }
    return nullptr;
}

void CsvRows::describe(storage::ListRecord& list) const
{
    list.format = storage::ListFormat::csv;
    list.columns = columns_;
    list.header_raw = header_raw_;
    list.terminator = terminator_.empty() ? "\n" : terminator_;
    list.delimiter = dialect_.delimiter.front();
    list.email_column = static_cast<int>(column_.index);
    list.widest = std::max(widest_, columns_.size());
}

void CsvRows::add_notes(std::vector<std::string>& notes) const
{
    if (column_.found_by == EmailColumn::FoundBy::content)
        notes.push_back("e-mail column " + std::to_string(column_.index + 1) + " was found by its content");
    if (own_columns_at_ > 0)
        notes.push_back("the file was verified before; its winnow_ columns are written anew");
    if (faulty_ > 0)
        notes.push_back("rows with broken quotes: " + std::to_string(faulty_) + ", the first in line " +
                        std::to_string(first_faulty_) + "; the export writes them anew, not byte for byte");
    if (mixed_line_ends_)
        notes.push_back("line ends are mixed; the export writes the first kind everywhere");
}

}  // namespace

bool is_blank(const storage::ListRow& row) noexcept
{
    return row.malformed == blank_line || row.malformed == comment_line;
}

Error too_long(const std::string& file, std::size_t line)
{
    return {Errc::invalid_argument,
            file + ": line " + std::to_string(line) +
                " is longer than 1 MiB, and a list that lacks a part of it would not be yours; "
                "shorten or remove it (a quote that is never closed can make one line of many)"};
}

Result<std::unique_ptr<RowParser>> make_csv_parser(std::string_view sample, bool complete, const ListReading& reading)
{
    const CsvDialect dialect = sniff_dialect(sample, complete);
    CsvReader look{dialect};
    look.feed(sample);
    if (complete)
        look.finish();
    std::vector<std::vector<std::string>> records;
    while (const CsvRecord* const record = look.next()) {
        if (record->kind != CsvKind::record || record->fault == CsvFault::record_too_large)
            continue;
        records.emplace_back();
        for (std::string_view field : record->fields)
            records.back().push_back(to_utf8(field));
        if (records.size() >= sampled_records)
            break;
    }
    if (records.empty() && !complete)
        return Error{
            Errc::invalid_argument,
            reading.file() + ": line 1 is longer than 64 KiB; a list needs a header row or one address per line"};
    auto column = find_email_column(records, reading.column, reading.header);
    if (!column)
        return Error{column.error().code, reading.file() + ": " + column.error().context};
    return std::make_unique<CsvRows>(reading.file(), dialect, std::move(*column));
}

}  // namespace winnow::verifier
