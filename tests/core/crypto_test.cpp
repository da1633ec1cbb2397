#include "core/crypto.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace winnow::crypto {
namespace {

using namespace std::string_view_literals;

const std::string key(32, 'k');

TEST(Digest, MatchesThePublishedVectors)
{
    EXPECT_EQ(hex(md5("abc")), "900150983cd24fb0d6963f7d28e17f72");           // RFC 1321
    EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180
    EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, PiecesGiveTheDigestOfTheWholeAndFinishStartsAnew)
{
    Sha256 hash;
    hash.update("a");
    hash.update("");
    hash.update("bc");
    EXPECT_EQ(hash.finish(), sha256("abc"));
    hash.update("abc");
    EXPECT_EQ(hash.finish(), sha256("abc"));
    EXPECT_EQ(hash.finish(), sha256(""));
}

TEST(Hmac, MatchesRfc4231)
{
    EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, AReusedKeyScheduleGivesTheSameAsAFreshOne)
{
    HmacSha256 keyed("Jefe");
    for (const std::string_view text : {"one"sv, ""sv, "two"sv, "one"sv})
        EXPECT_EQ(keyed(text), hmac_sha256("Jefe", text));
    HmacSha256 moved = std::move(keyed);
    EXPECT_EQ(moved("one"), hmac_sha256("Jefe", "one"));
}

TEST(Hmac, AnEmptyKeyIsAKeyToo)
{
    EXPECT_EQ(hex(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Seal, OpensWithTheSameKeyAndAssociatedData)
{
    SeededRng rng(1);
    for (const std::string& plain : {std::string(), std::string("a@example.test"), std::string(100'000, 'x')}) {
        const std::string sealed = seal(key, plain, "row 7", rng);
        EXPECT_EQ(sealed.size(), plain.size() + 28);
        EXPECT_EQ(open(key, sealed, "row 7").value(), plain);
    }
    EXPECT_NE(seal(key, "same", "", rng), seal(key, "same", "", rng));
}

TEST(Seal, IsTheAesGcmOfNist)
{
    struct ZeroNonce final : Rng {
        void fill(std::span<std::byte> out) override { std::fill(out.begin(), out.end(), std::byte{0}); }
    } zero;
    // GCM specification, test cases 13 and 14: zero key, zero nonce.
    const std::string zero_key(32, '\0');
    EXPECT_EQ(hex(seal(zero_key, "", "", zero)), std::string(24, '0') + "530f8afbc74536b9a963b4f1c4cb738b");
    EXPECT_EQ(hex(seal(zero_key, std::string(16, '\0'), "", zero)),
              std::string(24, '0') + "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Seal, AnyChangedByteIsCorrupt)
{
    SeededRng rng(1);
    const std::string sealed = seal(key, "secret", "row 7", rng);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string damaged = sealed;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        const auto opened = open(key, damaged, "row 7");
        ASSERT_FALSE(opened) << i;
        EXPECT_EQ(opened.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(open(key, sealed, "row 8"));
    EXPECT_FALSE(open(std::string(32, 'K'), sealed, "row 7"));
    for (std::size_t length = 0; length < sealed.size(); ++length)
        EXPECT_FALSE(open(key, sealed.substr(0, length), "row 7"));
}

TEST(Seal, AKeyOfTheWrongSizeIsABrokenInvariant)
{
    SeededRng rng(1);
    EXPECT_THROW(seal("short", "x", "", rng), std::invalid_argument);
}

TEST(Equal, ComparesContentAndLength)
{
    EXPECT_TRUE(equal("", ""));
    EXPECT_TRUE(equal("abc", "abc"));
    EXPECT_FALSE(equal("abc", "abd"));
    EXPECT_FALSE(equal("abc", "ab"));
}

TEST(Crc32c, MatchesRfc3720AndGoesOnFromASeed)
{
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c(""), 0u);
}

RC_GTEST_PROP(Crc32c, APartedTextHasTheChecksumOfTheWhole, (const std::string& a, const std::string& b))
{
    RC_ASSERT(crc32c(b, crc32c(a)) == crc32c(a + b));
}

TEST(TextCodec, MatchesRfc4648)
{
    const std::string_view plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const std::string_view b64[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    const std::string_view b32[] = {"", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"};
    for (std::size_t i = 0; i < std::size(plain); ++i) {
        EXPECT_EQ(base64(plain[i]), b64[i]);
        EXPECT_EQ(base32(plain[i]), b32[i]);
        EXPECT_EQ(unbase64(b64[i]).value(), plain[i]);
        EXPECT_EQ(unbase32(b32[i]).value(), plain[i]);
    }
    EXPECT_EQ(hex("\x00\xff"sv), "00ff");
    EXPECT_EQ(unhex("00Ff").value(), "\x00\xff"sv);
    EXPECT_EQ(unbase32("MZXW6").value(), "foo");
}

TEST(TextCodec, WhatEncodesNothingIsRefused)
{
    for (const std::string_view text : {"0", "0g", "0x00", "00 "})
        EXPECT_FALSE(unhex(text)) << text;
    for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Z g=", "Zm9v\n", "-_=="})
        EXPECT_FALSE(unbase64(text)) << text;
    for (const std::string_view text : {"m", "mz1q", "mz0q", "mzx", "mzxw6y", "mz", "my======"})
        EXPECT_FALSE(unbase32(text)) << text;
    EXPECT_EQ(unhex("zz").error().code, Errc::invalid_argument);
}

RC_GTEST_PROP(TextCodec, EveryByteStringIsReadBack, (const std::string& bytes))
{
    RC_ASSERT(unhex(hex(bytes)).value() == bytes);
    RC_ASSERT(unbase64(base64(bytes)).value() == bytes);
    RC_ASSERT(unbase32(base32(bytes)).value() == bytes);
}

}  // namespace
}  // namespace winnow::crypto
