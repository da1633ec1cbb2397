#include "core/reply_phrase.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "core/reply_text.hpp"

namespace winnow {
namespace {

/// Looks for the phrase everywhere, as the table does.
std::optional<ReplyPhrase::Span> find(std::string_view phrase, std::string_view raw, bool names_no_ip = false)
{
    const auto made = ReplyPhrase::parse(phrase).value();
    const std::string text = fold_reply_text(raw);
    std::optional<ReplyPhrase::Span> best;
    for (std::size_t begin = 0; begin < text.size(); ++begin)
        for (const auto& key : made.keys()) {
            ReplyPhrase::Span span;
            if (begins_word(text, begin) && std::string_view(text).substr(begin).starts_with(key.text) &&
                made.match(key, text, begin, names_no_ip, span) && (!best || span.length > best->length))
                best = span;
        }
    return best;
}

TEST(ReplyPhrase, ReadsAlternativesAlsoEmptyOnes)
{
    EXPECT_TRUE(find("no {such |}{user|mailbox}", "550 No such user here"));
    EXPECT_TRUE(find("no {such |}{user|mailbox}", "550 no mailbox"));
    EXPECT_FALSE(find("no {such |}{user|mailbox}", "550 no such domain"));
    EXPECT_EQ(find("{mail|mailbox} full", "mailbox full")->length, 12u);
}

TEST(ReplyPhrase, GapStaysInOneSentenceAndIsNotPartOfTheLength)
{
    EXPECT_TRUE(find("user * unknown", "User <kijitora@example.com> unknown"));
    EXPECT_EQ(find("user * unknown", "user abc unknown")->length, 13u);
    EXPECT_FALSE(find("user * unknown", "User accepted. Sender unknown"));
    EXPECT_FALSE(find("user * unknown", "user " + std::string(80, 'x') + " unknown"));
}

TEST(ReplyPhrase, GapOfAnAddressPhraseHoldsNoIpAddress)
{
    EXPECT_TRUE(find("address * is blocked", "address 192.0.2.1 is blocked"));
    EXPECT_FALSE(find("address * is blocked", "address 192.0.2.1 is blocked", true));
    EXPECT_TRUE(find("address * is blocked", "address a.b is blocked", true));
}

TEST(ReplyPhrase, BeginsAtAWordAndEndsNotWithinANumber)
{
    EXPECT_FALSE(find("able to", "unable to relay"));
    EXPECT_TRUE(find("greylist", "550 (Greylisted)"));
    EXPECT_FALSE(find("ib10", "see IB105"));
    EXPECT_TRUE(find("ib10", "see IB10."));
    EXPECT_TRUE(find("[ts01]", "421 [TS01]"));
    EXPECT_FALSE(find("ящик", "пулеящик"));
    EXPECT_TRUE(find("邮箱已满", "用户邮箱已满"));
}

TEST(ReplyPhrase, BadSyntaxIsNamed)
{
    for (const char* bad : {"", "x", "* full", "full *", "{a|b", "a}b", "{a{b}}", "{a*b}", "a ** b"})
        EXPECT_FALSE(ReplyPhrase::parse(bad)) << bad;
}

}  // namespace
}  // namespace winnow
