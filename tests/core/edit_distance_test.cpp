#include "core/edit_distance.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace winnow {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps)
{
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("gmail.com", "gmail.com"), 0u);
    EXPECT_EQ(edit_distance("gmail.com", "gmial.com"), 1u);
    EXPECT_EQ(edit_distance("gmail.com", "gmil.com"), 1u);
    EXPECT_EQ(edit_distance("gmail.com", "ggmail.con"), 2u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(EditDistance, StopsOnePastTheLimit)
{
    EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3u);
    EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3u);
    EXPECT_EQ(edit_distance("aaaaaaaaaa", "bbbbbbbbbb", 1), 2u);
    EXPECT_EQ(edit_distance("a", "aaaaaaaaaa", 1), 2u);
}

TEST(NearestWord, IsTheOneThatASlipOfTheFingersMakesOfIt)
{
    constexpr std::string_view known[] = {"deliverable", "undeliverable", "risky", "unknown"};
    EXPECT_EQ(nearest_word("riskey", known), "risky");
    EXPECT_EQ(nearest_word("delivrable", known), "deliverable");
    EXPECT_EQ(nearest_word("unkonwn", known), "unknown");
    EXPECT_EQ(nearest_word("risky", known), "risky");
    EXPECT_EQ(nearest_word("good", known), "");
    EXPECT_EQ(nearest_word("", known), "");
    EXPECT_EQ(nearest_word("a", {}), "");
}

RC_GTEST_PROP(EditDistance, IsSymmetricAndNeverShorterThanTheDifferenceOfLengths,
              (const std::string& a, const std::string& b))
{
    const std::size_t there = edit_distance(a, b, 1000);
    RC_ASSERT(there == edit_distance(b, a, 1000));
    RC_ASSERT(there >= std::max(a.size(), b.size()) - std::min(a.size(), b.size()));
    RC_ASSERT(there <= std::max(a.size(), b.size()));
    RC_ASSERT((there == 0) == (a == b));
}

RC_GTEST_PROP(EditDistance, TheLimitChangesOnlyAnswersBeyondIt, (const std::string& a, const std::string& b))
{
    const std::size_t limit = *rc::gen::inRange<std::size_t>(0, 12);
    RC_ASSERT(edit_distance(a, b, limit) == std::min(edit_distance(a, b, 1000), limit + 1));
}

}  // namespace
}  // namespace winnow
