// Delivery over a real store and real SMTP, in virtual time: what happens to messages.
#include "storage/late_refusals.hpp"
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::MxHost;

namespace {

class Delivery : public test::RelayWorld {};

SmtpReply no_such_user()
{
    return SmtpReply::make(550, "5.1.1 <x@example.test>: Recipient address rejected: User unknown");
}

}  // namespace

TEST_F(Delivery, DeliversAMessageExactlyOnceUnderItsReturnPath)
{
    MxHost& mx = serve();
    const auto ref = enqueue("a@example.test");
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
    ASSERT_EQ(mx.mails.size(), 1u);
    EXPECT_EQ(mx.mails[0].recipient, "a@example.test");
    EXPECT_EQ(relay::read_return_path(keys, options, mx.mails[0].reverse_path, clock.now()), ref);
    EXPECT_NE(mx.mails[0].content.find("hello"), std::string::npos);
    EXPECT_EQ(count_events("message.delivered"), 1);
    const auto history = message(ref).history;
    ASSERT_EQ(history.size(), 1u);
    EXPECT_EQ(history[0].mx, "mx.example.test[192.0.2.25]");
    EXPECT_EQ(history[0].source, "192.0.2.1");
}

TEST_F(Delivery, AMailboxThatDoesNotExistAfterDataIsCountedForItsDomainAndOneRefusedAtRcptIsNot)
{
    const auto count = [this] {
        const auto stored = run(engine->get_value(storage::late_refusals_key("example.test"))).value();
        return stored ? storage::late_refusals(*stored) : 0;
    };
    MxHost& mx = serve();
    mx.rcpt_reply = [](const std::string& recipient) {
        return recipient == "a@example.test" ? no_such_user() : SmtpReply::make(250, "ok");
    };
    mx.dot_reply = [](const std::string&) { return no_such_user(); };
    const auto at_rcpt = enqueue("a@example.test");
    deliver(10s);
    EXPECT_EQ(state(at_rcpt), MessageState::bounced);
    EXPECT_EQ(count(), 0);
    const auto after_data = enqueue("b@example.test");
    deliver(10s);
    EXPECT_EQ(state(after_data), MessageState::bounced);
    EXPECT_EQ(count(), 1);
    mx.dot_reply = [](const std::string&) { return SmtpReply::make(554, "5.7.1 message looks like spam"); };
    enqueue("c@example.test");
    deliver(10s);
    EXPECT_EQ(count(), 1);
}

TEST_F(Delivery, TakesMessagesThatComeWhileItRuns)
{
    MxHost& mx = serve();
    deliver(1min);
    const auto ref = enqueue("a@example.test");
    pass(1s);
    EXPECT_EQ(state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), 1u);
}

TEST_F(Delivery, WaitsForADueTimeInTheFuture)
{
    MxHost& mx = serve();
    auto later = submission("a@example.test");
    later.due = clock.now() + 30min;
    enqueue(later);
    deliver(29min);
    EXPECT_TRUE(mx.mails.empty());
    pass(2min);
    EXPECT_EQ(mx.mails.size(), 1u);
}

TEST_F(Delivery, ATransientReplyDefersByTheLadder)
{
    MxHost& mx = serve();
    int tries = 0;
    mx.rcpt_reply = [&](const std::string&) {
        ++tries;
        return SmtpReply::make(451, "4.3.0 disk trouble");
    };
    const auto ref = enqueue("a@example.test");
    deliver(1s);
    EXPECT_EQ(tries, 1);
    EXPECT_EQ(state(ref), MessageState::deferred);
    EXPECT_EQ(message(ref).attempts, 1);
    pass(3min);
    EXPECT_EQ(tries, 1);  // 5 min, 20 % less at most
    pass(4min);
    EXPECT_EQ(tries, 2);
    pass(11min);
    EXPECT_EQ(tries, 2);  // then 15 min
    pass(8min);
    EXPECT_EQ(tries, 3);
    mx.rcpt_reply = {};
    pass(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), 1u);
    EXPECT_EQ(suppressed("a@example.test"), "");
}

TEST_F(Delivery, APermanentReplyBouncesAndSuppressesInOneCommit)
{
    MxHost& mx = serve();
    mx.rcpt_reply = [](const std::string&) { return no_such_user(); };
    const auto ref = enqueue("x@example.test");
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::bounced);
    EXPECT_EQ(suppressed("x@example.test"), "workspace:bounce");
    EXPECT_EQ(count_events("message.bounced"), 1);
    const auto history = get(engine->history(ws, parse_address("x@example.test").address, 10));
    ASSERT_EQ(history.size(), 1u);
    EXPECT_EQ(history[0].klass, ReplyClass::mailbox_unknown);
    EXPECT_EQ(history[0].stage, Stage::rcpt);
}

TEST_F(Delivery, ARefusalAfterDataNeverBlamesTheAddress)
{
    MxHost& mx = serve();
    mx.dot_reply = [](const std::string&) { return SmtpReply::make(554, "5.7.1 message looks like spam"); };
    const auto ref = enqueue("a@example.test");
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::bounced);
    EXPECT_EQ(message(ref).history.at(0).klass, ReplyClass::content_spam);
    EXPECT_EQ(suppressed("a@example.test"), "");
}

TEST_F(Delivery, AHardBounceSendsANoticeToTheSubmitter)
{
    route("sender.test", "mx.sender.test", "192.0.2.70");
    MxHost& mx = serve();
    MxHost& home = serve("192.0.2.70");
    mx.rcpt_reply = [](const std::string&) { return no_such_user(); };
    auto mail = submission("x@example.test");
    mail.dsn_envid = "E-7";
    mail.dsn_orcpt = "rfc822;old@example.test";
    enqueue(mail);
    deliver(1h);
    ASSERT_EQ(home.mails.size(), 1u);
    EXPECT_EQ(home.mails[0].recipient, "me@sender.test");
    EXPECT_EQ(home.mails[0].reverse_path, "");
    const std::string& text = home.mails[0].content;
    EXPECT_NE(text.find("Status: 5.1.1"), std::string::npos) << text;
    EXPECT_NE(text.find("Original-Envelope-Id: E-7"), std::string::npos) << text;
    EXPECT_NE(text.find("Original-Recipient: rfc822;old@example.test"), std::string::npos) << text;
    EXPECT_NE(text.find("Message-ID: <1@sender.test>"), std::string::npos) << text;
    EXPECT_EQ(text.find("hello"), std::string::npos) << "headers only";
}

TEST_F(Delivery, ANoticeThatBouncesMakesNoNotice)
{
    route("sender.test", "mx.sender.test", "192.0.2.70");
    MxHost& mx = serve();
    MxHost& home = serve("192.0.2.70");
    mx.rcpt_reply = home.rcpt_reply = [](const std::string&) { return no_such_user(); };
    enqueue(submission("x@example.test"));
    deliver(48h);
    EXPECT_EQ(count_events("message.queued"), 2);
    EXPECT_EQ(count_events("message.bounced"), 2);
}

TEST_F(Delivery, TheGateIsAskedAgainJustBeforeTheAttempt)
{
    MxHost& mx = serve();
    const auto ref = enqueue("a@example.test");
    gate.refuse("a@example.test", "suppressed:workspace:complaint");
    deliver(1h);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(mx.connections, 0);
    EXPECT_EQ(state(ref), MessageState::dropped);
    EXPECT_EQ(message(ref).held_reason, "suppressed:workspace:complaint");
}

TEST_F(Delivery, ASuppressionThatComesWhileItConnectsStopsTheMessage)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 2s;
    const auto ref = enqueue("a@example.test");
    deliver(1s);
    ASSERT_EQ(mx.connections, 1);
    gate.refuse("a@example.test", "suppressed:workspace:unsubscribe");
    pass(1h);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(state(ref), MessageState::dropped);
}

TEST_F(Delivery, AGateThatCannotTellIsNoPermissionAndCostsNoAttempt)
{
    MxHost& mx = serve();
    gate.broken = true;
    const auto ref = enqueue("a@example.test");
    deliver(1min);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(state(ref), MessageState::deferred);
    EXPECT_EQ(message(ref).attempts, 0);
    EXPECT_TRUE(get(engine->history(ws, parse_address("a@example.test").address, 10)).empty());
    gate.broken = false;
    pass(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(Delivery, AHeldMessageGoesWhenReleased)
{
    MxHost& mx = serve();
    auto mail = submission("a@example.test");
    mail.state = MessageState::held;
    mail.held_reason = "greylisted";
    const auto ref = enqueue(mail);
    deliver(1h);
    EXPECT_TRUE(mx.mails.empty());
    commit(storage::Release{ref, clock.now()});
    pass(1s);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(Delivery, AConnectionIsUsedForManyMessages)
{
    MxHost& mx = serve();
    options.connections_per_site = 1;
    for (int i = 0; i < 60; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(1min);
    EXPECT_EQ(mx.mails.size(), 60u);
    EXPECT_LE(mx.connections, 3);
}

TEST_F(Delivery, AConnectionEndsAfterItsMessages)
{
    MxHost& mx = serve();
    options.connections_per_site = 1;
    options.messages_per_connection = 5;
    for (int i = 0; i < 20; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(1min);
    EXPECT_EQ(mx.mails.size(), 20u);
    EXPECT_GE(mx.connections, 4);
    EXPECT_EQ(mx.open, 0);
}

TEST_F(Delivery, NoMoreConnectionsThanASiteMayHave)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 100ms;
    options.connections_per_site = 3;
    for (int i = 0; i < 50; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(10min);
    EXPECT_EQ(mx.mails.size(), 50u);
    EXPECT_EQ(mx.most_open, 3);
}

TEST_F(Delivery, NoMoreConnectionsThanTheProcessMayHaveAndEverySiteGetsItsTurn)
{
    options.max_connections = 2;
    options.messages_per_connection = 5;
    std::vector<MxHost*> all;
    for (int site = 0; site < 6; ++site) {
        const std::string name = "s" + std::to_string(site) + ".test";
        const std::string ip = "198.51.100." + std::to_string(site + 1);
        route(name, "mx." + name, ip);
        all.push_back(&serve(ip));
        all.back()->server.reply_delay = 50ms;
        for (int i = 0; i < 20; ++i)
            enqueue("u" + std::to_string(i) + "@" + name);
    }
    start_delivery();
    int most = 0;
    for (int i = 0; i < 2'000; ++i) {
        pass(50ms);
        int open = 0;
        for (const MxHost* mx : all)
            open += mx->open;
        most = std::max(most, open);
    }
    EXPECT_LE(most, 2 + 1);  // one may still be saying goodbye
    for (const MxHost* mx : all)
        EXPECT_EQ(mx->mails.size(), 20u);
}

TEST_F(Delivery, ASiteThatRefusesAnotherConnectionGoesOnWithThoseItTook)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 100ms;
    mx.takes_at_once = 2;
    for (int i = 0; i < 40; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(10min);
    EXPECT_EQ(mx.mails.size(), 40u);
    EXPECT_EQ(count_events("message.deferred"), 0);
}

TEST_F(Delivery, ASiteThatIsDownDelaysNobodyElse)
{
    route("down.test", "mx.down.test", "192.0.2.66");
    for (int i = 0; i < 300; ++i)
        enqueue("u" + std::to_string(i) + "@down.test");
    MxHost& mx = serve();
    const auto ref = enqueue("a@example.test");
    connector.fail("192.0.2.66", Error{Errc::timed_out, "connect"});
    deliver(2s);
    EXPECT_EQ(state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), 1u);
    // The dead host was asked by a few, not by each message.
    int asked = 0;
    for (const auto& [to, how] : connector.attempts)
        asked += to.ip == "192.0.2.66" ? 1 : 0;
    EXPECT_LE(asked, 20);
    pass(10min);
    EXPECT_GE(count_events("message.deferred"), 100) << "what waits for a dead site shows why";
}

TEST_F(Delivery, ASiteThatComesBackGetsItsMail)
{
    connector.fail(mx1_ip, Error{Errc::timed_out, "connect"});
    const auto ref = enqueue("a@example.test");
    deliver(1min);
    EXPECT_EQ(state(ref), MessageState::deferred);
    EXPECT_EQ(message(ref).history.at(0).klass, ReplyClass::network);
    serve();  // from the second connection on
    pass(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(Delivery, TheWindowBoundsWhatIsInMemory)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 1s;
    options.window_per_site = 30;
    options.connections_per_site = 1;
    for (int i = 0; i < 500; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(20s);
    const auto counts = get(engine->queue_counts(ws));
    EXPECT_LE(counts.in_flight, 30u + 1u);
    EXPECT_GT(counts.in_flight, 10u);
    pass(2h);
    EXPECT_EQ(mx.mails.size(), 500u);
}

TEST_F(Delivery, FlowsOfOneSiteTakeTurns)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 100ms;
    options.connections_per_site = 1;
    for (int i = 0; i < 500; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(5s);
    route("other.test", "mx.example.test", mx1_ip);
    const auto late = enqueue("late@other.test");
    ASSERT_LT(mx.mails.size(), 100u);
    // Not behind the 500 before it, only behind a window of them.
    for (int turn = 0; turn < 1'000 && mx.mails.size() < 320; ++turn)
        pass(1s);
    EXPECT_EQ(state(late), MessageState::delivered);
}

TEST_F(Delivery, AThrottlePausesTheSiteAndCostsNoAttempt)
{
    MxHost& mx = serve();
    options.connections_per_site = 1;
    int rcpts = 0;
    bool busy = true;
    mx.rcpt_reply = [&](const std::string&) {
        ++rcpts;
        return busy ? SmtpReply::make(450, "4.7.1 rate limit exceeded, try again in 10 minutes")
                    : SmtpReply::make(250, "ok");
    };
    std::vector<MessageRef> refs;
    for (int i = 0; i < 10; ++i)
        refs.push_back(enqueue("u" + std::to_string(i) + "@example.test"));
    deliver(9min);
    EXPECT_EQ(rcpts, 1);
    busy = false;
    pass(10min);
    EXPECT_EQ(mx.mails.size(), 10u);
    for (const auto ref : refs)
        EXPECT_LE(message(ref).attempts, 1);
    EXPECT_EQ(count_events("message.deferred"), 1);
}

TEST_F(Delivery, DrainGivesBackWhatWasNotAttempted)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 1s;
    options.connections_per_site = 1;
    for (int i = 0; i < 50; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(10s);
    run(delivery->drain());
    EXPECT_EQ(delivery->in_flight(), 0u);
    const auto counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.in_flight, 0u);
    EXPECT_EQ(counts.queued + mx.mails.size(), 50u);
    EXPECT_EQ(count_events("message.released"), 0) << "nothing happened to them";
    // And nothing more is sent.
    const auto sent = mx.mails.size();
    pass(1h);
    EXPECT_EQ(mx.mails.size(), sent);
    // A new delivery on the same store sends the rest, each once.
    delivery.reset();
    deliver(1h);
    EXPECT_EQ(mx.mails.size(), 50u);
    auto recipients = mx.recipients();
    std::sort(recipients.begin(), recipients.end());
    EXPECT_EQ(std::unique(recipients.begin(), recipients.end()), recipients.end());
}

TEST_F(Delivery, AfterACrashSettledMessagesAreNotSentAgain)
{
    MxHost& mx = serve();
    mx.server.reply_delay = 1s;
    options.connections_per_site = 1;
    for (int i = 0; i < 20; ++i)
        enqueue("u" + std::to_string(i) + "@example.test");
    deliver(20s);
    const auto before = mx.mails.size();
    ASSERT_GT(before, 1u);
    ASSERT_LT(before, 20u);
    stop_world();
    crash(*disk);
    open_store();
    EXPECT_GT(get(engine->stats()).uncertain, 0u);
    deliver(1h);
    auto recipients = mx.recipients();
    EXPECT_LE(recipients.size(), 20u + 1u) << "only the one in its transaction may go twice";
    std::sort(recipients.begin(), recipients.end());
    recipients.erase(std::unique(recipients.begin(), recipients.end()), recipients.end());
    EXPECT_EQ(recipients.size(), 20u);
}

TEST_F(Delivery, AnOutcomeThatTheStoreDoesNotTakeLeavesTheMessageDue)
{
    MxHost& mx = serve();
    mx.dot_reply = [this](const std::string&) {
        storage::DiskFaults faults;
        faults.fail_sync_after = 0;
        storage::set_faults(*disk, faults);
        return SmtpReply::make(250, "2.0.0 taken");
    };
    const auto ref = enqueue("a@example.test");
    deliver(1min);
    // Delivered, and not written down: it is offered again, but not sent again while winnow runs.
    EXPECT_EQ(mx.mails.size(), 1u);
    stop_world();
    storage::set_faults(*disk, {});
    mx.dot_reply = {};
    open_store();
    EXPECT_NE(state(ref), MessageState::delivered);
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), 2u) << "at least once: the receiver has it twice";
}

TEST_F(Delivery, AMessageExpiresAfterItsLastTry)
{
    MxHost& mx = serve();
    TimePoint last{};
    mx.rcpt_reply = [&](const std::string&) {
        last = clock.now();
        return SmtpReply::make(451, "4.3.0 later");
    };
    auto mail = submission("a@example.test");
    mail.expires = clock.now() + 1h;
    const auto ref = enqueue(mail);
    deliver(3h);
    EXPECT_EQ(state(ref), MessageState::expired);
    EXPECT_GE(last, mail.expires);
    EXPECT_LT(last, mail.expires + 1min);
    EXPECT_EQ(suppressed("a@example.test"), "");
}

TEST_F(Delivery, AMessageWhoseTimeIsOverIsNotSent)
{
    MxHost& mx = serve();
    auto mail = submission("a@example.test");
    mail.expires = clock.now() - 1h;
    const auto ref = enqueue(mail);
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::expired);
    EXPECT_EQ(mx.connections, 0);
}

TEST_F(Delivery, GreylistingIsAnsweredFromTheSameSource)
{
    MxHost& mx = serve();
    options.sources = {"192.0.2.101", "192.0.2.102", "192.0.2.103"};
    bool first = true;
    mx.rcpt_reply = [&](const std::string&) {
        return first ? SmtpReply::make(450, "4.2.0 Greylisted, see you in 300 seconds") : SmtpReply::make(250, "ok");
    };
    // The connector does not bind: what it was asked for is what counts.
    const auto ref = enqueue("a@example.test");
    deliver(1min);
    EXPECT_EQ(message(ref).history.at(0).klass, ReplyClass::greylisted);
    first = false;
    pass(1h);
    EXPECT_EQ(state(ref), MessageState::delivered);
    ASSERT_EQ(connector.attempts.size(), 2u);
    EXPECT_GE(message(ref).history.at(1).at - message(ref).history.at(0).at, 5min);
}
