#include "verifier/list_export.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/csv.hpp"
#include "core/duration.hpp"
#include "core/encoding.hpp"
#include "core/join.hpp"
#include "core/ndjson.hpp"
#include "verifier/verdict_json.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 1'000;
constexpr std::size_t piece_bytes = 64 * 1024;

constexpr std::array<std::string_view, 8> added_columns{"winnow_verdict",    "winnow_reason",     "winnow_p_bounce",
                                                        "winnow_flags",      "winnow_suggestion", "winnow_provider",
                                                        "winnow_suppressed", "winnow_checked_at"};

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
    cells[1] = "malformed_row: " + row.malformed;
    return cells;
}

class Exporter {
public:
    Exporter(storage::Engine& engine, storage::ListRecord list, ExportOptions options)
        : engine_(engine), list_(std::move(list)), options_(options)
    {
        // As the upload read it: what does not end records is data.
        dialect_.delimiter = std::string(1, list_.delimiter);
        dialect_.newline = list_.terminator == "\r" ? CsvNewline::cr : CsvNewline::lf;
    }

    awaitable<Result<>> run(std::function<awaitable<Result<>>(std::string)> sink);

private:
    awaitable<Result<std::map<std::uint64_t, storage::RowResult>>> results_for(
        const std::vector<storage::ListRow>& rows);
    void header();
    void row(const storage::ListRow& row, const storage::RowResult* result);
    void csv_row(std::string_view raw, const Cells& cells);
    void plain_row(std::string_view raw, const Cells& cells);
    void safe_row(const CsvRecord& record, const Cells& cells);
    void added_cells(std::size_t user_columns, const Cells& cells);
    void json_row(const storage::ListRow& row, const storage::RowResult* result);

    storage::Engine& engine_;
    storage::ListRecord list_;
    ExportOptions options_;
    CsvDialect dialect_;
    std::string out_;
};

/// The user's octets, then our cells in their columns.
void Exporter::csv_row(std::string_view raw, const Cells& cells)
{
    if (!options_.spreadsheet_safe && raw.find(dialect_.quote) == std::string_view::npos) {
        plain_row(raw, cells);
        return;
    }
    CsvReader reader{dialect_};
    reader.feed(raw);
    reader.feed(list_.terminator);
    reader.finish();
    const CsvRecord* const record = reader.next();
    if (!record || record->kind != CsvKind::record) {
        (out_ += raw) += list_.terminator;
    } else if (options_.spreadsheet_safe) {
        safe_row(*record, cells);
    } else {
        std::array<std::string_view, added_columns.size()> views;
        std::copy(cells.begin(), cells.end(), views.begin());
        CsvWriter writer{out_, dialect_, list_.terminator};
        writer.annotate(*record, list_.columns.size(), views);
    }
}

/// Most rows have no quotes: their columns are counted, not decoded.
void Exporter::plain_row(std::string_view raw, const Cells& cells)
{
    out_ += raw;
    if (!raw.empty())
        added_cells(static_cast<std::size_t>(std::count(raw.begin(), raw.end(), list_.delimiter)) + 1, cells);
    out_ += list_.terminator;
}

/// For people who open the file in a spreadsheet: no cell may run, whoever wrote it.
void Exporter::safe_row(const CsvRecord& record, const Cells& cells)
{
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
        if (i > 0)
            out_ += list_.delimiter;
        out_ += csv_escape(record.fields[i], dialect_, true);
    }
    added_cells(record.fields.size(), cells);
    out_ += list_.terminator;
}

void Exporter::added_cells(std::size_t user_columns, const Cells& cells)
{
    for (std::size_t i = user_columns; i < list_.columns.size(); ++i)
        out_ += list_.delimiter;
    for (const std::string& cell : cells)
        (out_ += list_.delimiter) += csv_escape(cell, dialect_, options_.spreadsheet_safe);
}

void Exporter::header()
{
    if (options_.format == ExportFormat::ndjson || list_.header_raw.empty())
        return;
    // "sep=;" and blank lines stand before the names, and stay as they are.
    CsvReader reader{dialect_};
    reader.feed(list_.header_raw);
    reader.finish();
    std::size_t names_at = 0;
    while (const CsvRecord* record = reader.next())
        if (record->kind == CsvKind::record)
            names_at = static_cast<std::size_t>(record->offset);
    Cells cells;
    std::copy(added_columns.begin(), added_columns.end(), cells.begin());
    const std::string_view raw = list_.header_raw;
    out_ += raw.substr(0, names_at);
    csv_row(raw.substr(names_at), cells);
}

void Exporter::json_row(const storage::ListRow& row, const storage::RowResult* result)
{
    const std::string address = to_utf8(row.address);
    nlohmann::json object =
        result ? verdict_to_json(address, result->verdict, options_.evidence) : nlohmann::json{{"address", address}};
    object["row"] = row.number;
    object["line"] = row.line;
    if (row.duplicate_of != 0)
        object["duplicate_of"] = row.duplicate_of;
    if (!row.malformed.empty())
        object["malformed"] = row.malformed;
    nlohmann::json suppressed = nlohmann::json::array();
    if (result)
        for (const std::string& scope : result->suppressed_by)
            suppressed.push_back(scope);
    object["suppressed_by"] = std::move(suppressed);
    if (!list_.columns.empty() && row.malformed.empty()) {
        CsvReader reader{dialect_};
        reader.feed(row.raw);
        reader.finish();
        nlohmann::json columns = nlohmann::json::object();
        if (const CsvRecord* record = reader.next())
            for (std::size_t i = 0; i < std::min(record->fields.size(), list_.columns.size()); ++i)
                columns[list_.columns[i]] = to_utf8(record->fields[i]);
        object["columns"] = std::move(columns);
    }
    out_ += dump_json(object) + "\n";
}

void Exporter::row(const storage::ListRow& row, const storage::RowResult* result)
{
    if (options_.only && (!result || result->verdict.verdict != *options_.only))
        return;
    if (options_.format == ExportFormat::ndjson) {
        if (row.malformed != "blank line")
            json_row(row, result);
        return;
    }
    if (row.malformed == "blank line" || row.malformed == "comment")
        (out_ += row.raw) += list_.terminator;
    else if (!row.malformed.empty())
        csv_row(row.raw, malformed_cells(row));
    else
        csv_row(row.raw, result ? cells_of(*result) : Cells{});
}

/// Results by row number, for rows of their own and for the first of each duplicate's kind.
awaitable<Result<std::map<std::uint64_t, storage::RowResult>>> Exporter::results_for(
    const std::vector<storage::ListRow>& rows)
{
    std::map<std::uint64_t, storage::RowResult> results;
    WINNOW_CO_TRY(auto own, co_await engine_.row_results(list_.workspace, list_.id, rows.front().number, rows.size()));
    for (storage::RowResult& result : own) {
        const std::uint64_t number = result.number;
        results[number] = std::move(result);
    }
    for (const storage::ListRow& row : rows) {
        if (row.duplicate_of == 0 || results.count(row.duplicate_of) > 0)
            continue;
        WINNOW_CO_TRY(auto first, co_await engine_.row_results(list_.workspace, list_.id, row.duplicate_of, 1));
        if (!first.empty() && first.front().number == row.duplicate_of)
            results[row.duplicate_of] = std::move(first.front());
    }
    co_return results;
}

awaitable<Result<>> Exporter::run(std::function<awaitable<Result<>>(std::string)> sink)
{
    header();
    std::uint64_t next = 1;
    for (;;) {
        WINNOW_CO_TRY(const auto rows, co_await engine_.rows(list_.workspace, list_.id, next, rows_per_read));
        if (rows.empty())
            break;
        WINNOW_CO_TRY(const auto results, co_await results_for(rows));
        for (const storage::ListRow& r : rows) {
            const auto found = results.find(r.duplicate_of != 0 ? r.duplicate_of : r.number);
            row(r, found == results.end() ? nullptr : &found->second);
            next = r.number + 1;
            if (out_.size() >= piece_bytes) {
                std::string piece;
                piece.swap(out_);
                WINNOW_CO_CHECK(co_await sink(std::move(piece)));
            }
        }
    }
    if (!out_.empty()) {
        WINNOW_CO_CHECK(co_await sink(std::move(out_)));
    }
    co_return Result<>{};
}

}  // namespace

std::span<const std::string_view> export_columns() noexcept
{
    return added_columns;
}

awaitable<Result<>> export_list(storage::Engine& engine, std::string workspace, std::string list_id,
                                ExportOptions options, std::function<awaitable<Result<>>(std::string)> sink)
{
    WINNOW_CO_TRY(auto list, co_await engine.get_list(workspace, list_id));
    if (!list)
        co_return Error{Errc::not_found, "list " + list_id + " does not exist"};
    Exporter exporter{engine, std::move(*list), options};
    co_return co_await exporter.run(sink);
}

}  // namespace winnow::verifier
