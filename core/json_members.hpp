#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/ndjson.hpp"
#include "core/result.hpp"

namespace winnow {

/// One scalar of a JSON value, as a cell of a table would hold it.
struct JsonMember {
    std::string path;   ///< the names that lead to it, joined by dots, array places counted from 0: "user.emails.0"
    std::string value;  ///< a text as it is, a number as written, true or false, and nothing for null
    bool operator==(const JsonMember&) const = default;
};

/// A line of an NDJSON list, flat.
struct JsonLine {
    enum class Kind { object, text, other };
    Kind kind = Kind::other;
    std::vector<JsonMember> members;  ///< in the order of the line; of a text the text itself, with an empty path
};

/// Reads one JSON value from untrusted text without building it: memory is that of its scalars, of which at most 1,000
/// are kept. Errors as parse_json.
Result<JsonLine> read_json_line(std::string_view text, JsonLimits limits = {});

/// The member of that path; of several (a name written twice) the last, as JSON readers take it. nullptr when there is
/// none.
const JsonMember* find_member(const JsonLine& line, std::string_view path) noexcept;

}  // namespace winnow
