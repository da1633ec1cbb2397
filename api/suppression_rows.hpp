#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow::api {

/// What a row of a file of suppressions says, as text. Views live until the next call to the reader.
struct SuppressionRow {
    std::uint64_t line = 0;  ///< of the file as it was before compression, from 1
    std::string fault;       ///< why the row cannot be read; then it has no cells
    std::string_view address, domain, digest, reason, note, expires, created, status;
};

/// A file of suppressions as a stream of rows: CSV, TSV, one address a line, or NDJSON, in any encoding that lists come
/// in, gzip or plain. Memory stays below 1 MB beside what is fed, whatever the file expands to:
///
///     rows.feed(piece);  while (row = next()) ...;    rows.finish();  while (row = next()) ...;
class SuppressionRows {
public:
    /// `column` of the addresses: a header's name, a 1-based number or a member's path; empty = found by name, then by
    /// content.
    explicit SuppressionRows(std::string column);
    SuppressionRows(SuppressionRows&&) noexcept;
    ~SuppressionRows();

    void feed(std::string piece);
    void finish() noexcept;
    /// The next row that is not blank; nullptr when it needs more or, after finish(), at the end. Errors are final and
    /// have the file as their subject: invalid_argument for one that is empty, without addresses, JSON in another form
    /// or gzip that is damaged or cut off; limit_exceeded for one that expands beyond all measure.
    Result<const SuppressionRow*> next();

    /// The header of a CSV file, or the paths of the members of the first lines; known with the first row.
    const std::vector<std::string>& columns() const noexcept;
    /// "UTF-8" and the like; final at the end.
    std::string_view encoding() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::api
