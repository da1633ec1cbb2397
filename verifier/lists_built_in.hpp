#pragma once

#include <string_view>

namespace winnow::verifier {

/// The text of a list that is compiled in, in the format of data/lists/NAME.txt; empty for an unknown name and for
/// "tld".
std::string_view built_in_list(std::string_view name) noexcept;

}  // namespace winnow::verifier
