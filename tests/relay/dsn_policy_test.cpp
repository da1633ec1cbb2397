#include "relay/dsn_policy.hpp"

#include <gtest/gtest.h>

#include "mail/report.hpp"

using namespace winnow;

namespace {

constexpr TimePoint now{milliseconds{1'767'225'600'000}};

class DsnPolicy : public ::testing::Test {
public:
    relay::RelayOptions options;
    storage::MessageRecord message;
    storage::RecordAttempt outcome;

    DsnPolicy()
    {
        options.hostname = "relay.example.net";
        message.workspace = "w1";
        message.recipient = "x@example.test";
        message.reverse_path = "me@sender.test";
        message.submitter = "key-1";
        message.accepted = now;
        outcome.state = MessageState::bounced;
        outcome.attempt.mx = "mx.example.test[192.0.2.25]";
        outcome.attempt.reply = "550 5.1.1 User unknown";
        outcome.attempt.at = now;
    }
    std::optional<relay::DsnMail> make()
    {
        return relay::make_failure_dsn(message, outcome, "Subject: hi\r\n\r\nsecret body\r\n", options, "01NEW", now);
    }
};

}  // namespace

TEST_F(DsnPolicy, TellsTheSubmitterUnderTheNullReversePath)
{
    const auto dsn = make();
    ASSERT_TRUE(dsn);
    const auto& notice = dsn->message.message;
    EXPECT_EQ(notice.recipient, "me@sender.test");
    EXPECT_EQ(notice.domain, "sender.test");
    EXPECT_EQ(notice.reverse_path, "");
    EXPECT_EQ(notice.submitter, "") << "a notice about this notice would go in circles";
    EXPECT_EQ(notice.workspace, "w1");
    EXPECT_EQ(notice.body_id, dsn->body.id);
    EXPECT_EQ(dsn->body.bytes.find("secret body"), std::string::npos);

    const auto report = mail::read_report(dsn->body.bytes);
    ASSERT_EQ(report.kind, mail::ReportKind::dsn);
    ASSERT_EQ(report.recipients.size(), 1u);
    EXPECT_EQ(report.recipients[0].final_recipient, "x@example.test");
    EXPECT_EQ(report.recipients[0].status, "5.1.1");
    EXPECT_EQ(report.recipients[0].action, "failed");
    EXPECT_EQ(report.recipients[0].remote_mta, "mx.example.test");
}

TEST_F(DsnPolicy, EchoesEnvidAndOrcpt)
{
    message.dsn_envid = "QQ314159";
    message.dsn_orcpt = "rfc822;first@example.test";
    const auto dsn = make();
    ASSERT_TRUE(dsn);
    const auto report = mail::read_report(dsn->body.bytes);
    EXPECT_EQ(report.envelope_id, "QQ314159");
    EXPECT_EQ(report.recipients.at(0).original_recipient, "first@example.test");
}

TEST_F(DsnPolicy, NotifyDecides)
{
    struct Case {
        const char* notify;
        bool told;
    };
    for (const Case c :
         {Case{"", true}, Case{"FAILURE", true}, Case{"SUCCESS,FAILURE", true}, Case{"DELAY,FAILURE", true},
          Case{"NEVER", false}, Case{"SUCCESS", false}, Case{"DELAY", false}}) {
        message.dsn_notify = c.notify;
        EXPECT_EQ(make().has_value(), c.told) << c.notify;
    }
}

TEST_F(DsnPolicy, NobodyElseIsTold)
{
    message.submitter.clear();
    EXPECT_FALSE(make()) << "backscatter";
    message.submitter = "key-1";
    message.reverse_path.clear();
    EXPECT_FALSE(make()) << "a DSN about a DSN";
    message.reverse_path = "me@sender.test";
    message.campaign = "c1";
    EXPECT_FALSE(make()) << "campaigns have their own reports";
    message.campaign.clear();
    message.reverse_path = "no address";
    EXPECT_FALSE(make());
}

TEST_F(DsnPolicy, AnAutomaticMessageGetsNoAnswer)
{
    const auto told = [this](const std::string& header) {
        return relay::make_failure_dsn(message, outcome, header + "Subject: hi\r\n\r\nbody\r\n", options, "01NEW", now)
            .has_value();
    };
    for (const char* header :
         {"Auto-Submitted: auto-replied\r\n", "AUTO-SUBMITTED: Auto-Generated; owner-email=\"a@b.test\"\r\n",
          "Auto-Submitted: auto-notified (by cron)\r\n", "Auto-Submitted:\r\n auto-replied\r\n",
          "Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n", "Precedence: bulk\r\n", "Precedence: LIST\r\n",
          "precedence: junk\r\n", "Return-Path: <>\r\n"})
        EXPECT_FALSE(told(header)) << header;
    for (const char* header :
         {"", "Auto-Submitted: no\r\n", "Auto-Submitted: NO (a person wrote this)\r\n", "Precedence: first-class\r\n",
          "Return-Path: <me@sender.test>\r\n", "X-Auto-Submitted: auto-replied\r\n"})
        EXPECT_TRUE(told(header)) << header;
}

TEST_F(DsnPolicy, OnlyFailuresAreTold)
{
    for (const MessageState state : all_values<MessageState>()) {
        outcome.state = state;
        const bool failure =
            state == MessageState::bounced || state == MessageState::expired || state == MessageState::dropped;
        EXPECT_EQ(make().has_value(), failure) << to_string(state);
        EXPECT_EQ(relay::owes_failure_notice(message, state), failure);
    }
}

TEST_F(DsnPolicy, AnExpiredMessageHasAStatusOfItsOwn)
{
    outcome.state = MessageState::expired;
    const auto says = [this](const std::string& line) {
        return make()->body.bytes.find("\r\n" + line + "\r\n") != std::string::npos;
    };
    outcome.attempt.reply = "451 4.3.0 disk trouble";
    EXPECT_TRUE(says("Status: 5.4.7"));
    outcome.attempt.reply = "connect to 192.0.2.25:25 (timed out)";
    EXPECT_TRUE(says("Status: 5.4.7"));
    outcome.state = MessageState::bounced;
    outcome.attempt.reply = "550 no";
    EXPECT_TRUE(says("Status: 5.0.0"));
}
