#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace winnow {

/// Which octets end a record outside quotes.
enum class CsvNewline : std::uint8_t {
    any,   ///< LF, CRLF or a lone CR
    lf,    ///< LF or CRLF; a lone CR is data
    crlf,  ///< CRLF only
    cr     ///< CR only
};

/// How one file writes its cells. A value.
struct CsvDialect {
    std::string delimiter = ",";  ///< one or more octets
    char quote = '"';             ///< '\0' = the file does not quote
    char escape = '"';            ///< stands before a quote inside quotes; RFC 4180 doubles the quote itself
    CsvNewline newline = CsvNewline::any;
    std::string comment;         ///< a line that begins with this is a comment; empty = no comments
    std::size_t skip_lines = 0;  ///< physical lines before the first record (a title, Excel's "sep=;")

    /// Whether these characters can work together: delimiter, quote, comment and line ends must be told apart.
    bool valid() const noexcept;
    bool operator==(const CsvDialect&) const = default;
};

/// Guesses delimiter and line end from the first bytes of a file (64 KB are plenty); the rest is taken from `known`.
/// The delimiter is the one of comma, semicolon, tab, bar and the ASCII separators that splits the records outside
/// quotes most evenly; comma when nothing splits. Unless `complete`, the last record of the sample is taken for cut off
/// and ignored. Excel's first line "sep=;" decides alone, and is then among skip_lines.
CsvDialect sniff_dialect(std::string_view sample, bool complete = false, const CsvDialect& known = {});

enum class CsvKind : std::uint8_t { record, blank, comment, skipped };

enum class CsvFault : std::uint8_t {
    none,
    unterminated_quote,        ///< a quoted cell that never ends
    text_after_closing_quote,  ///< `"a"b`: the inner quote was taken for a part of the cell
    record_too_large           ///< `raw` and `fields` hold only the beginning
};
std::string_view to_string(CsvFault fault) noexcept;

/// One record of a file. Views live until the next call to the reader.
struct CsvRecord {
    std::string_view raw;  ///< the exact octets, without the terminator; a byte order mark stays in the first record
    std::string_view terminator;               ///< "\n", "\r\n", "\r", or empty at the end of the file
    std::span<const std::string_view> fields;  ///< decoded; empty unless `kind` is record
    std::size_t line = 0;                      ///< physical line where it starts, from 1
    std::uint64_t offset = 0;                  ///< of `raw` in the file, in octets
    CsvKind kind = CsvKind::record;
    CsvFault fault = CsvFault::none;
};

struct CsvLimits {
    std::size_t max_record_bytes = 1 << 20;  ///< > 0; without the terminator
    /// A quote without its partner would swallow the rest of a file. When set, a faulty record that runs over its first
    /// line gives up that line only, and reading goes on at the next one. When clear, it ends where a lenient reader
    /// would end it: at worst with the file.
    bool recover_at_next_line = true;
};

/// Streaming reader for RFC 4180 and for what people really upload. Holds at most one record and one chunk, and reads
/// the same records however the file is cut into chunks:
///
///     reader.feed(chunk);  while (const CsvRecord* record = reader.next()) ...;  // drain before the next chunk
///     reader.finish();     while (const CsvRecord* record = reader.next()) ...;
///
/// raw and terminator of all records in order are the file, octet for octet (but for what max_record_bytes cuts off).
class CsvReader {
public:
    /// `dialect` must be valid().
    explicit CsvReader(const CsvDialect& dialect = {}, CsvLimits limits = {});
    CsvReader(CsvReader&&) noexcept;
    CsvReader& operator=(CsvReader&&) noexcept;
    ~CsvReader();

    void feed(std::string_view chunk);  ///< copies
    void finish() noexcept;
    /// The next record; nullptr when it needs more input or, after finish(), when there is none.
    const CsvRecord* next();

private:
    class Scanner;
    std::unique_ptr<Scanner> scanner_;
};

/// How a cell leaves us: quoted when the dialect needs it. `spreadsheet_safe` puts an apostrophe before a cell that a
/// spreadsheet would run (first character = + - @ TAB CR LF, ASCII or full-width, after spaces) and quotes it. A
/// dialect without quotes gets spaces for delimiters and line ends; one whose escape is not the quote cannot carry a
/// cell that needs quotes and ends in the escape.
std::string csv_escape(std::string_view field, const CsvDialect& dialect, bool spreadsheet_safe = false);

/// Writes records at the end of a string that the caller drains.
class CsvWriter {
public:
    explicit CsvWriter(std::string& out, CsvDialect dialect = {}, std::string_view terminator = "\r\n",
                       bool spreadsheet_safe = false)
        : out_(out), dialect_(std::move(dialect)), terminator_(terminator), spreadsheet_safe_(spreadsheet_safe)
    {
    }

    void row(std::span<const std::string_view> fields);
    /// The user's record as it stands, then our cells. `columns` (of the longest record, header or row) pads a short
    /// one so that our cells stay in their columns. A record with broken quotes is written anew from its fields, for
    /// our cells would end up inside them; blank lines, comments and skipped lines pass unchanged. spreadsheet_safe is
    /// for our cells: the user's octets are the user's.
    void annotate(const CsvRecord& record, std::size_t columns, std::span<const std::string_view> cells);

private:
    std::string& out_;
    CsvDialect dialect_;
    std::string terminator_;
    bool spreadsheet_safe_;
};

}  // namespace winnow
