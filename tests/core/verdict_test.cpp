#include "core/verdict.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using std::chrono::days;

TEST(DefaultTtl, FollowsTheTable)
{
    const std::pair<Reason, days> table[] = {
        {Reason::accepted, days{30}},
        {Reason::mailbox_busy, days{30}},
        {Reason::domain_not_found, days{7}},
        {Reason::domain_no_mail, days{30}},
        {Reason::mailbox_not_found, days{90}},
        {Reason::mailbox_disabled, days{30}},
        {Reason::catch_all, days{14}},
        {Reason::mailbox_full, days{3}},
        {Reason::recipient_restricted, days{14}},
        {Reason::greylisted, days{1}},
        {Reason::not_probed, days{1}},
    };
    for (const auto& [reason, ttl] : table)
        EXPECT_EQ(default_ttl(reason), ttl) << to_string(reason);
}

TEST(DefaultTtl, WhatWeDoNotKnowExpiresInADayAndNothingLastsForEver)
{
    for (const Reason reason : all_values<Reason>()) {
        if (verdict_of(reason) == Verdict::unknown)
            EXPECT_EQ(default_ttl(reason), days{1}) << to_string(reason);
        else
            EXPECT_GT(default_ttl(reason), days{1}) << to_string(reason);
        EXPECT_LE(default_ttl(reason), days{90}) << to_string(reason);
    }
}

TEST(VerdictRecord, StartsAsUnknownAndNotProbed)
{
    const VerdictRecord record;
    EXPECT_EQ(record.verdict, verdict_of(record.reason));
    EXPECT_EQ(record.reason, Reason::not_probed);
    EXPECT_LE(record.p_low, record.p_bounce);
    EXPECT_LE(record.p_bounce, record.p_high);
}

}  // namespace
}  // namespace winnow
