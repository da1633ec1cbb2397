#include "net/smtp_data_encoder.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/smtp_client.hpp"
#include "net/xtext.hpp"

namespace winnow::net {
namespace {

TEST(EncodeData, CanonicalisesLineEndsAndStuffsDots)
{
    EXPECT_EQ(encode_data(""), ".\r\n");
    EXPECT_EQ(encode_data("a"), "a\r\n.\r\n");
    EXPECT_EQ(encode_data("a\r\nb\r\n"), "a\r\nb\r\n.\r\n");
    EXPECT_EQ(encode_data("a\nb\rc"), "a\r\nb\r\nc\r\n.\r\n");
    EXPECT_EQ(encode_data(".\r\n..\r\n.a.\r\n"), "..\r\n...\r\n..a.\r\n.\r\n");
    EXPECT_EQ(encode_data("a\r\r\nb"), "a\r\n\r\nb\r\n.\r\n");
}

TEST(EncodeData, NulCannotHideADotOrALineEnd)
{
    EXPECT_EQ(encode_data(std::string_view("a\r\n\0.\r\n", 7)), "a\r\n..\r\n.\r\n");
    EXPECT_EQ(encode_data(std::string_view("a\r\0\n.\r\n", 7)), "a\r\n..\r\n.\r\n");
}

/// Text in which line ends, dots and NUL abound.
rc::Gen<std::string> hostile_text()
{
    return rc::gen::container<std::string>(rc::gen::element('\r', '\n', '.', '\0', 'a', 'b'));
}

TEST(EncodeData, TheOnlyEndOfDataIsTheLastLine)
{
    const bool ok = rc::check([] {
        const std::string wire = "\r\n" + encode_data(*hostile_text());
        RC_ASSERT(wire.find("\r\n.\r\n") == wire.size() - 5);
        RC_ASSERT(wire.find('\0') == std::string::npos);
        for (std::size_t i = 0; i < wire.size(); ++i) {
            if (wire[i] == '\n')
                RC_ASSERT(wire[i - 1] == '\r');
            if (wire[i] == '\r')
                RC_ASSERT(wire[i + 1] == '\n');
        }
    });
    EXPECT_TRUE(ok);
}

TEST(EncodeData, PiecesGiveTheSameAsTheWhole)
{
    const bool ok = rc::check([] {
        const auto pieces = *rc::gen::container<std::vector<std::string>>(hostile_text());
        SmtpDataEncoder encoder;
        std::string whole;
        std::string encoded;
        for (const std::string& piece : pieces) {
            whole += piece;
            encoded += encoder.encode(piece);
        }
        encoded += encoder.finish();
        RC_ASSERT(encoded == encode_data(whole));
    });
    EXPECT_TRUE(ok);
}

TEST(Xtext, DecodesWhatItEncodesAndNothingMalformed)
{
    EXPECT_EQ(encode_xtext("a+b=c d@e"), "a+2Bb+3Dc+20d@e");
    for (const char* bad : {"+", "+2", "+2b", "+GG", "a b", "a=b", "\x80"})
        EXPECT_FALSE(decode_xtext(bad)) << bad;
    const bool ok = rc::check([](const std::string& text) {
        const std::string encoded = encode_xtext(text);
        RC_ASSERT(encoded.find_first_of(" =\r\n") == std::string::npos);
        RC_ASSERT(decode_xtext(encoded) == text);
    });
    EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace winnow::net
