#include "core/encoding.hpp"

#include <algorithm>
#include <array>

namespace winnow {
namespace {

/// Looked at from the start for a byte order mark and zero octets.
constexpr std::size_t start_size = 4096;
/// Looked at from the first octet that is not ASCII on.
constexpr std::size_t sample_size = 64 * 1024;

constexpr std::string_view utf8_bom = "\xef\xbb\xbf";
constexpr std::string_view utf16le_bom = "\xff\xfe";
constexpr std::string_view utf16be_bom = "\xfe\xff";

constexpr std::string_view replacement = "\xef\xbf\xbd";

unsigned octet(char c) noexcept
{
    return static_cast<unsigned char>(c);
}

bool is_ascii(char c) noexcept
{
    return octet(c) < 0x80;
}

/// What stands at the start of a text.
struct Sequence {
    enum class Kind { good, bad, cut_off } kind;
    std::size_t length;  ///< of a bad one: its maximal subpart, which becomes one U+FFFD (Unicode 15, section 3.9)
};

/// `text` is not empty.
Sequence utf8_sequence(std::string_view text) noexcept
{
    const unsigned first = octet(text[0]);
    if (first < 0x80)
        return {Sequence::Kind::good, 1};
    std::size_t length = 0;
    // Bounds of the second octet: no overlong forms, no surrogates, nothing past U+10FFFF.
    unsigned low = 0x80, high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        low = first == 0xe0 ? 0xa0 : 0x80;
        high = first == 0xed ? 0x9f : 0xbf;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        low = first == 0xf0 ? 0x90 : 0x80;
        high = first == 0xf4 ? 0x8f : 0xbf;
    } else {
        return {Sequence::Kind::bad, 1};
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i == text.size())
            return {Sequence::Kind::cut_off, i};
        if (octet(text[i]) < low || octet(text[i]) > high)
            return {Sequence::Kind::bad, i};
        low = 0x80;
        high = 0xbf;
    }
    return {Sequence::Kind::good, length};
}

void append_code_point(std::string& out, char32_t c)
{
    if (c < 0x80) {
        out += static_cast<char>(c);
        return;
    }
    if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            out += static_cast<char>(0xe0 | c >> 12);
        } else {
            out += static_cast<char>(0xf0 | c >> 18);
            out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
        }
        out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c & 0x3f));
}

/// Code points of 0x80 to 0x9f; 0 where Windows-1252 has none. From 0xa0 on it is Latin-1.
constexpr std::array<char16_t, 32> windows_1252_c1 = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                      0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
                                                      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                      0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

/// UTF-16 of any Western text has a zero in every other octet: at odd places when little-endian. Other scripts have
/// zeros too: line ends, commas, digits and the addresses themselves. A quarter of the pairs is asked for.
bool looks_like_utf16(std::string_view sample, EncodingGuess& guess) noexcept
{
    const std::size_t pairs = std::min(sample.size(), start_size) / 2;
    if (pairs < 2)
        return false;
    std::size_t even = 0, odd = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
        even += sample[2 * i] == '\0';
        odd += sample[2 * i + 1] == '\0';
    }
    if (odd * 4 >= pairs && even * 4 <= odd) {
        guess.encoding = TextEncoding::utf16le;
        return true;
    }
    if (even * 4 >= pairs && odd * 4 <= even) {
        guess.encoding = TextEncoding::utf16be;
        return true;
    }
    return false;
}

TextEncoding guess_octets(std::string_view sample) noexcept
{
    std::size_t good = 0, bad = 0;
    while (!sample.empty()) {
        if (is_ascii(sample.front())) {
            sample.remove_prefix(1);
            continue;
        }
        const Sequence sequence = utf8_sequence(sample);
        good += sequence.kind == Sequence::Kind::good;
        bad += sequence.kind == Sequence::Kind::bad;
        sample.remove_prefix(sequence.length);
        // The start of a sequence and nothing else is more likely a Latin-1 letter at the end of a short text.
        if (sequence.kind == Sequence::Kind::cut_off && good == 0)
            ++bad;
    }
    if (good == 0 && bad == 0)
        return TextEncoding::ascii;
    return good > bad ? TextEncoding::utf8 : TextEncoding::windows_1252;
}

EncodingGuess guess_bom(std::string_view sample) noexcept
{
    if (sample.starts_with(utf8_bom))
        return {TextEncoding::utf8, utf8_bom.size()};
    if (sample.starts_with(utf16le_bom))
        return {TextEncoding::utf16le, utf16le_bom.size()};
    if (sample.starts_with(utf16be_bom))
        return {TextEncoding::utf16be, utf16be_bom.size()};
    return {};
}

}  // namespace

std::string_view to_string(TextEncoding encoding) noexcept
{
    switch (encoding) {
        case TextEncoding::ascii:
            return "US-ASCII";
        case TextEncoding::utf8:
            return "UTF-8";
        case TextEncoding::utf16le:
            return "UTF-16LE";
        case TextEncoding::utf16be:
            return "UTF-16BE";
        case TextEncoding::windows_1252:
            return "windows-1252";
    }
    return "?";
}

EncodingGuess detect_encoding(std::string_view sample) noexcept
{
    EncodingGuess guess = guess_bom(sample);
    if (guess.bom == 0 && !looks_like_utf16(sample, guess))
        guess.encoding = guess_octets(sample);
    return guess;
}

Utf8Converter::Utf8Converter(TextEncoding encoding)
    : encoding_(encoding == TextEncoding::ascii ? TextEncoding::utf8 : encoding), fixed_(true)
{
}

void Utf8Converter::feed(std::string_view chunk, std::string& out)
{
    if (phase_ == Phase::decided) {
        convert(chunk, out);
        return;
    }
    // Piecewise, so that one huge chunk does not grow the buffer.
    while (!chunk.empty()) {
        const std::string_view piece = chunk.substr(0, sample_size);
        chunk.remove_prefix(piece.size());
        if (phase_ == Phase::decided) {
            convert(piece, out);
            continue;
        }
        held_ += piece;
        advance(out, false);
    }
}

void Utf8Converter::finish(std::string& out)
{
    if (phase_ != Phase::decided)
        advance(out, true);
    if (!partial_.empty())
        replace(out);
    partial_.clear();
    if (high_ != 0)
        replace(out);
    high_ = 0;
}

void Utf8Converter::advance(std::string& out, bool last)
{
    if (phase_ == Phase::start) {
        if (held_.size() < start_size && !last)
            return;
        EncodingGuess guess = guess_bom(held_);
        if (fixed_) {
            const std::size_t bom = guess.encoding == encoding_ ? guess.bom : 0;
            return decide({encoding_, bom}, out);
        }
        if (guess.bom != 0 || looks_like_utf16(held_, guess))
            return decide(guess, out);
        phase_ = Phase::ascii;
    }
    if (phase_ == Phase::ascii) {
        const auto other = std::find_if_not(held_.begin(), held_.end(), is_ascii);
        out.append(held_.begin(), other);
        held_.erase(held_.begin(), other);
        if (held_.empty())
            return;
        phase_ = Phase::undecided;
    }
    encoding_ = guess_octets(held_);
    if (last || held_.size() >= sample_size)
        decide({encoding_, 0}, out);
}

void Utf8Converter::decide(EncodingGuess guess, std::string& out)
{
    phase_ = Phase::decided;
    encoding_ = guess.encoding;
    had_bom_ = guess.bom != 0;
    convert(std::string_view(held_).substr(guess.bom), out);
    held_ = std::string();
}

void Utf8Converter::convert(std::string_view bytes, std::string& out)
{
    switch (encoding_) {
        case TextEncoding::ascii:
        case TextEncoding::utf8:
            return convert_utf8(bytes, out);
        case TextEncoding::utf16le:
        case TextEncoding::utf16be:
            return convert_utf16(bytes, out);
        case TextEncoding::windows_1252:
            return convert_windows_1252(bytes, out);
    }
}

void Utf8Converter::convert_utf8(std::string_view bytes, std::string& out)
{
    // The sequence that the last chunk began: at most three octets of this one complete or break it.
    while (!partial_.empty() && !bytes.empty()) {
        partial_ += bytes.front();
        const Sequence sequence = utf8_sequence(partial_);
        if (sequence.kind == Sequence::Kind::bad) {
            // The new octet does not belong to it; it may begin a sequence of its own.
            replace(out);
            partial_.clear();
            break;
        }
        bytes.remove_prefix(1);
        if (sequence.kind == Sequence::Kind::good) {
            out += partial_;
            partial_.clear();
        }
    }
    while (!bytes.empty()) {
        const auto plain =
            static_cast<std::size_t>(std::find_if_not(bytes.begin(), bytes.end(), is_ascii) - bytes.begin());
        out += bytes.substr(0, plain);
        bytes.remove_prefix(plain);
        if (bytes.empty())
            return;
        const Sequence sequence = utf8_sequence(bytes);
        if (sequence.kind == Sequence::Kind::good)
            out += bytes.substr(0, sequence.length);
        else if (sequence.kind == Sequence::Kind::bad)
            replace(out);
        else
            partial_ = bytes;
        bytes.remove_prefix(sequence.length);
    }
}

void Utf8Converter::convert_utf16(std::string_view bytes, std::string& out)
{
    const auto unit = [this, &out](char first, char second) {
        const unsigned value =
            encoding_ == TextEncoding::utf16le ? octet(second) << 8 | octet(first) : octet(first) << 8 | octet(second);
        if (value >= 0xdc00 && value <= 0xdfff && high_ != 0) {
            append_code_point(out, 0x10000 + ((static_cast<char32_t>(high_) - 0xd800) << 10) + (value - 0xdc00));
            high_ = 0;
            return;
        }
        if (high_ != 0)
            replace(out);
        high_ = 0;
        if (value >= 0xd800 && value <= 0xdbff)
            high_ = static_cast<char16_t>(value);
        else if (value >= 0xdc00 && value <= 0xdfff)
            replace(out);
        else
            append_code_point(out, value);
    };
    if (!partial_.empty() && !bytes.empty()) {
        unit(partial_[0], bytes[0]);
        partial_.clear();
        bytes.remove_prefix(1);
    }
    for (; bytes.size() >= 2; bytes.remove_prefix(2))
        unit(bytes[0], bytes[1]);
    partial_ += bytes;
}

void Utf8Converter::convert_windows_1252(std::string_view bytes, std::string& out)
{
    for (const char c : bytes) {
        const unsigned value = octet(c);
        if (value < 0x80 || value >= 0xa0)
            append_code_point(out, value);
        else if (windows_1252_c1[value - 0x80] != 0)
            append_code_point(out, windows_1252_c1[value - 0x80]);
        else
            replace(out);
    }
}

void Utf8Converter::replace(std::string& out)
{
    out += replacement;
    ++replaced_;
}

std::string to_utf8(std::string_view text)
{
    Utf8Converter converter;
    std::string out;
    converter.feed(text, out);
    converter.finish(out);
    return out;
}

}  // namespace winnow
