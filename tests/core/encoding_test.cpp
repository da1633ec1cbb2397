#include "core/encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/unicode.hpp"

namespace winnow {
namespace {

using namespace std::string_literals;

constexpr auto fffd = "\uFFFD";

struct Converted {
    std::string text;
    TextEncoding encoding;
    bool bom;
    std::uint64_t replaced;
};

/// `chunk` octets at a time; 0 = all at once.
Converted convert(std::string_view bytes, std::size_t chunk = 0, Utf8Converter converter = {})
{
    Converted result{};
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, chunk == 0 ? bytes.size() : chunk);
        converter.feed(piece, result.text);
        bytes.remove_prefix(piece.size());
    }
    converter.finish(result.text);
    result.encoding = converter.encoding();
    result.bom = converter.had_bom();
    result.replaced = converter.replaced();
    return result;
}

/// UTF-16 of a text of the Basic Multilingual Plane or of ready surrogates.
std::string utf16(std::u16string_view text, bool little)
{
    std::string out;
    for (const char16_t unit : text) {
        const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xff);
        out += little ? low : high;
        out += little ? high : low;
    }
    return out;
}

struct Case {
    const char* name;
    std::string bytes;
    TextEncoding encoding;
    bool bom;
    std::string text;
    std::uint64_t replaced = 0;
};

const Case cases[] = {
    {"Empty", "", TextEncoding::ascii, false, ""},
    {"Ascii", "email\r\na@b.test\r\n", TextEncoding::ascii, false, "email\r\na@b.test\r\n"},
    {"OneOctet", "a", TextEncoding::ascii, false, "a"},
    {"Utf8", "José;é@b.test\n", TextEncoding::utf8, false, "José;é@b.test\n"},
    {"Utf8Bom",
     "\xef\xbb\xbf"
     "email\n",
     TextEncoding::utf8, true, "email\n"},
    {"Utf8BomAlone", "\xef\xbb\xbf", TextEncoding::utf8, true, ""},
    {"Utf8FourOctets", "😀,a@b.test", TextEncoding::utf8, false, "😀,a@b.test"},
    {"Utf8OneDamagedRow", "é,ü,ö\nJos\xe9,x\nß,ä\n", TextEncoding::utf8, false, "é,ü,ö\nJos"s + fffd + ",x\nß,ä\n", 1},
    {"Utf8CutOffAtTheEnd", "é,ü,\xc3", TextEncoding::utf8, false, "é,ü,"s + fffd, 1},
    {"Latin1", "Jos\xe9;M\xfcller;a@b.test\n", TextEncoding::windows_1252, false, "José;Müller;a@b.test\n"},
    {"Latin1LetterAtTheEnd", "Jos\xe9", TextEncoding::windows_1252, false, "José"},
    {"Windows1252", "\x80 5 \x93quoted\x94 \x96 \x8a", TextEncoding::windows_1252, false, "€ 5 “quoted” – Š"},
    {"Windows1252Hole", "\x80 \x81 \xe9", TextEncoding::windows_1252, false, "€ "s + fffd + " é", 1},
    {"Utf16LeBom", "\xff\xfe" + utf16(u"José\n", true), TextEncoding::utf16le, true, "José\n"},
    {"Utf16BeBom", "\xfe\xff" + utf16(u"José\n", false), TextEncoding::utf16be, true, "José\n"},
    {"Utf16Le", utf16(u"email\na@b.test\n", true), TextEncoding::utf16le, false, "email\na@b.test\n"},
    {"Utf16Be", utf16(u"email\na@b.test\n", false), TextEncoding::utf16be, false, "email\na@b.test\n"},
    {"Utf16LeCyrillic", utf16(u"Иван,ivan@b.test\n", true), TextEncoding::utf16le, false, "Иван,ivan@b.test\n"},
    {"Utf16Surrogates", utf16(u"a,b,\U0001F600,c", true), TextEncoding::utf16le, false, "a,b,😀,c"},
    {"Utf16LoneLow", utf16(u"a,b,\xdc00,c", true), TextEncoding::utf16le, false, "a,b,"s + fffd + ",c", 1},
    {"Utf16LoneHigh", utf16(u"a,b,\xd800,c", true), TextEncoding::utf16le, false, "a,b,"s + fffd + ",c", 1},
    {"Utf16HighAtTheEnd", utf16(u"abc\xd83d", true), TextEncoding::utf16le, false, "abc"s + fffd, 1},
    {"Utf16OddOctet", utf16(u"abc", false) + "x", TextEncoding::utf16be, false, "abc"s + fffd, 1},
    {"ZerosEverywhereAreNotUtf16", "a@b.test"s + std::string(40, '\0'), TextEncoding::ascii, false,
     "a@b.test"s + std::string(40, '\0')},
};

struct EncodingCase : testing::TestWithParam<Case> {};

TEST_P(EncodingCase, IsRecognisedAndConverted)
{
    const Case& c = GetParam();
    EXPECT_EQ(detect_encoding(c.bytes).encoding, c.encoding);
    const Converted all = convert(c.bytes);
    EXPECT_EQ(all.encoding, c.encoding);
    EXPECT_EQ(all.text, c.text);
    EXPECT_EQ(all.bom, c.bom);
    EXPECT_EQ(all.replaced, c.replaced);
    EXPECT_EQ(to_utf8(c.bytes), c.text);
}

TEST_P(EncodingCase, ComesOutTheSameHoweverItIsCut)
{
    const Case& c = GetParam();
    for (const std::size_t chunk : {1u, 2u, 3u, 5u, 7u}) {
        const Converted cut = convert(c.bytes, chunk);
        EXPECT_EQ(cut.text, c.text) << chunk;
        EXPECT_EQ(cut.encoding, c.encoding) << chunk;
        EXPECT_EQ(cut.replaced, c.replaced) << chunk;
    }
}

INSTANTIATE_TEST_SUITE_P(Encoding, EncodingCase, testing::ValuesIn(cases),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Encoding, MalformedUtf8BecomesOneMarkPerMaximalSubpart)
{
    // Unicode 15, tables 3-8, 3-9, 3-10 and 3-11.
    const std::pair<std::string, int> table[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", 8},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", 8},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", 7},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", 4},
    };
    for (const auto& [bytes, marks] : table)
        for (const std::size_t chunk : {0u, 1u, 2u, 3u}) {
            const Converted out = convert(bytes, chunk, Utf8Converter(TextEncoding::utf8));
            EXPECT_EQ(out.replaced, static_cast<std::uint64_t>(marks)) << chunk;
            EXPECT_TRUE(is_utf8(out.text));
        }
}

TEST(Encoding, TheFirstOtherOctetAfterAMegabyteOfAsciiStillDecides)
{
    std::string ascii;
    while (ascii.size() < 1'000'000)
        ascii += "someone@example.test\n";
    const Converted latin1 = convert(ascii + "Jos\xe9\n", 10'000);
    EXPECT_EQ(latin1.encoding, TextEncoding::windows_1252);
    EXPECT_EQ(latin1.text, ascii + "José\n");
    const Converted utf8 = convert(ascii + "José\n", 10'000);
    EXPECT_EQ(utf8.encoding, TextEncoding::utf8);
    EXPECT_EQ(utf8.text, ascii + "José\n");
}

TEST(Encoding, AsciiIsHandedOnWithoutWaitingForTheEnd)
{
    Utf8Converter converter;
    std::string out;
    converter.feed(std::string(10'000, 'a'), out);
    EXPECT_EQ(out.size(), 10'000u);
    converter.feed("\xc3", out);  // from here on it waits for the decision
    converter.feed(std::string(100'000, 'b'), out);
    EXPECT_GT(out.size(), 100'000u);
    converter.finish(out);
}

TEST(Encoding, AGivenEncodingIsNotGuessedAgainstButItsMarkIsDropped)
{
    EXPECT_EQ(convert("é", 0, Utf8Converter(TextEncoding::windows_1252)).text, "Ã©");
    EXPECT_EQ(convert("Jos\xe9", 0, Utf8Converter(TextEncoding::utf8)).text, "Jos"s + fffd);
    EXPECT_EQ(convert("\xef\xbb\xbf"
                      "a",
                      0, Utf8Converter(TextEncoding::utf8))
                  .text,
              "a");
    EXPECT_EQ(convert("\xef\xbb\xbf"
                      "a",
                      0, Utf8Converter(TextEncoding::windows_1252))
                  .text,
              "ï»¿a");
    EXPECT_EQ(convert("plain", 0, Utf8Converter(TextEncoding::ascii)).text, "plain");
}

RC_GTEST_PROP(Encoding, AnyOctetsInAnyPiecesBecomeTheSameValidText, (const std::string& bytes))
{
    // Ordinary text around, so that every branch of the guess is met.
    const auto before = *rc::gen::element(""s, "a@b.test,"s, "é,ü,"s, "\xef\xbb\xbf"s, "\xff\xfe"s, "\xfe\xff"s);
    const std::string input = before + bytes;
    const Converted whole = convert(input);
    std::string without_zeros;
    for (const char c : whole.text)
        if (c != '\0')
            without_zeros += c;
    RC_ASSERT(is_utf8(without_zeros));
    const auto chunk = *rc::gen::inRange<std::size_t>(1, 9);
    const Converted cut = convert(input, chunk);
    RC_ASSERT(cut.text == whole.text);
    RC_ASSERT(cut.encoding == whole.encoding);
    RC_ASSERT(cut.replaced == whole.replaced);
}

}  // namespace
}  // namespace winnow
