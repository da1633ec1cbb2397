#include "mail/encoding.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

/// Every line within the limit of encoded bodies.
void expect_short_lines(std::string_view text, std::size_t limit)
{
    std::size_t start = 0;
    while (start < text.size()) {
        const auto end = std::min(text.find("\r\n", start), text.size());
        EXPECT_LE(end - start, limit) << text.substr(start, end - start);
        start = end + 2;
    }
}

TEST(Encoding, MalformedUtf8BecomesReplacementCharacters)
{
    EXPECT_EQ(to_valid_utf8("gr\xfc\xdf"), "gr\ufffd\ufffd");
    EXPECT_EQ(to_valid_utf8("\xc0\xaf"), "\ufffd\ufffd") << "an overlong form";
    EXPECT_EQ(to_valid_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "a surrogate";
    EXPECT_EQ(to_valid_utf8("a\xe2\x82"), "a\ufffd\ufffd") << "cut off";
    EXPECT_EQ(to_valid_utf8(std::string_view("a\0b", 3)),
              "a\ufffd"
              "b");
    EXPECT_EQ(to_valid_utf8("Gr\u00fc\u00dfe \U0001F600"), "Gr\u00fc\u00dfe \U0001F600");
}

TEST(Encoding, EveryLineEndBecomesCrlf)
{
    EXPECT_EQ(to_crlf("a\nb\rc\r\nd\n\n"), "a\r\nb\r\nc\r\nd\r\n\r\n");
    EXPECT_EQ(to_crlf(""), "");
}

TEST(Encoding, Base64MatchesRfc4648)
{
    EXPECT_EQ(base64_lines("foobar"), "Zm9vYmFy\r\n");
    EXPECT_EQ(base64_lines("fooba"), "Zm9vYmE=\r\n");
    EXPECT_EQ(base64_lines("foob"), "Zm9vYg==\r\n");
    EXPECT_EQ(base64_lines(""), "");
    expect_short_lines(base64_lines(std::string(1000, 'x')), 76);
}

TEST(Encoding, QuotedPrintableKeepsLinesShortAndBlanksAtLineEnds)
{
    EXPECT_EQ(quoted_printable("a=b\r\nc \r\n\u00e9"), "a=3Db\r\nc=20\r\n=C3=A9");
    EXPECT_EQ(quoted_printable(".\r\nFrom me"), "=2E\r\n=46rom me");
    expect_short_lines(quoted_printable(std::string(500, 'x') + std::string(300, '\xe9')), 76);
}

TEST(Encoding, ShortAsciiGoesPlainAndTheRestInTheShorterForm)
{
    EXPECT_EQ(best_encoding("hello\r\n"), TransferEncoding::seven_bit);
    EXPECT_EQ(best_encoding(std::string(950, 'x')), TransferEncoding::quoted_printable);
    EXPECT_EQ(best_encoding("Gr\u00fc\u00dfe aus M\u00fcnchen, und noch mehr Text dahinter\r\n"),
              TransferEncoding::quoted_printable);
    EXPECT_EQ(best_encoding("\u3053\u3093\u306b\u3061\u306f"), TransferEncoding::base64);
    EXPECT_EQ(best_encoding("x\r\nFrom here\r\n"), TransferEncoding::quoted_printable);
}

TEST(Encoding, HeaderTextBecomesEncodedWordsOfLegalLength)
{
    EXPECT_EQ(encode_unstructured("plain", 9), "plain");
    EXPECT_EQ(encode_unstructured("Gr\u00fc\u00dfe", 9), "=?utf-8?b?R3LDvMOfZQ==?=");
    EXPECT_EQ(encode_unstructured("Caf\u00e9 latte", 9), "=?utf-8?q?Caf=C3=A9_latte?=");
    EXPECT_NE(encode_unstructured("=?utf-8?q?x?=", 9), "=?utf-8?q?x?=") << "must not be decoded by the reader";
    std::string lengthy;
    for (int i = 0; i < 60; ++i)
        lengthy += "\u3042";
    const auto encoded = encode_unstructured(lengthy, 9);
    expect_short_lines("Subject: " + encoded, 76);
    EXPECT_EQ(encoded.find("=?="), std::string::npos);
}

TEST(Encoding, PhrasesAreQuotedWhenTheyHoldSpecials)
{
    EXPECT_EQ(encode_phrase("Ada Lovelace", 0), "Ada Lovelace");
    EXPECT_EQ(encode_phrase("Lovelace, Ada \"A\"", 0), "\"Lovelace, Ada \\\"A\\\"\"");
    EXPECT_EQ(encode_phrase("J\u00fcrgen", 0).substr(0, 10), "=?utf-8?q?");
}

TEST(Encoding, FieldsFoldAtSpacesOnly)
{
    std::string value;
    for (int i = 0; i < 40; ++i)
        value += "word" + std::to_string(i) + ' ';
    const auto field = fold_field("X-Long", value);
    expect_short_lines(field, 78);
    std::string unfolded;
    for (std::size_t i = 0; i < field.size(); ++i)
        if (field[i] != '\r' && field[i] != '\n')
            unfolded += field[i];
    EXPECT_EQ(unfolded, "X-Long: " + value);
    EXPECT_EQ(fold_field("X", std::string(200, 'a')), "X: " + std::string(200, 'a') + "\r\n");
}

}  // namespace
}  // namespace winnow::mail
