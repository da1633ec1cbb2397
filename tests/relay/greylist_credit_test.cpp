// A path that a greylisting host knows from a probe: who may leave under it, and who its bounces are about.
#include "relay/greylist_credit.hpp"

#include "mail/dsn.hpp"
#include "relay/campaigns.hpp"
#include "relay/submission.hpp"
#include "tests/relay/session_client.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::MxHost;

namespace {

class GreylistCredit : public test::RelayWorld {
public:
    std::unique_ptr<relay::Campaigns> campaigns = std::make_unique<relay::Campaigns>(services(), options);
    ~GreylistCredit() override { campaigns.reset(); }

    std::string path(std::string_view source = "192.0.2.77")
    {
        return relay::greylist_path(keys, options, source, rng, clock.now());
    }
    /// A list of two rows, the first of which was greylisted under `known_as` and is deliverable now.
    void put_list(const std::string& known_as)
    {
        storage::ListRecord list;
        list.workspace = ws;
        list.id = "list-1";
        list.columns = {"email"};
        list.complete = true;
        list.rows = 2;
        commit(storage::PutList{list});
        std::vector<storage::ListRow> rows(2);
        for (std::uint64_t i = 0; i < 2; ++i) {
            rows[i].number = i + 1;
            rows[i].address = rows[i].raw = i == 0 ? "ann@example.test" : "ben@example.test";
        }
        commit(storage::PutRows{ws, "list-1", rows});
        storage::RowResult ann;
        ann.number = 1;
        ann.state = storage::RowState::done;
        ann.job = "job-1";
        ann.reverse_path = known_as;
        commit(storage::PutRowResults{ws, "list-1", {ann}});
    }
    void send_campaign()
    {
        relay::CampaignRequest request;
        request.workspace = ws;
        request.list_id = "list-1";
        request.from = "News <news@sender.test>";
        request.subject = "Hello";
        request.text = "Dear reader";
        const auto made = run(campaigns->create(request));
        ASSERT_TRUE(made) << made.error().message();
        ASSERT_TRUE(run(campaigns->start(ws, made->id)));
        deliver(1min);
    }
    static std::string path_of(const MxHost& mx, const std::string& recipient)
    {
        for (const auto& mail : mx.mails)
            if (mail.recipient == recipient)
                return mail.reverse_path;
        return "no mail";
    }
    int bounce_to(const std::string& recipient, const std::string& whose)
    {
        mail::DsnDraft draft;
        draft.reporting_mta = "mx.example.test";
        draft.to = recipient;
        draft.message_id = "n@mx.example.test";
        draft.date = clock.now();
        draft.original = "Subject: hi\r\n\r\n";
        mail::DsnRecipient failed;
        failed.final_recipient = whose;
        failed.action = mail::DsnAction::failed;
        failed.status = "5.1.1";
        failed.diagnostic = "550 5.1.1 User unknown";
        draft.recipients.push_back(failed);
        test::SessionClient client(*this, relay::make_bounce_session(services(), options), {});
        client.say("MAIL FROM:<>");
        const auto rcpt = client.say("RCPT TO:<" + recipient + ">");
        return rcpt.positive() ? client.data(mail::write_dsn(draft).value()).code : rcpt.code;
    }
};

}  // namespace

TEST_F(GreylistCredit, APathIsGoodForItsNetworkUntilItExpires)
{
    const std::string minted = path("192.0.2.77");
    const TimePoint now = clock.now();
    EXPECT_TRUE(minted.starts_with("g-"));
    EXPECT_LE(minted.find('@'), 64u);
    EXPECT_NE(minted, path("192.0.2.77")) << "of one row only";
    EXPECT_TRUE(relay::gives_credit(keys, options, minted, "192.0.2.1", now));
    EXPECT_FALSE(relay::gives_credit(keys, options, minted, "192.0.3.1", now));
    EXPECT_FALSE(relay::gives_credit(keys, options, minted, "", now));
    EXPECT_FALSE(relay::gives_credit(keys, options, minted, "192.0.2.1", now + options.verp_lifetime + 1s));
    EXPECT_FALSE(relay::gives_credit(keys, options, "b" + minted.substr(1), "192.0.2.1", now));
    std::string forged = minted;
    forged[5] = forged[5] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(relay::gives_credit(keys, options, forged, "192.0.2.1", now));
    const std::string v6 = path("2001:db8:0:1::5");
    EXPECT_TRUE(relay::gives_credit(keys, options, v6, "2001:db8:0:1::9", now));
    EXPECT_FALSE(relay::gives_credit(keys, options, v6, "2001:db8:0:2::9", now));
    EXPECT_FALSE(relay::gives_credit(keys, options, path("no address"), "", now));
}

TEST_F(GreylistCredit, AMessageFromTheProbesNetworkShowsTheTripletThatTheHostKnows)
{
    MxHost& mx = serve();
    const std::string known = path();
    put_list(known);
    send_campaign();
    ASSERT_EQ(mx.mails.size(), 2u);
    EXPECT_EQ(path_of(mx, "ann@example.test"), known);
    const std::string other = path_of(mx, "ben@example.test");
    EXPECT_TRUE(relay::read_return_path(keys, options, other, clock.now())) << other;
}

TEST_F(GreylistCredit, AMessageFromElsewhereAndARowThatWasNotGreylistedHaveNone)
{
    MxHost& mx = serve();
    put_list(path("198.51.100.7"));
    send_campaign();
    ASSERT_EQ(mx.mails.size(), 2u);
    for (const auto& mail : mx.mails)
        EXPECT_TRUE(relay::read_return_path(keys, options, mail.reverse_path, clock.now())) << mail.reverse_path;
}

TEST_F(GreylistCredit, AnUsualProbePathIsNeverTheSenderOfAMessage)
{
    MxHost& mx = serve();
    put_list("probe@" + options.bounce_domain);
    send_campaign();
    ASSERT_EQ(mx.mails.size(), 2u);
    for (const auto& mail : mx.mails)
        EXPECT_TRUE(relay::read_return_path(keys, options, mail.reverse_path, clock.now())) << mail.reverse_path;
}

TEST_F(GreylistCredit, ABounceToThePathIsAboutTheMessageThatLeftUnderIt)
{
    serve();
    const std::string known = path();
    put_list(known);
    send_campaign();
    EXPECT_EQ(bounce_to(known, "ann@example.test"), 250);
    EXPECT_EQ(suppressed("ann@example.test"), "workspace:bounce");
    EXPECT_EQ(suppressed("ben@example.test"), "");
}

TEST_F(GreylistCredit, ABounceToAPathThatNobodyLeftUnderActsOnNobody)
{
    serve();
    put_list(path());
    send_campaign();
    EXPECT_EQ(bounce_to(path(), "ann@example.test"), 250) << "taken, as any report is";
    EXPECT_EQ(suppressed("ann@example.test"), "");
}

TEST_F(GreylistCredit, WithoutABounceDomainThereIsNone)
{
    options.bounce_domain.clear();
    EXPECT_TRUE(path().empty());
}
