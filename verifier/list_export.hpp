#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/engine.hpp"
#include "verifier/segment.hpp"

namespace winnow::verifier {

template <class T>
using awaitable = boost::asio::awaitable<T>;

enum class ExportFormat {
    original,  ///< as the list was uploaded: CSV, or NDJSON with our members at the end of the user's objects
    csv,       ///< of an NDJSON list: a column for each member
    ndjson     ///< one shape for all lists: the verdict's object, the user's cells under "columns"
};

struct ExportOptions {
    ExportFormat format = ExportFormat::original;
    /// No cell that a spreadsheet would run, the user's own included: their columns are then not byte-exact.
    bool spreadsheet_safe = false;
    bool evidence = false;  ///< ExportFormat::ndjson: with every step
    Segment segment;        ///< the rows that are written
};

/// Names of the columns that an export adds behind the user's.
std::span<const std::string_view> export_columns() noexcept;
/// Whether a path (core/json_members.hpp) is one of these names or leads into it.
bool is_own_member(std::string_view path) noexcept;

/// The user's rows in their order with their bytes (a row with broken quotes is written anew, or ours would end up
/// inside its last cell), then winnow_verdict, winnow_reason, winnow_p_bounce, winnow_flags, winnow_suggestion,
/// winnow_provider, winnow_suppressed, winnow_checked_at, as columns or as members. Duplicates carry the verdict of the
/// first of their kind. `sink` gets pieces of at most ~64 KB.
awaitable<Result<>> export_list(storage::Engine& engine, std::string workspace, std::string list_id,
                                ExportOptions options, std::function<awaitable<Result<>>(std::string)> sink);

/// The cells of a row, decoded and in the order of the list's columns; those that it lacks are empty. Of a row without
/// an object or of a list without columns: the row's text alone.
std::vector<std::string> cells_of_row(const storage::ListRecord& list, const storage::ListRow& row);

}  // namespace winnow::verifier
