#pragma once

#include <cstddef>
#include <string_view>

namespace winnow {

/// Edits (insert, delete, replace, swap two neighbours) that turn `a` into `b`, by octet: optimal string alignment.
/// Answers `limit + 1` as soon as it is clear that more than `limit` are needed.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 64);

}  // namespace winnow
