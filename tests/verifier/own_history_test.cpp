#include "verifier/own_history.hpp"

#include <gtest/gtest.h>

#include "tests/verifier/probe_lab.hpp"
#include "verifier/recompute.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;

constexpr TimePoint now{milliseconds{1'767'225'600'000}};
constexpr milliseconds ttl = hours{24 * 7};

Evidence outcome(ReplyClass klass, std::string answer, TimePoint at, EvidenceKind kind = EvidenceKind::delivery)
{
    Evidence e;
    e.kind = kind;
    e.klass = klass;
    e.answer = std::move(answer);
    e.at = at;
    return e;
}

Evidence delivered(hours ago)
{
    return outcome(ReplyClass::delivered, "250 2.0.0 ok", now - ago);
}

Evidence report(ReplyClass klass, hours ago, std::string rule = {})
{
    Evidence e = outcome(klass, "the report's words", now - ago, EvidenceKind::report);
    e.rule = std::move(rule);
    return e;
}

std::optional<Reason> read(const std::vector<Evidence>& history, Sorting domain)
{
    const auto fact = read_outcomes(history, domain, now);
    return fact ? std::optional{fact->reason} : std::nullopt;
}

TEST(OwnHistory, ADeliveryVouchesForAMailboxOnlyWhereTheDomainRefusesStrangers)
{
    const std::vector<Evidence> history{delivered(hours{100})};
    EXPECT_EQ(read(history, Sorting::refuses_strangers), Reason::accepted);
    EXPECT_EQ(read(history, Sorting::takes_everybody), Reason::catch_all_likely_live);
    EXPECT_EQ(read(history, Sorting::unknown), Reason::catch_all);
    EXPECT_TRUE(read_outcomes(history, Sorting::unknown, now)->untested);
    EXPECT_FALSE(read_outcomes(history, Sorting::takes_everybody, now)->untested);
}

TEST(OwnHistory, AtACatchAllItTakesTheBounceWindowUntilSilenceSaysSomething)
{
    EXPECT_EQ(read({delivered(hours{71})}, Sorting::takes_everybody), Reason::catch_all);
    EXPECT_EQ(read({delivered(hours{72})}, Sorting::takes_everybody), Reason::catch_all_likely_live);
    const auto fact = read_outcomes({delivered(hours{100})}, Sorting::takes_everybody, now);
    EXPECT_EQ(fact->at, now - hours{28}) << "it is known since the end of the window";
    EXPECT_EQ(read({delivered(hours{1}), delivered(hours{100})}, Sorting::takes_everybody),
              Reason::catch_all_likely_live)
        << "a message of today takes nothing back";
    EXPECT_FALSE(read({delivered(hours{24 * 18})}, Sorting::takes_everybody)) << "it is too old";
}

TEST(OwnHistory, ABounceAfterTheDeliveryDecidesWhateverTheDomain)
{
    const std::vector<Evidence> history{report(ReplyClass::mailbox_unknown, hours{1}), delivered(hours{2})};
    for (const Sorting domain : {Sorting::unknown, Sorting::refuses_strangers, Sorting::takes_everybody})
        EXPECT_EQ(read(history, domain), Reason::mailbox_not_found);
    EXPECT_EQ(read({report(ReplyClass::mailbox_full, hours{1}), delivered(hours{2})}, Sorting::takes_everybody),
              Reason::mailbox_full);
}

TEST(OwnHistory, AMessageThatACatchAllSentBackSpeaksAgainstTheAddress)
{
    for (const ReplyClass klass : {ReplyClass::expired, ReplyClass::server_error, ReplyClass::relay_denied}) {
        const std::vector<Evidence> history{report(klass, hours{1}), delivered(hours{100})};
        EXPECT_EQ(read(history, Sorting::takes_everybody), Reason::catch_all_likely_dead) << to_string(klass);
        EXPECT_EQ(read(history, Sorting::refuses_strangers), Reason::accepted) << to_string(klass);
    }
    EXPECT_EQ(read({report(ReplyClass::content_spam, hours{1}), delivered(hours{100})}, Sorting::takes_everybody),
              Reason::catch_all_likely_live)
        << "that was about our message";
    EXPECT_EQ(read({delivered(hours{80}), report(ReplyClass::expired, hours{90})}, Sorting::takes_everybody),
              Reason::catch_all_likely_live)
        << "a later one got through";
    EXPECT_EQ(read({delivered(hours{1}), report(ReplyClass::expired, hours{90})}, Sorting::takes_everybody),
              Reason::catch_all_likely_dead)
        << "a later one may come back too";
}

TEST(OwnHistory, WhatCameBackInUnreadableWordsIsNotCalledDelivered)
{
    EXPECT_FALSE(read({report(ReplyClass::unknown, hours{1}), delivered(hours{100})}, Sorting::takes_everybody));
    EXPECT_EQ(read({report(ReplyClass::unknown, hours{1}), delivered(hours{100}), delivered(hours{200})},
                   Sorting::takes_everybody),
              Reason::catch_all_likely_live)
        << "of the one before it that is still true";
    EXPECT_EQ(read({report(ReplyClass::unknown, hours{1}, "report:another-recipient"), delivered(hours{100})},
                   Sorting::takes_everybody),
              Reason::catch_all_likely_live)
        << "that was sent on to somebody else";
}

TEST(OwnHistory, TheNewestFactDecidesAndIsNamed)
{
    const std::vector<Evidence> history{
        outcome(ReplyClass::greylisted, "451 4.7.1 later", now - hours{1}),
        outcome(ReplyClass::mailbox_unknown, "450 4.1.1 unknown", now - hours{2}),
        delivered(hours{3}),
        outcome(ReplyClass::mailbox_unknown, "550 5.1.1 unknown", now - hours{4}),
    };
    const auto fact = read_outcomes(history, Sorting::refuses_strangers, now);
    ASSERT_TRUE(fact);
    EXPECT_EQ(fact->reason, Reason::accepted);
    EXPECT_EQ(fact->by, &history[2]);
    EXPECT_TRUE(read_outcomes(history, Sorting::unknown, now)->untested) << "it refutes the older refusal, perhaps";
    EXPECT_EQ(read(history, Sorting::takes_everybody), Reason::mailbox_not_found)
        << "that a catch-all took one today refutes no refusal";
}

TEST(OwnHistory, OldOrEmptyHistoryAndWordsAboutUsDecideNothing)
{
    const Sorting domain = Sorting::refuses_strangers;
    EXPECT_FALSE(read({}, domain));
    EXPECT_FALSE(read({delivered(hours{24 * 31})}, domain));
    EXPECT_TRUE(read({delivered(hours{24 * 29})}, domain));
    EXPECT_FALSE(read({outcome(ReplyClass::content_spam, "550 5.7.1 spam", now)}, domain));
    EXPECT_FALSE(read({outcome(ReplyClass::ip_blocked, "554 5.7.1 listed", now)}, domain));
}

class DomainHabitTest : public testing::Test {
protected:
    using Answer = storage::CatchAllRecord::Answer;

    Sorting sorting(const std::string& domain, std::optional<storage::CatchAllRecord> tested = {},
                    const std::string& mx = {})
    {
        std::vector<Evidence> history{delivered(hours{1})};
        history.front().of = mx;
        return habit_of(domain, history, tested, ttl, ProbeLab::built_in_lists(), providers, now).sorting;
    }
    static storage::CatchAllRecord test(Answer answer, hours ago)
    {
        storage::CatchAllRecord record;
        record.answer = answer;
        record.checked = now - ago;
        return record;
    }

    ProviderTable providers = ProviderTable::parse(
                                  ".big.example\tbig\tbig\tmailbox\tlarge\ttest\n"
                                  ".yes.example\tyes\tyes\tmailbox\tlarge,accepts_all\ttest\n"
                                  ".park.example\tpark\tpark\tparked\t-\ttest\n")
                                  .value();
};

TEST_F(DomainHabitTest, IsThatOfItsCatchAllTestWhileThatIsFresh)
{
    EXPECT_EQ(sorting("x.test"), Sorting::unknown);
    EXPECT_EQ(sorting("x.test", test(Answer::yes, hours{1})), Sorting::takes_everybody);
    EXPECT_EQ(sorting("x.test", test(Answer::no, hours{1})), Sorting::refuses_strangers);
    EXPECT_EQ(sorting("x.test", test(Answer::inconclusive, hours{1})), Sorting::unknown);
    EXPECT_EQ(sorting("x.test", test(Answer::no, hours{24 * 7})), Sorting::unknown) << "too old";
}

TEST_F(DomainHabitTest, OfAMailboxProvidersOwnDomainIsKnownWithoutATest)
{
    EXPECT_EQ(sorting("gmail.com"), Sorting::refuses_strangers);
    EXPECT_EQ(sorting("gmail.com", {}, "mx.yes.example[192.0.2.1]"), Sorting::unknown) << "it is tested too";
    EXPECT_EQ(sorting("gmail.com", test(Answer::yes, hours{1}), "mx.yes.example[192.0.2.1]"), Sorting::takes_everybody);
    EXPECT_EQ(sorting("x.test", {}, "mx.big.example[192.0.2.1]"), Sorting::unknown) << "a customer's";
}

TEST_F(DomainHabitTest, ParkedDomainsTakeEverybodysMail)
{
    EXPECT_EQ(sorting("x.test", test(Answer::no, hours{1}), "mx.park.example[192.0.2.1]"), Sorting::takes_everybody);
}

TEST(OwnHistory, AVerdictOfAnOlderRuleIsReadAnewAsWorthNoMoreThanAYesToRcpt)
{
    ProbeLab lab;
    VerdictRecord verdict;
    verdict.evidence.push_back(delivered(hours{1}));
    verdict.reason = Reason::accepted;
    EXPECT_EQ(recompute(verdict, {lab.replies, lab.providers, lab.lists}).reason, Reason::catch_all);
}

}  // namespace
}  // namespace winnow::verifier
