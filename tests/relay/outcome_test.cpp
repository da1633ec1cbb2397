#include "relay/outcome.hpp"

#include <gtest/gtest.h>

#include "core/unmatched_replies.hpp"
#include "mail/report_class.hpp"
#include "net/smtp_error.hpp"
#include "relay/attempt.hpp"
#include "tests/support/manual_clock.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using relay::AttemptEnd;

namespace {

constexpr TimePoint now{milliseconds{1'767'225'600'000}};

const ReplyClassifier& replies()
{
    static const ReplyClassifier table = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
    return table;
}

storage::MessageRecord message(int attempts = 0)
{
    storage::MessageRecord m;
    m.ref = {LaneId{1}, 7};
    m.attempts = attempts;
    m.expires = now + 48h;
    return m;
}

AttemptEnd said(int code, std::string_view text, Stage stage = Stage::rcpt)
{
    AttemptEnd end;
    end.stage = stage;
    end.reply = SmtpReply::make(code, text);
    end.mx = "mx.example.test[192.0.2.25]";
    end.source = "192.0.2.1";
    end.tls = true;
    return end;
}

storage::RecordAttempt judge(const storage::MessageRecord& m, const AttemptEnd& end, double jitter = 0.0,
                             relay::RelayOptions options = {}, TimePoint at = now)
{
    return relay::judge(m, end, replies(), relay::make_schedule(options), at, jitter);
}

}  // namespace

TEST(Outcome, TheFirstDigitAloneDecidesTheFate)
{
    struct Case {
        int code;
        MessageState state;
    };
    for (const Stage stage : {Stage::banner, Stage::ehlo, Stage::mail, Stage::rcpt, Stage::data, Stage::end_of_data})
        for (const Case c :
             {Case{250, MessageState::delivered}, Case{421, MessageState::deferred}, Case{450, MessageState::deferred},
              Case{499, MessageState::deferred}, Case{500, MessageState::bounced}, Case{554, MessageState::bounced}})
            for (const char* text : {"5.1.1 user unknown", "4.2.2 mailbox full", "spam", "whatever", ""}) {
                const auto record = judge(message(), said(c.code, text, stage));
                EXPECT_EQ(record.state, c.state) << c.code << ' ' << text << ' ' << to_string(stage);
                EXPECT_EQ(record.ref, message().ref);
            }
}

/// A reply of each class that replies have, at 4xx and at 5xx.
TEST(Outcome, AClassNeverOverridesTheDigit)
{
    for (const ReplyClass klass : all_values<ReplyClass>()) {
        for (const int code : {450, 550}) {
            AttemptEnd end = relay::decided_end(Stage::rcpt, klass, "test", code, "words");
            const auto record = judge(message(), end);
            EXPECT_EQ(record.attempt.klass, klass);
            EXPECT_EQ(record.attempt.rule, "test");
            EXPECT_EQ(record.state, code == 450 ? MessageState::deferred : MessageState::bounced) << to_string(klass);
            if (code == 550) {
                EXPECT_TRUE(record.counts) << to_string(klass) << ": a bounce is always evidence";
            }
        }
    }
}

TEST(Outcome, KeepsWhatHappened)
{
    const auto record = judge(message(), said(550, "5.1.1 User unknown"));
    EXPECT_EQ(record.attempt.at, now);
    EXPECT_EQ(record.attempt.mx, "mx.example.test[192.0.2.25]");
    EXPECT_EQ(record.attempt.source, "192.0.2.1");
    EXPECT_EQ(record.attempt.reply, "550 5.1.1 User unknown");
    EXPECT_EQ(record.attempt.klass, ReplyClass::mailbox_unknown);
    EXPECT_TRUE(record.attempt.tls);
    EXPECT_TRUE(record.clear);
    EXPECT_FALSE(record.attempt.rule.empty());
}

TEST(Outcome, SilenceDefers)
{
    AttemptEnd end;
    end.stage = Stage::connect;
    end.error = Error{Errc::timed_out, "connect to 192.0.2.25:25"};
    const auto record = judge(message(), end);
    EXPECT_EQ(record.state, MessageState::deferred);
    EXPECT_EQ(record.attempt.klass, ReplyClass::network);
    EXPECT_TRUE(record.counts);
    EXPECT_EQ(record.next_due, now + 5min);
}

TEST(Outcome, AThrottleAndTooManyRecipientsCostNoAttempt)
{
    EXPECT_FALSE(judge(message(), said(450, "4.7.1 rate limit exceeded")).counts);
    EXPECT_FALSE(judge(message(), said(452, "4.5.3 Too many recipients")).counts);
    EXPECT_TRUE(judge(message(), said(450, "4.2.0 greylisted")).counts);
    EXPECT_TRUE(judge(message(), said(451, "4.3.0 disk trouble")).counts);
    // Not counted, it stays on the step of the ladder where it is.
    EXPECT_EQ(judge(message(2), said(450, "4.7.1 rate limit exceeded")).next_due, now + 15min);
    EXPECT_EQ(judge(message(0), said(450, "4.7.1 rate limit exceeded")).next_due, now + 5min);
    // Only one of them is a reason to leave the site alone.
    EXPECT_TRUE(relay::is_throttle(ReplyClass::rate_limited));
    EXPECT_FALSE(relay::is_throttle(ReplyClass::too_many_rcpts));
}

TEST(Outcome, TheLadderIsTheClassesOwn)
{
    EXPECT_EQ(judge(message(1), said(451, "4.3.0 disk trouble")).next_due, now + 15min);
    EXPECT_EQ(judge(message(0), said(452, "4.2.2 mailbox full")).next_due, now + 1h);
    EXPECT_EQ(judge(message(1), said(452, "4.2.2 mailbox full")).next_due, now + 4h);
    EXPECT_EQ(judge(message(0), said(450, "4.2.0 greylisted"), -1.0).next_due, now + 5min + 30s);
    EXPECT_EQ(judge(message(20), said(451, "4.3.0 disk trouble")).next_due, now + 6h);
}

TEST(Outcome, AHintIsNeverUndercut)
{
    for (const double jitter : {-1.0, 0.0, 0.999}) {
        const auto record = judge(message(), said(450, "4.2.0 Greylisted, try again in 20 minutes"), jitter);
        EXPECT_GE(record.next_due, now + 20min);
        EXPECT_LE(record.next_due, now + 24min);
    }
}

TEST(Outcome, TheLastTryIsAtExpiryAndThenItIsOver)
{
    auto m = message(6);
    m.expires = now + 2h;
    EXPECT_EQ(judge(m, said(451, "4.3.0 disk trouble")).next_due, m.expires);
    m.expires = now;
    EXPECT_EQ(judge(m, said(451, "4.3.0 disk trouble")).state, MessageState::expired);
    EXPECT_EQ(judge(m, said(250, "2.0.0 Ok", Stage::end_of_data)).state, MessageState::delivered);
    EXPECT_EQ(judge(m, said(550, "5.1.1 User unknown")).state, MessageState::bounced);
}

TEST(Outcome, LabsWaitLess)
{
    relay::RelayOptions options;
    options.retry_speedup = 60;
    options.retry_min = 1s;
    EXPECT_EQ(judge(message(), said(451, "4.3.0 disk trouble"), 0.0, options).next_due, now + 5s);
    EXPECT_GE(judge(message(), said(450, "4.2.0 Greylisted, try again in 3 seconds"), 0.0, options).next_due, now + 3s);
    EXPECT_LE(judge(message(), said(450, "4.2.0 Greylisted, try again in 3 seconds"), 0.0, options).next_due, now + 4s);
}

TEST(Outcome, OurOwnTroubleBlamesNobody)
{
    const auto record = judge(message(3), relay::own_trouble(Error{Errc::io_error, "the store"}));
    EXPECT_EQ(record.state, MessageState::deferred);
    EXPECT_FALSE(record.counts);
    EXPECT_EQ(record.attempt.klass, ReplyClass::unknown);
}

TEST(Outcome, RoutesThatLeadNowhere)
{
    net::MailRoute route;
    route.status = net::RouteStatus::null_mx;
    auto record = judge(message(), relay::unroutable(route));
    EXPECT_EQ(record.state, MessageState::bounced);
    EXPECT_EQ(record.attempt.klass, ReplyClass::domain_invalid);
    EXPECT_TRUE(record.clear) << "the domain says so itself";
    EXPECT_TRUE(record.own_dns);

    for (const auto status : {net::RouteStatus::nxdomain, net::RouteStatus::no_mail}) {
        route.status = status;
        record = judge(message(), relay::unroutable(route));
        EXPECT_EQ(record.state, MessageState::bounced);
        EXPECT_EQ(record.attempt.klass, ReplyClass::domain_invalid) << "never our address's fault";
        EXPECT_FALSE(record.clear) << "a second look has to agree";
        EXPECT_TRUE(record.own_dns);
    }
    route.status = net::RouteStatus::dns_failure;
    record = judge(message(), relay::unroutable(route));
    EXPECT_EQ(record.state, MessageState::deferred);
    EXPECT_EQ(record.attempt.klass, ReplyClass::dns_failure);
    EXPECT_EQ(record.next_due, now + 2min) << "the DNS ladder";
    EXPECT_FALSE(record.own_dns) << "no answer is no finding";
    route.status = net::RouteStatus::refused_target;
    EXPECT_EQ(judge(message(), relay::unroutable(route)).state, MessageState::deferred);
}

TEST(Outcome, BrokenTlsIsReadAsTls)
{
    AttemptEnd end;
    end.stage = Stage::starttls;
    end.error = Error{net::SmtpErrc::tls_failed, "handshake"};
    const auto record = judge(message(), end);
    EXPECT_EQ(record.attempt.klass, ReplyClass::tls);
    EXPECT_EQ(record.next_due, now + 30min);
}

TEST(Outcome, TheGateStopsWithoutAnAttempt)
{
    GateAnswer answer{GateDecision::refuse, "suppressed:workspace:bounce", SmtpReply::make(550, "5.7.1 suppressed")};
    auto record = relay::stopped_by_gate(message(), answer, now);
    EXPECT_EQ(record.state, MessageState::dropped);
    EXPECT_EQ(record.held_reason, "suppressed:workspace:bounce");
    EXPECT_FALSE(record.counts);
    answer = {GateDecision::hold, "greylisted", {}};
    EXPECT_EQ(relay::stopped_by_gate(message(), answer, now).state, MessageState::held);
}

TEST(Outcome, WordsThatNoRowReadsAreCollectedWithoutTheRecipient)
{
    test::ManualClock clock;
    UnmatchedReplies unmatched{clock};
    ReplyClassifier table = replies().snapshot();
    table.collect_unmatched(&unmatched);
    storage::MessageRecord to_jane = message();
    to_jane.recipient = "jane.doe@customer.example";
    AttemptEnd end = said(550, "5.7.0 qwertz jane.doe, yxcvb customer.example");
    end.provider = "google";
    (void)relay::judge(to_jane, end, table, relay::make_schedule({}), now, 0.0);
    (void)relay::judge(to_jane, said(250, "qwertz"), table, relay::make_schedule({}), now, 0.0);
    const auto all = unmatched.all();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].text, "5.7.0 qwertz @, yxcvb @");
    EXPECT_EQ(all[0].provider, "google");
    EXPECT_EQ(all[0].stage, Stage::rcpt);
}

TEST(Outcome, AReplyThatQuotesAnotherStrikesForWhatWasReallySaid)
{
    const std::string probed = "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address";
    struct Case {
        std::string text;
        ReplyClass klass;
        bool clear;
    };
    for (const Case& c :
         {Case{probed, ReplyClass::mailbox_unknown, false},
          Case{probed + ": mail for d.example loops back to myself", ReplyClass::network, false},
          Case{probed + ": host mx[192.0.2.7] said: 552 5.2.2 Mailbox full (in reply to RCPT TO command)",
               ReplyClass::mailbox_full, true},
          Case{probed + ": host mx[192.0.2.7] said: 554 5.7.1 Client host [192.0.2.9] blocked using "
                        "zen.spamhaus.org",
               ReplyClass::ip_blocked, false},
          Case{probed + ": host mx[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
               ReplyClass::mailbox_unknown, true}}) {
        const auto record = judge(message(), said(550, c.text));
        EXPECT_EQ(record.state, MessageState::bounced) << c.text;
        EXPECT_EQ(to_string(record.attempt.klass), to_string(c.klass)) << c.text;
        EXPECT_EQ(record.clear, c.clear) << c.text;
    }
}

TEST(Outcome, AMissingSenderIsNoStrikeAgainstTheRecipient)
{
    for (const char* text : {"The sender's mailbox does not exist", "5.1.1 envelope from: no such user here",
                             "Blocked: sender user unknown (callout)"}) {
        const auto record = judge(message(), said(550, text));
        EXPECT_EQ(record.attempt.klass, ReplyClass::sender_rejected) << text;
        EXPECT_FALSE(record.clear) << text;
    }
}

TEST(Outcome, ABounceIsReadLikeTheSameWordsAtRcpt)
{
    const std::string probed = "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address";
    for (const std::string& text :
         {probed, probed + ": mail for d.example loops back to myself",
          probed + ": host mx[192.0.2.7] said: 552 5.2.2 Mailbox full (in reply to RCPT TO command)",
          probed + ": host mx[192.0.2.7] said: 554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org",
          probed + ": host mx[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
          std::string("5.1.1 Return path user unknown"), std::string("5.1.1 internal error, could not look up user")}) {
        mail::Report report;
        report.kind = mail::ReportKind::dsn;
        report.recipients.emplace_back();
        report.recipients.front().action = "failed";
        report.recipients.front().status = "5.1.1";
        report.recipients.front().diagnostic = "550 " + text;
        const auto bounce = mail::classify_report(report, 0, replies(), nullptr);
        const auto record = judge(message(), said(550, text));
        EXPECT_EQ(to_string(bounce.klass), to_string(record.attempt.klass)) << text;
        EXPECT_EQ(bounce.clear, record.clear) << text;
    }
}
