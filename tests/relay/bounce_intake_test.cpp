#include "mail/dsn.hpp"
#include "relay/daily_limit.hpp"
#include "relay/submission.hpp"
#include "storage/late_refusals.hpp"
#include "tests/relay/session_client.hpp"

using namespace std::chrono_literals;
using namespace winnow;

namespace {

class BounceIntake : public test::RelayWorld {
public:
    MessageRef ref;
    std::string path, leave;

    /// A delivered message of a list.
    BounceIntake()
    {
        serve();
        auto mail = submission("x@example.test");
        mail.list_id = "list-1";
        ref = enqueue(mail);
        deliver(10s);
        const TimePoint accepted = message(ref).accepted;
        path = relay::return_path(keys, options, ref, accepted);
        leave = relay::unsubscribe_address(keys, options, ref, accepted);
    }
    /// Mail to the bounce listener; the reply to the dot, or to RCPT when that is refused.
    int send(const std::string& to, const std::string& text)
    {
        test::SessionClient client(*this, relay::make_bounce_session(services(), options), {});
        client.say("MAIL FROM:<>");
        const auto rcpt = client.say("RCPT TO:<" + to + ">");
        return rcpt.positive() ? client.data(text).code : rcpt.code;
    }
    std::int64_t late_refusals()
    {
        const auto stored = run(engine->get_value(storage::late_refusals_key("example.test"))).value();
        return stored ? storage::late_refusals(*stored) : 0;
    }
    std::string bounce(mail::DsnAction action = mail::DsnAction::failed, std::string status = "5.1.1",
                       std::string diagnostic = "550 5.1.1 User unknown", std::string original = "Subject: hi\r\n\r\n")
    {
        mail::DsnDraft draft;
        draft.reporting_mta = "mx.example.test";
        draft.to = "b@bounce.example.net";
        draft.message_id = "n@mx.example.test";
        draft.date = clock.now();
        draft.original = std::move(original);
        mail::DsnRecipient recipient;
        recipient.final_recipient = "x@example.test";
        recipient.action = action;
        recipient.status = std::move(status);
        recipient.diagnostic = std::move(diagnostic);
        draft.recipients.push_back(recipient);
        return mail::write_dsn(draft).value();
    }
    static std::string complaint(const std::string& type, const std::string& original_head)
    {
        return "From: feedback@isp.test\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=feedback-report; boundary=b1\r\n\r\n"
               "--b1\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
               "--b1\r\nContent-Type: message/feedback-report\r\n\r\n"
               "Feedback-Type: " +
               type +
               "\r\nUser-Agent: isp/1\r\nVersion: 1\r\n\r\n"
               "--b1\r\nContent-Type: message/rfc822\r\n\r\n" +
               original_head + "Subject: news\r\nTo: redacted\r\n\r\nbody\r\n--b1--\r\n";
    }
};

}  // namespace

TEST_F(BounceIntake, ABounceWithAValidTokenSuppresses)
{
    EXPECT_EQ(send(path, bounce()), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
    EXPECT_EQ(state(ref), MessageState::delivered) << "a later fact does not rewrite the state";
    EXPECT_EQ(message(ref).later, std::vector<LaterFact>{LaterFact::async_bounce});
    EXPECT_EQ(count_events("message.async_bounce"), 1);
}

TEST_F(BounceIntake, TheSameBounceTwiceCountsOnce)
{
    send(path, bounce());
    send(path, bounce());
    EXPECT_EQ(count_events("message.async_bounce"), 1);
}

TEST_F(BounceIntake, ABounceOfAMailboxThatExistsIsNoLateRefusal)
{
    send(path, bounce(mail::DsnAction::failed, "5.2.2", "552 5.2.2 Mailbox full"));
    EXPECT_EQ(late_refusals(), 0);
}

TEST_F(BounceIntake, ALateRefusalIsCountedOncePerMessage)
{
    EXPECT_EQ(send(path, bounce()), 250);
    EXPECT_EQ(late_refusals(), 1);
    EXPECT_EQ(send(path, bounce()), 250);
    EXPECT_EQ(late_refusals(), 1);
}

TEST_F(BounceIntake, TheTokenIsReadInAnyCase)
{
    for (char& c : path)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(send(path, bounce()), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
}

TEST_F(BounceIntake, AForgedTokenOnlyAnnotates)
{
    std::string forged = path;
    forged[5] = forged[5] == 'a' ? 'b' : 'a';
    for (const std::string& to : {forged, "u" + forged.substr(1), std::string("fbl@bounce.example.net")}) {
        EXPECT_EQ(send(to, bounce()), 250) << "a guesser learns nothing";
        EXPECT_EQ(send(to, complaint("abuse", "")), 250);
    }
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_TRUE(message(ref).later.empty());
    EXPECT_EQ(count_events("report.unverified", "default"), 6);
}

TEST_F(BounceIntake, StrangersFillTheStoreWithNothing)
{
    std::string forged = path;
    forged[5] = forged[5] == 'a' ? 'b' : 'a';
    const std::string text = bounce();
    storage::AddCounter before = relay::one_of_a_day("unverified-reports", 1'000, clock.now());
    before.by = 995;
    commit(std::move(before));
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(send(forged, text), 250) << "a sender learns nothing of the limit, and does not come again";
    EXPECT_EQ(count_events("report.unverified", "default"), 5) << "up to the thousandth";
    EXPECT_NE(metrics.expose().find("winnow_reports_total{kind=\"dsn\",token=\"none\"} 10"), std::string::npos);
    EXPECT_EQ(send(path, text), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce") << "what has a token is not counted with the others";
    clock.advance(24h);
    EXPECT_EQ(send(forged, text), 250);
    EXPECT_EQ(count_events("report.unverified", "default"), 6) << "the next day";
}

TEST_F(BounceIntake, WhoHoldsATokenFillsTheStoreWithNothing)
{
    const std::string away = "From: x@example.test\r\nSubject: away\r\nAuto-Submitted: auto-replied\r\n\r\nsoon\r\n";
    for (int i = 0; i < 30; ++i)
        ASSERT_EQ(send(path, away), 250);
    EXPECT_EQ(count_events("report.ignored"), 20);
    EXPECT_EQ(send(path, complaint("abuse", "")), 250);
    EXPECT_EQ(count_events("message.complaint"), 1) << "a word that acts is kept all the same";
}

TEST_F(BounceIntake, AnExpiredTokenOnlyAnnotates)
{
    clock.advance(options.verp_lifetime + 1h);
    EXPECT_EQ(send(path, bounce()), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(count_events("report.unverified", "default"), 1);
}

TEST_F(BounceIntake, AComplaintSuppressesForGood)
{
    EXPECT_EQ(send(path, complaint("abuse", "")), 250);
    EXPECT_EQ(suppressed("x@example.test", "list-1"), "workspace:complaint");
    EXPECT_EQ(count_events("message.complaint"), 1);
}

TEST_F(BounceIntake, ARedactedComplaintIsReadByTheReturnedOriginal)
{
    EXPECT_EQ(send("fbl@bounce.example.net", complaint("abuse", "Return-Path: <" + path + ">\r\n")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:complaint");
}

TEST_F(BounceIntake, ARedactedComplaintIsReadByTheListUnsubscribeField)
{
    EXPECT_EQ(send("fbl@bounce.example.net",
                   complaint("abuse", "List-Unsubscribe: <https://x.test/>, <mailto:" + leave + ">\r\n")),
              250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:complaint");
}

TEST_F(BounceIntake, FeedbackThatIsNoComplaintDoesNothing)
{
    for (const char* type : {"not-spam", "auth-failure", "virus", "dmarc"})
        EXPECT_EQ(send(path, complaint(type, "")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(count_events("report.ignored"), 4) << "under the message's workspace";
}

TEST_F(BounceIntake, AnOptOutIsAnUnsubscribe)
{
    EXPECT_EQ(send(path, complaint("opt-out", "")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(suppressed("x@example.test", "list-1"), "list:unsubscribe");
}

TEST_F(BounceIntake, DelaysAndSuccessesDoNothing)
{
    EXPECT_EQ(send(path, bounce(mail::DsnAction::delayed, "4.4.1", "connection timed out")), 250);
    EXPECT_EQ(send(path, bounce(mail::DsnAction::delivered, "2.0.0", "250 ok")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_TRUE(message(ref).later.empty());
}

TEST_F(BounceIntake, AutomaticRepliesDoNothing)
{
    EXPECT_EQ(send(path,
                   "From: x@example.test\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\n"
                   "I am away. User unknown. 550 5.1.1\r\n"),
              250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_TRUE(message(ref).later.empty());
}

TEST_F(BounceIntake, ABounceAboutUsSuppressesNobody)
{
    EXPECT_EQ(send(path, bounce(mail::DsnAction::failed, "5.7.1", "550 5.7.1 blocked using Spamhaus")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(message(ref).later, std::vector<LaterFact>{LaterFact::async_bounce});
}

TEST_F(BounceIntake, AReportThatSpeaksOfADomainNeverSuppressesTheDomain)
{
    EXPECT_EQ(send(path, bounce(mail::DsnAction::failed, "5.1.10", "556 5.1.10 domain does not accept mail (null MX)")),
              250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(suppressed("somebody@example.test"), "");
    EXPECT_EQ(message(ref).later, std::vector<LaterFact>{LaterFact::async_bounce});
    EXPECT_EQ(get(engine->history(ws, parse_address("x@example.test").address, 1)).at(0).klass,
              ReplyClass::domain_invalid);
}

TEST_F(BounceIntake, TheDomainOfAForwardingThatFailedIsNotOurs)
{
    for (int i = 0; i < 2; ++i) {
        const auto forwarded = enqueue(submission("x@example.test"));
        deliver(10s);
        EXPECT_EQ(send(relay::return_path(keys, options, forwarded, message(forwarded).accepted),
                       "From: MAILER-DAEMON@mx.example.test\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
                       "Content-Type: multipart/report; report-type=delivery-status; boundary=b1\r\n\r\n"
                       "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.test\r\n"
                       "\r\nFinal-Recipient: rfc822; joe@old.example\r\n"
                       "Original-Recipient: rfc822; x@example.test\r\nAction: failed\r\nStatus: 5.1.0\r\n"
                       "Diagnostic-Code: X-Postfix; Domain old.example does not accept mail (nullMX)\r\n--b1--\r\n"),
                  250);
        clock.advance(2h);
    }
    EXPECT_EQ(count_events("message.async_bounce"), 2);
    EXPECT_EQ(suppressed("somebody@example.test"), "");
}

TEST_F(BounceIntake, MailToTheUnsubscribeAddressUnsubscribes)
{
    EXPECT_EQ(send(leave, "From: x@example.test\r\nSubject: unsubscribe\r\n\r\n\r\n"), 250);
    EXPECT_EQ(suppressed("x@example.test", "list-1"), "list:unsubscribe");
    EXPECT_EQ(count_events("message.unsubscribe"), 1);
}

TEST_F(BounceIntake, AnAutomaticReplyDoesNotUnsubscribe)
{
    EXPECT_EQ(send(leave, "From: x@example.test\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nAway\r\n"),
              250);
    EXPECT_EQ(suppressed("x@example.test", "list-1"), "");
}

TEST_F(BounceIntake, TakesNoMailForOthers)
{
    EXPECT_EQ(send("a@example.test", "x\r\n"), 550);
    EXPECT_EQ(send("b-x@bounce.example.net.evil.test", "x\r\n"), 550);
}

TEST_F(BounceIntake, AMailboxThatDoesNotExistIsRefusedAtOnce)
{
    for (const char* to : {"anything@bounce.example.net", "x@relay.example.net", "b-nonsense@bounce.example.net",
                           "b-@bounce.example.net", "postmaster-x@bounce.example.net"}) {
        test::SessionClient client(*this, relay::make_bounce_session(services(), options), {});
        client.say("MAIL FROM:<>");
        const auto reply = client.say(std::string("RCPT TO:<") + to + ">");
        EXPECT_EQ(reply.code, 550) << to;
        EXPECT_EQ(reply.to_string().find("550 5.1.1"), 0u) << reply.to_string();
    }
}

TEST_F(BounceIntake, MailToPostmasterAndAbuseIsKept)
{
    int kept = 0;
    for (const char* to :
         {"postmaster", "Postmaster@bounce.example.net", "postmaster@RELAY.example.net", "abuse@bounce.example.net"}) {
        EXPECT_EQ(send(to, "Subject: hello\r\n\r\nmail for " + std::string(to) + "\r\n"), 250) << to;
        EXPECT_EQ(count_events("mail.for_postmaster", "default"), ++kept);
        const auto event = events("default").back();
        EXPECT_NE(get(engine->get_body("c/" + event.message_id)).find(std::string("mail for ") + to),
                  std::string::npos);
    }
}

TEST_F(BounceIntake, MailToPostmasterIsBounded)
{
    EXPECT_EQ(send("postmaster", "Subject: long\r\n\r\n" + std::string(100'000, 'x') + "\r\n"), 250);
    EXPECT_EQ(get(engine->get_body("c/" + events("default").at(0).message_id)).size(), 65'536u);
    for (int i = 1; i < 200; ++i)
        ASSERT_EQ(send("postmaster", "Subject: more\r\n\r\nmore\r\n"), 250);
    EXPECT_EQ(send("postmaster", "Subject: more\r\n\r\nmore\r\n"), 452);
    EXPECT_EQ(send(path, bounce()), 250) << "reports go on";
    clock.advance(24h);
    EXPECT_EQ(send("postmaster", "Subject: tomorrow\r\n\r\nmore\r\n"), 250);
}

TEST_F(BounceIntake, AComplaintToAbuseActsLikeAnyOther)
{
    EXPECT_EQ(send("abuse@bounce.example.net", complaint("abuse", "Return-Path: <" + path + ">\r\n")), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:complaint");
    EXPECT_EQ(count_events("mail.for_postmaster", "default"), 0);
    EXPECT_EQ(send("abuse@bounce.example.net", complaint("abuse", "")), 250);
    EXPECT_EQ(count_events("mail.for_postmaster", "default"), 1) << "a person can still read it";
}

TEST_F(BounceIntake, AStoreThatFailsIsATemporaryRefusal)
{
    storage::DiskFaults faults;
    faults.fail_sync_after = 0;
    storage::set_faults(*disk, faults);
    EXPECT_EQ(send(path, bounce()), 451);
}

namespace {

/// One block of a report.
struct Block {
    const char* final_recipient;
    const char* original_recipient;
    const char* status = "5.1.1";
    const char* action = "failed";
};

std::string report_of(const std::vector<Block>& blocks)
{
    std::string text =
        "From: MAILER-DAEMON@mx.example.test\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b1\r\n\r\n"
        "--b1\r\nContent-Type: text/plain\r\n\r\nYour message was not delivered.\r\n"
        "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.test\r\n";
    for (const Block& block : blocks) {
        text += "\r\n";
        if (*block.final_recipient)
            text += std::string("Final-Recipient: rfc822; ") + block.final_recipient + "\r\n";
        if (*block.original_recipient)
            text += std::string("Original-Recipient: rfc822; ") + block.original_recipient + "\r\n";
        text += std::string("Action: ") + block.action + "\r\nStatus: " + block.status + "\r\nDiagnostic-Code: smtp; " +
                (*block.status == '5' ? "550 5.1.1 User unknown" : "250 2.0.0 ok") + "\r\n";
    }
    return text + "--b1--\r\n";
}

}  // namespace

TEST_F(BounceIntake, TheBlockOfTheMessagesRecipientIsTheOneThatActs)
{
    EXPECT_EQ(send(path, report_of({{"other@example.test", "", "2.0.0", "delivered"}, {"X@Example.TEST", ""}})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
    EXPECT_EQ(suppressed("other@example.test"), "");
}

TEST_F(BounceIntake, TheFailureOfAnotherBlockIsNotOurs)
{
    EXPECT_EQ(send(path, report_of({{"other@example.test", ""}, {"x@example.test", "", "2.0.0", "delivered"}})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(suppressed("other@example.test"), "");
    EXPECT_TRUE(message(ref).later.empty());
}

TEST_F(BounceIntake, AForwardedRecipientIsKnownByItsOriginalAddress)
{
    EXPECT_EQ(send(path, report_of({{"elsewhere@forward.test", "x@example.test"}})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
    EXPECT_EQ(suppressed("elsewhere@forward.test"), "");
}

TEST_F(BounceIntake, AFailureBehindAForwardingIsEvidenceAndSuppressesNobody)
{
    for (const auto& blocks : {std::vector<Block>{{"elsewhere@forward.test", ""}},
                               std::vector<Block>{{"one@forward.test", ""}, {"two@forward.test", "three@other.test"}}})
        EXPECT_EQ(send(path, report_of(blocks)), 250);
    for (const char* who : {"x@example.test", "elsewhere@forward.test", "one@forward.test", "three@other.test"})
        EXPECT_EQ(suppressed(who), "") << who;
    EXPECT_EQ(count_events("message.report_ignored"), 2);
    EXPECT_TRUE(message(ref).later.empty());
    const auto history = get(engine->history(ws, parse_address("x@example.test").address, 10));
    ASSERT_EQ(history.size(), 3u) << "the delivery and two remarks";
    EXPECT_EQ(history[0].klass, ReplyClass::unknown);
    EXPECT_EQ(history[0].rule, "report:another-recipient");
    EXPECT_EQ(history[0].answer.find('@'), std::string::npos) << "no stranger's address is stored";

    send(path, bounce());
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce") << "a true bounce still counts";
}

TEST_F(BounceIntake, ADelayBehindAForwardingIsNotEvenARemark)
{
    EXPECT_EQ(send(path, report_of({{"elsewhere@forward.test", "", "4.4.1", "delayed"}})), 250);
    EXPECT_EQ(count_events("message.report_ignored"), 0);
    EXPECT_EQ(count_events("report.ignored"), 1);
}

TEST_F(BounceIntake, ARecipientWithoutAnAddressActsByItsTokenAlone)
{
    EXPECT_EQ(send(path, report_of({{"<redacted>", ""}})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
}

TEST_F(BounceIntake, AReportOfNoRecipientSaysNothingAboutOurs)
{
    EXPECT_EQ(send(path, report_of({})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(count_events("report.ignored"), 1);
}

TEST_F(BounceIntake, ABareLocalNameIsNoOtherRecipient)
{
    EXPECT_EQ(send(path, report_of({{"x", ""}})), 250);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
}

TEST_F(BounceIntake, AReportOfAMessageThatIsGoneIsTakenAndForgotten)
{
    const std::string gone = relay::return_path(keys, options, MessageRef{LaneId{1}, 999}, clock.now());
    EXPECT_EQ(send(gone, bounce()), 250);
    EXPECT_EQ(suppressed("x@example.test"), "");
    EXPECT_EQ(count_events("report.ignored", "default"), 1);
}
