#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow {

/// One line of a maintained table. Views into the reader's text.
struct TsvRow {
    std::size_t line = 0;  ///< 1-based
    std::vector<std::string_view> fields;
    /// Errc::invalid_argument: "line 12, column kind: expected mailbox, ...".
    Error error(std::string_view column, std::string_view expected) const;
};

/// Reads the project's own tables (data/*.tsv): UTF-8, tab-separated, no quoting, spaces around a field trimmed. Empty
/// lines and lines that start with '#' are skipped, also in the middle, so that concatenated tables parse. Not for
/// people's lists (core/csv).
class TsvReader {
public:
    static constexpr std::size_t any_columns = 0;
    /// `text` must outlive the reader and its rows. Every row must have exactly `columns` fields, unless any_columns.
    TsvReader(std::string_view text, std::size_t columns) : rest_(text), columns_(columns) {}
    /// The next row, valid until the next call; nullptr at the end.
    Result<const TsvRow*> next();

private:
    std::string_view rest_;
    std::size_t columns_;
    TsvRow row_;
};

/// The whole file, at most 16 MB. Errors name the path.
Result<std::string> read_text_file(const std::string& path);

}  // namespace winnow
