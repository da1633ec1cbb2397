#include "mail/dsn.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

DsnDraft draft()
{
    DsnDraft d;
    d.reporting_mta = "mx.example.test";
    d.to = "sender@example.test";
    d.message_id = "dsn-1@mx.example.test";
    d.date = TimePoint{milliseconds{1'767'225'600'000}};
    d.arrival_date = d.date;
    d.envelope_id = "QQ314159";
    DsnRecipient r;
    r.original_recipient = "rfc822;old@example.test";
    r.final_recipient = "gone@example.test";
    r.status = "5.1.1";
    r.remote_mta = "mx1.example.test";
    r.diagnostic = "550 5.1.1 No such user";
    d.recipients.push_back(r);
    d.original = "Subject: hi\r\nMessage-ID: <m1@example.test>\r\n\r\nsecret body\r\n";
    return d;
}

TEST(WriteDsn, HoldsTheFieldsOfRfc3464)
{
    const auto m = write_dsn(draft());
    ASSERT_TRUE(m) << m.error().context;
    for (const auto* part :
         {"multipart/report; report-type=delivery-status", "Auto-Submitted: auto-replied\r\n",
          "Content-Type: message/delivery-status\r\n", "Reporting-MTA: dns; mx.example.test\r\n",
          "Original-Envelope-Id: QQ314159\r\n", "Arrival-Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
          "Original-Recipient: rfc822;old@example.test\r\n", "Final-Recipient: rfc822; gone@example.test\r\n",
          "Action: failed\r\n", "Status: 5.1.1\r\n", "Remote-MTA: dns; mx1.example.test\r\n",
          "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n", "Content-Type: text/rfc822-headers\r\n",
          "Message-ID: <m1@example.test>\r\n"})
        EXPECT_NE(m->find(part), std::string::npos) << part;
    EXPECT_EQ(m->find("secret body"), std::string::npos) << "only the header goes back";
}

TEST(WriteDsn, ForeignTextCannotForgeFieldsOrParts)
{
    auto d = draft();
    d.recipients[0].diagnostic = "550 x\r\nFinal-Recipient: rfc822; victim@example.test\r\n\xff";
    d.original = "Subject: =_winnow-report\r\n--=_winnow-report: x\r\n\r\n";
    const auto m = write_dsn(d);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->find("\r\nFinal-Recipient: rfc822; victim"), std::string::npos);
    EXPECT_NE(m->find("boundary=\"=_winnow-report+\""), std::string::npos);
}

TEST(WriteDsn, RefusesWhatCannotBeSent)
{
    auto d = draft();
    d.to.clear();
    EXPECT_FALSE(write_dsn(d)) << "never a notification about a notification";
    d = draft();
    d.recipients.clear();
    EXPECT_FALSE(write_dsn(d));
    d = draft();
    d.recipients[0].final_recipient = "x@y\r\nBcc: z";
    EXPECT_FALSE(write_dsn(d));
}

TEST(WriteDsn, SubjectFollowsTheWorstAction)
{
    auto d = draft();
    d.recipients[0].action = DsnAction::delayed;
    d.recipients[0].will_retry_until = d.date;
    auto m = write_dsn(d);
    ASSERT_TRUE(m);
    EXPECT_NE(m->find("Subject: Delayed Mail"), std::string::npos);
    EXPECT_NE(m->find("Will-Retry-Until:"), std::string::npos);
    d.recipients.push_back(draft().recipients[0]);
    m = write_dsn(d);
    ASSERT_TRUE(m);
    EXPECT_NE(m->find("Subject: Undelivered Mail"), std::string::npos);
}

TEST(WriteDsn, InternationalAddressesUseTheGlobalForms)
{
    auto d = draft();
    d.recipients[0].final_recipient = "j\u00fcrgen@example.test";
    const auto m = write_dsn(d);
    ASSERT_TRUE(m);
    EXPECT_NE(m->find("message/global-delivery-status"), std::string::npos);
    EXPECT_NE(m->find("Final-Recipient: utf-8; j\u00fcrgen@example.test"), std::string::npos);
}

}  // namespace
}  // namespace winnow::mail
