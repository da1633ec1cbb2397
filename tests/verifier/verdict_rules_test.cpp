#include "verifier/verdict_rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "net/smtp_error.hpp"

namespace winnow::verifier {
namespace {

constexpr TimePoint now{milliseconds{1'767'225'600'000}};

Reason reason(ReplyClass klass, int code, Stage stage)
{
    Classified meaning;
    meaning.klass = klass;
    const SmtpReply heard = SmtpReply::make(code, "words");
    return reason_of(meaning, &heard, Error{}, stage);
}

Reason silence(Errc code, Stage stage, ReplyClass klass = ReplyClass::network)
{
    Classified meaning;
    meaning.klass = klass;
    return reason_of(meaning, nullptr, Error{code, "nothing came"}, stage);
}

TEST(VerdictRules, OnlyA5xxAtRcptAboutTheAddressSaysThatItIsDead)
{
    const std::vector<ReplyClass> deadly{ReplyClass::mailbox_unknown, ReplyClass::mailbox_moved,
                                         ReplyClass::mailbox_disabled};
    for (const ReplyClass klass : all_values<ReplyClass>())
        for (const Stage stage : all_values<Stage>())
            for (const int code : {421, 450, 452, 500, 501, 502, 503, 504, 550, 551, 554}) {
                const bool dead = verdict_of(reason(klass, code, stage)) == Verdict::undeliverable;
                const bool may = stage == Stage::rcpt && code >= 550 &&
                                 std::find(deadly.begin(), deadly.end(), klass) != deadly.end();
                EXPECT_EQ(dead, may) << to_string(klass) << " " << code << " at " << to_string(stage);
            }
}

TEST(VerdictRules, AReplyAboutUsOrAboutNobodyIsAlwaysUnknown)
{
    for (const ReplyClass klass : all_values<ReplyClass>()) {
        const Subject subject = subject_of(klass);
        if (subject == Subject::address || klass == ReplyClass::delivered || klass == ReplyClass::suppressed)
            continue;
        for (const Stage stage : all_values<Stage>())
            for (const int code : {421, 450, 550, 554})
                EXPECT_EQ(verdict_of(reason(klass, code, stage)), Verdict::unknown)
                    << to_string(klass) << " " << code << " at " << to_string(stage);
    }
}

TEST(VerdictRules, BeforeRcptNothingIsKnownOfAnAddressWhateverTheWords)
{
    for (const ReplyClass klass : all_values<ReplyClass>())
        for (const Stage stage : {Stage::connect, Stage::banner, Stage::ehlo, Stage::starttls, Stage::mail})
            for (const int code : {220, 250, 421, 450, 550})
                EXPECT_EQ(verdict_of(reason(klass, code, stage)), Verdict::unknown)
                    << to_string(klass) << " " << code << " at " << to_string(stage);
}

TEST(VerdictRules, ASequenceErrorIsWorthAnotherTryAndOtherFaultsOfTheDialogueAreNot)
{
    EXPECT_EQ(reason(ReplyClass::protocol, 503, Stage::rcpt), Reason::temp_failure);
    EXPECT_EQ(reason(ReplyClass::protocol, 501, Stage::rcpt), Reason::policy_refused);
    EXPECT_EQ(reason(ReplyClass::mailbox_busy, 503, Stage::rcpt), Reason::policy_refused);
}

TEST(VerdictRules, OnlyThreeCodesAreAYesToRcpt)
{
    for (int code = 200; code < 300; ++code)
        EXPECT_EQ(reason(ReplyClass::delivered, code, Stage::rcpt),
                  code >= 250 && code <= 252 ? Reason::accepted : Reason::temp_failure)
            << code;
}

TEST(VerdictRules, WhatAHostSaysOfAllIsNoProofOfOne)
{
    for (const Reason r : all_values<Reason>())
        EXPECT_EQ(vouches_for_address(r), verdict_of(r) == Verdict::deliverable) << to_string(r);
    EXPECT_EQ(reason_without_proof(Reason::accepted, true), Reason::catch_all);
    EXPECT_EQ(reason_without_proof(Reason::accepted, false), Reason::catch_all);
    EXPECT_EQ(reason_without_proof(Reason::mailbox_busy, true), Reason::catch_all);
    EXPECT_EQ(reason_without_proof(Reason::mailbox_busy, false), Reason::temp_failure);
}

struct Row {
    ReplyClass klass;
    int code;
    Reason reason;
};

TEST(VerdictRules, ReadAnswersToRcpt)
{
    const Row rows[] = {
        {ReplyClass::delivered, 250, Reason::accepted},
        {ReplyClass::unknown, 251, Reason::accepted},
        {ReplyClass::mailbox_unknown, 550, Reason::mailbox_not_found},
        {ReplyClass::mailbox_unknown, 450, Reason::temp_failure},
        {ReplyClass::mailbox_moved, 551, Reason::mailbox_not_found},
        {ReplyClass::mailbox_disabled, 550, Reason::mailbox_disabled},
        {ReplyClass::mailbox_disabled, 450, Reason::temp_failure},
        {ReplyClass::mailbox_full, 552, Reason::mailbox_full},
        {ReplyClass::mailbox_full, 452, Reason::mailbox_full},
        {ReplyClass::mailbox_busy, 450, Reason::mailbox_busy},
        {ReplyClass::mailbox_busy, 550, Reason::mailbox_busy},
        {ReplyClass::recipient_filtered, 550, Reason::recipient_restricted},
        {ReplyClass::recipient_filtered, 450, Reason::temp_failure},
        {ReplyClass::ip_blocked, 550, Reason::prober_blocked},
        {ReplyClass::ip_blocked, 421, Reason::prober_blocked},
        {ReplyClass::sender_dns, 450, Reason::prober_blocked},
        {ReplyClass::greylisted, 451, Reason::greylisted},
        {ReplyClass::rate_limited, 421, Reason::temp_failure},
        {ReplyClass::rate_limited, 550, Reason::temp_failure},
        {ReplyClass::too_many_rcpts, 452, Reason::temp_failure},
        {ReplyClass::relay_denied, 550, Reason::policy_refused},
        {ReplyClass::relay_denied, 450, Reason::temp_failure},
        {ReplyClass::domain_invalid, 550, Reason::policy_refused},
        {ReplyClass::policy, 550, Reason::policy_refused},
        {ReplyClass::content_spam, 554, Reason::policy_refused},
        {ReplyClass::auth_failed, 550, Reason::policy_refused},
        {ReplyClass::unknown, 550, Reason::policy_refused},
        {ReplyClass::unknown, 450, Reason::temp_failure},
        {ReplyClass::server_error, 554, Reason::temp_failure},
        {ReplyClass::dns_failure, 451, Reason::dns_failure},
    };
    for (const Row& row : rows)
        EXPECT_EQ(reason(row.klass, row.code, Stage::rcpt), row.reason) << to_string(row.klass) << " " << row.code;
}

TEST(VerdictRules, SilenceIsNeverAboutTheAddress)
{
    for (const Stage stage : all_values<Stage>())
        for (const ReplyClass klass : all_values<ReplyClass>())
            for (const Errc code : {Errc::timed_out, Errc::io_error, Errc::protocol, Errc::cancelled})
                EXPECT_EQ(verdict_of(silence(code, stage, klass)), Verdict::unknown);
    EXPECT_EQ(silence(Errc::timed_out, Stage::connect), Reason::no_connect);
    EXPECT_EQ(silence(Errc::io_error, Stage::connect), Reason::no_connect);
    EXPECT_EQ(silence(Errc::timed_out, Stage::rcpt), Reason::timeout);
    EXPECT_EQ(silence(Errc::timed_out, Stage::banner), Reason::timeout);
    EXPECT_EQ(silence(Errc::io_error, Stage::rcpt), Reason::temp_failure);
    EXPECT_EQ(silence(Errc::timed_out, Stage::connect, ReplyClass::dns_failure), Reason::dns_failure);
}

TEST(VerdictRules, AskingAgainIsWorthItOnlyWhereTheAnswerMayChange)
{
    for (const Reason r : all_values<Reason>()) {
        if (worth_retrying(r, 1)) {
            EXPECT_EQ(verdict_of(r), Verdict::unknown) << to_string(r);
        }
        EXPECT_FALSE(worth_retrying(r, 12)) << to_string(r);
    }
    EXPECT_TRUE(worth_retrying(Reason::greylisted, 5));
    EXPECT_FALSE(worth_retrying(Reason::prober_blocked, 1));
    EXPECT_FALSE(worth_retrying(Reason::policy_refused, 1));
    EXPECT_FALSE(worth_retrying(Reason::not_probed, 1));
}

TEST(VerdictRules, EveryReasonHasAProbabilityWithinItsInterval)
{
    for (const Reason r : all_values<Reason>()) {
        VerdictRecord record;
        record.p_bounce = -1;
        conclude(record, r, now);
        EXPECT_EQ(record.verdict, verdict_of(r));
        EXPECT_GE(record.p_low, 0.0) << to_string(r);
        EXPECT_LE(record.p_low, record.p_bounce) << to_string(r);
        EXPECT_LE(record.p_bounce, record.p_high) << to_string(r);
        EXPECT_LE(record.p_high, 1.0) << to_string(r);
        EXPECT_EQ(record.expires_at, now + default_ttl(r));
    }
}

}  // namespace
}  // namespace winnow::verifier
