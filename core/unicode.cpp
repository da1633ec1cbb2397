#include "core/unicode.hpp"

#include <glib.h>

#include <memory>

namespace winnow {
namespace {

struct GFree {
    void operator()(char* memory) const noexcept { g_free(memory); }
};

bool is_ascii(std::string_view text) noexcept
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x80)
            return false;
    return true;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept
{
    return g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) != FALSE;
}

std::string to_nfc(std::string_view text)
{
    if (is_ascii(text))
        return std::string(text);
    const std::unique_ptr<char, GFree> composed(
        g_utf8_normalize(text.data(), static_cast<gssize>(text.size()), G_NORMALIZE_DEFAULT_COMPOSE));
    return composed ? std::string(composed.get()) : std::string(text);
}

std::string to_lower_nfc(std::string_view text)
{
    if (is_ascii(text))
        return to_lower_ascii(text);
    const std::string composed = to_nfc(text);
    std::string lower;
    lower.reserve(composed.size());
    for (std::size_t pos = 0; pos < composed.size();) {
        char buffer[6];
        const int length = g_unichar_to_utf8(g_unichar_tolower(next_code_point(composed, pos)), buffer);
        lower.append(buffer, static_cast<std::size_t>(length));
    }
    return to_nfc(lower);
}

std::string to_lower_ascii(std::string_view text)
{
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

char32_t next_code_point(std::string_view utf8, std::size_t& pos) noexcept
{
    const char* at = utf8.data() + pos;
    pos += static_cast<std::size_t>(g_utf8_next_char(at) - at);
    return g_utf8_get_char(at);
}

bool is_invisible(char32_t code_point) noexcept
{
    constexpr char32_t zero_width_non_joiner = 0x200C;
    constexpr char32_t zero_width_joiner = 0x200D;
    if (code_point == zero_width_non_joiner || code_point == zero_width_joiner)
        return false;
    switch (g_unichar_type(code_point)) {
        case G_UNICODE_CONTROL:
        case G_UNICODE_FORMAT:
        case G_UNICODE_PRIVATE_USE:
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
        case G_UNICODE_SPACE_SEPARATOR:
            return true;
        default:
            return false;
    }
}

bool is_combining_mark(char32_t code_point) noexcept
{
    return g_unichar_ismark(code_point) != FALSE;
}

std::string code_point_name(char32_t code_point)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string hex;
    for (; code_point != 0; code_point >>= 4)
        hex.insert(hex.begin(), digits[code_point & 0xF]);
    if (hex.size() < 4)
        hex.insert(0, 4 - hex.size(), '0');
    return "U+" + hex;
}

}  // namespace winnow
