#include "core/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

namespace winnow {
namespace {

TEST(SeededRng, GivesThePublishedSequenceOfSplitMix64)
{
    SeededRng rng(1234567);
    EXPECT_EQ(rng.next(), 6457827717110365317u);
    EXPECT_EQ(rng.next(), 3203168211198807973u);
    EXPECT_EQ(rng.next(), 9817491932198370423u);
}

TEST(SeededRng, RepeatsFromItsSeedAndDiffersFromAnother)
{
    SeededRng a(7), b(7), c(8);
    EXPECT_EQ(a.token(20), b.token(20));
    EXPECT_NE(a.token(20), c.token(20));
}

TEST(SeededRng, FillsOddLengthsToTheLastByte)
{
    SeededRng rng(1);
    std::array<std::byte, 1000> counts{};
    for (const std::size_t length : {1u, 7u, 8u, 9u, 1000u}) {
        std::fill(counts.begin(), counts.end(), std::byte{0});
        rng.fill(std::span(counts).first(length));
        EXPECT_TRUE(std::all_of(counts.begin() + static_cast<std::ptrdiff_t>(length), counts.end(),
                                [](std::byte b) { return b == std::byte{0}; }));
    }
    EXPECT_NE(counts[999], counts[998]);
}

TEST(Rng, BelowStaysInRangeAndIsUniform)
{
    SeededRng rng(42);
    std::array<int, 6> seen{};
    for (int i = 0; i < 60'000; ++i)
        ++seen.at(rng.below(6));
    for (const int count : seen)
        EXPECT_NEAR(count, 10'000, 400);
    EXPECT_EQ(rng.below(1), 0u);
    EXPECT_LT(rng.below(UINT64_MAX), UINT64_MAX);
}

TEST(Rng, UnitAndJitterKeepTheirIntervals)
{
    SeededRng rng(5);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double u = rng.unit();
        const double j = rng.jitter();
        ASSERT_TRUE(u >= 0 && u < 1);
        ASSERT_TRUE(j >= -1 && j < 1);
        sum += j;
    }
    EXPECT_NEAR(sum / 10'000, 0, 0.03);
}

TEST(Rng, TokensAreLowerCaseBase32OfTheAskedStrength)
{
    SystemRng rng;
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string token = rng.token(10);
        EXPECT_EQ(token.size(), 16u);
        EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
        EXPECT_TRUE(seen.insert(token).second);
    }
    EXPECT_EQ(rng.token(0), "");
}

}  // namespace
}  // namespace winnow
