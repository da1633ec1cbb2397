#include "net/smtp_reply_parser.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "net/smtp_error.hpp"

namespace winnow::net {
namespace {

SmtpReply parse(std::string_view bytes)
{
    SmtpReplyParser parser;
    parser.feed(bytes);
    auto reply = parser.next();
    if (!reply || !*reply) {
        ADD_FAILURE() << "no reply in: " << bytes;
        return {};
    }
    EXPECT_TRUE(parser.idle());
    return **reply;
}

boost::system::error_code error_of(std::string_view bytes)
{
    SmtpReplyParser parser;
    parser.feed(bytes);
    const auto reply = parser.next();
    return reply ? boost::system::error_code() : reply.error().code;
}

TEST(SmtpReplyParser, ReadsCodeStatusAndText)
{
    const SmtpReply reply = parse("550-5.1.1 No such user\r\n550 5.1.1 here\r\n");
    EXPECT_EQ(reply.code, 550);
    EXPECT_EQ(reply.enhanced, (EnhancedStatus{5, 1, 1}));
    EXPECT_EQ(reply.lines, (std::vector<std::string>{"5.1.1 No such user", "5.1.1 here"}));
    EXPECT_EQ(reply.text(), "No such user here");
}

TEST(SmtpReplyParser, AcceptsMissingTextBareLineFeedsAndAnyOctets)
{
    EXPECT_EQ(parse("250\r\n").lines, std::vector<std::string>{""});
    EXPECT_EQ(parse("250-\r\n250 \r\n").lines, (std::vector<std::string>{"", ""}));
    EXPECT_EQ(parse("250 ok\n").lines, std::vector<std::string>{"ok"});
    EXPECT_EQ(parse("550 bo\xEEte pleine\r\n").lines, std::vector<std::string>{"bo\xEEte pleine"});
    EXPECT_EQ(parse(std::string_view("250 a\0b\rc\r\n", 11)).lines, std::vector<std::string>{"a?b?c"});
}

TEST(SmtpReplyParser, WaitsForTheWholeReply)
{
    SmtpReplyParser parser;
    parser.feed("250-a\r\n250");
    EXPECT_FALSE(parser.next().value());
    EXPECT_FALSE(parser.idle());
    parser.feed(" b\r\n354 go\r\n");
    EXPECT_EQ(parser.next().value()->lines.size(), 2u);
    EXPECT_FALSE(parser.idle());
    EXPECT_EQ(parser.next().value()->code, 354);
    EXPECT_TRUE(parser.idle());
    EXPECT_FALSE(parser.next().value());
}

TEST(SmtpReplyParser, RefusesWhatIsNoReplyAtTheFirstOctetThatShowsIt)
{
    for (const char* bytes : {"HTTP/1.1 400 Bad Request\r\n", "S", "\x15\x03\x01", "25x", "250_ok\r\n", "150 x\r\n",
                              "650 x\r\n", "\r\n", "25\r\n", "2\n", " 250 ok\r\n"})
        EXPECT_EQ(error_of(bytes), SmtpErrc::malformed_reply) << bytes;
}

TEST(SmtpReplyParser, LinesThatContradictEachOtherAreNoAnswer)
{
    EXPECT_EQ(error_of("250-ok\r\n550 no such user\r\n"), SmtpErrc::malformed_reply);
}

TEST(SmtpReplyParser, HoldsFiveHundredLinesAndNotOneMore)
{
    std::string lines;
    for (int i = 0; i < 499; ++i)
        lines += "550-line\r\n";
    EXPECT_EQ(parse(lines + "550 end\r\n").lines.size(), 500u);
    EXPECT_EQ(error_of(lines + "550-line\r\n550 end\r\n"), SmtpErrc::reply_too_long);
}

TEST(SmtpReplyParser, RefusesAnEndlessLineBeforeItEnds)
{
    EXPECT_EQ(parse("250 " + std::string(2044, 'x') + "\r\n").lines[0].size(), 2044u);
    EXPECT_EQ(error_of("250 " + std::string(2045, 'x') + "\r\n"), SmtpErrc::reply_too_long);
    EXPECT_EQ(error_of("250 " + std::string(3000, 'x')), SmtpErrc::reply_too_long);
}

/// Random lines of a reply, in which any octet may stand.
SmtpReply any_reply()
{
    const int code = *rc::gen::inRange(200, 600);
    const auto lines = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::map(
        rc::gen::container<std::string>(rc::gen::arbitrary<char>()), [](std::string s) { return s.substr(0, 300); })));
    SmtpReply reply;
    reply.code = code;
    for (const std::string& line : lines) {
        const SmtpReply piece = SmtpReply::make(code, line);
        reply.lines.push_back(piece.lines.empty() ? "" : piece.lines.front());
        if (!reply.enhanced.present())
            reply.enhanced = piece.enhanced;
    }
    return reply;
}

TEST(SmtpReplyParser, WhateverAServerFormatsComesOutTheSameHoweverItIsSplit)
{
    const bool ok = rc::check([] {
        SmtpReply sent = any_reply();
        sent.enhanced = {};
        const std::string bytes = format_reply(sent) + "221 bye\r\n";
        SmtpReplyParser parser;
        std::vector<SmtpReply> got;
        for (std::size_t at = 0; at < bytes.size();) {
            const auto part = static_cast<std::size_t>(*rc::gen::inRange(1, 40));
            parser.feed(std::string_view(bytes).substr(at, part));
            at += part;
            for (auto reply = parser.next().value(); reply; reply = parser.next().value())
                got.push_back(*reply);
        }
        RC_ASSERT(got.size() == 2u);
        RC_ASSERT(got[0].code == sent.code);
        RC_ASSERT(got[0].lines == sent.lines);
        RC_ASSERT(parser.idle());
    });
    EXPECT_TRUE(ok);
}

TEST(SmtpReplyParser, NoOctetsMakeItFailOtherThanByAnError)
{
    const bool ok = rc::check([](const std::vector<std::string>& pieces) {
        SmtpReplyParser parser;
        for (const std::string& piece : pieces) {
            parser.feed(piece);
            for (int i = 0; i < 100; ++i) {
                const auto reply = parser.next();
                if (!reply || !*reply)
                    break;
                RC_ASSERT((*reply)->code >= 200 && (*reply)->code <= 599);
                RC_ASSERT(!(*reply)->lines.empty());
            }
        }
    });
    EXPECT_TRUE(ok);
}

TEST(FormatReply, AddsTheStatusCutsLongLinesAndNeverLetsTextStartALine)
{
    EXPECT_EQ(format_reply(SmtpReply::make(250, "2.0.0 ok")), "250 2.0.0 ok\r\n");
    EXPECT_EQ(format_reply(SmtpReply::make(250, "")), "250 \r\n");
    SmtpReply reply{550, {5, 1, 1}, {"no such\r\n250 user", "bye"}};
    EXPECT_EQ(format_reply(reply), "550-5.1.1 no such??250 user\r\n550 5.1.1 bye\r\n");
    reply.lines = {std::string(1000, 'x')};
    EXPECT_EQ(format_reply(reply).size(), 512u);
}

}  // namespace
}  // namespace winnow::net
