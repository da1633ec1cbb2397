#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace winnow {

/// One non-blank line. The view lives until the next call to the reader.
struct NdjsonLine {
    std::string_view text;  ///< without line end; only the beginning when `too_long`
    std::size_t line = 0;   ///< physical line, from 1
    bool too_long = false;
};

/// Cuts a stream into lines (LF or CRLF) and never holds more than one line and one chunk. Blank lines are passed over
/// but counted. Used like CsvReader: feed, then next() until nullptr; finish() after the last chunk.
class NdjsonReader {
public:
    explicit NdjsonReader(std::size_t max_line_bytes = 1 << 20) : max_line_bytes_(max_line_bytes) {}

    void feed(std::string_view chunk);  ///< copies
    void finish() noexcept { final_ = true; }
    const NdjsonLine* next();

private:
    bool take_line(std::size_t length, std::size_t terminator);

    std::size_t max_line_bytes_;
    std::string buffer_;
    std::size_t start_ = 0;    // of the current line in buffer_
    std::size_t scanned_ = 0;  // octets of it known to hold no line feed
    std::size_t line_number_ = 0;
    bool too_long_ = false;
    bool final_ = false;
    NdjsonLine line_;
};

struct JsonLimits {
    std::size_t max_depth = 64;       ///< deeper values overflow the stack when they are copied or written
    std::size_t max_bytes = 1 << 20;  ///< a DOM takes about ten times as much
};

/// Reads one JSON value from untrusted text: size and depth are checked before anything is built, and an object with
/// two members of one name is refused, since readers differ in which one counts (RFC 8259 section 4). Errors:
/// limit_exceeded and invalid_argument, with the place or the name. Include <nlohmann/json.hpp> to use the value.
Result<nlohmann::json> parse_json(std::string_view text, JsonLimits limits = {});

/// Compact text of a value. Octets that are not UTF-8 (an SMTP reply in Latin-1) become U+FFFD instead of an exception.
std::string dump_json(const nlohmann::json& value);

}  // namespace winnow
