#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

/// Encodings that lists come in. ASCII is its own answer, because it is a prefix of two of the others.
enum class TextEncoding : std::uint8_t { ascii, utf8, utf16le, utf16be, windows_1252 };
/// "US-ASCII", "UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252" (IANA names).
std::string_view to_string(TextEncoding encoding) noexcept;

struct EncodingGuess {
    TextEncoding encoding = TextEncoding::ascii;
    std::size_t bom = 0;  ///< octets of the byte order mark at the start
    bool operator==(const EncodingGuess&) const = default;
};

/// In this order: byte order mark; UTF-16 by where the zero octets are; UTF-8 when well-formed sequences outnumber
/// malformed ones (one damaged row does not turn a UTF-8 list into gibberish); else Windows-1252, the superset of
/// Latin-1 that old spreadsheets write. A sequence cut off at the end of `sample` counts neither way.
EncodingGuess detect_encoding(std::string_view sample) noexcept;

/// Converts a stream to UTF-8 in bounded memory (about 128 KB), whatever the size of the chunks; sequences may be split
/// between them. What has no meaning in the encoding becomes U+FFFD and is counted. The byte order mark is dropped.
///
/// The guess is made late: ASCII passes through, and the first 64 KB from the first other octet on decide.
class Utf8Converter {
public:
    Utf8Converter() = default;
    /// No guess, but a byte order mark of that encoding is still dropped. ASCII is read as UTF-8.
    explicit Utf8Converter(TextEncoding encoding);

    /// Appends to `out` what is certain by now.
    void feed(std::string_view chunk, std::string& out);
    /// The end: appends the rest. Afterwards only the questions below are allowed.
    void finish(std::string& out);

    /// Final after finish(); before, the best guess so far.
    TextEncoding encoding() const noexcept { return encoding_; }
    bool had_bom() const noexcept { return had_bom_; }
    /// U+FFFD written for malformed input.
    std::uint64_t replaced() const noexcept { return replaced_; }

private:
    enum class Phase { start, ascii, undecided, decided };

    void advance(std::string& out, bool last);
    void decide(EncodingGuess guess, std::string& out);
    void convert(std::string_view bytes, std::string& out);
    void convert_utf8(std::string_view bytes, std::string& out);
    void convert_utf16(std::string_view bytes, std::string& out);
    void convert_windows_1252(std::string_view bytes, std::string& out);
    void replace(std::string& out);

    Phase phase_ = Phase::start;
    TextEncoding encoding_ = TextEncoding::ascii;
    bool fixed_ = false;
    bool had_bom_ = false;
    std::uint64_t replaced_ = 0;
    std::string held_;     ///< not yet decided upon
    std::string partial_;  ///< the start of a sequence whose rest is in the next chunk
    char16_t high_ = 0;    ///< a high surrogate that waits for its low one
};

/// All at once, guessing.
std::string to_utf8(std::string_view text);

}  // namespace winnow
