#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/answer.hpp"
#include "storage/engine.hpp"

namespace winnow::api {

enum class SuppressionFormat {
    csv,     ///< email, domain, scope, list_id, reason, ...; comma, CR LF, a header
    ndjson,  ///< to_json(SuppressionEntry), one a line
    txt,     ///< one address or @domain a line; entries of which only the digest is known are left out
};

/// "csv", "ndjson" or "txt".
std::optional<SuppressionFormat> suppression_format(std::string_view name) noexcept;

/// Writes what the cursor gives, in pieces of about 64 KB. `spreadsheet_safe` disarms cells of the CSV form that a
/// spreadsheet would run.
awaitable<Result<>> export_suppressions(storage::SuppressionCursor& cursor, SuppressionFormat format,
                                        bool spreadsheet_safe, std::function<awaitable<Result<>>(std::string)> sink);

}  // namespace winnow::api
