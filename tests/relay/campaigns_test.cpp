// Campaigns: rows through the gate into the lanes, once each.
#include "relay/campaigns.hpp"

#include <algorithm>
#include <set>

#include "mail/headers.hpp"
#include "relay/outcome.hpp"
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::MxHost;

namespace {

class CampaignTest : public test::RelayWorld {
public:
    std::unique_ptr<relay::Campaigns> campaigns;

    CampaignTest() { start(); }
    ~CampaignTest() override { campaigns.reset(); }
    void start() { campaigns = std::make_unique<relay::Campaigns>(services(), options); }

    storage::ListRow row(std::uint64_t number, std::string address, std::string rest = "Ann")
    {
        storage::ListRow r;
        r.number = number;
        r.address = address;
        r.raw = std::move(address) + "," + std::move(rest);
        return r;
    }
    void put_list(std::vector<storage::ListRow> rows, bool complete = true)
    {
        storage::ListRecord list;
        list.workspace = ws;
        list.id = "list-1";
        list.name = "the list";
        list.columns = {"email", "name"};
        list.complete = complete;
        list.rows = rows.size();
        commit(storage::PutList{list});
        commit(storage::PutRows{ws, "list-1", std::move(rows)});
    }
    /// Rows of one person with several mailboxes; the first stands for all of them.
    std::vector<storage::ListRow> person(std::vector<std::string> addresses, std::uint64_t first = 1)
    {
        std::vector<storage::ListRow> rows;
        for (std::string& address : addresses) {
            rows.push_back(row(first + rows.size(), std::move(address)));
            rows.back().person = first;
        }
        return rows;
    }
    using Gate = std::map<std::string, std::uint64_t>;
    void put_many(std::uint64_t count)
    {
        std::vector<storage::ListRow> rows;
        for (std::uint64_t i = 1; i <= count; ++i)
            rows.push_back(row(i, "u" + std::to_string(i) + "@example.test"));
        put_list(std::move(rows));
    }
    relay::CampaignRequest request()
    {
        relay::CampaignRequest r;
        r.workspace = ws;
        r.list_id = "list-1";
        r.from = "News <news@sender.test>";
        r.subject = "Hello {{name}}";
        r.text = "Dear {{name}}";
        r.hold_for = 10min;
        return r;
    }
    std::string create()
    {
        auto made = run(campaigns->create(request()));
        EXPECT_TRUE(made) << made.error().message();
        return made ? made->id : std::string{};
    }
    /// Each commit takes a second from now on.
    void slow_store(milliseconds delay = 1s)
    {
        storage::DiskFaults slow;
        slow.delay = delay;
        slow.timers = &timers;
        storage::set_faults(*disk, slow);
    }
    std::string launch()
    {
        const std::string id = create();
        const auto started = run(campaigns->start(ws, id));
        EXPECT_TRUE(started) << started.error().message();
        return id;
    }
    storage::CampaignRecord record(const std::string& id) { return get(campaigns->get(ws, id)); }
    std::string refusal(const relay::CampaignRequest& r)
    {
        const auto made = run(campaigns->create(r));
        return made ? "accepted" : made.error().context;
    }
};

}  // namespace

TEST_F(CampaignTest, ErrorsOfARequestNameTheField)
{
    put_list({row(1, "a@example.test")});
    EXPECT_NE(create(), "");
    const auto begins = [&](const relay::CampaignRequest& r, const std::string& with) {
        const std::string why = refusal(r);
        EXPECT_TRUE(why.starts_with(with)) << why;
    };
    auto r = request();
    r.list_id = "nope";
    begins(r, "list_id: ");
    r = request();
    r.from = "nobody";
    begins(r, "from: ");
    r = request();
    r.subject.clear();
    begins(r, "subject: ");
    r = request();
    r.subject = "a\r\nBcc: b@c.test";
    begins(r, "subject: ");
    r = request();
    r.text.clear();
    begins(r, "text: ");
    r = request();
    r.text = "{{nmae}}";
    begins(r, "text: {{nmae}}");
    EXPECT_NE(refusal(r).find("email, name"), std::string::npos) << "what there is instead";
    r = request();
    r.html = "{{#each x}}";
    begins(r, "html: line 1");
    r = request();
    r.headers["To"] = "x@example.test";
    EXPECT_NE(refusal(r), "accepted");
    r = request();
    r.headers["X-A\r\n"] = "x";
    EXPECT_NE(refusal(r), "accepted");
    r = request();
    r.headers["To"] = "{{name}}";
    EXPECT_NE(refusal(r), "accepted");
    r = request();
    r.headers["X-Ref"] = "{{nmae}}";
    begins(r, "headers: X-Ref: {{nmae}}");
    r.headers["X-Ref"] = "{{name";
    begins(r, "headers: X-Ref: line 1");
    r = request();
    r.hold_for = -1h;
    begins(r, "hold_for: ");
}

TEST_F(CampaignTest, AListThatIsStillUploadedIsNotTaken)
{
    put_list({row(1, "a@example.test")}, false);
    EXPECT_TRUE(refusal(request()).starts_with("list_id: "));
}

TEST_F(CampaignTest, RowsPassTheGate)
{
    auto malformed = row(5, "e@example.test");
    malformed.malformed = "unterminated quote";
    auto twice = row(6, "A@example.test");
    twice.duplicate_of = 1;
    put_list({row(1, "a@example.test"), row(2, "unknown@example.test"), row(3, "risky@example.test"),
              row(4, "gone@example.test"), malformed, twice, row(7, "no address")});
    gate.hold("unknown@example.test", "greylisted");
    gate.refuse("risky@example.test", "catch_all");
    gate.refuse("gone@example.test", "suppressed:workspace:bounce");
    const std::string id = launch();
    pass(5s);
    const auto c = record(id);
    EXPECT_EQ(c.queued, 1u);
    EXPECT_EQ(c.held, 1u);
    EXPECT_EQ(c.refused, 4u);
    const std::map<std::string, std::uint64_t> expected{
        {"queued:accepted", 1},       {"held:greylisted", 1},
        {"refused:catch_all", 1},     {"refused:suppressed:workspace:bounce", 1},
        {"refused:malformed_row", 1}, {"refused:syntax_invalid", 1},
        {"skipped:duplicate", 1}};
    EXPECT_EQ(c.gate, expected);
    EXPECT_EQ(c.state, CampaignState::running);
    EXPECT_EQ(c.next_row, 8u);
}

TEST_F(CampaignTest, EveryRowIsDeliveredOnceAndThenItIsDone)
{
    MxHost& mx = serve();
    put_many(120);
    const std::string id = launch();
    deliver(2min);
    EXPECT_EQ(mx.mails.size(), 120u);
    EXPECT_EQ(record(id).state, CampaignState::done);
    EXPECT_EQ(record(id).by_state.at(MessageState::delivered), 120u);
    EXPECT_EQ(count_events("campaign.completed"), 1);
    const auto head = mail::HeaderBlock::read(mx.mails[0].content);
    EXPECT_EQ(head.get("Subject"), "Hello Ann");
    EXPECT_TRUE(head.has("List-Unsubscribe"));
    EXPECT_TRUE(relay::read_return_path(keys, options, mx.mails[0].reverse_path, clock.now()));
}

TEST_F(CampaignTest, WithoutABounceDomainTheSenderIsTheFromAddress)
{
    MxHost& mx = serve();
    options.bounce_domain.clear();
    start();
    put_many(1);
    launch();
    deliver(1min);
    ASSERT_EQ(mx.mails.size(), 1u);
    EXPECT_EQ(mx.mails[0].reverse_path, "news@sender.test");
}

TEST_F(CampaignTest, RowsOfAnOldSpreadsheetAreWrittenInUtf8)
{
    MxHost& mx = serve();
    put_list({row(1, "a@example.test", "J\xFCrgen")});  // windows-1252
    launch();
    deliver(1min);
    ASSERT_EQ(mx.mails.size(), 1u);
    EXPECT_NE(mx.mails[0].content.find("=?"), std::string::npos) << mx.mails[0].content;
    EXPECT_NE(mx.mails[0].content.find("J=C3=BCrgen"), std::string::npos) << mx.mails[0].content;
}

TEST_F(CampaignTest, ARowWithALineBreakInAHeaderIsRefusedAndCounted)
{
    MxHost& mx = serve();
    put_list({row(1, "a@example.test", "\"Ann\r\nBcc: c@example.test\""), row(2, "b@example.test", "Bob")});
    const std::string id = launch();
    deliver(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"b@example.test"});
    const auto campaign = record(id);
    EXPECT_EQ(campaign.refused, 1u);
    EXPECT_EQ(campaign.gate.at("refused:line_break_in_header"), 1u);
    EXPECT_EQ(campaign.state, CampaignState::done);
}

TEST_F(CampaignTest, RowsOfANdjsonListGiveTheirMembersToTheTemplate)
{
    MxHost& mx = serve();
    storage::ListRecord list;
    list.workspace = ws;
    list.id = "list-1";
    list.name = "the list";
    list.format = storage::ListFormat::ndjson;
    list.columns = {"email", "name"};
    list.complete = true;
    list.rows = 1;
    storage::ListRow object;
    object.number = 1;
    object.address = "a@example.test";
    object.raw = R"({"email":"a@example.test","name":"A, \"n\" J\u00f8rgen"})";
    commit(storage::PutList{list});
    commit(storage::PutRows{ws, "list-1", {object}});
    launch();
    deliver(1min);
    ASSERT_EQ(mx.mails.size(), 1u);
    EXPECT_NE(mx.mails[0].content.find("Dear A, \"n\" J=C3=B8rgen"), std::string::npos) << mx.mails[0].content;
}

TEST_F(CampaignTest, ACrashBetweenCommitsSkipsNoRowAndRepeatsNone)
{
    put_many(1'800);
    slow_store();
    const std::string id = launch();
    pass(2500ms);
    const auto so_far = record(id).next_row;
    EXPECT_GT(so_far, 1u);
    EXPECT_LT(so_far, 1'801u);
    campaigns.reset();
    stop_world();
    crash(*disk);
    storage::set_faults(*disk, {});
    open_store();
    start();
    ASSERT_TRUE(run(campaigns->resume()));
    pass(1min);
    EXPECT_EQ(record(id).queued, 1'800u);
    std::set<storage::H16> addresses;
    int queued = 0;
    for (const auto& event : events())
        if (event.type == "message.queued") {
            addresses.insert(event.address);
            ++queued;
        }
    EXPECT_EQ(queued, 1'800);
    EXPECT_EQ(addresses.size(), 1'800u);
}

TEST_F(CampaignTest, DrainedBetweenCommitsItGoesOnLater)
{
    put_many(1'800);
    slow_store();
    const std::string id = launch();
    pass(1500ms);
    run(campaigns->drain());
    const auto so_far = record(id).next_row;
    EXPECT_LT(so_far, 1'801u);
    storage::set_faults(*disk, {});
    start();
    ASSERT_TRUE(run(campaigns->resume()));
    pass(1min);
    EXPECT_EQ(record(id).queued, 1'800u);
    EXPECT_EQ(count_events("message.queued"), 1'800);
}

TEST_F(CampaignTest, StartingTwiceIsOneStart)
{
    put_many(10);
    const std::string id = launch();
    ASSERT_TRUE(run(campaigns->start(ws, id)));
    pass(5s);
    EXPECT_EQ(record(id).queued, 10u);
    EXPECT_FALSE(run(campaigns->start(ws, "nope")));
}

TEST_F(CampaignTest, CountsOfDeliveriesDoNotDisturbTheRunner)
{
    // Delivery counts states of the campaign while its rows still pass.
    MxHost& mx = serve();
    put_many(700);
    slow_store(10ms);
    const std::string id = launch();
    deliver(10min);
    EXPECT_EQ(mx.mails.size(), 700u);
    EXPECT_EQ(record(id).state, CampaignState::done);
    EXPECT_EQ(record(id).by_state.at(MessageState::delivered), 700u);
}

TEST_F(CampaignTest, AHeldRowGoesWhenItsVerdictArrives)
{
    MxHost& mx = serve();
    put_list({row(1, "a@example.test")});
    gate.hold("a@example.test", "greylisted");
    const std::string id = launch();
    deliver(5min);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(record(id).by_state.at(MessageState::held), 1u);
    gate.answers.clear();
    pass(2s);
    EXPECT_EQ(mx.mails.size(), 1u);
    pass(2s);
    EXPECT_EQ(record(id).state, CampaignState::done);
}

TEST_F(CampaignTest, AHeldRowIsRefusedWhenTheHoldEnds)
{
    MxHost& mx = serve();
    put_list({row(1, "a@example.test")});
    gate.hold("a@example.test", "greylisted");
    const std::string id = launch();
    deliver(9min);
    EXPECT_EQ(record(id).by_state.at(MessageState::held), 1u);
    pass(2min);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(record(id).by_state.at(MessageState::dropped), 1u);
    EXPECT_EQ(record(id).state, CampaignState::done);
}

TEST_F(CampaignTest, WhatBecameOfHeldRowsShowsInTheGateCounts)
{
    serve();
    put_list({row(1, "a@example.test"), row(2, "b@example.test"), row(3, "c@example.test")});
    for (const char* who : {"a@example.test", "b@example.test", "c@example.test"})
        gate.hold(who, "greylisted");
    const std::string id = launch();
    pass(2s);
    EXPECT_EQ(record(id).gate, (Gate{{"held:greylisted", 3}}));
    EXPECT_EQ(record(id).held, 3u);
    gate.answers.erase("a@example.test");
    gate.refuse("b@example.test", "mailbox_not_found");
    pass(2s);
    EXPECT_EQ(record(id).gate,
              (Gate{{"held:greylisted", 1}, {"queued:accepted", 1}, {"refused:mailbox_not_found", 1}}));
    deliver(15min);
    const auto c = record(id);
    EXPECT_EQ(c.state, CampaignState::done);
    EXPECT_EQ(c.held, 0u);
    EXPECT_EQ(c.queued, 1u);
    EXPECT_EQ(c.refused, 2u);
    EXPECT_EQ(c.gate.count("held:greylisted"), 0u);
}

TEST_F(CampaignTest, AMessageThatADeliverySentBackIsCountedOnce)
{
    MxHost& mx = serve();
    put_list({row(1, "a@example.test")});
    const std::string id = launch();
    pass(2s);
    gate.hold("a@example.test", "timeout");  // its verdict ended before its turn came
    deliver(1min);
    ASSERT_EQ(record(id).by_state.at(MessageState::held), 1u);
    gate.answers.clear();
    pass(1min);
    EXPECT_EQ(mx.mails.size(), 1u);
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1}}));
    EXPECT_EQ(record(id).queued, 1u);
}

// --- one mail for each person

TEST_F(CampaignTest, APersonWithSeveralMailboxesGetsOneMessage)
{
    MxHost& mx = serve();
    put_list(person({"jane@example.test", "jane+a@example.test", "jane+b@example.test"}));
    const std::string id = launch();
    deliver(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"jane@example.test"});
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1}, {"skipped:same_person", 2}}));
    EXPECT_EQ(record(id).state, CampaignState::done);
}

TEST_F(CampaignTest, AMailboxThatTheGateRefusesDoesNotStandForTheOthers)
{
    MxHost& mx = serve();
    put_list(person({"jane+old@example.test", "jane@example.test"}));
    gate.refuse("jane+old@example.test", "mailbox_not_found");
    const std::string id = launch();
    deliver(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"jane@example.test"});
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1}, {"refused:mailbox_not_found", 1}}));
}

TEST_F(CampaignTest, AHeldMailboxGivesWayToOneThatMayBeMailed)
{
    MxHost& mx = serve();
    put_list(person({"jane+old@example.test", "jane@example.test"}));
    gate.hold("jane+old@example.test", "greylisted");
    const std::string id = launch();
    deliver(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"jane@example.test"});
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1}, {"skipped:same_person", 1}}));
    EXPECT_EQ(record(id).by_state.at(MessageState::dropped), 1u);
    EXPECT_EQ(record(id).state, CampaignState::done) << "nothing waits for the rest of the hold";
}

TEST_F(CampaignTest, OfHeldMailboxesTheFirstThatIsLetInGetsTheMessage)
{
    MxHost& mx = serve();
    put_list(person({"jane+a@example.test", "jane+b@example.test", "jane@example.test"}));
    for (const char* who : {"jane+a@example.test", "jane+b@example.test", "jane@example.test"})
        gate.hold(who, "greylisted");
    const std::string id = launch();
    pass(2s);
    ASSERT_EQ(record(id).by_state.at(MessageState::held), 3u);
    gate.answers.erase("jane+b@example.test");
    gate.answers.erase("jane@example.test");
    deliver(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"jane+b@example.test"});
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1}, {"skipped:same_person", 2}}));
    EXPECT_EQ(record(id).state, CampaignState::done);
}

TEST_F(CampaignTest, AMessageThatADeliverySentBackKeepsItsPerson)
{
    MxHost& mx = serve();
    put_list(person({"jane@example.test", "jane+a@example.test"}));
    const std::string id = launch();
    pass(2s);
    gate.hold("jane@example.test", "timeout");
    deliver(1min);
    ASSERT_EQ(record(id).by_state.at(MessageState::held), 1u);
    gate.answers.clear();
    pass(1min);
    EXPECT_EQ(mx.recipients(), std::vector<std::string>{"jane@example.test"}) << "it is not its own rival";
}

TEST_F(CampaignTest, ACrashMailsAPersonNeitherTwiceNorNever)
{
    std::vector<storage::ListRow> rows;
    for (std::uint64_t i = 1; i <= 1'798; ++i)
        rows.push_back(row(i, "u" + std::to_string(i) + "@example.test"));
    rows.front().person = 1;  // mailed before the crash, met again after it
    rows[1].person = 2;       // held before the crash, mailed after it
    rows.push_back(row(1'799, "u1+a@example.test"));
    rows.back().person = 1;
    rows.push_back(row(1'800, "u2+a@example.test"));
    rows.back().person = 2;
    put_list(std::move(rows));
    gate.hold("u2@example.test", "greylisted");
    slow_store();
    const std::string id = launch();
    pass(2500ms);
    const auto so_far = record(id).next_row;
    ASSERT_GT(so_far, 2u);
    ASSERT_LT(so_far, 1'799u);
    campaigns.reset();
    stop_world();
    crash(*disk);
    storage::set_faults(*disk, {});
    open_store();
    start();
    ASSERT_TRUE(run(campaigns->resume()));
    pass(1min);
    EXPECT_EQ(record(id).gate, (Gate{{"queued:accepted", 1'798}, {"skipped:same_person", 2}}));
    EXPECT_EQ(count_events("message.queued"), 1'798);
    EXPECT_EQ(record(id).by_state.at(MessageState::dropped), 1u);
}

TEST_F(CampaignTest, CancelStopsQueuedAndHeldMessages)
{
    MxHost& mx = serve();
    std::vector<storage::ListRow> rows;
    for (std::uint64_t i = 1; i <= 50; ++i)
        rows.push_back(row(i, "u" + std::to_string(i) + "@example.test"));
    rows.push_back(row(51, "held@example.test"));
    put_list(std::move(rows));
    gate.hold("held@example.test", "greylisted");
    const std::string id = launch();
    pass(5s);
    ASSERT_EQ(record(id).by_state.at(MessageState::queued), 50u);
    ASSERT_TRUE(run(campaigns->cancel(ws, id)));
    deliver(1h);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(record(id).state, CampaignState::cancelled);
    EXPECT_EQ(record(id).by_state.at(MessageState::cancelled), 51u);
    EXPECT_TRUE(run(campaigns->cancel(ws, id))) << "once more is the same";
    EXPECT_FALSE(run(campaigns->start(ws, id)));
}

TEST_F(CampaignTest, ACancelledCampaignHoldsNoMessageAfterACrash)
{
    put_many(1'200);
    for (int i = 1; i <= 1'200; ++i)
        gate.hold("u" + std::to_string(i) + "@example.test", "greylisted");
    const std::string id = launch();
    pass(5s);
    ASSERT_EQ(record(id).by_state.at(MessageState::held), 1'200u);
    ASSERT_TRUE(run(campaigns->cancel(ws, id)));  // and at once:
    campaigns.reset();
    stop_world();
    crash(*disk);
    open_store();
    start();
    EXPECT_EQ(record(id).state, CampaignState::cancelled);
    EXPECT_EQ(record(id).by_state.at(MessageState::held), 1'200u);
    EXPECT_EQ(record(id).finished, TimePoint{});
    ASSERT_TRUE(run(campaigns->resume()));
    pass(1min);
    EXPECT_EQ(record(id).by_state.at(MessageState::cancelled), 1'200u);
    EXPECT_NE(record(id).finished, TimePoint{});
    EXPECT_TRUE(get(engine->running_campaigns()).empty());
}

TEST_F(CampaignTest, AMessageThatComesBackFromDeliveryIsCancelledToo)
{
    serve();
    put_many(1);
    const std::string id = launch();
    pass(5s);
    ASSERT_TRUE(run(campaigns->cancel(ws, id)));
    pass(5s);
    EXPECT_EQ(record(id).finished, TimePoint{}) << "a message is still in the queue";
    const auto queued = events();
    const auto at =
        std::find_if(queued.begin(), queued.end(), [](const auto& e) { return e.type == "message.queued"; });
    ASSERT_NE(at, queued.end());
    const auto message = get(engine->find_message(ws, at->message_id));
    ASSERT_TRUE(message);
    commit(relay::stopped_by_gate(*message, {GateDecision::hold, "timeout", {}}, engine->now()));
    ASSERT_EQ(record(id).by_state.at(MessageState::held), 1u);
    pass(5s);
    EXPECT_EQ(record(id).by_state.at(MessageState::cancelled), 1u);
    EXPECT_NE(record(id).finished, TimePoint{});
}

TEST_F(CampaignTest, CancelDuringThePassStopsIt)
{
    put_many(1'800);
    slow_store();
    const std::string id = launch();
    pass(1500ms);
    ASSERT_TRUE(run(campaigns->cancel(ws, id)));
    pass(1min);
    EXPECT_LT(record(id).queued, 1'800u);
    EXPECT_EQ(record(id).state, CampaignState::cancelled);
}

TEST_F(CampaignTest, AGateThatFailsMakesItWait)
{
    put_many(10);
    gate.broken = true;
    const std::string id = launch();
    pass(1min);
    EXPECT_EQ(record(id).next_row, 1u);
    gate.broken = false;
    pass(10s);
    EXPECT_EQ(record(id).queued, 10u);
}

TEST_F(CampaignTest, WaitEndsWithTheCampaignOrItsTime)
{
    MxHost& mx = serve();
    put_many(10);
    const std::string id = launch();
    int looks = 0;
    auto over = run(campaigns->wait(ws, id, clock.steady() + 2s, [&](const auto&) { ++looks; }));
    ASSERT_TRUE(over);
    EXPECT_EQ(over->state, CampaignState::running);
    EXPECT_GT(looks, 1);
    start_delivery();
    over = run(campaigns->wait(ws, id, clock.steady() + 1h, {}));
    ASSERT_TRUE(over);
    EXPECT_EQ(over->state, CampaignState::done);
    EXPECT_EQ(mx.mails.size(), 10u);
}
