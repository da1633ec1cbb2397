#include "core/gunzip.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/rng.hpp"
#include "tests/support/gzip.hpp"

namespace winnow {
namespace {

using test::gzip;

struct Unpacked {
    std::string text;
    Error error;
    std::size_t largest = 0;
};

Unpacked unpack(std::string_view file, std::size_t chunk = 1'000, GunzipLimits limits = {})
{
    Gunzip gunzip{limits};
    Unpacked got;
    const auto drain = [&] {
        for (;;) {
            const auto piece = gunzip.next();
            if (!piece)
                got.error = piece.error();
            if (!piece || piece->empty())
                return piece.has_value();
            got.text += *piece;
            got.largest = std::max(got.largest, piece->size());
        }
    };
    for (std::size_t at = 0; at < file.size(); at += chunk) {
        gunzip.feed(file.substr(at, chunk));
        if (!drain())
            return got;
    }
    gunzip.finish();
    drain();
    return got;
}

/// Text that compresses about as well as a list does.
std::string list_text(std::size_t rows)
{
    SeededRng rng{7};
    std::string text = "name,email\n";
    for (std::size_t i = 0; i < rows; ++i)
        text += "Someone," + rng.token(6) + "@example.test\n";
    return text;
}

TEST(Gunzip, GivesTheTextBackHoweverItIsCut)
{
    const std::string text = list_text(500);
    const std::string file = gzip(text);
    ASSERT_TRUE(looks_like_gzip(file));
    for (const std::size_t chunk : {1u, 2u, 7u, 64u, 100'000u}) {
        const Unpacked got = unpack(file, chunk);
        EXPECT_EQ(got.text, text) << chunk;
        EXPECT_FALSE(got.error.code) << got.error.context;
    }
    EXPECT_EQ(unpack(gzip("")).text, "");
}

TEST(Gunzip, MembersOneBehindTheOtherAreOneFileAndPaddingIsNothing)
{
    const std::string file = gzip("email\n") + gzip("") + gzip("a@x.test\n") + std::string(700, '\0');
    for (const std::size_t chunk : {1u, 5u, 10'000u}) {
        const Unpacked got = unpack(file, chunk);
        EXPECT_EQ(got.text, "email\na@x.test\n") << chunk;
        EXPECT_FALSE(got.error.code) << got.error.context;
    }
}

TEST(Gunzip, AFileThatIsCutOffAnywhereIsAnError)
{
    const std::string file = gzip(list_text(20));
    for (std::size_t length = 0; length < file.size(); ++length) {
        const Unpacked got = unpack(file.substr(0, length), 64);
        ASSERT_EQ(got.error.code, Errc::invalid_argument) << length;
        EXPECT_EQ(got.error.context, "is cut off: its end is missing") << length;
    }
}

TEST(Gunzip, DamageNeverGoesUnseen)
{
    const std::string text = list_text(50);
    const std::string file = gzip(text);
    for (std::size_t at = 10; at < file.size(); ++at) {  // behind the header, whose time and system say nothing
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        const Unpacked got = unpack(damaged);
        EXPECT_TRUE(got.error.code || got.text == text) << at << ": the bits that fill up an octet mean nothing";
    }
    EXPECT_EQ(unpack("email\na@x.test\n").error.code, Errc::invalid_argument);
    EXPECT_EQ(unpack(file + "PK").error.context, "holds something else behind its end");
}

TEST(Gunzip, ABombIsRefusedBeforeItTakesMemory)
{
    const std::string bomb = gzip(std::string(64 << 20, 'a'));
    const Unpacked got = unpack(bomb, bomb.size());
    EXPECT_EQ(got.error.code, Errc::limit_exceeded);
    EXPECT_NE(got.error.context.find("more than 200 times"), std::string::npos);
    EXPECT_LT(got.text.size(), 5u << 20);
    EXPECT_LE(got.largest, 64u * 1024);

    EXPECT_FALSE(unpack(gzip(std::string(1 << 20, 'a'))).error.code) << "small enough to be harmless";
    GunzipLimits limits;
    limits.max_bytes = 1 << 20;
    const Unpacked large = unpack(gzip(list_text(60'000)), 1'000, limits);
    EXPECT_EQ(large.error.context, "holds more than 1 MiB; split it into several lists");
}

TEST(Gunzip, IsToldByThreeOctets)
{
    EXPECT_TRUE(looks_like_gzip(std::string_view("\x1f\x8b\x08\0", 4)));
    EXPECT_FALSE(looks_like_gzip("\x1f\x8b"));
    EXPECT_FALSE(looks_like_gzip("\x1f\x8b,a"));
    EXPECT_FALSE(looks_like_gzip("PK\3\4"));
    EXPECT_FALSE(looks_like_gzip(""));
}

}  // namespace
}  // namespace winnow
