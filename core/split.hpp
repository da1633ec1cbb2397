#pragma once

#include <string_view>
#include <vector>

namespace winnow {

/// The parts of `text` between separators, empty ones too; one part when there is no separator. Views into `text`.
inline std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (std::size_t at = text.find(separator); at != text.npos; at = text.find(separator)) {
        parts.push_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    parts.push_back(text);
    return parts;
}

}  // namespace winnow
