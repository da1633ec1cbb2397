#include "mail/arf.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

ArfDraft draft()
{
    ArfDraft d;
    d.from = "fbl@provider.test";
    d.to = "fbl@sender.test";
    d.message_id = "arf-1@provider.test";
    d.date = TimePoint{milliseconds{1'767'225'600'000}};
    d.source_ip = "192.0.2.1";
    d.original_mail_from = "b+tok@bounce.sender.test";
    d.original_rcpt_to = {"a@provider.test"};
    d.original = "Subject: hi\r\nMessage-ID: <m1@sender.test>\r\n\r\nbody text\r\n";
    return d;
}

TEST(WriteArf, HoldsTheFieldsOfRfc5965)
{
    const auto m = write_arf(draft());
    ASSERT_TRUE(m) << m.error().context;
    for (const auto* part :
         {"report-type=feedback-report", "Content-Type: message/feedback-report\r\n", "Feedback-Type: abuse\r\n",
          "Version: 1\r\n", "Original-Mail-From: <b+tok@bounce.sender.test>\r\n",
          "Original-Rcpt-To: <a@provider.test>\r\n", "Source-IP: 192.0.2.1\r\n", "Content-Type: message/rfc822\r\n",
          "body text"})
        EXPECT_NE(m->find(part), std::string::npos) << part;
}

TEST(WriteArf, CanReturnTheHeaderOnlyAndLeaveTheRecipientOut)
{
    auto d = draft();
    d.header_only = true;
    d.original_rcpt_to.clear();
    const auto m = write_arf(d);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->find("body text"), std::string::npos);
    EXPECT_EQ(m->find("Original-Rcpt-To"), std::string::npos);
    EXPECT_NE(m->find("text/rfc822-headers"), std::string::npos);
}

TEST(WriteArf, RefusesValuesThatWouldForgeFields)
{
    auto d = draft();
    d.original_rcpt_to.push_back("x\r\nSource-IP: 192.0.2.9");
    EXPECT_FALSE(write_arf(d));
    d = draft();
    d.to.clear();
    EXPECT_FALSE(write_arf(d));
}

}  // namespace
}  // namespace winnow::mail
