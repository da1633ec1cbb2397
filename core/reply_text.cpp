#include "core/reply_text.hpp"

#include <cstdint>

namespace winnow {
namespace {

/// U+00C0..U+017F without accents. '.' marks what has no base letter (x and division signs).
constexpr std::string_view latin_base =
    "aaaaaaaceeeeiiii"   // C0..CF (C6 AE handled below)
    "dnooooo.ouuuuyts"   // D0..DF (DE thorn, DF sharp s handled below)
    "aaaaaaaceeeeiiii"   // E0..EF
    "dnooooo.ouuuuyty"   // F0..FF
    "aaaaaaccccccccdd"   // 100..10F
    "ddeeeeeeeeeegggg"   // 110..11F
    "gggghhhhiiiiiiii"   // 120..12F
    "iiiijjkkklllllll"   // 130..13F
    "lllnnnnnnnnnoooo"   // 140..14F
    "oooorrrrrrssssss"   // 150..15F
    "ssttttttuuuuuuuu"   // 160..16F
    "uuuuwwyyyzzzzzzs";  // 170..17F
static_assert(latin_base.size() == 0x180 - 0xC0);

struct Decoded {
    char32_t point;
    std::size_t length;
};

Decoded decode(std::string_view text, std::size_t at)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    std::size_t length = 0;
    char32_t point = 0;
    if (lead < 0x80)
        return {lead, 1};
    if (lead >= 0xC2 && lead < 0xE0) {
        length = 2;
        point = lead & 0x1F;
    } else if (lead >= 0xE0 && lead < 0xF0) {
        length = 3;
        point = lead & 0x0F;
    } else if (lead >= 0xF0 && lead < 0xF5) {
        length = 4;
        point = lead & 0x07;
    }
    if (length == 0 || at + length > text.size())
        return {lead, 1};
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80)
            return {lead, 1};
        point = (point << 6) | (byte(at + i) & 0x3F);
    }
    return {point, length};
}

void append_utf8(std::string& out, char32_t point)
{
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | (point >> 6));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | (point >> 12));
        out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (point >> 18));
        out += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    }
}

void append_space(std::string& out)
{
    if (!out.empty() && out.back() != ' ')
        out += ' ';
}

char vietnamese_base(char32_t point)
{
    if (point <= 0x1EB7)
        return 'a';
    if (point <= 0x1EC7)
        return 'e';
    if (point <= 0x1ECB)
        return 'i';
    if (point <= 0x1EE3)
        return 'o';
    return point <= 0x1EF1 ? 'u' : 'y';
}

char32_t greek_base(char32_t point)
{
    switch (point) {
        case 0x386:
        case 0x3AC:
            return 0x3B1;
        case 0x388:
        case 0x3AD:
            return 0x3B5;
        case 0x389:
        case 0x3AE:
            return 0x3B7;
        case 0x38A:
        case 0x3AF:
        case 0x390:
        case 0x3CA:
            return 0x3B9;
        case 0x38C:
        case 0x3CC:
            return 0x3BF;
        case 0x38E:
        case 0x3CD:
        case 0x3B0:
        case 0x3CB:
            return 0x3C5;
        case 0x38F:
        case 0x3CE:
            return 0x3C9;
        case 0x3C2:
            return 0x3C3;
        default:
            return point >= 0x391 && point <= 0x3A9 ? point + 0x20 : point;
    }
}

void append_latin(std::string& out, char32_t point)
{
    switch (point) {
        case 0xC6:
        case 0xE6:
            out += "ae";
            return;
        case 0x152:
        case 0x153:
            out += "oe";
            return;
        case 0xDF:
            out += "ss";
            return;
        case 0xDE:
        case 0xFE:
            out += "th";
            return;
        default:
            out += latin_base[point - 0xC0];
    }
}

void append_folded(std::string& out, char32_t point)
{
    if (point <= 0x20 || (point >= 0x7F && point <= 0xA0)) {
        append_space(out);
    } else if (point < 0x7F) {
        out += static_cast<char>(point >= 'A' && point <= 'Z' ? point + 32 : point);
    } else if (point == 0xAB || point == 0xBB || point == 0x201C || point == 0x201D || point == 0x201E) {
        out += '"';
    } else if (point == 0xB4 || (point >= 0x2018 && point <= 0x201B)) {
        out += '\'';
    } else if (point >= 0xC0 && point <= 0x17F) {
        append_latin(out, point);
    } else if (point == 0x1A0 || point == 0x1A1) {
        out += 'o';
    } else if (point == 0x1AF || point == 0x1B0) {
        out += 'u';
    } else if (point >= 0x218 && point <= 0x21B) {
        out += point <= 0x219 ? 's' : 't';
    } else if (point >= 0x300 && point <= 0x36F) {
        // a combining accent
    } else if (point >= 0x386 && point <= 0x3CE) {
        append_utf8(out, greek_base(point));
    } else if (point >= 0x410 && point <= 0x42F) {
        append_utf8(out, point + 0x20);
    } else if (point >= 0x400 && point <= 0x40F) {
        append_utf8(out, point == 0x401 ? 0x435 : point + 0x50);
    } else if (point == 0x451) {
        append_utf8(out, 0x435);
    } else if (point >= 0x1EA0 && point <= 0x1EF9) {
        out += vietnamese_base(point);
    } else if ((point >= 0x200B && point <= 0x200F) || point == 0xFEFF || point == 0xAD) {
        // invisible
    } else if ((point >= 0x2000 && point <= 0x200A) || point == 0x202F || point == 0x3000) {
        append_space(out);
    } else if (point >= 0x2010 && point <= 0x2015) {
        out += '-';
    } else if (point == 0x2026) {
        out += "...";
    } else if (point >= 0xFF01 && point <= 0xFF5E) {
        append_folded(out, point - 0xFF01 + 0x21);
    } else {
        append_utf8(out, point);
    }
}

bool ends_address(char c)
{
    constexpr std::string_view around = " <>()[]{}\"',;:|";
    return around.find(c) != std::string_view::npos;
}

/// Replaces each run of characters around an '@' by "@".
std::string mask_addresses(std::string text)
{
    std::size_t at = text.find('@');
    if (at == std::string::npos)
        return text;
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    while (at != std::string::npos) {
        std::size_t begin = at;
        while (begin > done && !ends_address(text[begin - 1]))
            --begin;
        std::size_t end = at;
        while (end < text.size() && !ends_address(text[end]))
            ++end;
        out.append(text, done, begin - done);
        out += '@';
        // A full stop that ends the sentence is not part of the address.
        done = end > at + 1 && text[end - 1] == '.' ? end - 1 : end;
        at = text.find('@', end);
    }
    out.append(text, done, std::string::npos);
    return out;
}

}  // namespace

std::string fold_reply_text(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Decoded decoded = decode(text, at);
        append_folded(out, decoded.point);
        at += decoded.length;
    }
    if (!out.empty() && out.back() == ' ')
        out.pop_back();
    return mask_addresses(std::move(out));
}

}  // namespace winnow
