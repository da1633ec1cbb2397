#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The encodings that messages are written with. Pure; for reading foreign messages see mail/mime.hpp.
namespace winnow::mail {

/// Malformed UTF-8 and NUL become U+FFFD: the result can be stored, logged and shown.
std::string to_valid_utf8(std::string_view text);
bool is_ascii(std::string_view text) noexcept;
/// CRLF line ends; a lone CR or LF counts as a line end.
std::string to_crlf(std::string_view text);

/// RFC 2045 section 6.8, lines of 76 characters ended by CRLF.
std::string base64_lines(std::string_view bytes);
/// RFC 2045 section 6.7. `text` has CRLF line ends, which stay line ends; everything else survives octet by octet.
std::string quoted_printable(std::string_view text);

/// How a text body goes out so that it passes any relay unchanged: plain while it is short-lined ASCII.
enum class TransferEncoding { seven_bit, quoted_printable, base64 };
std::string_view to_string(TransferEncoding e) noexcept;
/// `text` has CRLF line ends.
TransferEncoding best_encoding(std::string_view text) noexcept;
std::string encode_body(std::string_view text, TransferEncoding encoding);

/// RFC 2047 encoded-words of at most 75 characters, separated by CRLF SP where a new line is needed; a code point is
/// never split. ASCII text comes back as it is. `column` is where the text starts in its line.
std::string encode_unstructured(std::string_view utf8, std::size_t column);
/// A display name (RFC 5322 phrase): atoms, a quoted-string, or encoded-words.
std::string encode_phrase(std::string_view utf8, std::size_t column);
/// A MIME parameter `; name="value"`, in RFC 2231 form when the value is not ASCII.
std::string encode_parameter(std::string_view name, std::string_view utf8);

/// `name: value` CRLF, folded at white space so that lines stay within 78 characters where the value allows it. Folds
/// already in the value (CRLF followed by a space) are kept.
std::string fold_field(std::string_view name, std::string_view value);

}  // namespace winnow::mail
