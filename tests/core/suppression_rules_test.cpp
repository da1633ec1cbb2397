#include "core/suppression_rules.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace winnow {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

constexpr TimePoint start{milliseconds{1'800'000'000'000}};
const SuppressionOptions defaults;

StrikeOutcome outcome(ReplyClass klass, TimePoint at, bool clear = false)
{
    StrikeOutcome made;
    made.klass = klass;
    made.clear = clear;
    made.at = at;
    return made;
}

/// Applies outcomes in turn; the suppression is that of the last one.
StrikeResult apply(const std::vector<StrikeOutcome>& outcomes)
{
    StrikeResult result;
    for (const StrikeOutcome& each : outcomes)
        result = apply_outcome(result.state, each, defaults);
    return result;
}

TEST(SuppressionRules, ClearUnknownMailboxAtRcptSuppressesForEverOnTheFirstStrike)
{
    for (const auto klass : {ReplyClass::mailbox_unknown, ReplyClass::mailbox_moved}) {
        const auto result = apply({outcome(klass, start, true)});
        ASSERT_TRUE(result.suppression);
        EXPECT_EQ(result.suppression->reason, SuppressionReason::bounce);
        EXPECT_EQ(result.suppression->scope, ScopeKind::workspace);
        EXPECT_FALSE(result.suppression->expires);
        EXPECT_EQ(result.suppression->strikes, 1);
    }
}

TEST(SuppressionRules, AmbiguousTextTakesTwoStrikesAndTwoInOneHourAreOne)
{
    const auto once = outcome(ReplyClass::mailbox_unknown, start);
    EXPECT_FALSE(apply({once}).suppression);
    EXPECT_FALSE(apply({once, outcome(ReplyClass::mailbox_unknown, start + 59min)}).suppression);
    const auto twice = apply({once, outcome(ReplyClass::mailbox_unknown, start + 1h)});
    ASSERT_TRUE(twice.suppression);
    EXPECT_EQ(twice.suppression->strikes, 2);
    EXPECT_EQ(twice.state.unknown.first, start);
    EXPECT_EQ(twice.state.unknown.last, start + 1h);
}

TEST(SuppressionRules, ClearTextElsewhereThanAtRcptIsOnlyAmbiguous)
{
    auto at_dot = outcome(ReplyClass::mailbox_unknown, start, true);
    at_dot.stage = Stage::end_of_data;
    EXPECT_FALSE(apply({at_dot}).suppression);
    auto again = at_dot;
    again.at += days{1};
    EXPECT_TRUE(apply({at_dot, again}).suppression);
}

TEST(SuppressionRules, NothingSaidBeforeRcptIsEverHeldAgainstTheAddress)
{
    for (const auto stage : {Stage::connect, Stage::banner, Stage::ehlo, Stage::starttls, Stage::auth, Stage::mail})
        for (const auto klass : all_values<ReplyClass>()) {
            if (klass == ReplyClass::complaint || klass == ReplyClass::unsubscribe)
                continue;
            auto early = outcome(klass, start, true);
            early.stage = stage;
            early.final_ = true;
            const auto result = apply({early});
            EXPECT_FALSE(result.suppression) << to_string(klass) << " at " << to_string(stage);
            EXPECT_EQ(result.state, StrikeState{});
        }
}

TEST(SuppressionRules, DeferredMessagesStrikeNobody)
{
    for (const auto klass : {ReplyClass::mailbox_unknown, ReplyClass::mailbox_disabled, ReplyClass::mailbox_full}) {
        auto deferred = outcome(klass, start, true);
        deferred.permanent = false;
        deferred.final_ = true;
        EXPECT_EQ(apply({deferred}).state, StrikeState{});
        EXPECT_FALSE(apply({deferred}).suppression);
    }
}

TEST(SuppressionRules, DisabledMailboxTakesTwoStrikesAWeekApartOrOneFinal)
{
    const auto first = outcome(ReplyClass::mailbox_disabled, start, true);
    EXPECT_FALSE(apply({first}).suppression);
    EXPECT_FALSE(apply({first, outcome(ReplyClass::mailbox_disabled, start + days{6})}).suppression);
    const auto later = apply({first, outcome(ReplyClass::mailbox_disabled, start + days{6}),
                              outcome(ReplyClass::mailbox_disabled, start + days{7})});
    ASSERT_TRUE(later.suppression);
    EXPECT_EQ(later.suppression->expires, start + days{7} + days{180});
    auto final_one = first;
    final_one.final_ = true;
    EXPECT_TRUE(apply({final_one}).suppression);
}

TEST(SuppressionRules, FullMailboxTakesThreeDaysOfFourteen)
{
    const auto full = [](TimePoint at) { return outcome(ReplyClass::mailbox_full, at, true); };
    EXPECT_FALSE(apply({full(start), full(start + 1h), full(start + 2h), full(start + 3h)}).suppression);
    EXPECT_FALSE(apply({full(start), full(start + days{3})}).suppression);
    const auto third = apply({full(start), full(start + days{3}), full(start + days{9})});
    ASSERT_TRUE(third.suppression);
    EXPECT_EQ(third.suppression->expires, start + days{9} + days{30});
    // Strikes two weeks apart never add up to three.
    StrikeResult slow;
    for (int i = 0; i < 10; ++i) {
        slow = apply_outcome(slow.state, full(start + i * days{8}), defaults);
        EXPECT_FALSE(slow.suppression) << i;
    }
}

TEST(SuppressionRules, FilteringTakesTwoStrikesAndEndsAfterNinetyDays)
{
    const auto first = outcome(ReplyClass::recipient_filtered, start);
    EXPECT_FALSE(apply({first}).suppression);
    const auto second = apply({first, outcome(ReplyClass::recipient_filtered, start + days{2})});
    ASSERT_TRUE(second.suppression);
    EXPECT_EQ(second.suppression->expires, start + days{2} + days{90});
}

TEST(SuppressionRules, ComplaintAndUnsubscribeActAtOnce)
{
    const auto complaint = apply({outcome(ReplyClass::complaint, start)});
    ASSERT_TRUE(complaint.suppression);
    EXPECT_EQ(complaint.suppression->reason, SuppressionReason::complaint);
    EXPECT_EQ(complaint.suppression->scope, ScopeKind::workspace);
    const auto leave = apply({outcome(ReplyClass::unsubscribe, start)});
    ASSERT_TRUE(leave.suppression);
    EXPECT_EQ(leave.suppression->reason, SuppressionReason::unsubscribe);
    EXPECT_EQ(leave.suppression->scope, ScopeKind::list);
    EXPECT_FALSE(leave.suppression->expires);
}

TEST(SuppressionRules, RepliesAboutUsNobodyOrUnknownNeverSuppressHoweverOften)
{
    for (const auto klass : all_values<ReplyClass>()) {
        // Its own tests are below.
        if (klass == ReplyClass::domain_invalid)
            continue;
        if (subject_of(klass) == Subject::address && klass != ReplyClass::mailbox_busy &&
            klass != ReplyClass::suppressed && klass != ReplyClass::delivered)
            continue;
        StrikeState state;
        for (int i = 0; i < 20; ++i) {
            auto each = outcome(klass, start + i * days{1}, true);
            each.final_ = true;
            const auto result = apply_outcome(state, each, defaults);
            EXPECT_FALSE(result.suppression) << to_string(klass);
            state = result.state;
        }
        EXPECT_EQ(state, StrikeState{}) << to_string(klass);
    }
}

TEST(SuppressionRules, DeliveryClearsEarlierStrikesButNotLaterOnes)
{
    const auto strike = outcome(ReplyClass::mailbox_unknown, start);
    const auto delivered = outcome(ReplyClass::delivered, start + days{1});
    EXPECT_EQ(apply({strike, delivered}).state, StrikeState{});
    EXPECT_FALSE(apply({strike, delivered, outcome(ReplyClass::mailbox_unknown, start + days{2})}).suppression);
    const auto old_delivery = outcome(ReplyClass::delivered, start - days{1});
    EXPECT_EQ(apply({strike, old_delivery}).state.unknown.strikes, 1u);
}

TEST(SuppressionRules, OldStrikesAreForgotten)
{
    const auto strike = outcome(ReplyClass::recipient_filtered, start);
    EXPECT_FALSE(apply({strike, outcome(ReplyClass::recipient_filtered, start + days{181})}).suppression);
    EXPECT_TRUE(apply({strike, outcome(ReplyClass::recipient_filtered, start + days{179})}).suppression);
}

TEST(SuppressionRules, DomainNeedsTwoAnswersAnHourApartAndNullMxOne)
{
    StrikeOutcome gone = outcome(ReplyClass::domain_invalid, start);
    gone.stage = Stage::connect;  // from DNS: there was no RCPT
    gone.own_dns = true;
    auto first = apply_domain_outcome({}, gone, defaults);
    EXPECT_FALSE(first.suppression);
    gone.at = start + 2h;
    const auto second = apply_domain_outcome(first.state, gone, defaults);
    ASSERT_TRUE(second.suppression);
    EXPECT_EQ(second.suppression->expires, gone.at + days{30});
    gone.clear = true;
    const auto null_mx = apply_domain_outcome({}, gone, defaults);
    ASSERT_TRUE(null_mx.suppression);
    EXPECT_EQ(null_mx.suppression->expires, gone.at + days{90});
    EXPECT_FALSE(apply({gone, gone}).suppression) << "that is the domain's entry, not one of each address";
    EXPECT_EQ(apply({gone}).state, StrikeState{});
    // An address's own strikes do not touch the domain.
    EXPECT_FALSE(apply_domain_outcome({}, outcome(ReplyClass::mailbox_unknown, start, true), defaults).suppression);
}

TEST(SuppressionRules, WhatOthersSayOfADomainIsAnAmbiguousStrikeOfTheAddressOnly)
{
    StrikeOutcome said = outcome(ReplyClass::domain_invalid, start, true);
    EXPECT_EQ(apply_domain_outcome({}, said, defaults).state, StrikeState::Count{});
    EXPECT_FALSE(apply({said}).suppression) << "clear or not";
    StrikeOutcome again = said;
    again.at = start + 59min;
    EXPECT_FALSE(apply({said, again}).suppression);
    again.at = start + 1h;
    EXPECT_FALSE(apply_domain_outcome(apply_domain_outcome({}, said, defaults).state, again, defaults).suppression);
    const auto made = apply({said, again});
    ASSERT_TRUE(made.suppression);
    EXPECT_EQ(made.suppression->expires, again.at + defaults.domain_duration);
    again.permanent = false;
    EXPECT_FALSE(apply({said, again}).suppression);
}

SuppressionCore arbitrary_core()
{
    SuppressionCore core;
    core.reason = *rc::gen::elementOf(all_values<SuppressionReason>());
    core.first = start + milliseconds{*rc::gen::inRange(0, 5)};
    core.last = start + milliseconds{*rc::gen::inRange(5, 10)};
    if (*rc::gen::arbitrary<bool>())
        core.expires = start + milliseconds{*rc::gen::inRange(10, 15)};
    core.strikes = *rc::gen::inRange(0, 4);
    return core;
}

RC_GTEST_PROP(SuppressionMerge, IsCommutativeAssociativeAndIdempotent, ())
{
    const auto a = arbitrary_core();
    const auto b = arbitrary_core();
    const auto c = arbitrary_core();
    RC_ASSERT(merge(a, a) == a);
    RC_ASSERT(merge(a, b) == merge(b, a));
    RC_ASSERT(merge(merge(a, b), c) == merge(a, merge(b, c)));
    RC_ASSERT(strength(merge(a, b).reason) == std::max(strength(a.reason), strength(b.reason)));
}

TEST(SuppressionMergeRule, StrongestReasonBringsItsExpiryAndPermanentIsLatest)
{
    SuppressionCore bounce{SuppressionReason::bounce, start, start, start + days{30}, 2};
    SuppressionCore complaint{SuppressionReason::complaint, start + days{1}, start + days{1}, std::nullopt, 1};
    const auto merged = merge(bounce, complaint);
    EXPECT_EQ(merged.reason, SuppressionReason::complaint);
    EXPECT_FALSE(merged.expires);
    EXPECT_EQ(merged.first, start);
    EXPECT_EQ(merged.last, start + days{1});
    EXPECT_EQ(merged.strikes, 2);
    SuppressionCore permanent = bounce;
    permanent.expires = std::nullopt;
    EXPECT_FALSE(merge(bounce, permanent).expires);
}

RC_GTEST_PROP(SuppressionRulesProperty, SameOutcomeTwiceAddsNoStrike, ())
{
    const auto klass = *rc::gen::elementOf(all_values<ReplyClass>());
    auto each = outcome(klass, start + milliseconds{*rc::gen::inRange(0, 1'000'000)}, *rc::gen::arbitrary<bool>());
    each.final_ = *rc::gen::arbitrary<bool>();
    const auto once = apply_outcome({}, each, defaults);
    const auto twice = apply_outcome(once.state, each, defaults);
    RC_ASSERT(once.state == twice.state);
}

}  // namespace
}  // namespace winnow
