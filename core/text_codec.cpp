#include <array>

#include "core/crypto.hpp"

// The codecs and checksums of core/crypto.hpp that need no OpenSSL.

namespace winnow::crypto {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base32_digits = "abcdefghijklmnopqrstuvwxyz234567";

using Table = std::array<std::int8_t, 256>;

/// Value of each digit, -1 for what is none.
constexpr Table inverse(std::string_view digits, bool any_case)
{
    Table table{};
    table.fill(-1);
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const char c = digits[i];
        table[static_cast<unsigned char>(c)] = static_cast<std::int8_t>(i);
        if (any_case && c >= 'a' && c <= 'z')
            table[static_cast<unsigned char>(c - 'a' + 'A')] = static_cast<std::int8_t>(i);
    }
    return table;
}

constexpr Table hex_values = inverse(hex_digits, true);
constexpr Table base64_values = inverse(base64_digits, false);
constexpr Table base32_values = inverse(base32_digits, true);

Error malformed(const char* form)
{
    return {Errc::invalid_argument, std::string("not ") + form};
}

/// Groups of `bits` per digit, most significant first; the last digit is filled with zero bits.
std::string encode(std::string_view bytes, std::string_view digits, unsigned bits)
{
    std::string out;
    out.reserve((bytes.size() * 8 + bits - 1) / bits);
    std::uint32_t pending = 0;
    unsigned have = 0;
    for (const char c : bytes) {
        pending = pending << 8 | static_cast<unsigned char>(c);
        have += 8;
        while (have >= bits) {
            have -= bits;
            out += digits[pending >> have & ((1u << bits) - 1)];
        }
        pending &= (1u << have) - 1;
    }
    if (have > 0)
        out += digits[pending << (bits - have) & ((1u << bits) - 1)];
    return out;
}

/// The inverse; strict, so that one value has one text: spare bits are zero and no digit is superfluous.
Result<std::string> decode(std::string_view text, const Table& values, unsigned bits, const char* form)
{
    std::string out;
    out.reserve(text.size() * bits / 8);
    std::uint32_t pending = 0;
    unsigned have = 0;
    for (const char c : text) {
        const int value = values[static_cast<unsigned char>(c)];
        if (value < 0)
            return malformed(form);
        pending = pending << bits | static_cast<std::uint32_t>(value);
        have += bits;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(pending >> have & 0xff);
        }
        pending &= (1u << have) - 1;
    }
    if (pending != 0 || have >= bits)
        return malformed(form);
    return out;
}

constexpr std::uint32_t crc32c_polynomial = 0x82f63b78;  // Castagnoli, reflected

/// Slicing by eight: table[k][b] is the checksum of byte b followed by k zero bytes.
constexpr auto crc_tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> table{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit)
            crc = crc & 1 ? crc >> 1 ^ crc32c_polynomial : crc >> 1;
        table[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t b = 0; b < 256; ++b)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
    return table;
}();

}  // namespace

std::uint32_t crc32c(std::string_view data, std::uint32_t seed) noexcept
{
    std::uint32_t crc = ~seed;
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(data[i])); };
    for (; data.size() - at >= 8; at += 8) {
        const std::uint32_t low = crc ^ (byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24);
        crc = crc_tables[7][low & 0xff] ^ crc_tables[6][low >> 8 & 0xff] ^ crc_tables[5][low >> 16 & 0xff] ^
              crc_tables[4][low >> 24] ^ crc_tables[3][byte(at + 4)] ^ crc_tables[2][byte(at + 5)] ^
              crc_tables[1][byte(at + 6)] ^ crc_tables[0][byte(at + 7)];
    }
    for (; at < data.size(); ++at)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ byte(at)) & 0xff];
    return ~crc;
}

std::string hex(std::span<const std::uint8_t> bytes)
{
    return hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string hex(std::string_view bytes)
{
    return encode(bytes, hex_digits, 4);
}

Result<std::string> unhex(std::string_view text)
{
    return decode(text, hex_values, 4, "hexadecimal");
}

std::string base64(std::string_view bytes)
{
    std::string out = encode(bytes, base64_digits, 6);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

Result<std::string> unbase64(std::string_view text)
{
    // Padding is required in full: "QQ==" is base64, "QQ" and "QQ=" are not.
    if (text.size() % 4 != 0)
        return malformed("base64");
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
        text.remove_suffix(1);
    return decode(text, base64_values, 6, "base64");
}

std::string base32(std::string_view bytes)
{
    return encode(bytes, base32_digits, 5);
}

Result<std::string> unbase32(std::string_view text)
{
    return decode(text, base32_values, 5, "base32");
}

}  // namespace winnow::crypto
