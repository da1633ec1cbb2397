#include "relay/submission.hpp"

#include "mail/headers.hpp"
#include "tests/relay/session_client.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::SessionClient;

namespace {

class FakeCredentials final : public relay::Credentials {
public:
    std::optional<relay::Submitter> authenticate(std::string_view user, std::string_view secret) const override
    {
        if (user == "apikey" && secret == "secret")
            return relay::Submitter{"key-1", test::RelayWorld::ws};
        if (user == "apikey" && secret == "bound")
            return relay::Submitter{"key-2", test::RelayWorld::ws,
                                    relay::SenderDomains::parse({"sender.test"}).value()};
        return std::nullopt;
    }
    std::optional<relay::Submitter> from_network(std::string_view ip) const override
    {
        if (ip == "10.1.1.1")
            return relay::Submitter{"network 10.1.1.1", test::RelayWorld::ws};
        return std::nullopt;
    }
};

class Submission : public test::RelayWorld {
public:
    FakeCredentials credentials;
    net::SmtpServerOptions server;

    Submission()
    {
        server.auth = true;
        server.auth_requires_tls = false;
        serve();
    }
    std::unique_ptr<SessionClient> client(const std::string& ip = "198.51.100.7")
    {
        return std::make_unique<SessionClient>(*this, relay::make_submission_session(services(), options, credentials),
                                               server, ip);
    }
    std::unique_ptr<SessionClient> known()
    {
        auto c = client();
        EXPECT_EQ(c->auth("apikey", "secret").code, 235);
        return c;
    }
    std::string sent(std::size_t number = 0)
    {
        deliver(1min);
        test::MxHost& mx = *hosts.at(mx1_ip);
        EXPECT_GT(mx.mails.size(), number);
        return mx.mails.size() > number ? mx.mails[number].content : std::string{};
    }
    /// A message of me@sender.test to a recipient who is unknown; the host that is told of it, if anybody is.
    test::MxHost& bounce_of(const std::string& message)
    {
        route("sender.test", "mx.sender.test", "192.0.2.70");
        test::MxHost& home = serve("192.0.2.70");
        hosts.at(mx1_ip)->rcpt_reply = [](const std::string&) { return SmtpReply::make(550, "5.1.1 User unknown"); };
        auto c = known();
        c->say("MAIL FROM:<me@sender.test>");
        c->say("RCPT TO:<x@example.test>");
        c->data(message);
        deliver(1h);
        return home;
    }
};

}  // namespace

TEST_F(Submission, TakesMailOfAKnownClientAndDeliversIt)
{
    auto c = known();
    EXPECT_EQ(c->say("MAIL FROM:<me@sender.test>").code, 250);
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
    const auto reply = c->data("Subject: hi\r\n\r\nhello\r\n");
    EXPECT_EQ(reply.code, 250);
    EXPECT_NE(reply.text().find("queued as"), std::string::npos);
    EXPECT_EQ(count_events("message.queued"), 1) << "stored before the 250";
    const auto head = mail::HeaderBlock::read(sent());
    EXPECT_EQ(head.count("Received"), 1u);
    EXPECT_NE(head.get("Received").find("client.test"), std::string::npos);
    EXPECT_NE(head.get("Received").find("ESMTPA"), std::string::npos) << head.get("Received");
    EXPECT_TRUE(head.has("Date"));
    EXPECT_TRUE(head.has("Message-ID"));
}

TEST_F(Submission, DateAndMessageIdOfTheClientStay)
{
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    c->say("RCPT TO:<a@example.test>");
    c->data("Message-ID: <mine@sender.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nhello\r\n");
    const auto head = mail::HeaderBlock::read(sent());
    EXPECT_EQ(head.count("Message-ID"), 1u);
    EXPECT_EQ(head.get("Message-ID"), "<mine@sender.test>");
    EXPECT_EQ(head.count("Date"), 1u);
}

TEST_F(Submission, IsNeverAnOpenRelay)
{
    struct Case {
        const char* from;
        const char* to;
    };
    for (const Case t :
         {Case{"me@sender.test", "a@example.test"}, Case{"", "a@example.test"},
          Case{"postmaster@relay.example.net", "a@example.test"}, Case{"a@example.test", "a@example.test"},
          Case{"me@relay.example.net", "x@relay.example.net"},
          Case{"me@sender.test", "a%example.test@relay.example.net"},
          Case{"me@sender.test", "\"a@example.test\"@relay.example.net"},
          Case{"me@sender.test", "postmaster@example.test"},
          Case{"me@sender.test", "abuse@relay.example.net.evil.test"}, Case{"me@sender.test", "a@[127.0.0.1]"}}) {
        auto c = client();
        const auto mail = c->say(std::string("MAIL FROM:<") + t.from + ">");
        const auto rcpt = c->say(std::string("RCPT TO:<") + t.to + ">");
        EXPECT_GE(rcpt.code, 500) << t.to;
        EXPECT_TRUE(!mail.positive() || rcpt.code == 530 || rcpt.code == 553) << rcpt.to_string();
    }
    auto c = client();
    EXPECT_GE(c->auth("apikey", "wrong").code, 500);
    c->say("MAIL FROM:<me@sender.test>");
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 530) << "a failed AUTH lets nobody in";
    // A route (RFC 5321 appendix C) is read as its last address, and refused like it.
    EXPECT_GE(c->say("RCPT TO:<@relay.example.net:a@example.test>").code, 500);
    EXPECT_EQ(count_events("message.queued"), 0);
}

TEST_F(Submission, AListedNetworkNeedsNoPassword)
{
    auto c = client("10.1.1.1");
    c->say("MAIL FROM:<me@sender.test>");
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
    EXPECT_EQ(c->data("Subject: hi\r\n\r\nhello\r\n").code, 250);
    EXPECT_NE(sent(), "");
}

TEST_F(Submission, ARefusedRecipientGetsItsReasonAndTheOthersGoOn)
{
    GateAnswer gone{GateDecision::refuse, "mailbox_not_found", SmtpReply::make(550, "5.1.1 does not exist")};
    gate.answers["gone@example.test"] = gone;
    gate.refuse("tired@example.test", "suppressed:workspace:complaint");
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    EXPECT_EQ(c->say("RCPT TO:<gone@example.test>").to_string(), "550 5.1.1 does not exist");
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
    const auto tired = c->say("RCPT TO:<tired@example.test>");
    EXPECT_EQ(tired.code, 550);
    EXPECT_NE(tired.text().find("complaint"), std::string::npos);
    EXPECT_GE(c->say("RCPT TO:<not-an-address>").code, 500);
    EXPECT_EQ(c->say("RCPT TO:<b@example.test>").code, 250);
    EXPECT_EQ(c->data("Subject: hi\r\n\r\nhello\r\n").code, 250);
    deliver(1min);
    auto got = hosts.at(mx1_ip)->recipients();
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, (std::vector<std::string>{"a@example.test", "b@example.test"}));
}

TEST_F(Submission, ARecipientNamedTwiceGetsOneMail)
{
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
    EXPECT_EQ(c->say("RCPT TO:<a@EXAMPLE.test>").code, 250);
    c->data("Subject: hi\r\n\r\nhello\r\n");
    EXPECT_EQ(count_events("message.queued"), 1);
}

TEST_F(Submission, OneTransactionKnowsNothingOfTheLast)
{
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    c->say("RCPT TO:<a@example.test>");
    c->say("RSET");
    c->say("MAIL FROM:<me@sender.test>");
    c->say("RCPT TO:<b@example.test>");
    c->data("Subject: hi\r\n\r\nhello\r\n");
    deliver(1min);
    EXPECT_EQ(hosts.at(mx1_ip)->recipients(), std::vector<std::string>{"b@example.test"});
}

TEST_F(Submission, AStoreThatFailsIsATemporaryRefusal)
{
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    c->say("RCPT TO:<a@example.test>");
    storage::DiskFaults faults;
    faults.fail_sync_after = 0;
    storage::set_faults(*disk, faults);
    const auto reply = c->data("Subject: hi\r\n\r\nhello\r\n");
    EXPECT_TRUE(reply.code == 451 || reply.code == 452) << reply.to_string();
    storage::set_faults(*disk, {});
    stop_world();
    open_store();
    EXPECT_EQ(count_events("message.queued"), 0);
}

TEST_F(Submission, AGateThatCannotTellIsATemporaryRefusal)
{
    gate.broken = true;
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 451);
}

TEST_F(Submission, ALoopIsCut)
{
    std::string loop;
    for (int i = 0; i < 100; ++i)
        loop += "Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n";
    auto c = known();
    c->say("MAIL FROM:<me@sender.test>");
    c->say("RCPT TO:<a@example.test>");
    EXPECT_EQ(c->data(loop + "Subject: hi\r\n\r\nhello\r\n").code, 554);
    EXPECT_EQ(count_events("message.queued"), 0);
}

TEST_F(Submission, PostmasterAndAbuseHearEverybody)
{
    for (const char* who : {"postmaster", "Postmaster@relay.example.net", "ABUSE@relay.example.net"}) {
        auto c = client();
        c->say("MAIL FROM:<angry@example.test>");
        EXPECT_EQ(c->say(std::string("RCPT TO:<") + who + ">").code, 250) << who;
        EXPECT_EQ(c->data("Subject: stop\r\n\r\nyour mail\r\n").code, 250) << who;
    }
    ASSERT_EQ(count_events("mail.for_postmaster", "default"), 3);
    const auto event = events("default").at(0);
    const auto body = get(engine->get_body("c/" + event.message_id));
    EXPECT_NE(body.find("your mail"), std::string::npos);
    EXPECT_EQ(count_events("message.queued"), 0);
}

TEST_F(Submission, MailToPostmasterIsBounded)
{
    auto c = client();
    int taken = 0;
    for (int i = 0; i < 220; ++i) {
        c->say("MAIL FROM:<angry@example.test>");
        c->say("RCPT TO:<postmaster>");
        const auto reply = c->data("Subject: stop\r\n\r\n" + std::string(i == 0 ? 100'000 : 10, 'x') + "\r\n");
        taken += reply.positive() ? 1 : 0;
        EXPECT_TRUE(reply.positive() || reply.code == 452) << reply.to_string();
    }
    EXPECT_EQ(taken, 200);
    const auto event = events("default").at(0);
    EXPECT_LE(get(engine->get_body("c/" + event.message_id)).size(), 65'536u);
}

TEST_F(Submission, DsnParametersReachTheNextHop)
{
    auto c = known();
    c->say("MAIL FROM:<me@sender.test> RET=HDRS ENVID=QQ+2B1");
    c->say("RCPT TO:<a@example.test> NOTIFY=FAILURE ORCPT=rfc822;first+2Btag@example.test");
    c->data("Subject: hi\r\n\r\nhello\r\n");
    deliver(1min);
    const auto& mail = hosts.at(mx1_ip)->mails.at(0);
    EXPECT_EQ(mail.mail.ret, "HDRS");
    EXPECT_EQ(mail.mail.envid, "QQ+1");
    EXPECT_EQ(mail.rcpt.notify, "FAILURE");
    EXPECT_EQ(mail.rcpt.orcpt, "rfc822;first+tag@example.test");
}

TEST_F(Submission, SmtputfIsAskedOfTheNextHopOnlyWhenItIsNeeded)
{
    hosts.at(mx1_ip)->server.smtputf8 = false;
    auto c = known();
    c->say("MAIL FROM:<me@sender.test> SMTPUTF8");
    c->say("RCPT TO:<a@example.test>");
    c->data("Subject: hi\r\n\r\nplain\r\n");
    EXPECT_NE(sent(), "") << "nothing in it needs the extension";
    c->say("MAIL FROM:<me@sender.test> SMTPUTF8");
    c->say("RCPT TO:<b@example.test>");
    c->data("Subject: h\xC3\xA9\r\n\r\nplain\r\n");
    pass(1min);
    EXPECT_EQ(count_events("message.bounced"), 1 + 1) << "and the notice to sender.test, which does not exist";
}

TEST_F(Submission, TheSubmitterHearsOfAHardBounce)
{
    test::MxHost& home = bounce_of("Subject: hi\r\n\r\nhello\r\n");
    EXPECT_EQ(home.recipients(), std::vector<std::string>{"me@sender.test"});
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
}

TEST_F(Submission, NobodyHearsOfTheBounceOfAnAutomaticReply)
{
    test::MxHost& home = bounce_of("Subject: I am away\r\nAuto-Submitted: auto-replied\r\n\r\nhello\r\n");
    EXPECT_EQ(count_events("message.bounced"), 1);
    EXPECT_TRUE(home.recipients().empty());
}

TEST_F(Submission, AKeyThatIsBoundToDomainsSendsFromThem)
{
    auto c = client();
    ASSERT_EQ(c->auth("apikey", "bound").code, 235);
    EXPECT_EQ(c->say("MAIL FROM:<me@news.sender.test>").code, 250);
    EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
    EXPECT_EQ(c->data("From: Ann <ann@sender.test>\r\n\r\nhello\r\n").code, 250);
    EXPECT_EQ(count_events("message.queued"), 1);
}

TEST_F(Submission, AKeyThatIsBoundToDomainsMayNotBorrowAnEnvelope)
{
    auto c = client();
    ASSERT_EQ(c->auth("apikey", "bound").code, 235);
    const auto reply = c->say("MAIL FROM:<me@notsender.test>");
    EXPECT_EQ(reply.code, 550);
    EXPECT_EQ(reply.to_string().substr(0, 9), "550 5.7.1");
    EXPECT_NE(reply.text().find("sender.test"), std::string::npos) << "says what is allowed";
    EXPECT_EQ(c->say("MAIL FROM:<me@sender.test>").code, 250) << "the session goes on";
}

TEST_F(Submission, AKeyThatIsBoundToDomainsMayNotBorrowAnAuthor)
{
    auto c = client();
    ASSERT_EQ(c->auth("apikey", "bound").code, 235);
    for (const char* head : {"From: boss@victim.test\r\n", "From: me@sender.test, boss@victim.test\r\n",
                             "From: me@sender.test\r\nFrom: boss@victim.test\r\n", "Subject: no author\r\n",
                             "From : boss@victim.test\r\nFrom: me@sender.test\r\n",
                             "From: me@sender.test\r\njunk\r\nFrom: boss@victim.test\r\n"}) {
        // The null reverse-path names nobody; the author is looked at all the same.
        c->say("MAIL FROM:<>");
        EXPECT_EQ(c->say("RCPT TO:<a@example.test>").code, 250);
        const auto reply = c->data(std::string(head) + "\r\nhello\r\n");
        EXPECT_EQ(reply.code, 550) << head;
        EXPECT_EQ(reply.to_string().substr(0, 9), "550 5.7.1");
    }
    EXPECT_EQ(count_events("message.queued"), 0);
}
