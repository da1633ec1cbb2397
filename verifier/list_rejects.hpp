#pragma once

#include <functional>
#include <string>

#include "verifier/list_export.hpp"

namespace winnow::verifier {

struct RejectsOptions {
    bool ndjson = false;  ///< else CSV
    bool spreadsheet_safe = false;
};

/// The rows of a list that nobody can be mailed by: malformed records, blank lines among them, and texts that are no
/// usable address. Known from the upload on, no verification is needed. As a table of its own, in UTF-8:
///
///     line     physical line of the file where the record starts, from 1
///     row      number of the row in the list, from 1
///     reason   malformed, or the fault of the address as `winnow address` spells it (local_too_long)
///     detail   one sentence
///     address  as far as there is one
///     record   the record as it was uploaded
///
/// Duplicates are no rejects. `sink` gets pieces of at most ~64 KB. Gives the number of rows.
awaitable<Result<std::uint64_t>> export_rejects(storage::Engine& engine, std::string workspace, std::string list_id,
                                                RejectsOptions options,
                                                std::function<awaitable<Result<>>(std::string)> sink);

}  // namespace winnow::verifier
