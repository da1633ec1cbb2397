#include "verifier/row_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace winnow::verifier {
namespace {

std::vector<std::string> addresses(const std::vector<RowOrder::Row>& rows)
{
    std::vector<std::string> out;
    for (const auto& row : rows)
        out.push_back(row.address);
    return out;
}

TEST(RowOrder, PutsRowsOfADomainTogetherWhateverItsLetters)
{
    RowOrder order{10};
    order.add({1, "a@one.test"});
    order.add({2, "b@two.test"});
    order.add({3, "c@ONE.test"});
    EXPECT_EQ(order.size(), 3u);
    EXPECT_THAT(addresses(order.take(10)), testing::ElementsAre("a@one.test", "c@ONE.test", "b@two.test"));
    EXPECT_TRUE(order.empty());
}

TEST(RowOrder, LetsDomainsTakeTurnsAChunkEach)
{
    RowOrder order{2};
    for (int i = 0; i < 5; ++i)
        order.add({static_cast<std::uint64_t>(i), "u" + std::to_string(i) + "@large.test"});
    order.add({5, "v@small.test"});
    EXPECT_THAT(addresses(order.take(100)), testing::ElementsAre("u0@large.test", "u1@large.test", "v@small.test",
                                                                 "u2@large.test", "u3@large.test", "u4@large.test"));
}

TEST(RowOrder, GivesWholeTurnsAndGoesOnWhereItStopped)
{
    RowOrder order{3};
    for (int i = 0; i < 4; ++i)
        order.add({static_cast<std::uint64_t>(i), "u" + std::to_string(i) + "@a.test"});
    EXPECT_EQ(order.take(1).size(), 3u);
    order.add({9, "late@a.test"});
    EXPECT_THAT(addresses(order.take(1)), testing::ElementsAre("u3@a.test", "late@a.test"));
    EXPECT_TRUE(order.take(1).empty());
}

TEST(RowOrder, KeepsWhatIsNoAddress)
{
    RowOrder order{3};
    order.add({1, "no address"});
    EXPECT_THAT(addresses(order.take(5)), testing::ElementsAre("no address"));
}

}  // namespace
}  // namespace winnow::verifier
