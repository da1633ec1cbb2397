// What every engine must do with messages: lanes, flows, attempts, reports, campaigns, bodies.
#include <map>
#include <mutex>
#include <set>

#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class Queue : public AnyEngineTest {
public:
    CampaignRecord campaign(std::string id, CampaignState state = CampaignState::running)
    {
        CampaignRecord record;
        record.workspace = ws;
        record.id = std::move(id);
        record.state = state;
        return record;
    }
    std::map<MessageState, std::uint64_t> by_state(const std::string& id)
    {
        return get(engine->get_campaign(ws, id)).value().by_state;
    }
    MessageRecord stored(MessageRef ref) { return get(engine->get_message(ref)).value(); }
    std::string held(const std::string& in_campaign = {}, MessageRef after = {}, std::size_t limit = 100)
    {
        std::string text;
        for (const auto& message : get(engine->held(ws, in_campaign, after, limit)))
            text += (text.empty() ? "" : " ") + message.recipient;
        return text;
    }
    std::vector<Evidence> history(std::string_view who) { return get(engine->history(ws, address(who), 100)); }
};
WINNOW_FOR_EACH_ENGINE(Queue);

TEST_P(Queue, AMessageIsReadBackWithItsPlaceByRefAndById)
{
    MessageRecord record = message("A+b@example.test", "C1");
    record.id = "01J0000000000000000000000A";
    record.merge = {{"name", "J\xfcrgen"}};
    record.dsn_notify = "NEVER";
    record.smtputf8 = true;
    record.expires = clock.now() + 48h;
    const MessageRef ref = enqueue(record);
    EXPECT_EQ(ref.seq, 1u);
    EXPECT_EQ(ref.lane, lane_of({}, "example.test", 8));
    reopen();
    const MessageRecord read = stored(ref);
    EXPECT_EQ(read.ref, ref);
    EXPECT_EQ(read.recipient, "A+b@example.test");
    EXPECT_EQ(read.merge, record.merge);
    EXPECT_EQ(read.dsn_notify, "NEVER");
    EXPECT_TRUE(read.smtputf8);
    EXPECT_EQ(read.state, MessageState::queued);
    EXPECT_EQ(read.accepted, clock.now());
    EXPECT_EQ(read.expires, record.expires);
    const auto found = get(engine->find_message(ws, record.id));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ref, ref);
    EXPECT_FALSE(get(engine->find_message("w2", record.id))) << "another workspace";
    EXPECT_EQ(refuse(Enqueue{record}), code(Errc::already_exists));
    EXPECT_EQ(event_types(), "message.queued");
}

TEST_P(Queue, EachLaneNumbersItsMessagesWithoutGaps)
{
    std::map<std::uint32_t, std::vector<std::uint64_t>> seqs;
    for (int i = 0; i < 12; ++i) {
        Enqueue op{message("a@example.test")};
        op.lane = LaneId{static_cast<std::uint32_t>(i % 3)};
        const MessageRef ref = apply(op).message;
        seqs[ref.lane.value].push_back(ref.seq);
        if (i == 5)
            reopen();
    }
    for (const auto& [lane, numbers] : seqs)
        EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2, 3, 4})) << "lane " << lane;
    Enqueue outside{message("a@example.test")};
    outside.lane = LaneId{8};
    EXPECT_EQ(refuse(outside), code(Errc::invalid_argument));
}

TEST_P(Queue, AFlowGivesItsItemsEarliestFirstUpToTheBound)
{
    const TimePoint now = clock.now();
    std::vector<MessageRef> refs;
    for (const auto offset : {30min, 10min, 20min, 10min}) {
        MessageRecord record = message("m" + std::to_string(refs.size()) + "@example.test");
        record.due = now + offset;
        refs.push_back(enqueue(record));
    }
    const FlowKey flow = this->flow(refs[0], "example.test");
    EXPECT_EQ(get(engine->next_due(flow)), now + 10min);
    EXPECT_EQ(recipients(get(engine->due(flow, now + 20min, 10))), "m1@example.test m3@example.test m2@example.test");
    EXPECT_EQ(recipients(get(engine->due(flow, TimePoint::max(), 1))), "m1@example.test");
    EXPECT_TRUE(get(engine->due(flow, now + 10min - 1ms, 10)).empty());
    EXPECT_EQ(get(engine->next_due(this->flow(refs[0], "other.test"))), std::nullopt);
}

TEST_P(Queue, FlowsAreSeparateByDomainWorkspaceCampaignAndClassAndSummedUpAtStart)
{
    const TimePoint now = clock.now();
    enqueue(message("a@one.test"));
    MessageRecord later = message("b@one.test");
    later.due = now - 1h;
    enqueue(later);
    enqueue(message("c@two.test"));
    enqueue(message("d@one.test", "C1"));
    MessageRecord urgent = message("e@one.test");
    urgent.mail_class = MailClass::transactional;
    enqueue(urgent);
    MessageRecord foreign = message("f@one.test");
    foreign.workspace = "w2";
    enqueue(foreign);
    reopen();
    const auto flows = get(engine->flows());
    ASSERT_EQ(flows.size(), 5u);
    std::uint64_t queued = 0;
    for (const auto& flow : flows) {
        queued += flow.queued;
        EXPECT_EQ(get(engine->next_due(flow.key)), flow.earliest);
        EXPECT_EQ(get(engine->due(flow.key, now, 10)).size(), flow.queued);
    }
    EXPECT_EQ(queued, 6u);
}

TEST_P(Queue, AnEarlierItemIsSeenAlthoughTheFlowsMarkWasPastIt)
{
    const TimePoint now = clock.now();
    MessageRecord late = message("late@example.test");
    late.due = now + 1h;
    const MessageRef ref = enqueue(late);
    const FlowKey flow = this->flow(ref, "example.test");
    // Both walks lift the mark to the one item there is.
    EXPECT_TRUE(get(engine->due(flow, now, 10)).empty());
    EXPECT_EQ(get(engine->next_due(flow)), now + 1h);
    MessageRecord early = message("early@example.test");
    early.due = now - 1h;
    enqueue(early);
    EXPECT_EQ(get(engine->next_due(flow)), now - 1h);
    EXPECT_EQ(recipients(get(engine->due(flow, now + 2h, 10))), "early@example.test late@example.test");
    apply(Release{ref, now - 2h});
    EXPECT_EQ(recipients(get(engine->due(flow, now + 2h, 10))), "late@example.test early@example.test");
}

TEST_P(Queue, WatchersHearOfWhatBecameDueWithItsFlow)
{
    std::mutex mutex;
    std::vector<std::pair<FlowKey, TimePoint>> heard;
    engine->on_due([&](const FlowKey& flow, TimePoint due) {
        const std::lock_guard lock(mutex);
        heard.emplace_back(flow, due);
    });
    const MessageRef ref = enqueue(message("a@example.test"));
    MessageRecord kept = message("b@example.test");
    kept.state = MessageState::held;
    enqueue(kept);
    const std::lock_guard lock(mutex);
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].first, flow(ref, "example.test"));
    EXPECT_EQ(heard[0].second, clock.now());
}

TEST_P(Queue, ADeferredMessageWaitsForItsNextTryAndKeepsItsHistory)
{
    const TimePoint now = clock.now();
    const MessageRef ref = enqueue(message("a@example.test"));
    for (int i = 1; i <= 12; ++i) {
        auto op = attempt(ref, MessageState::deferred, ReplyClass::server_error, "451 " + std::to_string(i));
        op.next_due = now + i * 1min;
        op.counts = i != 12;
        apply(op);
    }
    const MessageRecord read = stored(ref);
    EXPECT_EQ(read.state, MessageState::deferred);
    EXPECT_EQ(read.due, now + 12min);
    EXPECT_EQ(read.attempts, 11) << "a throttle costs no attempt";
    ASSERT_EQ(read.history.size(), 10u);
    EXPECT_EQ(read.history.front().reply, "451 3");
    EXPECT_EQ(read.history.back().reply, "451 12");
    const FlowKey flow = this->flow(ref, "example.test");
    EXPECT_TRUE(get(engine->due(flow, now + 11min, 10)).empty());
    EXPECT_EQ(get(engine->due(flow, now + 12min, 10)).size(), 1u);
    EXPECT_EQ(get(engine->queue_counts(ws)).queued, 1u);
}

TEST_P(Queue, ADeferralToTheVeryMomentItWasDueLeavesExactlyOneDueKey)
{
    const TimePoint now = clock.now();
    const MessageRef ref = enqueue(message("a@example.test"));
    auto op = attempt(ref, MessageState::deferred, ReplyClass::greylisted, "450 later");
    op.next_due = now;  // the key that is removed and the key that is written are the same
    apply(op);
    const FlowKey flow = this->flow(ref, "example.test");
    EXPECT_EQ(get(engine->due(flow, now, 10)).size(), 1u);
    // Twice in one commit, then out: nothing may come back.
    ASSERT_TRUE(run(engine->commit(OpList::of(op, op))));
    apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    EXPECT_TRUE(get(engine->due(flow, TimePoint::max(), 10)).empty());
    reopen();
    EXPECT_TRUE(get(engine->flows()).empty());
}

TEST_P(Queue, ADeliveryIsFinalAndBecomesEvidence)
{
    const MessageRef ref = enqueue(message("a@example.test"));
    apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 2.0.0 ok"));
    EXPECT_EQ(stored(ref).state, MessageState::delivered);
    const auto evidence = history("A@example.test");
    ASSERT_EQ(evidence.size(), 1u);
    EXPECT_EQ(evidence[0].kind, EvidenceKind::delivery);
    EXPECT_EQ(evidence[0].klass, ReplyClass::delivered);
    EXPECT_EQ(evidence[0].answer, "250 2.0.0 ok");
    EXPECT_EQ(evidence[0].of, "mx1.example.test [192.0.2.1]");
    EXPECT_EQ(refuse(hard_bounce(ref)), code(Errc::conflict)) << "two outcomes of one message";
    EXPECT_EQ(checked("a@example.test"), "");
    EXPECT_EQ(event_types(), "message.queued message.delivered");
    EXPECT_EQ(refuse(hard_bounce(MessageRef{LaneId{1}, 999})), code(Errc::not_found));
}

TEST_P(Queue, AHardBounceIsEvidenceStrikeSuppressionAndEventInOneCommit)
{
    const MessageRef ref = enqueue(message("a@example.test", "C1"));
    auto op = hard_bounce(ref);
    op.provider = "google";
    const OpResult result = apply(op);
    EXPECT_EQ(result.suppressed, SuppressionReason::bounce);
    reopen();
    EXPECT_EQ(stored(ref).state, MessageState::bounced);
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
    EXPECT_EQ(checked("a@example.test", "", "w2"), "");
    EXPECT_EQ(history("a@example.test").at(0).klass, ReplyClass::mailbox_unknown);
    const auto found = get(engine->find_suppressions(ws, address("a@example.test")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].origin, SuppressionOrigin::outcome);
    EXPECT_EQ(found[0].source_event, stored(ref).id);
    EXPECT_EQ(found[0].klass, ReplyClass::mailbox_unknown);
    EXPECT_EQ(found[0].rule, "g1");
    EXPECT_EQ(found[0].provider, "google");
    EXPECT_EQ(event_types(), "message.queued message.bounced suppression.added");
    EXPECT_EQ(events().back().message_id, stored(ref).id);
}

TEST_P(Queue, AnAmbiguousBounceSuppressesAtTheSecondStrikeOnly)
{
    for (int i = 1; i <= 2; ++i) {
        const MessageRef ref = enqueue(message("a@example.test"));
        auto op = hard_bounce(ref);
        op.clear = false;
        const auto suppressed = apply(op).suppressed;
        EXPECT_EQ(suppressed.has_value(), i == 2) << "strike " << i;
        clock.advance(24h);
    }
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
}

TEST_P(Queue, ADeliveryInBetweenClearsTheStrikes)
{
    for (const bool delivered : {false, true, false}) {
        const MessageRef ref = enqueue(message("a@example.test"));
        auto op = hard_bounce(ref);
        op.clear = false;
        if (delivered)
            op = attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok");
        apply(op);
        clock.advance(24h);
    }
    EXPECT_EQ(checked("a@example.test"), "");
}

TEST_P(Queue, ADeferralIsNoStrikeHoweverItReads)
{
    const MessageRef ref = enqueue(message("a@example.test"));
    for (int i = 0; i < 5; ++i) {
        auto op = attempt(ref, MessageState::deferred, ReplyClass::mailbox_unknown, "450 4.1.1 unknown user");
        op.clear = op.final_ = true;
        apply(op);
        clock.advance(240h);
    }
    EXPECT_EQ(checked("a@example.test"), "");
    EXPECT_EQ(history("a@example.test").size(), 5u);
}

TEST_P(Queue, AFrozenSiteKeepsTheEvidenceAndSuppressesNothing)
{
    auto op = hard_bounce(enqueue(message("a@example.test")));
    op.frozen = true;
    EXPECT_EQ(apply(op).suppressed, std::nullopt);
    EXPECT_EQ(checked("a@example.test"), "");
    EXPECT_EQ(history("a@example.test").size(), 1u);
}

TEST_P(Queue, ADomainThatIsGoneTwiceAnHourApartIsSuppressedAsAWhole)
{
    for (int i = 1; i <= 2; ++i) {
        const MessageRef ref = enqueue(message("u" + std::to_string(i) + "@gone.test"));
        auto op = attempt(ref, MessageState::bounced, ReplyClass::domain_invalid, "550 5.1.2 no such domain");
        op.own_dns = true;
        EXPECT_EQ(apply(op).suppressed.has_value(), i == 2);
        clock.advance(2h);
    }
    EXPECT_NE(checked("anybody@gone.test").find("/domain"), std::string::npos);
}

TEST_P(Queue, AServersWordsAboutTheDomainStrikeOneAddressAndNeverTheDomain)
{
    auto op = attempt(enqueue(message("a@live.test")), MessageState::bounced, ReplyClass::domain_invalid,
                      "550 5.1.1 <a@live.test> this mailbox does not receive mail");
    op.clear = true;
    EXPECT_EQ(apply(op).suppressed, std::nullopt);
    EXPECT_EQ(checked("a@live.test"), "");
    clock.advance(2h);
    op.ref = enqueue(message("a@live.test"));
    op.attempt.at = clock.now();
    EXPECT_TRUE(apply(op).suppressed);
    EXPECT_EQ(checked("a@live.test"), "workspace:bounce");
    EXPECT_EQ(checked("b@live.test"), "");
    EXPECT_EQ(history("a@live.test").size(), 2u);
}

TEST_P(Queue, AReportAboutTheDomainNeverStrikesTheDomain)
{
    for (const char* text : {"556 5.1.10 domain does not accept mail (null MX)",
                             "Domain old.example does not accept mail (nullMX)", "550 5.1.2 no such domain"}) {
        RecordReport report;
        report.ref = enqueue(message("a@corp2.test"));
        report.klass = ReplyClass::domain_invalid;
        report.clear = true;
        report.detail = text;
        report.at = clock.now();
        apply(report);
        EXPECT_EQ(checked("b@corp2.test"), "") << text;
        clock.advance(2h);
    }
    EXPECT_EQ(checked("a@corp2.test"), "workspace:bounce") << "his own mail came back again and again";
}

TEST_P(Queue, HistoryIsNewestFirst)
{
    for (int i = 0; i < 3; ++i) {
        const MessageRef ref = enqueue(message("a@example.test"));
        apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 " + std::to_string(i)));
        if (i == 1)
            clock.advance(1h);  // 0 and 1 have the same time: commit order decides
    }
    const auto evidence = history("a@example.test");
    ASSERT_EQ(evidence.size(), 3u);
    EXPECT_EQ(evidence[0].answer, "250 2");
    EXPECT_EQ(evidence[1].answer, "250 1");
    EXPECT_EQ(evidence[2].answer, "250 0");
    EXPECT_EQ(get(engine->history(ws, address("a@example.test"), 1)).size(), 1u);
}

TEST_P(Queue, HeldMessagesArePagedInTheOrderInWhichTheyWereHeld)
{
    MessageRecord record = message("a@example.test", "C1");
    record.state = MessageState::held;
    record.held_reason = "greylisted";
    const MessageRef a = enqueue(record);
    record = message("b@other.test", "C2");
    record.state = MessageState::held;
    record.held_reason = "timeout";
    enqueue(record);
    const MessageRef c = enqueue(message("c@example.test", "C1"));
    auto op = attempt(c, MessageState::held, ReplyClass::suppressed, "");
    op.held_reason = "greylisted";
    op.counts = false;
    apply(op);
    EXPECT_EQ(held(), "a@example.test b@other.test c@example.test");
    EXPECT_EQ(held("C1"), "a@example.test c@example.test");
    EXPECT_EQ(held("C1", {}, 1), "a@example.test");
    EXPECT_EQ(held("C1", a), "c@example.test");
    EXPECT_EQ(stored(c).attempts, 0);
    const auto counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.held, 3u);
    EXPECT_EQ(counts.queued, 0u);
    EXPECT_EQ(counts.held_by_reason, (std::map<std::string, std::uint64_t>{{"greylisted", 2}, {"timeout", 1}}));
    EXPECT_TRUE(history("c@example.test").empty()) << "the gate is no evidence about the address";

    apply(Release{a, clock.now() + 1min});
    EXPECT_EQ(held("C1"), "c@example.test");
    EXPECT_EQ(held("C1", a), "c@example.test") << "its place is kept after the release";
    EXPECT_EQ(stored(a).state, MessageState::queued);
    EXPECT_EQ(stored(a).held_reason, "");
    EXPECT_EQ(get(engine->next_due(flow(a, "example.test", "C1"))), clock.now() + 1min);
    EXPECT_EQ(get(engine->queue_counts(ws)).held_by_reason.at("greylisted"), 1u);
}

TEST_P(Queue, CampaignCountersFollowEveryChangeOfState)
{
    apply(PutCampaign{campaign("C1")});
    std::vector<MessageRef> refs;
    for (int i = 0; i < 4; ++i)
        refs.push_back(enqueue(message("m" + std::to_string(i) + "@example.test", "C1")));
    using S = MessageState;
    EXPECT_EQ(by_state("C1"), (std::map<S, std::uint64_t>{{S::queued, 4}}));
    apply(attempt(refs[0], S::delivered, ReplyClass::delivered, "250 ok"));
    apply(hard_bounce(refs[1]));
    apply(attempt(refs[2], S::deferred, ReplyClass::greylisted, "450 later"));
    apply(CancelMessage{refs[3], "user"});
    EXPECT_EQ(by_state("C1"),
              (std::map<S, std::uint64_t>{{S::delivered, 1}, {S::bounced, 1}, {S::deferred, 1}, {S::cancelled, 1}}));

    // The document's own writer neither sees a conflict nor overwrites the counters.
    CampaignRecord next = campaign("C1", CampaignState::done);
    next.version = 1;
    next.by_state[S::delivered] = 77;
    apply(PutCampaign{next});
    reopen();
    EXPECT_EQ(by_state("C1").at(S::delivered), 1u);
    EXPECT_EQ(get(engine->campaigns(ws, "", 10)).at(0).by_state.at(S::bounced), 1u);
    EXPECT_TRUE(get(engine->running_campaigns()).empty());
}

TEST_P(Queue, ACancelledCampaignIsFoundAtStartUpUntilItIsFinished)
{
    apply(PutCampaign{campaign("C1")});
    CampaignRecord next = campaign("C1", CampaignState::cancelled);
    next.version = 1;
    next.finished = {};
    apply(PutCampaign{next});
    reopen();
    ASSERT_EQ(get(engine->running_campaigns()).size(), 1u);
    next = get(engine->running_campaigns()).front();
    next.finished = engine->now();
    apply(PutCampaign{next});
    reopen();
    EXPECT_TRUE(get(engine->running_campaigns()).empty());
}

TEST_P(Queue, ACancelledCampaignIsMarkedForGood)
{
    apply(PutCampaign{campaign("C1")});
    EXPECT_EQ(get(engine->running_campaigns()).size(), 1u);
    EXPECT_FALSE(get(engine->campaign_cancelled(ws, "C1")));
    apply(CancelCampaign{ws, "C1"});
    apply(CancelCampaign{ws, "C1"});
    reopen();
    EXPECT_TRUE(get(engine->campaign_cancelled(ws, "C1")));
    EXPECT_FALSE(get(engine->campaign_cancelled("w2", "C1")));
    EXPECT_EQ(event_types(), "campaign.cancelled");
}

TEST_P(Queue, ACancelledMessageLeavesTheQueueButAnAttemptUnderWayStillCounts)
{
    const MessageRef ref = enqueue(message("a@example.test"));
    apply(MarkInFlight{{ref}});
    apply(CancelMessage{ref, "user"});
    EXPECT_EQ(stored(ref).state, MessageState::cancelled);
    EXPECT_TRUE(get(engine->flows()).empty());
    EXPECT_EQ(refuse(CancelMessage{ref, "again"}), code(Errc::conflict));
    EXPECT_EQ(refuse(Release{ref, {}}), code(Errc::conflict));
    auto deferred = attempt(ref, MessageState::deferred, ReplyClass::server_error, "451 no");
    deferred.next_due = clock.now() + 1h;
    apply(deferred);
    EXPECT_EQ(stored(ref).state, MessageState::cancelled) << "it does not come back";
    EXPECT_TRUE(get(engine->flows()).empty());
    apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    EXPECT_EQ(stored(ref).state, MessageState::delivered) << "the receiver took it";
    const auto counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.queued, 0u);
    EXPECT_EQ(counts.in_flight, 0u);
}

TEST_P(Queue, WhatWasInFlightAtTheEndIsCountedAndDueAgain)
{
    const MessageRef a = enqueue(message("a@example.test"));
    const MessageRef b = enqueue(message("b@example.test"));
    const MessageRef c = enqueue(message("c@example.test"));
    apply(MarkInFlight{{a, b, MessageRef{LaneId{0}, 999}}});
    apply(MarkInFlight{{a}});
    EXPECT_EQ(stored(a).state, MessageState::in_flight);
    EXPECT_EQ(stored(c).state, MessageState::queued);
    auto counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.queued, 1u);
    EXPECT_EQ(counts.in_flight, 2u);
    apply(attempt(b, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    reopen();
    EXPECT_EQ(get(engine->stats()).uncertain, 1u);
    EXPECT_EQ(stored(a).state, MessageState::queued);
    counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.queued, 2u);
    EXPECT_EQ(counts.in_flight, 0u);
    EXPECT_EQ(get(engine->due(flow(a, "example.test"), clock.now(), 10)).size(), 2u);
}

TEST_P(Queue, AComplaintSuppressesTheWorkspaceAnUnsubscribeTheList)
{
    apply(PutCampaign{campaign("C1")});
    MessageRecord record = message("a+tag@example.test", "C1");
    record.list_id = "L1";
    const MessageRef ref = enqueue(record);
    apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    RecordReport report;
    report.ref = ref;
    report.fact = LaterFact::unsubscribe;
    report.at = clock.now() + 1h;
    EXPECT_EQ(apply(report).suppressed, SuppressionReason::unsubscribe);
    EXPECT_EQ(apply(report).suppressed, std::nullopt) << "the same fact counts once";
    EXPECT_EQ(checked("a@example.test", "L1"), "list:unsubscribe");
    EXPECT_EQ(checked("a@example.test"), "");
    report.fact = LaterFact::complaint;
    apply(report);
    EXPECT_EQ(checked("a@example.test"), "workspace:complaint");
    const auto counted = get(engine->get_campaign(ws, "C1"))->later;
    EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{{"unsubscribe", 1}, {"complaint", 1}}));
    EXPECT_EQ(stored(ref).later, (std::vector<LaterFact>{LaterFact::unsubscribe, LaterFact::complaint}));
    EXPECT_EQ(stored(ref).state, MessageState::delivered);
    EXPECT_EQ(history("a+tag@example.test").at(0).kind, EvidenceKind::report);
}

TEST_P(Queue, AnUnsubscribeFromNoListHoldsForTheWorkspace)
{
    RecordReport report;
    report.ref = enqueue(message("a@example.test"));
    report.fact = LaterFact::unsubscribe;
    apply(report);
    EXPECT_EQ(checked("a@example.test", "L9"), "workspace:unsubscribe");
}

TEST_P(Queue, ABounceThatCameLaterStrikesLikeADirectOne)
{
    const MessageRef ref = enqueue(message("a@example.test"));
    apply(attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    RecordReport report;
    report.ref = ref;
    report.fact = LaterFact::async_bounce;
    report.klass = ReplyClass::mailbox_unknown;
    report.clear = true;
    report.detail = "550 5.1.1 gone";
    EXPECT_EQ(apply(report).suppressed, SuppressionReason::bounce);
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
    EXPECT_EQ(event_types(), "message.queued message.delivered message.async_bounce suppression.added");
}

TEST_P(Queue, BodiesSmallAndLargeComeBackByteForByte)
{
    std::string large(100'000, 'x');
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>(i * 31);
    const std::string edge(16 * 1024, 'e');
    const std::string over(16 * 1024 + 1, 'o');
    apply(PutBody{"small", "hello\r\n"});
    ASSERT_TRUE(run(engine->commit(
        OpList::of(PutBody{"large", large}, PutBody{"edge", edge}, PutBody{"over", over}, PutBody{"empty", ""}))));
    reopen();
    EXPECT_EQ(get(engine->get_body("small")), "hello\r\n");
    EXPECT_EQ(get(engine->get_body("large")), large);
    EXPECT_EQ(get(engine->get_body("edge")), edge);
    EXPECT_EQ(get(engine->get_body("over")), over);
    EXPECT_EQ(get(engine->get_body("empty")), "");
    const auto none = run(engine->get_body("none"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, code(Errc::not_found));
}

}  // namespace
}  // namespace winnow::test
