#include "mail/report_class.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

class ReportClass : public testing::Test {
protected:
    static Report bounce(std::string diagnostic, std::string status = {})
    {
        Report report;
        report.kind = ReportKind::dsn;
        ReportedRecipient r;
        r.final_recipient = "a@example.net";
        r.action = "failed";
        r.status = std::move(status);
        r.diagnostic = std::move(diagnostic);
        report.recipients.push_back(std::move(r));
        return report;
    }
    ReplyClass klass(const Report& report) const { return classify_report(report, 0, replies, &providers).klass; }

    // Read once: the table is large.
    inline static const ReplyClassifier replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
    inline static const ProviderTable providers = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
};

TEST_F(ReportClass, FollowsTheRemoteServersWords)
{
    EXPECT_EQ(klass(bounce("550 5.1.1 <a@example.net>: User unknown")), ReplyClass::mailbox_unknown);
    EXPECT_EQ(klass(bounce("552 5.2.2 mailbox full")), ReplyClass::mailbox_full);
    EXPECT_EQ(klass(bounce("", "5.2.2")), ReplyClass::mailbox_full);
}

TEST_F(ReportClass, UserUnknownAfterDataIsAFilterNotADeadMailbox)
{
    auto report = bounce("550 User unknown");
    report.recipients[0].stage = Stage::end_of_data;
    EXPECT_EQ(klass(report), ReplyClass::recipient_filtered);
    report.recipients[0].status = "5.1.1";
    EXPECT_EQ(klass(report), ReplyClass::mailbox_unknown) << "the status leaves no doubt";
}

TEST_F(ReportClass, WhatWasNeverReachedHasExpired)
{
    EXPECT_EQ(klass(bounce("connect to mx[192.0.2.1]:25: Connection timed out")), ReplyClass::expired);
    EXPECT_EQ(klass(bounce("connect to mx[192.0.2.1]:25: No route to host")), ReplyClass::network);
}

TEST_F(ReportClass, TheProseHelpsWhereTheFieldsSayNothing)
{
    auto report = bounce("");
    EXPECT_EQ(klass(report), ReplyClass::unknown);
    report.text = "Your message could not be delivered. The mailbox is full.";
    EXPECT_EQ(klass(report), ReplyClass::mailbox_full);
}

TEST_F(ReportClass, SuccessAndOtherKindsAreNoFailures)
{
    auto report = bounce("250 ok");
    report.recipients[0].action = "relayed";
    EXPECT_EQ(klass(report), ReplyClass::delivered);
    Report other;
    EXPECT_EQ(klass(other), ReplyClass::not_a_bounce);
    other.kind = ReportKind::auto_reply;
    EXPECT_EQ(klass(other), ReplyClass::auto_reply);
    EXPECT_EQ(classify_report(bounce("550 no"), 7, replies, nullptr).klass, ReplyClass::not_a_bounce);
}

TEST_F(ReportClass, ComplaintsFollowTheirFeedbackType)
{
    Report report;
    report.kind = ReportKind::arf;
    const std::pair<const char*, ReplyClass> cases[] = {{"abuse", ReplyClass::complaint},
                                                        {"fraud", ReplyClass::complaint},
                                                        {"opt-out", ReplyClass::unsubscribe},
                                                        {"auth-failure", ReplyClass::auth_failed},
                                                        {"not-spam", ReplyClass::not_a_bounce}};
    for (const auto& [type, expected] : cases) {
        report.feedback.emplace().feedback_type = type;
        EXPECT_EQ(klass(report), expected) << type;
    }
}

}  // namespace
}  // namespace winnow::mail
