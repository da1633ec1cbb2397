#include "core/vocabulary.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/verdict.hpp"

namespace winnow {
namespace {

template <class Enum>
struct EveryList : testing::Test {
};

using Lists =
    testing::Types<Verdict, Reason, Flag, Subject, Stage, Action, ReplyClass, SuppressionReason, SuppressionOrigin,
                   ScopeKind, MessageState, LaterFact, MailClass, JobState, CampaignState, EvidenceKind>;
TYPED_TEST_SUITE(EveryList, Lists);

TYPED_TEST(EveryList, EachValueIsReadBackFromItsOwnWord)
{
    std::set<std::string_view> words;
    for (const TypeParam value : all_values<TypeParam>()) {
        const std::string_view word = to_string(value);
        EXPECT_TRUE(words.insert(word).second) << word << " names two values";
        EXPECT_EQ(from_string<TypeParam>(word), value);
        EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << word;
    }
    EXPECT_GE(words.size(), 2u);
}

TYPED_TEST(EveryList, NumbersOnDiskAreTheRowsWithoutGap)
{
    const auto values = all_values<TypeParam>();
    const auto first = static_cast<unsigned>(values.front());
    for (unsigned i = 0; i < values.size(); ++i)
        EXPECT_EQ(static_cast<unsigned>(values[i]), first + i);
}

TYPED_TEST(EveryList, UnknownWordsGiveNothingAndDamagedNumbersAQuestionMark)
{
    for (const std::string_view word : {"", "no_such_word", "ACCEPTED", "accepted ", "?"})
        EXPECT_FALSE(from_string<TypeParam>(word)) << word;
    EXPECT_EQ(to_string(static_cast<TypeParam>(250)), "?");
}

TEST(Vocabulary, ListsHaveTheSizeOfTheDesign)
{
    EXPECT_EQ(all_values<Verdict>().size(), 4u);
    EXPECT_EQ(all_values<Reason>().size(), 24u);
    EXPECT_EQ(all_values<ReplyClass>().size(), 33u);
    EXPECT_EQ(all_values<MessageState>().size(), 10u);
}

TEST(Vocabulary, StoredNumbersNeverChange)
{
    EXPECT_EQ(static_cast<int>(Verdict::unknown), 4);
    EXPECT_EQ(static_cast<int>(Reason::internal_error), 24);
    EXPECT_EQ(static_cast<int>(ReplyClass::mailbox_unknown), 1);
    EXPECT_EQ(static_cast<int>(ReplyClass::unknown), 33);
    EXPECT_EQ(static_cast<int>(SuppressionReason::erased), 7);
    EXPECT_EQ(static_cast<int>(Flag::catch_all_unknown), 7);
}

TEST(Vocabulary, TheReservedWordImportIsSpelledWithoutItsUnderscore)
{
    EXPECT_EQ(to_string(SuppressionOrigin::import_), "import");
}

TEST(Vocabulary, EveryReasonBelongsToOneVerdict)
{
    const std::pair<Reason, Verdict> samples[] = {
        {Reason::mailbox_busy, Verdict::deliverable},     {Reason::mailbox_disabled, Verdict::undeliverable},
        {Reason::syntax_invalid, Verdict::undeliverable}, {Reason::catch_all_likely_dead, Verdict::risky},
        {Reason::mailbox_full, Verdict::risky},           {Reason::greylisted, Verdict::unknown},
        {Reason::accepts_then_rejects, Verdict::unknown},
    };
    for (const auto& [reason, verdict] : samples)
        EXPECT_EQ(verdict_of(reason), verdict) << to_string(reason);
}

TEST(Vocabulary, AReplyAboutUsNeverActsOnTheAddress)
{
    for (const ReplyClass c : all_values<ReplyClass>()) {
        const bool on_address = action_of(c) == Action::suppress || action_of(c) == Action::suspend;
        const bool about_us = subject_of(c) == Subject::us;
        EXPECT_FALSE(on_address && (about_us || subject_of(c) == Subject::nobody)) << to_string(c);
        EXPECT_TRUE(action_of(c) != Action::sender || about_us || c == ReplyClass::relay_denied) << to_string(c);
    }
}

TEST(Vocabulary, RelayDeniedBlamesTheDomainOnDirectMxAndUsThroughASmarthost)
{
    EXPECT_EQ(subject_of(ReplyClass::relay_denied), Subject::domain);
    EXPECT_EQ(subject_of(ReplyClass::relay_denied, true), Subject::us);
    EXPECT_EQ(subject_of(ReplyClass::mailbox_unknown, true), Subject::address);
}

TEST(Vocabulary, SuppressionReasonsAreOrderedByStrength)
{
    using enum SuppressionReason;
    const SuppressionReason weakest_first[] = {invalid, bounce, trap, manual, unsubscribe, complaint, erased};
    for (std::size_t i = 1; i < std::size(weakest_first); ++i)
        EXPECT_LT(strength(weakest_first[i - 1]), strength(weakest_first[i]));
}

TEST(Flags, KeepASetAndNameItInTheOrderOfTheList)
{
    Flags flags;
    EXPECT_TRUE(flags.names().empty());
    flags.set(Flag::seg);
    flags.set(Flag::role);
    flags.set(Flag::role);
    EXPECT_TRUE(flags.has(Flag::seg));
    EXPECT_FALSE(flags.has(Flag::eai));
    EXPECT_EQ(flags.names(), (std::vector<std::string_view>{"role", "seg"}));
    EXPECT_EQ(Flags{flags.bits()}, flags);
}

}  // namespace
}  // namespace winnow
