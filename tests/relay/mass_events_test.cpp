#include "relay/mass_events.hpp"

#include "relay/submission.hpp"
#include "tests/relay/session_client.hpp"
#include "tests/support/spawn.hpp"

using namespace std::chrono_literals;
using namespace winnow;

namespace {

class MassEvent : public test::RelayWorld {
public:
    std::unique_ptr<relay::MassEvents> events;
    bool dead = false;  ///< the receiver knows nobody any more
    std::string says = "5.1.1 User unknown";
    static constexpr int people = 25;

    MassEvent()
    {
        serve().rcpt_reply = [this](const std::string&) {
            return dead ? SmtpReply::make(550, says) : SmtpReply::make(250, "2.1.5 ok");
        };
        begin();
    }
    ~MassEvent() override { stop_world(); }
    /// Delivery with a guard that knows what the store knows.
    void begin()
    {
        events = std::make_unique<relay::MassEvents>(*engine, null_log(), metrics);
        ASSERT_TRUE(run(events->restore()));
        delivery = std::make_unique<relay::Delivery>(guarded(), options);
        test::spawn_or_throw(io, delivery->run());
    }
    relay::Services guarded()
    {
        auto all = services();
        all.mass_events = events.get();
        return all;
    }
    static std::string person(int i) { return "u" + std::to_string(i) + "@example.test"; }
    std::vector<MessageRef> mail_to(int count)
    {
        std::vector<MessageRef> refs;
        for (int i = 0; i < count; ++i)
            refs.push_back(enqueue(person(i)));
        deliver(1min);
        return refs;
    }
    int how_many_suppressed(int count = people)
    {
        int suppressed_now = 0;
        for (int i = 0; i < count; ++i)
            suppressed_now += suppressed(person(i)).empty() ? 0 : 1;
        return suppressed_now;
    }
};

}  // namespace

TEST_F(MassEvent, AReceiverThatDeclaresEverybodyDeadSuppressesNobody)
{
    mail_to(people);
    clock.advance(24h);
    dead = true;
    const auto refs = mail_to(people);
    for (const MessageRef ref : refs)
        EXPECT_EQ(state(ref), MessageState::bounced) << "the message's fate follows the reply";
    EXPECT_EQ(how_many_suppressed(), 0);
    EXPECT_EQ(count_events("site.frozen"), 1);
    EXPECT_GE(count_events("suppression.removed"), 19) << "those before the freeze were suppressed and lifted";
    EXPECT_NE(metrics.expose().find("winnow_frozen_sites 1"), std::string::npos);
    for (const int i : {0, 24}) {  // lifted, and frozen
        const auto history = get(engine->history(ws, parse_address(person(i)).address, 10));
        EXPECT_EQ(history.at(0).klass, ReplyClass::unknown) << "the evidence is kept and says nothing";
        EXPECT_EQ(history.at(0).answer, "550 5.1.1 User unknown");
        EXPECT_EQ(history.at(1).klass, ReplyClass::delivered);
    }
}

TEST_F(MassEvent, AReceiverThatForgetsItsDomainIsNoticedToo)
{
    mail_to(people);
    dead = true;
    says = "5.1.2 No such domain";
    for (int i = 0; i < 2; ++i) {  // two ambiguous strikes would suffice
        mail_to(people);
        clock.advance(2h);
    }
    EXPECT_EQ(how_many_suppressed(), 0);
    EXPECT_EQ(count_events("site.frozen"), 1);
}

TEST_F(MassEvent, WhatOurOwnResolverSaysIsNoEventOfAReceiver)
{
    const auto refs = mail_to(people);
    storage::RecordAttempt record;
    record.state = MessageState::bounced;
    record.attempt.klass = ReplyClass::domain_invalid;
    record.own_dns = true;
    record.attempt.at = clock.now();
    for (const MessageRef ref : refs)
        EXPECT_FALSE(run(events->weigh_attempt("site", message(ref), record)).frozen);
    record.own_dns = false;
    bool frozen = false;
    for (const MessageRef ref : refs)
        frozen = run(events->weigh_attempt("site", message(ref), record)).frozen;
    EXPECT_TRUE(frozen) << "in a server's words";
}

TEST_F(MassEvent, AfterTheFreezeDeathsCountAgain)
{
    mail_to(people);
    dead = true;
    mail_to(people);
    ASSERT_EQ(how_many_suppressed(), 0);
    clock.advance(25h);
    enqueue(person(3));
    deliver(1min);
    EXPECT_EQ(suppressed(person(3)), "workspace:bounce");
    EXPECT_NE(metrics.expose().find("winnow_frozen_sites 0"), std::string::npos);
}

TEST_F(MassEvent, AFewDeathsAreDeaths)
{
    mail_to(people);
    dead = true;
    mail_to(10);
    EXPECT_EQ(how_many_suppressed(), 10);
    EXPECT_EQ(count_events("site.frozen"), 0);
}

TEST_F(MassEvent, StrangersWhoWereNeverReachedMakeNoEvent)
{
    dead = true;
    mail_to(people);
    EXPECT_EQ(how_many_suppressed(), people);
}

TEST_F(MassEvent, PeoplesOwnWordsAreNotLifted)
{
    mail_to(people);
    storage::SuppressionEntry said;
    said.workspace = ws;
    said.address = person(2);
    said.reason = SuppressionReason::manual;
    commit(storage::AddSuppression{said});
    dead = true;
    mail_to(people);
    EXPECT_EQ(suppressed(person(2)), "workspace:manual");
    EXPECT_EQ(how_many_suppressed(), 1);
}

TEST_F(MassEvent, BouncesThatComeLaterAreGuardedToo)
{
    const auto refs = mail_to(people);
    for (int i = 0; i < people; ++i) {
        test::SessionClient client(*this, relay::make_bounce_session(guarded(), options), {});
        client.say("MAIL FROM:<>");
        client.say("RCPT TO:<" + relay::return_path(keys, options, refs[static_cast<std::size_t>(i)], clock.now()) +
                   ">");
        EXPECT_EQ(
            client
                .data("From: MAILER-DAEMON@mx.example.test\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: multipart/report; report-type=delivery-status; boundary=b1\r\n\r\n"
                      "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
                      "Reporting-MTA: dns; mx.example.test\r\n\r\nFinal-Recipient: rfc822; " +
                      person(i) +
                      "\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
                      "--b1--\r\n")
                .code,
            250);
    }
    EXPECT_EQ(how_many_suppressed(), 0);
    EXPECT_EQ(count_events("site.frozen"), 1);
    EXPECT_EQ(count_events("message.async_bounce"), people);
}

TEST_F(MassEvent, WhatTheStoreDidNotTakeBackIsOfferedAgain)
{
    const auto refs = mail_to(people);
    const auto weigh = [&](std::size_t i) {
        storage::RecordAttempt record;
        record.state = MessageState::bounced;
        record.attempt.klass = ReplyClass::mailbox_unknown;
        record.attempt.mx = "mx.example.test[192.0.2.25]";
        record.attempt.at = clock.now();
        return run(events->weigh_attempt("site", message(refs[i]), record));
    };
    for (std::size_t i = 0; i < 19; ++i)
        EXPECT_TRUE(weigh(i).undo.ops.empty());
    const auto begun = weigh(19);
    EXPECT_TRUE(begun.frozen);
    EXPECT_EQ(begun.undo.ops.size(), 22u) << "20 recipients, the event and the freeze";
    EXPECT_TRUE(weigh(20).undo.ops.empty()) << "somebody is at it";
    events->undone("site", false);
    EXPECT_EQ(weigh(21).undo.ops.size(), 22u);
    events->undone("site", true);
    EXPECT_TRUE(weigh(22).undo.ops.empty());

    storage::OpList late;
    events->overtaken("site", refs[0], late);
    events->overtaken("another", refs[0], late);
    EXPECT_EQ(late.ops.size(), 1u);
}

TEST_F(MassEvent, AFreezeHoldsOverARestartForTheRestOfItsTime)
{
    mail_to(people);
    dead = true;
    mail_to(people);
    ASSERT_EQ(count_events("site.frozen"), 1);
    const auto start_again = [this] {
        run(delivery->drain());
        delivery.reset();
        begin();
    };
    start_again();
    EXPECT_NE(metrics.expose().find("winnow_frozen_sites 1"), std::string::npos);
    enqueue(person(3));
    deliver(1min);
    EXPECT_EQ(suppressed(person(3)), "") << "the first death after the start is under the freeze already";
    EXPECT_EQ(count_events("site.frozen"), 1) << "and no event of its own";

    clock.advance(25h);
    start_again();
    EXPECT_NE(metrics.expose().find("winnow_frozen_sites 0"), std::string::npos);
    enqueue(person(3));
    deliver(1min);
    EXPECT_EQ(suppressed(person(3)), "workspace:bounce") << "the day is over";
}

TEST_F(MassEvent, TheFreezesOfSeveralSitesAreKeptTogether)
{
    const auto refs = mail_to(people);
    const auto freeze = [&](const std::string& site) {
        for (std::size_t i = 0; i < 20; ++i) {
            storage::RecordAttempt record;
            record.state = MessageState::bounced;
            record.attempt.klass = ReplyClass::mailbox_unknown;
            record.attempt.mx = "mx." + site + "[192.0.2.25]";
            record.attempt.at = clock.now();
            auto undo = run(events->weigh_attempt(site, message(refs[i]), record)).undo;
            if (undo.ops.empty())
                continue;
            ASSERT_TRUE(run(engine->commit(std::move(undo))));
            events->undone(site, true);
        }
    };
    freeze("one.test");
    clock.advance(1h);
    freeze("two.test");
    relay::MassEvents next{*engine, null_log(), metrics};
    ASSERT_TRUE(run(next.restore()));
    EXPECT_TRUE(next.frozen("one.test"));
    EXPECT_TRUE(next.frozen("two.test"));
    EXPECT_FALSE(next.frozen("three.test"));
    clock.advance(23h);
    EXPECT_FALSE(next.frozen("one.test")) << "until the same time as before";
    EXPECT_TRUE(next.frozen("two.test"));
}

TEST_F(MassEvent, WhatIsKeptOfFreezesAndCannotBeReadStopsNobody)
{
    for (const char* bad : {"rubbish", "{}", R"([7, {"site": "a.test"}, {"site": 1, "since": 1}])"}) {
        commit(storage::PutValue{"mass-events/freezes", bad, {}});
        relay::MassEvents next{*engine, null_log(), metrics};
        EXPECT_TRUE(run(next.restore())) << bad;
        EXPECT_FALSE(next.frozen("a.test"));
    }
}
