#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/email_column.hpp"
#include "core/encoding.hpp"
#include "core/result.hpp"
#include "storage/records.hpp"

namespace winnow::verifier {

/// How a file is to be read. What is not said is found out.
struct ListReading {
    std::string file_name;       ///< for error texts; ".ndjson" and ".jsonl" (".gz" behind them or not) tell the format
    std::string column;          ///< of the addresses: name or 1-based number; empty = found by name, then by content
    std::optional<bool> header;  ///< whether the first record of a CSV file names the columns
    std::optional<storage::ListFormat> format;
    bool gzip = false;  ///< has to be gzip; otherwise its first octets tell

    /// The file's name, or "the list": the subject of error texts.
    std::string file() const { return file_name.empty() ? "the list" : file_name; }
};

/// What was found out about a file from its beginning.
struct ListShape {
    bool gzip = false;
    TextEncoding encoding = TextEncoding::ascii;
    EmailColumn column;
};

/// Whether a row is a blank line or a comment: kept for the export, and no contact that lacks something.
bool is_blank(const storage::ListRow& row) noexcept;

/// Rows out of the text of one format; what ListReader stands on.
class RowParser {
public:
    virtual ~RowParser() = default;
    virtual void feed(std::string_view text) = 0;  ///< drain before the next
    virtual void finish() = 0;
    /// The next row, without number, the caller's until the next call; nullptr when it needs more or is at the end.
    virtual Result<storage::ListRow*> next() = 0;
    virtual const EmailColumn& column() const noexcept = 0;
    /// Sets the format and what belongs to it: columns, header, delimiter, line end, e-mail column. Final at the end.
    virtual void describe(storage::ListRecord& list) const = 0;
    /// What was repaired or guessed, one sentence each.
    virtual void add_notes(std::vector<std::string>& notes) const = 0;
};

/// A contact list as it comes in (CSV with any delimiter, one address a line, NDJSON; UTF-8, UTF-16 or windows-1252;
/// gzip or plain) as a stream of rows, in bounded memory whatever it expands to:
///
///     reader.feed(piece);  while (row = next()) ...;    reader.finish();  while (row = next()) ...;
///
/// Rows keep their octets; only UTF-16 becomes UTF-8, and so does an NDJSON line that is neither. Errors name the file,
/// the line and the cure; a record of more than 1 MiB is one.
class ListReader {
public:
    explicit ListReader(ListReading reading);
    ListReader(ListReader&&) noexcept;
    ~ListReader();

    void feed(std::string piece);
    void finish() noexcept;
    /// The next row, numbered from 1, the caller's until the next call; nullptr when it needs more or, after finish(),
    /// at the end. An error is final.
    Result<storage::ListRow*> next();

    /// Known with the first row.
    ListShape shape() const;
    /// See RowParser.
    void describe(storage::ListRecord& list) const;
    std::vector<std::string> notes() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::verifier
