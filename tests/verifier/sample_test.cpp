#include "verifier/sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace winnow::verifier {
namespace {

std::vector<std::uint64_t> drawn(std::uint64_t count, std::size_t how_many, std::uint64_t seed)
{
    SeededRng rng{seed};
    RandomOrder order{count, rng};
    std::vector<std::uint64_t> numbers;
    while (numbers.size() < how_many) {
        const auto number = order.next();
        if (!number)
            break;
        numbers.push_back(*number);
    }
    return numbers;
}

TEST(RandomOrderTest, EveryNumberComesOnce)
{
    for (const std::uint64_t count : {0u, 1u, 2u, 3u, 10u, 1'000u}) {
        std::vector<std::uint64_t> all = drawn(count, count + 5, 7);
        ASSERT_EQ(all.size(), count);
        std::sort(all.begin(), all.end());
        for (std::uint64_t i = 0; i < count; ++i)
            EXPECT_EQ(all[i], i + 1);
    }
}

TEST(RandomOrderTest, TheSameSeedDrawsTheSame)
{
    EXPECT_EQ(drawn(1'000'000'000, 50, 3), drawn(1'000'000'000, 50, 3));
    EXPECT_NE(drawn(1'000'000'000, 50, 3), drawn(1'000'000'000, 50, 4));
}

TEST(RandomOrderTest, EachPlaceIsEquallyLikelyForEachNumber)
{
    // 6,000 draws of 2 out of 6: each number is expected 2,000 times, with a standard deviation of 37.
    std::vector<int> seen(7);
    for (std::uint64_t seed = 0; seed < 6'000; ++seed)
        for (const std::uint64_t number : drawn(6, 2, seed))
            ++seen[number];
    for (int number = 1; number <= 6; ++number)
        EXPECT_NEAR(seen[static_cast<std::size_t>(number)], 2'000, 180) << number;
}

TEST(EstimateShareTest, WilsonsIntervalOfALargePopulation)
{
    // Against tables: 90 % Wilson of 30 of 100.
    const ShareEstimate third = estimate_share(30, 100, 1'000'000'000);
    EXPECT_DOUBLE_EQ(third.share, 0.3);
    EXPECT_NEAR(third.low, 0.2304, 0.0005);
    EXPECT_NEAR(third.high, 0.3800, 0.0005);
}

TEST(EstimateShareTest, NothingSeenIsNotNothingThere)
{
    const ShareEstimate none = estimate_share(0, 100, 1'000'000);
    EXPECT_EQ(none.share, 0.0);
    EXPECT_EQ(none.low, 0.0);
    EXPECT_NEAR(none.high, 0.0263, 0.0005);
    const ShareEstimate all = estimate_share(100, 100, 1'000'000);
    EXPECT_EQ(all.high, 1.0);
    EXPECT_NEAR(all.low, 0.9737, 0.0005);
}

TEST(EstimateShareTest, WhoHasDrawnAllKnows)
{
    const ShareEstimate known = estimate_share(3, 10, 10);
    EXPECT_EQ(known.low, 0.3);
    EXPECT_EQ(known.high, 0.3);
    const ShareEstimate nearly = estimate_share(30, 99, 100);
    const ShareEstimate few = estimate_share(30, 99, 1'000'000);
    EXPECT_LT(nearly.high - nearly.low, (few.high - few.low) / 5) << "one of a hundred is left";
}

TEST(EstimateShareTest, WhoHasDrawnNothingKnowsNothing)
{
    const ShareEstimate nothing = estimate_share(0, 0, 100);
    EXPECT_EQ(nothing.low, 0.0);
    EXPECT_EQ(nothing.high, 1.0);
    EXPECT_EQ(estimate_share(0, 0, 0).high, 1.0);
}

TEST(EstimateShareTest, NineOfTenIntervalsHoldTheTruth)
{
    // 5,000 addresses of which every fourth is dead, drawn again and again.
    int held = 0;
    constexpr int times = 1'000;
    for (std::uint64_t seed = 0; seed < times; ++seed) {
        const auto numbers = drawn(5'000, 150, seed);
        const auto hits = std::count_if(numbers.begin(), numbers.end(), [](auto n) { return n % 4 == 0; });
        const ShareEstimate told = estimate_share(static_cast<std::uint64_t>(hits), numbers.size(), 5'000);
        held += told.low <= 0.25 && 0.25 <= told.high ? 1 : 0;
    }
    EXPECT_GE(held, 870);
    EXPECT_LE(held, 940);
}

}  // namespace
}  // namespace winnow::verifier
