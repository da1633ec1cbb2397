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

/// `text` without space of any kind at both ends, as pasted text has it: ASCII, and in UTF-8 no-break, narrow no-break,
/// ideographic and zero-width spaces and the byte order mark.
constexpr std::string_view trim_wide(std::string_view text) noexcept
{
    constexpr std::string_view wide[] = {"\xC2\xA0", "\xE2\x80\xAF", "\xE3\x80\x80", "\xE2\x80\x8B", "\xEF\xBB\xBF"};
    for (;;) {
        text = trim(text, " \t\r\n\v\f");
        const std::size_t before = text.size();
        for (const std::string_view space : wide) {
            if (text.starts_with(space))
                text.remove_prefix(space.size());
            if (text.ends_with(space))
                text.remove_suffix(space.size());
        }
        if (text.size() == before)
            return text;
    }
}

}  // namespace winnow
