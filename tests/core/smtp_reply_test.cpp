#include "core/smtp_reply.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(EnhancedStatus, IsReadAtTheStartOfAText)
{
    EXPECT_EQ(parse_enhanced_status("5.1.1"), (EnhancedStatus{5, 1, 1}));
    EXPECT_EQ(parse_enhanced_status("4.7.650 slow down"), (EnhancedStatus{4, 7, 650}));
    EXPECT_EQ(parse_enhanced_status("2.0.0 ok")->to_string(), "2.0.0");
    EXPECT_EQ(EnhancedStatus{}.to_string(), "");
}

TEST(EnhancedStatus, LookAlikesAreNotOne)
{
    for (const std::string_view text :
         {"", "5", "5.1", "5.1.", "5..1", "3.1.1 no", "1.1.1", "5.1.1.7 version", "15.1.1", "5.1.1234", "5.1111.1",
          " 5.1.1", "5.1.1x", "5.x.1", "192.0.2.1", "5,1,1"})
        EXPECT_FALSE(parse_enhanced_status(text)) << text;
}

TEST(SmtpReply, TheClassIsThatOfTheFirstDigit)
{
    EXPECT_TRUE(SmtpReply::make(250, "ok").positive());
    EXPECT_TRUE(SmtpReply::make(354, "go").intermediate());
    EXPECT_TRUE(SmtpReply::make(451, "later").transient());
    EXPECT_TRUE(SmtpReply::make(550, "no").permanent());
    const SmtpReply none;
    EXPECT_FALSE(none.positive() || none.intermediate() || none.transient() || none.permanent());
    EXPECT_EQ(none.to_string(), "");
}

TEST(SmtpReply, MakeSplitsLinesAndTakesTheFirstStatusFound)
{
    const SmtpReply reply = SmtpReply::make(550, "Requested action not taken\r\n5.1.1 No such user\r\n5.7.1 and more");
    EXPECT_EQ(reply.lines.size(), 3u);
    EXPECT_EQ(reply.enhanced, (EnhancedStatus{5, 1, 1}));
    EXPECT_EQ(reply.text(), "Requested action not taken No such user and more");
    EXPECT_EQ(reply.to_string(), "550 5.1.1 Requested action not taken No such user and more");
}

TEST(SmtpReply, EmptyLinesAndAStatusAloneLeaveNoExtraSpaces)
{
    EXPECT_EQ(SmtpReply::make(550, "5.1.1\n\n5.1.1   gone  ").to_string(), "550 5.1.1 gone");
    EXPECT_EQ(SmtpReply::make(250, "").to_string(), "250");
    EXPECT_TRUE(SmtpReply::make(250, "").lines.empty());
}

TEST(SmtpReply, ControlCharactersCannotReachATerminalOrALog)
{
    EXPECT_EQ(SmtpReply::make(550, std::string_view("a\x1b[31mb\0c\td\x7f\re", 14)).text(), "a?[31mb?c d??e");
}

TEST(SmtpReply, OtherBytesAreKeptAsReceived)
{
    EXPECT_EQ(SmtpReply::make(550, "bo\xeete pleine").text(), "bo\xeete pleine");
}

}  // namespace
}  // namespace winnow
