#include "mail/headers.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

TEST(Headers, ReadsFieldsUnfoldedAndFindsTheBody)
{
    const std::string raw = "Subject: one\r\n two\r\nTO : a@example.test\r\n\r\nBody: no\r\n";
    const auto head = HeaderBlock::read(raw);
    ASSERT_EQ(head.fields().size(), 2u);
    EXPECT_EQ(head.get("subject"), "one two");
    EXPECT_EQ(head.get("To"), "a@example.test");
    EXPECT_EQ(raw.substr(head.body_offset()), "Body: no\r\n");
}

TEST(Headers, ToleratesLineFeedsMboxLinesAndBrokenHeads)
{
    EXPECT_EQ(HeaderBlock::read("From x@y Mon\nA: 1\nB: 2\n\nbody").fields().size(), 2u);
    EXPECT_EQ(HeaderBlock::read("From : a@b.test\nB: 2\n\nbody").get("From"), "a@b.test") << "not an mbox line";
    EXPECT_EQ(HeaderBlock::read("From \t : a@b.test\n\n").get("From"), "a@b.test");
    EXPECT_TRUE(HeaderBlock::read("").fields().empty());
    EXPECT_TRUE(HeaderBlock::read(" leading space\nA: 1").fields().empty());
    EXPECT_TRUE(HeaderBlock::read("\r\nbody only").fields().empty());
    const auto broken = HeaderBlock::read("A: 1\nno field here\nB: 2\n");
    EXPECT_EQ(broken.fields().size(), 1u);
    EXPECT_EQ(broken.body_offset(), 5u);
    EXPECT_EQ(HeaderBlock::read("A: 1").get("a"), "1") << "no line end at all";
    EXPECT_EQ(HeaderBlock::read(std::string_view("A: \0\xff\n\nx", 9)).fields().size(), 1u);
}

TEST(Headers, StopsKeepingPastTheLimitsButStillFindsTheBody)
{
    std::string raw;
    for (int i = 0; i < 2000; ++i)
        raw += "X-N: " + std::to_string(i) + "\r\n";
    raw += "\r\nbody";
    const auto head = HeaderBlock::read(raw);
    EXPECT_EQ(head.fields().size(), 1000u);
    EXPECT_EQ(raw.substr(head.body_offset()), "body");
    HeaderLimits tight;
    tight.max_bytes = 10;
    EXPECT_EQ(HeaderBlock::read("A: 1\nBB: " + std::string(50, 'x') + "\n\n", tight).fields().size(), 1u);
}

TEST(Headers, CountsHopsInTheHeadOnly)
{
    EXPECT_EQ(count_received("Received: a\r\nreceived: b\r\nSubject: x\r\n\r\nReceived: c\r\n"), 2u);
}

TEST(Headers, TraceFieldCannotBeBrokenByThePeer)
{
    ReceivedTrace trace;
    trace.helo = "evil\r\nBcc: x@example.test";
    trace.peer_ip = "192.0.2.1";
    trace.by = "mx.example.test";
    trace.protocol = "ESMTPS";
    trace.id = "01ABC";
    trace.recipient = "a@example.test";
    const auto field = received_field(trace);
    const auto head = HeaderBlock::read(field);
    ASSERT_EQ(head.fields().size(), 1u);
    EXPECT_NE(head.get("Received").find("([192.0.2.1]) by mx.example.test with ESMTPS id 01ABC for <a@example.test>;"),
              std::string_view::npos)
        << field;
    trace.peer_ip = "2001:db8::1";
    EXPECT_NE(received_field(trace).find("([IPv6:2001:db8::1])"), std::string::npos);
}

TEST(Headers, AddsOnlyWhatIsMissing)
{
    EXPECT_EQ(missing_fields("Date: x\r\nMessage-Id: <a@b>\r\n\r\n", {}, "id@example.test"), "");
    EXPECT_EQ(missing_fields("Date: x\r\n\r\n", {}, "id@example.test"), "Message-ID: <id@example.test>\r\n");
    EXPECT_EQ(missing_fields("Message-ID: <a@b>\r\n\r\nDate: in the body", {}, "x@y").substr(0, 6), "Date: ");
}

TEST(Headers, FieldsInFrontOfABareBodyGetTheEmptyLine)
{
    EXPECT_EQ(with_fields("A: 1\r\n", "Subject: x\r\n\r\nb"), "A: 1\r\nSubject: x\r\n\r\nb");
    EXPECT_EQ(with_fields("A: 1\r\n", "just text"), "A: 1\r\n\r\njust text");
    EXPECT_EQ(with_fields("A: 1\r\n", "\r\ntext"), "A: 1\r\n\r\ntext");
}

}  // namespace
}  // namespace winnow::mail
