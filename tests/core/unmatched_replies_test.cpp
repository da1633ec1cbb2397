#include "core/unmatched_replies.hpp"

#include <gtest/gtest.h>

#include "core/reply_classifier.hpp"
#include "core/reply_text.hpp"
#include "tests/support/manual_clock.hpp"

namespace winnow {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct MaskCase {
    const char* said;
    const char* masked;
    const char* recipient = "jane.doe@customer.example";
};

void PrintTo(const MaskCase& c, std::ostream* out)
{
    *out << c.said;
}

class Masked : public testing::TestWithParam<MaskCase> {};

TEST_P(Masked, HoldsWhatIsSaidAndNotOfWhom)
{
    const MaskCase& c = GetParam();
    EXPECT_EQ(mask_reply_text(fold_reply_text(c.said), c.recipient), c.masked);
}

INSTANTIATE_TEST_SUITE_P(Words, Masked,
                         testing::Values(MaskCase{"<Jane.Doe@customer.example>: not today", "<@>: not today"},
                                         MaskCase{"Jane.Doe: not today", "@: not today"},
                                         MaskCase{"no mail for customer.example, sorry", "no mail for @, sorry"},
                                         MaskCase{"mx1.customer.example says no", "mx#.@ says no"},
                                         MaskCase{"jane says no to \"jim\" and <kim>", "@ says no to \"@\" and <@>",
                                                  "jane+news@customer.example"},
                                         MaskCase{"an apple a day", "an apple a day", "a@customer.example"},
                                         MaskCase{"mail.other.example says no", "[host] says no"},
                                         MaskCase{"from 192.0.2.17 and 2001:db8::17", "from [ip] and [ip]"},
                                         MaskCase{"[192.0.2.17] is odd", "[[ip]] is odd"},
                                         MaskCase{"wait 300 seconds, twice 15:30", "wait # seconds, twice #:#"},
                                         MaskCase{"rule 5.1.2 of rfc5321", "rule #.#.# of rfc#"},
                                         MaskCase{"id 4f8GzW2kq1z9 - gsmtp", "id # - gsmtp"},
                                         MaskCase{"trace aBcDeFgHiJkLmNoPqRsTuVwXyZ here", "trace # here"},
                                         MaskCase{"see https://help.example/errors/554?to=jane%40x.example&t=1 now",
                                                  "see https://help.example/errors/# now"},
                                         MaskCase{"for john%40shop.example no", "for # no"},
                                         MaskCase{"user=john no", "# no"},
                                         MaskCase{"e.g. this. And that!", "e.g. this. and that!"},
                                         MaskCase{"...", "..."}, MaskCase{"", ""},
                                         MaskCase{"nicht verf\xC3\xBCgbar", "nicht verfugbar"},
                                         MaskCase{"no recipient is known", "no recipient is known", ""}));

TEST(MaskReplyText, IsCutBetweenCharacters)
{
    std::string said;
    for (int i = 0; i < 200; ++i)
        said += "\xD0\xB6";  // Cyrillic, two octets each
    const std::string masked = mask_reply_text(" " + said, "");
    EXPECT_LE(masked.size(), 240u);
    EXPECT_EQ(masked.size() % 2, 1u) << "the space and whole characters";
}

class UnmatchedTest : public testing::Test {
protected:
    void hear(const std::string& words, int code = 550, std::string_view status = "")
    {
        UnmatchedReplies::Heard heard;
        heard.code = code;
        heard.status = status;
        heard.folded = words;
        heard.provider = "google";
        heard.recipient = "jane@customer.example";
        replies.note(heard);
    }
    /// A wording that differs in more than digits.
    static std::string wording(int n)
    {
        std::string word = "x";
        for (; n > 0; n /= 20)
            word += static_cast<char>('a' + n % 20);
        return word;
    }

    test::ManualClock clock;
    UnmatchedReplies replies{clock};
};

TEST_F(UnmatchedTest, OneWordingIsOneEntryWithItsCountAndTimes)
{
    const TimePoint first = clock.now();
    hear("go away 17", 550, "5.7.1");
    clock.advance(hours{1});
    hear("go away 18", 550, "5.7.1");
    hear("go away 18", 550);
    hear("go away 18", 450, "5.7.1");
    const auto all = replies.all();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].text, "5.7.1 go away #");
    EXPECT_EQ(all[0].count, 2u);
    EXPECT_EQ(all[0].first, first);
    EXPECT_EQ(all[0].last, clock.now());
    EXPECT_EQ(all[0].provider, "google");
    EXPECT_EQ(all[0].stage, Stage::rcpt);
}

TEST_F(UnmatchedTest, WithoutPlaceTheRarestGoes)
{
    for (int n = 0; n < 500; ++n) {
        hear(wording(n));
        if (n != 7)
            hear(wording(n));
    }
    ASSERT_EQ(replies.all().size(), 500u);
    hear("a new one");
    const auto all = replies.all();
    EXPECT_EQ(all.size(), 500u);
    EXPECT_EQ(all.back().text, "a new one");
    for (const auto& reply : all)
        EXPECT_NE(reply.text, wording(7));
    clock.advance(seconds{11});
    hear("a newer one");
    EXPECT_EQ(replies.all().size(), 500u);
    EXPECT_EQ(replies.all().back().text, "a newer one") << "of equally rare ones the older one goes";
}

TEST_F(UnmatchedTest, OfAFloodTheRestIsOnlyCounted)
{
    for (int i = 0; i < 3'000; ++i)
        hear("go away");
    EXPECT_EQ(replies.all().at(0).count, 2'000u);
    EXPECT_EQ(replies.passed_over(), 1'000u);
    clock.advance(seconds{10});
    hear("go away");
    EXPECT_EQ(replies.all().at(0).count, 2'001u);
}

TEST_F(UnmatchedTest, ComesBackFromItsText)
{
    hear("go away", 550, "5.7.1");
    clock.advance(hours{1});
    hear("later", 450);
    UnmatchedReplies again{clock};
    again.add(replies.to_text());
    EXPECT_EQ(again.to_text(), replies.to_text());
    again.add(replies.to_text());
    EXPECT_EQ(again.all().size(), 2u);
    EXPECT_EQ(again.all().at(0).count, 2u) << "what was heard before is added to";
}

TEST_F(UnmatchedTest, LinesThatCannotBeReadArePassedOver)
{
    const std::string good = "3\t1000\t2000\t550\trcpt\t\tgo away\n";
    replies.add("\n\t\t\n3\t1\t2\t250\trcpt\t\tno refusal\n-1\t1\t2\t550\trcpt\t\tx\n3\t1\t2\t550\tnowhere\t\tx\n" +
                good);
    ASSERT_EQ(replies.all().size(), 1u);
    EXPECT_EQ(replies.all().at(0).count, 3u);
    EXPECT_EQ(replies.all().at(0).last, TimePoint{milliseconds{2000}});
}

class CollectingTest : public testing::Test {
protected:
    static ReplyClassifier table(const std::string& rows) { return ReplyClassifier::parse(rows).value(); }
    static constexpr const char* row = "x-1\t*\t5xx\t-\t*\tgo away\tpolicy\t-\ttest\n";

    test::ManualClock clock;
    UnmatchedReplies unmatched{clock};
    ReplyContext context;
};

TEST_F(CollectingTest, OnlyRefusalsThatNoRowReadsAreCollected)
{
    ReplyClassifier replies = table(row);
    replies.collect_unmatched(&unmatched);
    context.recipient = "jane@customer.example";
    EXPECT_TRUE(replies.classify(SmtpReply::make(550, "go away"), context).by_row);
    EXPECT_FALSE(replies.classify(SmtpReply::make(250, "welcome"), context).by_row);
    EXPECT_FALSE(replies.classify(SmtpReply::make(550, "5.7.1 <jane@customer.example> Leave"), context).by_row);
    EXPECT_FALSE(replies.classify(SmtpReply::make(421, "closing"), context).by_row);
    EXPECT_FALSE(replies.classify_text("550 nobody collects this", context).by_row);
    const auto all = unmatched.all();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].text, "closing");
    EXPECT_EQ(all[1].text, "5.7.1 <@> leave");
    EXPECT_EQ(all[1].code, 550);
}

TEST_F(CollectingTest, NewRowsReadAtOnceAndASnapshotKeepsTheOldOnes)
{
    ReplyClassifier replies = table("");
    replies.collect_unmatched(&unmatched);
    const ReplyClassifier before = replies.snapshot();
    replies.replace_rows(table(row));
    EXPECT_EQ(replies.classify(SmtpReply::make(550, "go away"), context).rule, "x-1");
    EXPECT_EQ(before.classify(SmtpReply::make(550, "go away"), context).rule, "code:5xx");
    EXPECT_TRUE(unmatched.all().empty()) << "a snapshot collects nothing";
    (void)replies.classify(SmtpReply::make(550, "leave"), context);
    EXPECT_EQ(unmatched.all().size(), 1u) << "what is collected goes where it went";
}

}  // namespace
}  // namespace winnow
