#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/engine.hpp"

namespace winnow::verifier {

template <class T>
using awaitable = boost::asio::awaitable<T>;

enum class ExportFormat { csv, ndjson };

struct ExportOptions {
    ExportFormat format = ExportFormat::csv;
    /// No cell that a spreadsheet would run, the user's own included: their columns are then not byte-exact.
    bool spreadsheet_safe = false;
    bool evidence = false;        ///< NDJSON: with every step
    std::optional<Verdict> only;  ///< segment
};

/// Names of the columns that an export adds behind the user's.
std::span<const std::string_view> export_columns() noexcept;

/// The user's rows in their order with their bytes (a row with broken quotes is written anew, or ours would end up
/// inside its last cell), then the columns winnow_verdict, winnow_reason, winnow_p_bounce,
/// winnow_flags, winnow_suggestion, winnow_provider, winnow_suppressed, winnow_checked_at. Duplicates carry the verdict
/// of the first of their kind. `sink` gets pieces of at most ~64 KB.
awaitable<Result<>> export_list(storage::Engine& engine, std::string workspace, std::string list_id,
                                ExportOptions options, std::function<awaitable<Result<>>(std::string)> sink);

}  // namespace winnow::verifier
