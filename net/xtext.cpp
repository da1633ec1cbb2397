#include "net/xtext.hpp"

namespace winnow::net {
namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

bool stands_for_itself(char c) noexcept
{
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

}  // namespace

std::string encode_xtext(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (stands_for_itself(c))
            out += c;
        else
            out += {'+', digits[byte >> 4], digits[byte & 0x0f]};
    }
    return out;
}

std::optional<std::string> decode_xtext(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (stands_for_itself(text[i])) {
            out += text[i];
            continue;
        }
        if (text[i] != '+' || i + 2 >= text.size())
            return std::nullopt;
        const auto high = digits.find(text[i + 1]);
        const auto low = digits.find(text[i + 2]);
        if (high == std::string_view::npos || low == std::string_view::npos)
            return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

}  // namespace winnow::net
