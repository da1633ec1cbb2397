// What every engine must do with messages: lanes, flows, attempts, reports, campaigns, bodies.
#include <map>
#include <mutex>
#include <set>

#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

template <class Home>
class Queue : public EngineTest<Home> {
public:
    CampaignRecord campaign(std::string id, CampaignState state = CampaignState::running)
    {
        CampaignRecord record;
        record.workspace = this->ws;
        record.id = std::move(id);
        record.state = state;
        return record;
    }
    std::map<MessageState, std::uint64_t> by_state(const std::string& id)
    {
        return this->get(this->engine->get_campaign(this->ws, id)).value().by_state;
    }
    MessageRecord stored(MessageRef ref) { return this->get(this->engine->get_message(ref)).value(); }
    std::string held(const std::string& in_campaign = {}, MessageRef after = {}, std::size_t limit = 100)
    {
        std::string text;
        for (const auto& message : this->get(this->engine->held(this->ws, in_campaign, after, limit)))
            text += (text.empty() ? "" : " ") + message.recipient;
        return text;
    }
    std::vector<Evidence> history(std::string_view who)
    {
        return this->get(this->engine->history(this->ws, address(who), 100));
    }
};
TYPED_TEST_SUITE(Queue, Homes, HomeNames);

TYPED_TEST(Queue, AMessageIsReadBackWithItsPlaceByRefAndById)
{
    MessageRecord record = this->message("A+b@example.test", "C1");
    record.id = "01J0000000000000000000000A";
    record.merge = {{"name", "J\xfcrgen"}};
    record.dsn_notify = "NEVER";
    record.smtputf8 = true;
    record.expires = this->clock.now() + 48h;
    const MessageRef ref = this->enqueue(record);
    EXPECT_EQ(ref.seq, 1u);
    EXPECT_EQ(ref.lane, lane_of({}, "example.test", 8));
    this->reopen();
    const MessageRecord read = this->stored(ref);
    EXPECT_EQ(read.ref, ref);
    EXPECT_EQ(read.recipient, "A+b@example.test");
    EXPECT_EQ(read.merge, record.merge);
    EXPECT_EQ(read.dsn_notify, "NEVER");
    EXPECT_TRUE(read.smtputf8);
    EXPECT_EQ(read.state, MessageState::queued);
    EXPECT_EQ(read.accepted, this->clock.now());
    EXPECT_EQ(read.expires, record.expires);
    const auto found = this->get(this->engine->find_message(this->ws, record.id));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ref, ref);
    EXPECT_FALSE(this->get(this->engine->find_message("w2", record.id))) << "another workspace";
    EXPECT_EQ(this->refuse(Enqueue{record}), code(Errc::already_exists));
    EXPECT_EQ(this->event_types(), "message.queued");
}

TYPED_TEST(Queue, EachLaneNumbersItsMessagesWithoutGaps)
{
    std::map<std::uint32_t, std::vector<std::uint64_t>> seqs;
    for (int i = 0; i < 12; ++i) {
        Enqueue op{this->message("a@example.test")};
        op.lane = LaneId{static_cast<std::uint32_t>(i % 3)};
        const MessageRef ref = this->apply(op).message;
        seqs[ref.lane.value].push_back(ref.seq);
        if (i == 5)
            this->reopen();
    }
    for (const auto& [lane, numbers] : seqs)
        EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2, 3, 4})) << "lane " << lane;
    Enqueue outside{this->message("a@example.test")};
    outside.lane = LaneId{8};
    EXPECT_EQ(this->refuse(outside), code(Errc::invalid_argument));
}

TYPED_TEST(Queue, AFlowGivesItsItemsEarliestFirstUpToTheBound)
{
    const TimePoint now = this->clock.now();
    std::vector<MessageRef> refs;
    for (const auto offset : {30min, 10min, 20min, 10min}) {
        MessageRecord record = this->message("m" + std::to_string(refs.size()) + "@example.test");
        record.due = now + offset;
        refs.push_back(this->enqueue(record));
    }
    const FlowKey flow = this->flow(refs[0], "example.test");
    EXPECT_EQ(this->get(this->engine->next_due(flow)), now + 10min);
    EXPECT_EQ(this->recipients(this->get(this->engine->due(flow, now + 20min, 10))),
              "m1@example.test m3@example.test m2@example.test");
    EXPECT_EQ(this->recipients(this->get(this->engine->due(flow, TimePoint::max(), 1))), "m1@example.test");
    EXPECT_TRUE(this->get(this->engine->due(flow, now + 10min - 1ms, 10)).empty());
    EXPECT_EQ(this->get(this->engine->next_due(this->flow(refs[0], "other.test"))), std::nullopt);
}

TYPED_TEST(Queue, FlowsAreSeparateByDomainWorkspaceCampaignAndClassAndSummedUpAtStart)
{
    const TimePoint now = this->clock.now();
    this->enqueue(this->message("a@one.test"));
    MessageRecord later = this->message("b@one.test");
    later.due = now - 1h;
    this->enqueue(later);
    this->enqueue(this->message("c@two.test"));
    this->enqueue(this->message("d@one.test", "C1"));
    MessageRecord urgent = this->message("e@one.test");
    urgent.mail_class = MailClass::transactional;
    this->enqueue(urgent);
    MessageRecord foreign = this->message("f@one.test");
    foreign.workspace = "w2";
    this->enqueue(foreign);
    this->reopen();
    const auto flows = this->get(this->engine->flows());
    ASSERT_EQ(flows.size(), 5u);
    std::uint64_t queued = 0;
    for (const auto& flow : flows) {
        queued += flow.queued;
        EXPECT_EQ(this->get(this->engine->next_due(flow.key)), flow.earliest);
        EXPECT_EQ(this->get(this->engine->due(flow.key, now, 10)).size(), flow.queued);
    }
    EXPECT_EQ(queued, 6u);
}

TYPED_TEST(Queue, AnEarlierItemIsSeenAlthoughTheFlowsMarkWasPastIt)
{
    const TimePoint now = this->clock.now();
    MessageRecord late = this->message("late@example.test");
    late.due = now + 1h;
    const MessageRef ref = this->enqueue(late);
    const FlowKey flow = this->flow(ref, "example.test");
    // Both walks lift the mark to the one item there is.
    EXPECT_TRUE(this->get(this->engine->due(flow, now, 10)).empty());
    EXPECT_EQ(this->get(this->engine->next_due(flow)), now + 1h);
    MessageRecord early = this->message("early@example.test");
    early.due = now - 1h;
    this->enqueue(early);
    EXPECT_EQ(this->get(this->engine->next_due(flow)), now - 1h);
    EXPECT_EQ(this->recipients(this->get(this->engine->due(flow, now + 2h, 10))),
              "early@example.test late@example.test");
    this->apply(Release{ref, now - 2h});
    EXPECT_EQ(this->recipients(this->get(this->engine->due(flow, now + 2h, 10))),
              "late@example.test early@example.test");
}

TYPED_TEST(Queue, WatchersHearOfWhatBecameDueWithItsFlow)
{
    std::mutex mutex;
    std::vector<std::pair<FlowKey, TimePoint>> heard;
    this->engine->on_due([&](const FlowKey& flow, TimePoint due) {
        const std::lock_guard lock(mutex);
        heard.emplace_back(flow, due);
    });
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    MessageRecord kept = this->message("b@example.test");
    kept.state = MessageState::held;
    this->enqueue(kept);
    const std::lock_guard lock(mutex);
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].first, this->flow(ref, "example.test"));
    EXPECT_EQ(heard[0].second, this->clock.now());
}

TYPED_TEST(Queue, ADeferredMessageWaitsForItsNextTryAndKeepsItsHistory)
{
    const TimePoint now = this->clock.now();
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    for (int i = 1; i <= 12; ++i) {
        auto op = this->attempt(ref, MessageState::deferred, ReplyClass::server_error, "451 " + std::to_string(i));
        op.next_due = now + i * 1min;
        op.counts = i != 12;
        this->apply(op);
    }
    const MessageRecord read = this->stored(ref);
    EXPECT_EQ(read.state, MessageState::deferred);
    EXPECT_EQ(read.due, now + 12min);
    EXPECT_EQ(read.attempts, 11) << "a throttle costs no attempt";
    ASSERT_EQ(read.history.size(), 10u);
    EXPECT_EQ(read.history.front().reply, "451 3");
    EXPECT_EQ(read.history.back().reply, "451 12");
    const FlowKey flow = this->flow(ref, "example.test");
    EXPECT_TRUE(this->get(this->engine->due(flow, now + 11min, 10)).empty());
    EXPECT_EQ(this->get(this->engine->due(flow, now + 12min, 10)).size(), 1u);
    EXPECT_EQ(this->get(this->engine->queue_counts(this->ws)).queued, 1u);
}

TYPED_TEST(Queue, ADeferralToTheVeryMomentItWasDueLeavesExactlyOneDueKey)
{
    const TimePoint now = this->clock.now();
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    auto op = this->attempt(ref, MessageState::deferred, ReplyClass::greylisted, "450 later");
    op.next_due = now;  // the key that is removed and the key that is written are the same
    this->apply(op);
    const FlowKey flow = this->flow(ref, "example.test");
    EXPECT_EQ(this->get(this->engine->due(flow, now, 10)).size(), 1u);
    // Twice in one commit, then out: nothing may come back.
    ASSERT_TRUE(this->run(this->engine->commit(OpList::of(op, op))));
    this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    EXPECT_TRUE(this->get(this->engine->due(flow, TimePoint::max(), 10)).empty());
    this->reopen();
    EXPECT_TRUE(this->get(this->engine->flows()).empty());
}

TYPED_TEST(Queue, ADeliveryIsFinalAndBecomesEvidence)
{
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 2.0.0 ok"));
    EXPECT_EQ(this->stored(ref).state, MessageState::delivered);
    const auto evidence = this->history("A@example.test");
    ASSERT_EQ(evidence.size(), 1u);
    EXPECT_EQ(evidence[0].kind, EvidenceKind::delivery);
    EXPECT_EQ(evidence[0].klass, ReplyClass::delivered);
    EXPECT_EQ(evidence[0].answer, "250 2.0.0 ok");
    EXPECT_EQ(evidence[0].of, "mx1.example.test [192.0.2.1]");
    EXPECT_EQ(this->refuse(this->hard_bounce(ref)), code(Errc::conflict)) << "two outcomes of one message";
    EXPECT_EQ(this->checked("a@example.test"), "");
    EXPECT_EQ(this->event_types(), "message.queued message.delivered");
    EXPECT_EQ(this->refuse(this->hard_bounce(MessageRef{LaneId{1}, 999})), code(Errc::not_found));
}

TYPED_TEST(Queue, AHardBounceIsEvidenceStrikeSuppressionAndEventInOneCommit)
{
    const MessageRef ref = this->enqueue(this->message("a@example.test", "C1"));
    auto op = this->hard_bounce(ref);
    op.provider = "google";
    const OpResult result = this->apply(op);
    EXPECT_EQ(result.suppressed, SuppressionReason::bounce);
    this->reopen();
    EXPECT_EQ(this->stored(ref).state, MessageState::bounced);
    EXPECT_EQ(this->checked("a@example.test"), "workspace:bounce");
    EXPECT_EQ(this->checked("a@example.test", "", "w2"), "");
    EXPECT_EQ(this->history("a@example.test").at(0).klass, ReplyClass::mailbox_unknown);
    const auto found = this->get(this->engine->find_suppressions(this->ws, address("a@example.test")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].origin, SuppressionOrigin::outcome);
    EXPECT_EQ(found[0].source_event, this->stored(ref).id);
    EXPECT_EQ(found[0].klass, ReplyClass::mailbox_unknown);
    EXPECT_EQ(found[0].rule, "g1");
    EXPECT_EQ(found[0].provider, "google");
    EXPECT_EQ(this->event_types(), "message.queued message.bounced suppression.added");
    EXPECT_EQ(this->events().back().message_id, this->stored(ref).id);
}

TYPED_TEST(Queue, AnAmbiguousBounceSuppressesAtTheSecondStrikeOnly)
{
    for (int i = 1; i <= 2; ++i) {
        const MessageRef ref = this->enqueue(this->message("a@example.test"));
        auto op = this->hard_bounce(ref);
        op.clear = false;
        const auto suppressed = this->apply(op).suppressed;
        EXPECT_EQ(suppressed.has_value(), i == 2) << "strike " << i;
        this->clock.advance(24h);
    }
    EXPECT_EQ(this->checked("a@example.test"), "workspace:bounce");
}

TYPED_TEST(Queue, ADeliveryInBetweenClearsTheStrikes)
{
    for (const bool delivered : {false, true, false}) {
        const MessageRef ref = this->enqueue(this->message("a@example.test"));
        auto op = this->hard_bounce(ref);
        op.clear = false;
        if (delivered)
            op = this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok");
        this->apply(op);
        this->clock.advance(24h);
    }
    EXPECT_EQ(this->checked("a@example.test"), "");
}

TYPED_TEST(Queue, ADeferralIsNoStrikeHoweverItReads)
{
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    for (int i = 0; i < 5; ++i) {
        auto op = this->attempt(ref, MessageState::deferred, ReplyClass::mailbox_unknown, "450 4.1.1 unknown user");
        op.clear = op.final_ = true;
        this->apply(op);
        this->clock.advance(240h);
    }
    EXPECT_EQ(this->checked("a@example.test"), "");
    EXPECT_EQ(this->history("a@example.test").size(), 5u);
}

TYPED_TEST(Queue, AFrozenSiteKeepsTheEvidenceAndSuppressesNothing)
{
    auto op = this->hard_bounce(this->enqueue(this->message("a@example.test")));
    op.frozen = true;
    EXPECT_EQ(this->apply(op).suppressed, std::nullopt);
    EXPECT_EQ(this->checked("a@example.test"), "");
    EXPECT_EQ(this->history("a@example.test").size(), 1u);
}

TYPED_TEST(Queue, ADomainThatIsGoneTwiceAnHourApartIsSuppressedAsAWhole)
{
    for (int i = 1; i <= 2; ++i) {
        const MessageRef ref = this->enqueue(this->message("u" + std::to_string(i) + "@gone.test"));
        const auto op =
            this->attempt(ref, MessageState::bounced, ReplyClass::domain_invalid, "550 5.1.2 no such domain");
        EXPECT_EQ(this->apply(op).suppressed.has_value(), i == 2);
        this->clock.advance(2h);
    }
    EXPECT_NE(this->checked("anybody@gone.test").find("/domain"), std::string::npos);
}

TYPED_TEST(Queue, HistoryIsNewestFirst)
{
    for (int i = 0; i < 3; ++i) {
        const MessageRef ref = this->enqueue(this->message("a@example.test"));
        this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 " + std::to_string(i)));
        if (i == 1)
            this->clock.advance(1h);  // 0 and 1 have the same time: commit order decides
    }
    const auto evidence = this->history("a@example.test");
    ASSERT_EQ(evidence.size(), 3u);
    EXPECT_EQ(evidence[0].answer, "250 2");
    EXPECT_EQ(evidence[1].answer, "250 1");
    EXPECT_EQ(evidence[2].answer, "250 0");
    EXPECT_EQ(this->get(this->engine->history(this->ws, address("a@example.test"), 1)).size(), 1u);
}

TYPED_TEST(Queue, HeldMessagesArePagedInTheOrderInWhichTheyWereHeld)
{
    MessageRecord record = this->message("a@example.test", "C1");
    record.state = MessageState::held;
    record.held_reason = "greylisted";
    const MessageRef a = this->enqueue(record);
    record = this->message("b@other.test", "C2");
    record.state = MessageState::held;
    record.held_reason = "timeout";
    this->enqueue(record);
    const MessageRef c = this->enqueue(this->message("c@example.test", "C1"));
    auto op = this->attempt(c, MessageState::held, ReplyClass::suppressed, "");
    op.held_reason = "greylisted";
    op.counts = false;
    this->apply(op);
    EXPECT_EQ(this->held(), "a@example.test b@other.test c@example.test");
    EXPECT_EQ(this->held("C1"), "a@example.test c@example.test");
    EXPECT_EQ(this->held("C1", {}, 1), "a@example.test");
    EXPECT_EQ(this->held("C1", a), "c@example.test");
    EXPECT_EQ(this->stored(c).attempts, 0);
    const auto counts = this->get(this->engine->queue_counts(this->ws));
    EXPECT_EQ(counts.held, 3u);
    EXPECT_EQ(counts.queued, 0u);
    EXPECT_EQ(counts.held_by_reason, (std::map<std::string, std::uint64_t>{{"greylisted", 2}, {"timeout", 1}}));
    EXPECT_TRUE(this->history("c@example.test").empty()) << "the gate is no evidence about the address";

    this->apply(Release{a, this->clock.now() + 1min});
    EXPECT_EQ(this->held("C1"), "c@example.test");
    EXPECT_EQ(this->held("C1", a), "c@example.test") << "its place is kept after the release";
    EXPECT_EQ(this->stored(a).state, MessageState::queued);
    EXPECT_EQ(this->stored(a).held_reason, "");
    EXPECT_EQ(this->get(this->engine->next_due(this->flow(a, "example.test", "C1"))), this->clock.now() + 1min);
    EXPECT_EQ(this->get(this->engine->queue_counts(this->ws)).held_by_reason.at("greylisted"), 1u);
}

TYPED_TEST(Queue, CampaignCountersFollowEveryChangeOfState)
{
    this->apply(PutCampaign{this->campaign("C1")});
    std::vector<MessageRef> refs;
    for (int i = 0; i < 4; ++i)
        refs.push_back(this->enqueue(this->message("m" + std::to_string(i) + "@example.test", "C1")));
    using S = MessageState;
    EXPECT_EQ(this->by_state("C1"), (std::map<S, std::uint64_t>{{S::queued, 4}}));
    this->apply(this->attempt(refs[0], S::delivered, ReplyClass::delivered, "250 ok"));
    this->apply(this->hard_bounce(refs[1]));
    this->apply(this->attempt(refs[2], S::deferred, ReplyClass::greylisted, "450 later"));
    this->apply(CancelMessage{refs[3], "user"});
    EXPECT_EQ(this->by_state("C1"),
              (std::map<S, std::uint64_t>{{S::delivered, 1}, {S::bounced, 1}, {S::deferred, 1}, {S::cancelled, 1}}));

    // The document's own writer neither sees a conflict nor overwrites the counters.
    CampaignRecord next = this->campaign("C1", CampaignState::done);
    next.version = 1;
    next.by_state[S::delivered] = 77;
    this->apply(PutCampaign{next});
    this->reopen();
    EXPECT_EQ(this->by_state("C1").at(S::delivered), 1u);
    EXPECT_EQ(this->get(this->engine->campaigns(this->ws, "", 10)).at(0).by_state.at(S::bounced), 1u);
    EXPECT_TRUE(this->get(this->engine->running_campaigns()).empty());
}

TYPED_TEST(Queue, ACancelledCampaignIsMarkedForGood)
{
    this->apply(PutCampaign{this->campaign("C1")});
    EXPECT_EQ(this->get(this->engine->running_campaigns()).size(), 1u);
    EXPECT_FALSE(this->get(this->engine->campaign_cancelled(this->ws, "C1")));
    this->apply(CancelCampaign{this->ws, "C1"});
    this->apply(CancelCampaign{this->ws, "C1"});
    this->reopen();
    EXPECT_TRUE(this->get(this->engine->campaign_cancelled(this->ws, "C1")));
    EXPECT_FALSE(this->get(this->engine->campaign_cancelled("w2", "C1")));
    EXPECT_EQ(this->event_types(), "campaign.cancelled");
}

TYPED_TEST(Queue, ACancelledMessageLeavesTheQueueButAnAttemptUnderWayStillCounts)
{
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    this->apply(MarkInFlight{{ref}});
    this->apply(CancelMessage{ref, "user"});
    EXPECT_EQ(this->stored(ref).state, MessageState::cancelled);
    EXPECT_TRUE(this->get(this->engine->flows()).empty());
    EXPECT_EQ(this->refuse(CancelMessage{ref, "again"}), code(Errc::conflict));
    EXPECT_EQ(this->refuse(Release{ref, {}}), code(Errc::conflict));
    auto deferred = this->attempt(ref, MessageState::deferred, ReplyClass::server_error, "451 no");
    deferred.next_due = this->clock.now() + 1h;
    this->apply(deferred);
    EXPECT_EQ(this->stored(ref).state, MessageState::cancelled) << "it does not come back";
    EXPECT_TRUE(this->get(this->engine->flows()).empty());
    this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    EXPECT_EQ(this->stored(ref).state, MessageState::delivered) << "the receiver took it";
    const auto counts = this->get(this->engine->queue_counts(this->ws));
    EXPECT_EQ(counts.queued, 0u);
    EXPECT_EQ(counts.in_flight, 0u);
}

TYPED_TEST(Queue, WhatWasInFlightAtTheEndIsCountedAndDueAgain)
{
    const MessageRef a = this->enqueue(this->message("a@example.test"));
    const MessageRef b = this->enqueue(this->message("b@example.test"));
    const MessageRef c = this->enqueue(this->message("c@example.test"));
    this->apply(MarkInFlight{{a, b, MessageRef{LaneId{0}, 999}}});
    this->apply(MarkInFlight{{a}});
    EXPECT_EQ(this->stored(a).state, MessageState::in_flight);
    EXPECT_EQ(this->stored(c).state, MessageState::queued);
    auto counts = this->get(this->engine->queue_counts(this->ws));
    EXPECT_EQ(counts.queued, 1u);
    EXPECT_EQ(counts.in_flight, 2u);
    this->apply(this->attempt(b, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    this->reopen();
    EXPECT_EQ(this->get(this->engine->stats()).uncertain, 1u);
    EXPECT_EQ(this->stored(a).state, MessageState::queued);
    counts = this->get(this->engine->queue_counts(this->ws));
    EXPECT_EQ(counts.queued, 2u);
    EXPECT_EQ(counts.in_flight, 0u);
    EXPECT_EQ(this->get(this->engine->due(this->flow(a, "example.test"), this->clock.now(), 10)).size(), 2u);
}

TYPED_TEST(Queue, AComplaintSuppressesTheWorkspaceAnUnsubscribeTheList)
{
    this->apply(PutCampaign{this->campaign("C1")});
    MessageRecord record = this->message("a+tag@example.test", "C1");
    record.list_id = "L1";
    const MessageRef ref = this->enqueue(record);
    this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    RecordReport report;
    report.ref = ref;
    report.fact = LaterFact::unsubscribe;
    report.at = this->clock.now() + 1h;
    EXPECT_EQ(this->apply(report).suppressed, SuppressionReason::unsubscribe);
    EXPECT_EQ(this->apply(report).suppressed, std::nullopt) << "the same fact counts once";
    EXPECT_EQ(this->checked("a@example.test", "L1"), "list:unsubscribe");
    EXPECT_EQ(this->checked("a@example.test"), "");
    report.fact = LaterFact::complaint;
    this->apply(report);
    EXPECT_EQ(this->checked("a@example.test"), "workspace:complaint");
    const auto counted = this->get(this->engine->get_campaign(this->ws, "C1"))->later;
    EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{{"unsubscribe", 1}, {"complaint", 1}}));
    EXPECT_EQ(this->stored(ref).later, (std::vector<LaterFact>{LaterFact::unsubscribe, LaterFact::complaint}));
    EXPECT_EQ(this->stored(ref).state, MessageState::delivered);
    EXPECT_EQ(this->history("a+tag@example.test").at(0).kind, EvidenceKind::report);
}

TYPED_TEST(Queue, AnUnsubscribeFromNoListHoldsForTheWorkspace)
{
    RecordReport report;
    report.ref = this->enqueue(this->message("a@example.test"));
    report.fact = LaterFact::unsubscribe;
    this->apply(report);
    EXPECT_EQ(this->checked("a@example.test", "L9"), "workspace:unsubscribe");
}

TYPED_TEST(Queue, ABounceThatCameLaterStrikesLikeADirectOne)
{
    const MessageRef ref = this->enqueue(this->message("a@example.test"));
    this->apply(this->attempt(ref, MessageState::delivered, ReplyClass::delivered, "250 ok"));
    RecordReport report;
    report.ref = ref;
    report.fact = LaterFact::async_bounce;
    report.klass = ReplyClass::mailbox_unknown;
    report.clear = true;
    report.detail = "550 5.1.1 gone";
    EXPECT_EQ(this->apply(report).suppressed, SuppressionReason::bounce);
    EXPECT_EQ(this->checked("a@example.test"), "workspace:bounce");
    EXPECT_EQ(this->event_types(), "message.queued message.delivered message.async_bounce suppression.added");
}

TYPED_TEST(Queue, BodiesSmallAndLargeComeBackByteForByte)
{
    std::string large(100'000, 'x');
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>(i * 31);
    const std::string edge(16 * 1024, 'e');
    const std::string over(16 * 1024 + 1, 'o');
    this->apply(PutBody{"small", "hello\r\n"});
    ASSERT_TRUE(this->run(this->engine->commit(
        OpList::of(PutBody{"large", large}, PutBody{"edge", edge}, PutBody{"over", over}, PutBody{"empty", ""}))));
    this->reopen();
    EXPECT_EQ(this->get(this->engine->get_body("small")), "hello\r\n");
    EXPECT_EQ(this->get(this->engine->get_body("large")), large);
    EXPECT_EQ(this->get(this->engine->get_body("edge")), edge);
    EXPECT_EQ(this->get(this->engine->get_body("over")), over);
    EXPECT_EQ(this->get(this->engine->get_body("empty")), "");
    const auto none = this->run(this->engine->get_body("none"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, code(Errc::not_found));
}

}  // namespace
}  // namespace winnow::test
