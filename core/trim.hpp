#pragma once

#include <string_view>

namespace winnow {

inline constexpr std::string_view blanks = " \t";           ///< white space within a line
inline constexpr std::string_view white_space = " \t\r\n";  ///< and its ends

/// `text` without the octets of `set` at both ends.
constexpr std::string_view trim(std::string_view text, std::string_view set = blanks) noexcept
{
    const auto first = text.find_first_not_of(set);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(set) - first + 1);
}

}  // namespace winnow
