#include "sandbox/greylist.hpp"

#include <gtest/gtest.h>

namespace winnow::sandbox {
namespace {

using std::chrono::seconds;

TEST(Greylist, ATripletPassesAfterItsWaitAndNotBefore)
{
    Greylist greylist;
    const SteadyPoint start{seconds{1000}};
    const auto left = [&](seconds after, const char* ip = "127.0.0.1", const char* from = "s@x",
                          const char* to = "r@y") { return greylist.left(ip, from, to, seconds{300}, start + after); };
    EXPECT_EQ(left(seconds{0}), seconds{300});
    EXPECT_EQ(left(seconds{299}), seconds{1});
    EXPECT_EQ(left(seconds{300}), std::nullopt);
    EXPECT_EQ(left(seconds{301}), std::nullopt);
    EXPECT_EQ(left(seconds{301}, "127.0.0.9"), std::nullopt) << "the same /24";
    EXPECT_EQ(left(seconds{301}, "127.0.1.1"), seconds{300}) << "another network";
    EXPECT_EQ(left(seconds{301}, "127.0.0.1", "other@x"), seconds{300}) << "another reverse-path";
    EXPECT_EQ(left(seconds{301}, "127.0.0.1", "s@x", "other@y"), seconds{300}) << "another recipient";
}

TEST(Greylist, AWaitOfZeroNeverDefers)
{
    Greylist greylist;
    EXPECT_EQ(greylist.left("127.0.0.1", "", "r@y", seconds{0}, SteadyPoint{}), std::nullopt);
}

}  // namespace
}  // namespace winnow::sandbox
