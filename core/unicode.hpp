#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// The little Unicode that addresses need, behind one seam so that no other source sees GLib.
namespace winnow {

/// Well-formed UTF-8 without U+0000.
bool is_utf8(std::string_view text) noexcept;
/// Normalization form C; `text` must be UTF-8.
std::string to_nfc(std::string_view text);
/// Simple (one to one, locale-free) lower-casing, composed again afterwards so that the result is stable under a second
/// call; `text` must be UTF-8.
std::string to_lower_nfc(std::string_view text);
/// Lower-cases A to Z and nothing else.
std::string to_lower_ascii(std::string_view text);

/// Reads the code point at `pos` of well-formed UTF-8 and moves `pos` past it.
char32_t next_code_point(std::string_view utf8, std::size_t& pos) noexcept;

/// Code points that RFC 6531 lets into a local part but that nobody can type or see: separators, C1 controls, format
/// and direction marks, private use. Zero width joiners are not among them: several scripts need them.
bool is_invisible(char32_t code_point) noexcept;
/// A combining mark; as the first character of a local part it would attach to whatever stands before it.
bool is_combining_mark(char32_t code_point) noexcept;
/// "U+200B", for messages: the character itself may be invisible.
std::string code_point_name(char32_t code_point);

}  // namespace winnow
