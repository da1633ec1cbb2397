#pragma once

#include <memory>
#include <string_view>

#include "verifier/list_reader.hpp"

namespace winnow::verifier {

constexpr std::size_t sampled_records = 100;       ///< that decide about the e-mail column
constexpr std::size_t max_record_bytes = 1 << 20;  ///< a longer one refuses its file

/// A parser for the file that begins with `sample`, or is no more than it when `complete`; the sample has to be fed,
/// too. Errors name the file and the cure.
Result<std::unique_ptr<RowParser>> make_csv_parser(std::string_view sample, bool complete, const ListReading& reading);
Result<std::unique_ptr<RowParser>> make_ndjson_parser(std::string_view sample, bool complete,
                                                      const ListReading& reading);

/// Whether the text is one JSON object a line. (Of JSON texts a line nothing has to be known: they are CSV, too.)
/// Errc::invalid_argument for JSON in another form, which would be read as a strange CSV file.
Result<bool> looks_like_ndjson(std::string_view sample, bool complete, const std::string& file);

/// A record that is too long, by the number of its first line.
Error too_long(const std::string& file, std::size_t line);

/// Where in an object of an NDJSON export our members begin (at the comma before them, if there is one); npos when it
/// does not end in all of them.
std::size_t find_own_members(std::string_view object);

}  // namespace winnow::verifier
