#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string_view>

// JSON for tests: what would be compiled again in each of them is in json.cpp.
extern template class nlohmann::basic_json<>;

namespace nlohmann {
/// For GoogleTest's messages.
void PrintTo(const json& value, std::ostream* out);
}  // namespace nlohmann

namespace winnow::test {

/// Throws nlohmann::json::parse_error.
nlohmann::json parse_json(std::string_view text);

}  // namespace winnow::test
