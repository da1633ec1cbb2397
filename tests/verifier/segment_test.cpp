#include "verifier/segment.hpp"

#include <gtest/gtest.h>

#include "tests/verifier/list_fixture.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

storage::RowResult row(Reason reason, std::vector<Flag> flags = {}, std::string provider = {})
{
    storage::RowResult result;
    conclude(result.verdict, reason, TimePoint{std::chrono::hours{1}});
    for (const Flag flag : flags)
        result.verdict.flags.set(flag);
    result.verdict.provider = std::move(provider);
    return result;
}

TEST(Segment, OfNothingAskedForIsEverything)
{
    const Segment all;
    EXPECT_TRUE(all.everything());
    EXPECT_TRUE(all.has(nullptr));
    const auto result = row(Reason::timeout);
    EXPECT_TRUE(all.has(&result));
}

TEST(Segment, WordsOfOneKindAreAlternativesAndKindsAreConditions)
{
    Segment segment;
    ASSERT_TRUE(add_verdicts(segment, "risky, unknown"));
    ASSERT_TRUE(add_verdicts(segment, "deliverable"));
    ASSERT_TRUE(add_flags(segment, "role,seg"));
    ASSERT_TRUE(add_providers(segment, "gmail,none", std::vector<std::string>{"gmail", "gmx"}));
    const auto in = row(Reason::catch_all, {Flag::seg}, "gmail");
    const auto unknown_provider = row(Reason::accepted, {Flag::role, Flag::eai});
    const auto other_verdict = row(Reason::mailbox_not_found, {Flag::role}, "gmail");
    const auto no_flag = row(Reason::catch_all, {Flag::eai}, "gmail");
    const auto other_provider = row(Reason::catch_all, {Flag::role}, "gmx");
    EXPECT_TRUE(segment.has(&in));
    EXPECT_TRUE(segment.has(&unknown_provider));
    EXPECT_FALSE(segment.has(&other_verdict));
    EXPECT_FALSE(segment.has(&no_flag));
    EXPECT_FALSE(segment.has(&other_provider));
    EXPECT_FALSE(segment.has(nullptr)) << "nothing is known of a row without result";
    Segment by_reason;
    ASSERT_TRUE(add_reasons(by_reason, "catch_all"));
    EXPECT_TRUE(by_reason.has(&in));
    EXPECT_FALSE(by_reason.has(&unknown_provider));
}

TEST(Segment, AnUnknownWordIsRefusedWithTheNearestOne)
{
    Segment segment;
    EXPECT_EQ(add_verdicts(segment, "risky,delivrable").error().context,
              "does not know \"delivrable\"; did you mean \"deliverable\"?");
    EXPECT_EQ(add_reasons(segment, "mailbox-full").error().context,
              "does not know \"mailbox-full\"; did you mean \"mailbox_full\"?");
    EXPECT_EQ(add_flags(segment, "rol").error().context, "does not know \"rol\"; did you mean \"role\"?");
    EXPECT_EQ(add_providers(segment, "gmial", std::vector<std::string>{"gmail", "gmx"}).error().context,
              "does not know \"gmial\"; did you mean \"gmail\"?");
    EXPECT_EQ(add_verdicts(segment, "good").error().context,
              "does not know \"good\"; it knows deliverable, undeliverable, risky, unknown");
    EXPECT_EQ(add_verdicts(segment, "").error().code, Errc::invalid_argument);
    EXPECT_EQ(add_verdicts(segment, "risky,").error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace winnow::verifier
