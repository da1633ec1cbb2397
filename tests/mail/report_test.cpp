#include "mail/report.hpp"

#include <gtest/gtest.h>

#include "mail/arf.hpp"
#include "mail/dsn.hpp"
#include "mail/message.hpp"

namespace winnow::mail {
namespace {

/// A bounce in prose from a mail system.
std::string prose(std::string_view body, std::string_view subject = "failure notice")
{
    return "From: MAILER-DAEMON@mx.example.net\r\nTo: sender@example.com\r\nSubject: " + std::string(subject) +
           "\r\n\r\n" + std::string(body);
}

constexpr std::string_view returned =
    "\r\nReturn-Path: <sender@example.com>\r\nFrom: sender@example.com\r\nTo: gone@example.net\r\n"
    "Message-ID: <m1@example.com>\r\nSubject: hi\r\n\r\nbody\r\n";

TEST(ReadReport, ReadsTheDsnThatWeWrite)
{
    DsnDraft draft;
    draft.reporting_mta = "mx.example.net";
    draft.to = "sender@example.com";
    draft.message_id = "d1@mx.example.net";
    draft.envelope_id = "QQ1";
    for (const auto* name : {"one", "two"}) {
        DsnRecipient r;
        r.original_recipient = std::string("rfc822;old-") + name + "@example.net";
        r.final_recipient = std::string(name) + "@example.net";
        r.status = "5.1.1";
        r.remote_mta = "mx1.example.net";
        r.diagnostic = "550 5.1.1 No such user";
        draft.recipients.push_back(r);
    }
    draft.original = returned.substr(2);
    const auto raw = write_dsn(draft);
    ASSERT_TRUE(raw);
    const auto report = read_report(*raw);
    EXPECT_EQ(report.kind, ReportKind::dsn);
    EXPECT_TRUE(report.structured);
    EXPECT_EQ(report.reporting_mta, "mx.example.net");
    EXPECT_EQ(report.envelope_id, "QQ1");
    EXPECT_EQ(report.original_message_id, "m1@example.com");
    EXPECT_EQ(report.original.get("Return-Path"), "<sender@example.com>");
    ASSERT_EQ(report.recipients.size(), 2u);
    const auto& r = report.recipients[1];
    EXPECT_EQ(r.final_recipient, "two@example.net");
    EXPECT_EQ(r.original_recipient, "old-two@example.net");
    EXPECT_EQ(r.action, "failed");
    EXPECT_EQ(r.status, "5.1.1");
    EXPECT_EQ(r.reply_code, 550);
    EXPECT_EQ(r.remote_mta, "mx1.example.net");
    EXPECT_EQ(r.diagnostic, "550 5.1.1 No such user");
}

TEST(ReadReport, ReadsTheArfThatWeWrite)
{
    ArfDraft draft;
    draft.from = "fbl@provider.example";
    draft.to = "fbl@example.com";
    draft.message_id = "a1@provider.example";
    draft.source_ip = "192.0.2.1";
    draft.original_mail_from = "b+token@bounce.example.com";
    draft.original_rcpt_to = {"annoyed@provider.example"};
    draft.original = returned.substr(2);
    const auto raw = write_arf(draft);
    ASSERT_TRUE(raw);
    const auto report = read_report(*raw);
    EXPECT_EQ(report.kind, ReportKind::arf);
    ASSERT_TRUE(report.feedback);
    EXPECT_EQ(report.feedback->feedback_type, "abuse");
    EXPECT_EQ(report.feedback->source_ip, "192.0.2.1");
    EXPECT_EQ(report.feedback->original_mail_from, "b+token@bounce.example.com");
    EXPECT_FALSE(report.feedback->redacted);
    ASSERT_EQ(report.recipients.size(), 1u);
    EXPECT_EQ(report.recipients[0].final_recipient, "annoyed@provider.example");
    EXPECT_EQ(report.original_message_id, "m1@example.com");
}

TEST(ReadReport, ARedactedComplaintSaysSo)
{
    for (const auto* rcpt : {"redacted@provider.example", "[redacted]", ""}) {
        ArfDraft draft;
        draft.from = "fbl@provider.example";
        draft.to = "fbl@example.com";
        draft.message_id = "a1@provider.example";
        if (*rcpt != 0)
            draft.original_rcpt_to = {rcpt};
        const auto report = read_report(*write_arf(draft));
        ASSERT_TRUE(report.feedback);
        EXPECT_TRUE(report.feedback->redacted) << rcpt;
    }
}

struct Prose {
    const char* name;
    const char* body;
    const char* recipient;
    const char* status;
    int code;
};

class BounceProse : public testing::TestWithParam<Prose> {};

TEST_P(BounceProse, IsRead)
{
    const auto& p = GetParam();
    const auto report = read_report(prose(p.body));
    EXPECT_EQ(report.kind, ReportKind::dsn);
    EXPECT_FALSE(report.structured);
    ASSERT_EQ(report.recipients.size(), 1u);
    EXPECT_EQ(report.recipients[0].final_recipient, p.recipient);
    EXPECT_EQ(report.recipients[0].status, p.status);
    EXPECT_EQ(report.recipients[0].reply_code, p.code);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, BounceProse,
    testing::Values(
        Prose{"qmail",
              "Hi. This is the program at mx.\r\n\r\n<gone@example.net>:\r\nSorry, no mailbox here. (#5.1.1)\r\n",
              "gone@example.net", "5.1.1", 0},
        Prose{"postfix", "<gone@example.net>: host mx[192.0.2.1] said: 550 5.1.1 <gone@example.net>: User unknown\r\n",
              "gone@example.net", "5.1.1", 550},
        Prose{
            "exim",
            "The following address(es) failed:\r\n\r\n  gone@example.net\r\n    host mx [192.0.2.1]\r\n    SMTP error "
            "from remote mail server after RCPT TO:<gone@example.net>:\r\n    550 No such person\r\n",
            "gone@example.net", "", 550},
        Prose{"paragraphs",
              "There was an error delivering your mail to <gone@example.net>.\r\n\r\nmx did not like it:\r\n"
              "452 4.2.2 mailbox full\r\n",
              "gone@example.net", "4.2.2", 452},
        Prose{"transcript",
              "--- Transcript of session follows ---\r\n>>> RCPT To:<gone@example.net>\r\n<<< 550 "
              "<gone@example.net>... User unknown\r\n550 <gone@example.net>... User unknown\r\n",
              "gone@example.net", "", 550},
        Prose{"wrapped code", "554 <gone@example.net>... 550 Host unknown\r\n", "gone@example.net", "", 550}),
    [](const auto& param_info) {
        std::string name = param_info.param.name;
        std::erase_if(name, [](char c) { return c == ' '; });
        return name;
    });

TEST(ReadReport, SeveralRecipientsKeepTheirOwnReasons)
{
    const auto report =
        read_report(prose("<a@example.net>:\r\n550 5.1.1 unknown\r\n\r\n<b@example.net>:\r\n"
                          "452 4.2.2 full\r\n"));
    ASSERT_EQ(report.recipients.size(), 2u);
    EXPECT_EQ(report.recipients[0].status, "5.1.1");
    EXPECT_EQ(report.recipients[1].status, "4.2.2");
}

TEST(ReadReport, TheReturnedMessageIsNotReadAsTheReport)
{
    const auto report =
        read_report(prose("<gone@example.net>:\r\nno such user\r\n\r\n--- Below this line is a copy of "
                          "the message.\r\n" +
                          std::string(returned) + "<other@example.net>:\r\n550 5.1.1 not me\r\n"));
    ASSERT_EQ(report.recipients.size(), 1u);
    EXPECT_EQ(report.recipients[0].final_recipient, "gone@example.net");
    EXPECT_EQ(report.original_message_id, "m1@example.com");
}

TEST(ReadReport, ABounceInsideABounceIsNotLookedInto)
{
    DsnDraft inner;
    inner.reporting_mta = "inner.example";
    inner.to = "x@example.com";
    inner.message_id = "i@x";
    DsnRecipient r;
    r.final_recipient = "inner@example.net";
    inner.recipients = {r};
    const auto raw =
        "From: friend@example.org\r\nTo: me@example.com\r\nSubject: look at this\r\nMIME-Version: "
        "1.0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\n" +
        *write_dsn(inner) + "\r\n--b1--\r\n";
    EXPECT_EQ(read_report(raw).kind, ReportKind::not_a_bounce);
}

TEST(ReadReport, OrdinaryMailIsNoBounce)
{
    Draft draft;
    draft.from = {"Ada", "ada@example.com"};
    draft.to = {{"", "bob@example.net"}};
    draft.subject = "Lunch? We could meet at 5";
    draft.message_id = "l1@example.com";
    draft.text = "Write to carol@example.org: 550 guests are invited.\n";
    EXPECT_EQ(read_report(compose(draft)->message).kind, ReportKind::not_a_bounce);
    for (const auto* raw : {"", "\r\n", "x", "Subject: x", "\xff\xfe\r\n\r\n\xff"})
        EXPECT_EQ(read_report(raw).kind, ReportKind::not_a_bounce);
}

TEST(ReadReport, VacationNoticesAreAutoReplies)
{
    for (const auto* head : {"Auto-Submitted: auto-replied\r\n", "X-Autoreply: yes\r\n", "Precedence: auto_reply\r\n",
                             "Subject: Out of office: hello\r\n", "Subject: =?utf-8?q?Automatic_reply=3A_x?=\r\n"}) {
        const auto raw = std::string("Return-Path: <>\r\nFrom: ada@example.net\r\n") + head +
                         "\r\nI am away. Write to bob@example.net instead.\r\n";
        EXPECT_EQ(read_report(raw).kind, ReportKind::auto_reply) << head;
    }
}

TEST(ReadReport, FieldsInAnyOrderAndCaseAreRead)
{
    const auto raw = std::string(
        "From: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; "
        "report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n--b\r\nContent-Type: "
        "message/delivery-status\r\n\r\nREPORTING-MTA: dns;mx.example\r\n\r\nACTION: Failed "
        "(really)\r\nstatus: 5.0.0 (permanent)\r\nFINAL-RECIPIENT: RFC822;<a@example.net>\r\n"
        "diagnostic-code: X-Thing; host said: 550-5.2.1 The account\r\n is disabled\r\n"
        "Final-Recipient: rfc822; b@example.net\r\nAction: delayed\r\n--b--\r\n");
    const auto report = read_report(raw);
    ASSERT_EQ(report.recipients.size(), 2u);
    EXPECT_EQ(report.recipients[0].final_recipient, "a@example.net");
    EXPECT_EQ(report.recipients[0].action, "failed");
    EXPECT_EQ(report.recipients[0].status, "5.2.1") << "the remote server's own status is more precise";
    EXPECT_EQ(report.recipients[0].diagnostic, "host said: 550-5.2.1 The account is disabled");
    EXPECT_EQ(report.recipients[1].action, "delayed");
}

TEST(ReadReport, DeepAndHugeMessagesAreCut)
{
    std::string deep = "From: MAILER-DAEMON@x\r\nSubject: failure notice\r\n";
    for (int i = 0; i < 3000; ++i)
        deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) +
                "\r\n";
    EXPECT_NO_THROW(read_report(deep));
    std::string nested = "From: MAILER-DAEMON@x\r\nSubject: failure notice\r\n";
    for (int i = 0; i < 3000; ++i)
        nested += "Content-Type: message/rfc822\r\n\r\n";
    EXPECT_NO_THROW(read_report(nested));
    std::string wide =
        "From: MAILER-DAEMON@x\r\nSubject: failure notice\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 5000; ++i)
        wide += "--b\r\n\r\nx\r\n";
    EXPECT_NO_THROW(read_report(wide));
    MimeLimits small;
    small.max_bytes = 100;
    EXPECT_EQ(read_report(prose("<gone@example.net>: 550 no\r\n" + std::string(1000, 'x')), small).recipients.size(),
              1u);
    EXPECT_LE(read_report(prose("<gone@example.net>: " + std::string(100'000, 'x'))).recipients.at(0).diagnostic.size(),
              2000u);
}

TEST(ReadReport, EveryTruncationAndBrokenByteIsSafe)
{
    DsnDraft draft;
    draft.reporting_mta = "mx.example.net";
    draft.to = "sender@example.com";
    draft.message_id = "d1@mx.example.net";
    DsnRecipient r;
    r.final_recipient = "gone@example.net";
    r.diagnostic = "550 5.1.1 No such user";
    draft.recipients = {r};
    draft.original = returned.substr(2);
    const auto raw = *write_dsn(draft);
    for (std::size_t n = 0; n < raw.size(); n += 7)
        EXPECT_NO_THROW(read_report(raw.substr(0, n)));
    for (std::size_t n = 0; n < raw.size(); n += 11) {
        auto broken = raw;
        broken[n] = '\xff';
        const auto report = read_report(broken);
        for (const auto& one : report.recipients)
            EXPECT_EQ(one.diagnostic.find('\xff'), std::string::npos);
    }
}

TEST(ReadReport, SesNotificationsByMailAreRead)
{
    const std::string bounce =
        R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General",)"
        R"("reportingMTA":"dns; a1.example","bouncedRecipients":[{"emailAddress":"gone@example.net","action":"failed",)"
        R"("status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":{"source":"s@example.com",)"
        R"("headers":[{"name":"Subject","value":"hi"}]}})";
    auto report =
        read_report("From: no-reply@sns.example\r\nSubject: Notification\r\n\r\n" + bounce + "\r\n--\r\nbye {\r\n");
    EXPECT_EQ(report.kind, ReportKind::dsn);
    ASSERT_EQ(report.recipients.size(), 1u);
    EXPECT_EQ(report.recipients[0].final_recipient, "gone@example.net");
    EXPECT_EQ(report.recipients[0].status, "5.1.1");
    EXPECT_EQ(report.recipients[0].reply_code, 550);
    EXPECT_EQ(report.reporting_mta, "a1.example");
    EXPECT_EQ(report.original.get("Return-Path"), "<s@example.com>");

    report = read_report(
        "Subject: x\r\n\r\n{\"Type\":\"Notification\",\"Message\":\"{\\\"notificationType\\\":"
        "\\\"Complaint\\\",\\\"complaint\\\":{\\\"complainedRecipients\\\":[{\\\"emailAddress\\\":"
        "\\\"a@example.net\\\"}]}}\"}\r\n");
    EXPECT_EQ(report.kind, ReportKind::arf);
    ASSERT_TRUE(report.feedback);
    EXPECT_EQ(report.feedback->feedback_type, "abuse");
    EXPECT_EQ(report.recipients.at(0).final_recipient, "a@example.net");

    for (const std::string& bad :
         {std::string(R"({"notificationType":"Bounce")"), std::string(R"({"notificationType":5})"),
          std::string(R"({"notificationType":"Delivery"})"), R"({"eventType":)" + std::string(90'000, '[')})
        EXPECT_EQ(read_report("Subject: x\r\n\r\n" + bad).kind, ReportKind::not_a_bounce);
    EXPECT_TRUE(read_report("Subject: x\r\n\r\n{\"eventType\":\"Bounce\",\"bounce\":7}").recipients.empty());
}

TEST(DecodeHeader, BrokenWordsAndCharsetsStaySafe)
{
    EXPECT_EQ(decode_header("=?utf-8?q?Gr=C3=BC=C3=9Fe?="), "Gr\u00fc\u00dfe");
    EXPECT_EQ(decode_header("=?iso-8859-1?b?Z3L833Nl?="), "gr\u00fc\u00dfse");
    EXPECT_EQ(decode_header("plain"), "plain");
    EXPECT_EQ(decode_header(""), "");
    for (const auto* bad : {"=?utf-8?q?=FF=FE?=", "=?nonsense?q?x?=", "=?utf-8?x?y?=", "=?utf-8?q?", "\xff\xfe"}) {
        const auto out = decode_header(bad);
        EXPECT_EQ(out.find('\xff'), std::string::npos) << bad;
    }
}

}  // namespace
}  // namespace winnow::mail
