// Refusals of us: breakers count, messages wait.
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::MxHost;

namespace {

/// Several domains behind one operator, each with a host of its own.
class DeliveryBreakers : public test::RelayWorld {
public:
    DeliveryBreakers() { options.connections_per_site = 1; }

    MxHost& tenant(int number)
    {
        const std::string name = "t" + std::to_string(number) + ".test";
        const std::string ip = "198.51.100." + std::to_string(number);
        route(name, "t" + std::to_string(number) + "-test.mail.protection.outlook.com", ip);
        return serve(ip);
    }
    std::string at(int number, int user = 0)
    {
        return "u" + std::to_string(user) + "@t" + std::to_string(number) + ".test";
    }
    storage::MessageRecord of_campaign(const std::string& recipient, const std::string& campaign)
    {
        auto mail = submission(recipient);
        mail.campaign = campaign;
        mail.mail_class = MailClass::bulk;
        mail.submitter.clear();
        mail.reverse_path.clear();
        return mail;
    }
    void put_campaign(const std::string& id)
    {
        storage::CampaignRecord record;
        record.workspace = ws;
        record.id = id;
        record.from = "news@sender.test";
        record.subject = "hi";
        record.text = "text";
        record.state = CampaignState::running;
        record.hold_until = clock.now() + 24h;
        commit(storage::PutCampaign{record});
    }
};

SmtpReply listed()
{
    return SmtpReply::make(550, "5.7.1 Client host [192.0.2.1] blocked using Spamhaus");
}

}  // namespace

TEST_F(DeliveryBreakers, ThreeDomainsThatRefuseOurAddressPauseTheWholeOperator)
{
    for (int i = 1; i <= 3; ++i)
        tenant(i).rcpt_reply = [](const std::string&) { return listed(); };
    for (int i = 1; i <= 3; ++i)
        enqueue(at(i));
    deliver(1min);
    EXPECT_EQ(count_events("message.bounced"), 3);
    EXPECT_EQ(suppressed(at(1)), "") << "about us, not about the address";

    MxHost& fourth = tenant(4);
    const auto waiting = enqueue(at(4));
    MxHost& elsewhere = serve();
    const auto other = enqueue("a@example.test");
    pass(20min);
    EXPECT_EQ(fourth.connections, 0);
    EXPECT_EQ(state(other), MessageState::delivered) << "another operator has nothing to do with it";
    EXPECT_EQ(elsewhere.mails.size(), 1u);
    EXPECT_NE(state(waiting), MessageState::bounced);
    EXPECT_EQ(message(waiting).attempts, 0);

    pass(15min);  // half-open: one message tries its luck
    EXPECT_EQ(state(waiting), MessageState::delivered);
}

TEST_F(DeliveryBreakers, AfterThePauseOneMessageTriesAndTheOthersFollow)
{
    for (int i = 1; i <= 3; ++i)
        tenant(i).rcpt_reply = [](const std::string&) { return listed(); };
    for (int i = 1; i <= 3; ++i)
        enqueue(at(i));
    deliver(1min);
    for (int i = 1; i <= 3; ++i)
        hosts["198.51.100." + std::to_string(i)]->rcpt_reply = {};
    for (int i = 1; i <= 3; ++i)
        for (int user = 1; user <= 5; ++user)
            enqueue(at(i, user));
    pass(20min);
    EXPECT_EQ(count_events("message.delivered"), 0);
    pass(15min);
    EXPECT_EQ(count_events("message.delivered"), 15);
}

TEST_F(DeliveryBreakers, ARefusalByOneDomainPausesNothing)
{
    tenant(1).rcpt_reply = [](const std::string&) { return listed(); };
    tenant(2);
    for (int user = 0; user < 5; ++user)
        enqueue(at(1, user));
    deliver(1min);
    EXPECT_EQ(count_events("message.bounced"), 5);
    const auto ref = enqueue(at(2));
    pass(1min);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(DeliveryBreakers, RefusedContentPausesTheCampaignOnly)
{
    put_campaign("bad");
    put_campaign("good");
    for (int i = 1; i <= 3; ++i) {
        tenant(i).dot_reply = [](const std::string&) { return SmtpReply::make(554, "5.7.1 spam message rejected"); };
        enqueue(of_campaign(at(i), "bad"));
    }
    deliver(1min);
    EXPECT_EQ(count_events("message.bounced"), 3);
    MxHost& fourth = tenant(4);
    const auto stopped = enqueue(of_campaign(at(4), "bad"));
    const auto other = enqueue(of_campaign(at(4, 1), "good"));
    pass(10min);
    EXPECT_EQ(state(other), MessageState::delivered);
    EXPECT_EQ(fourth.mails.size(), 1u);
    EXPECT_NE(state(stopped), MessageState::bounced);
    EXPECT_EQ(message(stopped).attempts, 0);
    pass(1h);
    EXPECT_EQ(state(stopped), MessageState::delivered) << "the trial after the pause";
}

TEST_F(DeliveryBreakers, ClassesThatBlameNobodyTripNothing)
{
    for (int i = 1; i <= 4; ++i) {
        tenant(i).rcpt_reply = [](const std::string&) { return SmtpReply::make(452, "4.5.3 Too many recipients"); };
        enqueue(at(i));
    }
    deliver(1min);
    EXPECT_TRUE(breakers.not_closed(clock.steady()).empty());
    for (auto& [ip, host] : hosts)
        host->rcpt_reply = {};
    pass(1h);
    EXPECT_EQ(count_events("message.delivered"), 4);
}

TEST_F(DeliveryBreakers, ABannerThatRefusesUsCountsToo)
{
    for (int i = 1; i <= 3; ++i) {
        tenant(i).greeting = SmtpReply::make(554, "5.7.1 your IP is on our block list");
        enqueue(at(i));
    }
    deliver(1min);
    const auto open = breakers.not_closed(clock.steady());
    ASSERT_EQ(open.size(), 1u);
    EXPECT_EQ(open[0].scope, BreakerScope::source);
}
