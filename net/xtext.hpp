#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace winnow::net {

/// RFC 3461 section 4: octets outside '!'..'~', and '+' and '=', become '+' and two upper-case hexadecimal digits.
std::string encode_xtext(std::string_view text);
/// Nothing when malformed.
std::optional<std::string> decode_xtext(std::string_view text);

}  // namespace winnow::net
