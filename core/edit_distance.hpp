#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace winnow {

/// Edits (insert, delete, replace, swap two neighbours) that turn `a` into `b`, by octet: optimal string alignment.
/// Answers `limit + 1` as soon as it is clear that more than `limit` are needed.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 64);

/// The one of `known` that `word` most resembles, the first of several; empty when more than a third of its characters
/// (and more than two) would have to change: that is no slip of the fingers.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

}  // namespace winnow
