#include "mail/encoding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace winnow::mail {
namespace {

constexpr std::size_t max_line = 76;       ///< of encoded bodies
constexpr std::size_t soft_limit = 78;     ///< RFC 5322 section 2.1.1
constexpr std::size_t longest_7bit = 900;  ///< RFC 5321 allows 998; relays that add a prefix must still fit
constexpr std::string_view hex_digits = "0123456789ABCDEF";

unsigned char byte(char c) noexcept
{
    return static_cast<unsigned char>(c);
}

/// Length of the well-formed UTF-8 sequence at `pos`, 0 when there is none (RFC 3629: no surrogates, no overlongs).
std::size_t utf8_length(std::string_view s, std::size_t pos) noexcept
{
    const auto at = [&](std::size_t i) { return pos + i < s.size() ? byte(s[pos + i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    const unsigned b = at(0);
    if (b < 0x80)
        return 1;
    if (b >= 0xC2 && b <= 0xDF)
        return tail(1) ? 2 : 0;
    if (b >= 0xE0 && b <= 0xEF) {
        if (!tail(1) || !tail(2) || (b == 0xE0 && at(1) < 0xA0) || (b == 0xED && at(1) > 0x9F))
            return 0;
        return 3;
    }
    if (b >= 0xF0 && b <= 0xF4) {
        if (!tail(1) || !tail(2) || !tail(3) || (b == 0xF0 && at(1) < 0x90) || (b == 0xF4 && at(1) > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

std::string base64(std::string_view bytes)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t word = 0;
        for (std::size_t k = 0; k < 3; ++k)
            word = word << 8 | (k < n ? byte(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= n ? alphabet[word >> (18 - 6 * k) & 63u] : '=';
    }
    return out;
}

bool is_atom_char(char c) noexcept
{
    return byte(c) > 32 && byte(c) < 127 && std::string_view("()<>[]:;@\\,.\"").find(c) == std::string_view::npos;
}

/// One encoded-word for `chunk`, in whichever of Q and B is shorter.
std::string encoded_word(std::string_view chunk)
{
    std::string q;
    for (const char c : chunk) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           std::string_view("!*+-/").find(c) != std::string_view::npos;  // RFC 2047 section 5 (3)
        if (plain)
            q += c;
        else if (c == ' ')
            q += '_';
        else {
            q += '=';
            q += hex_digits[byte(c) >> 4];
            q += hex_digits[byte(c) & 15u];
        }
    }
    auto b = base64(chunk);
    return q.size() <= b.size() ? "=?utf-8?q?" + q + "?=" : "=?utf-8?b?" + b + "?=";
}

/// `utf8` as encoded-words only.
std::string encoded_words(std::string_view utf8, std::size_t column)
{
    std::string out;
    std::size_t line = column;
    std::size_t at = 0;
    while (at < utf8.size()) {
        // As many code points as fit into one word and into what is left of the line.
        const std::size_t room = std::clamp<std::size_t>(max_line - std::min(line, max_line), 24, 75);
        std::size_t end = at;
        std::string word;
        while (end < utf8.size()) {
            const auto next = end + std::max<std::size_t>(1, utf8_length(utf8, end));
            auto longer = encoded_word(utf8.substr(at, next - at));
            if (longer.size() > room && !word.empty())
                break;
            word = std::move(longer);
            end = next;
        }
        if (!out.empty()) {
            out += "\r\n ";
            line = 1;
        }
        out += word;
        line += word.size();
        // The rest goes on lines of its own.
        line = end < utf8.size() ? 1 : line;
        at = end;
    }
    return out;
}

}  // namespace

std::string to_valid_utf8(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto n = utf8_length(text, at);
        if (n == 0 || text[at] == '\0') {
            out += "\xEF\xBF\xBD";
            ++at;
        } else {
            out += text.substr(at, n);
            at += n;
        }
    }
    return out;
}

bool is_ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return byte(c) < 0x80; });
}

std::string to_crlf(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c != '\r' && c != '\n') {
            out += c;
            continue;
        }
        if (c == '\r' && at + 1 < text.size() && text[at + 1] == '\n')
            ++at;
        out += "\r\n";
    }
    return out;
}

std::string base64_lines(std::string_view bytes)
{
    const auto all = base64(bytes);
    std::string out;
    for (std::size_t at = 0; at < all.size(); at += max_line) {
        out += std::string_view(all).substr(at, max_line);
        out += "\r\n";
    }
    return out;
}

std::string quoted_printable(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '\r' && at + 1 < text.size() && text[at + 1] == '\n') {
            out += "\r\n";
            ++at;
            line = 0;
            continue;
        }
        const bool last = at + 1 == text.size() || text[at + 1] == '\r';
        const bool blank = c == ' ' || c == '\t';
        // "From " and a lone dot at a line's start are mangled by old relays and mail boxes.
        const bool fragile = line == 0 && (c == '.' || (c == 'F' && text.substr(at, 5) == "From "));
        const bool plain = !fragile && ((byte(c) > 32 && byte(c) < 127 && c != '=') || (blank && !last));
        const std::size_t width = plain ? 1 : 3;
        if (line + width > max_line - 1) {
            out += "=\r\n";
            line = 0;
        }
        if (plain) {
            out += c;
        } else {
            out += '=';
            out += hex_digits[byte(c) >> 4];
            out += hex_digits[byte(c) & 15u];
        }
        line += width;
    }
    return out;
}

std::string_view to_string(TransferEncoding e) noexcept
{
    switch (e) {
        case TransferEncoding::seven_bit:
            return "7bit";
        case TransferEncoding::quoted_printable:
            return "quoted-printable";
        case TransferEncoding::base64:
            return "base64";
    }
    return "7bit";
}

TransferEncoding best_encoding(std::string_view text) noexcept
{
    std::size_t foreign = 0;
    std::size_t line = 0;
    std::size_t longest = 0;
    bool fragile = text.starts_with("From ") || text.find("\r\nFrom ") != std::string_view::npos;
    for (const char c : text) {
        if (c == '\n') {
            line = 0;
            continue;
        }
        longest = std::max(longest, ++line);
        const bool control = byte(c) < 32 && c != '\t' && c != '\r';
        foreign += byte(c) >= 0x80 || control || c == '\x7f' ? 1 : 0;
    }
    if (foreign == 0 && longest <= longest_7bit && !fragile)
        return TransferEncoding::seven_bit;
    return foreign * 6 > text.size() ? TransferEncoding::base64 : TransferEncoding::quoted_printable;
}

std::string encode_body(std::string_view text, TransferEncoding encoding)
{
    switch (encoding) {
        case TransferEncoding::base64:
            return base64_lines(text);
        case TransferEncoding::quoted_printable:
            return quoted_printable(text);
        case TransferEncoding::seven_bit:
            break;
    }
    return std::string(text);
}

std::string encode_unstructured(std::string_view utf8, std::size_t column)
{
    // Text that looks like an encoded-word would be decoded by the reader, so it is encoded too.
    if (is_ascii(utf8) && utf8.find("=?") == std::string_view::npos)
        return std::string(utf8);
    return encoded_words(utf8, column);
}

std::string encode_phrase(std::string_view utf8, std::size_t column)
{
    if (!is_ascii(utf8) || utf8.find("=?") != std::string_view::npos)
        return encoded_words(utf8, column);
    const bool atoms = !utf8.empty() && utf8.front() != ' ' && utf8.back() != ' ' &&
                       std::all_of(utf8.begin(), utf8.end(), [](char c) { return c == ' ' || is_atom_char(c); });
    if (atoms)
        return std::string(utf8);
    std::string out = "\"";
    for (const char c : utf8) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

std::string encode_parameter(std::string_view name, std::string_view utf8)
{
    std::string out = ";\r\n " + std::string(name);
    if (is_ascii(utf8)) {
        out += "=\"";
        for (const char c : utf8) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        return out + '"';
    }
    out += "*=utf-8''";
    for (const char c : utf8) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                           c == '.' || c == '_';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += hex_digits[byte(c) >> 4];
            out += hex_digits[byte(c) & 15u];
        }
    }
    return out;
}

std::string fold_field(std::string_view name, std::string_view value)
{
    std::string out(name);
    out += ": ";
    std::size_t line = out.size();
    bool first = true;
    while (!value.empty()) {
        // A word with the white space before it; folding happens in front of that white space.
        const auto word = value.find_first_not_of(" \t");
        const auto end = word == std::string_view::npos ? value.size() : value.find_first_of(" \t\r", word);
        const auto piece = value.substr(0, end == std::string_view::npos ? value.size() : end);
        const bool blank_led = !piece.empty() && (piece.front() == ' ' || piece.front() == '\t');
        if (!first && blank_led && word != std::string_view::npos && line + piece.size() > soft_limit) {
            out += "\r\n";
            line = 0;
        }
        out += piece;
        line += piece.size();
        first = false;
        value.remove_prefix(piece.size());
        if (value.starts_with("\r\n")) {
            out += "\r\n";
            value.remove_prefix(2);
            line = 0;
            first = true;
        } else if (value.starts_with('\r')) {
            value.remove_prefix(1);
        }
    }
    return out + "\r\n";
}

}  // namespace winnow::mail
