#include "verifier/list_export.hpp"

#include <map>

#include "verifier/row_writers.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 1'000;
constexpr std::size_t piece_bytes = 64 * 1024;

std::unique_ptr<RowWriter> writer_for(const storage::ListRecord& list, const ExportOptions& options)
{
    if (options.format == ExportFormat::ndjson)
        return make_verdict_writer(list, options.evidence);
    if (options.format == ExportFormat::original && list.format == storage::ListFormat::ndjson)
        return make_member_writer(list);
    return make_csv_writer(list, options.spreadsheet_safe);
}

class Exporter {
public:
    Exporter(storage::Engine& engine, storage::ListRecord list, ExportOptions options)
        : engine_(engine), list_(std::move(list)), options_(options), writer_(writer_for(list_, options))
    {
    }

    awaitable<Result<>> run(std::function<awaitable<Result<>>(std::string)> sink);

private:
    awaitable<Result<std::map<std::uint64_t, storage::RowResult>>> results_for(
        const std::vector<storage::ListRow>& rows);
    void row(const storage::ListRow& row, const storage::RowResult* result);

    storage::Engine& engine_;
    storage::ListRecord list_;
    ExportOptions options_;
    std::unique_ptr<RowWriter> writer_;
    std::string out_;
};

void Exporter::row(const storage::ListRow& row, const storage::RowResult* result)
{
    if (options_.segment.has(result))
        writer_->row(out_, row, result);
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
    writer_->header(out_);
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
