// What every engine must do when conclusions from outcomes are not drawn, or taken back.
#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class UndoneOutcomes : public AnyEngineTest {
public:
    OpResult undo(MessageRef ref, TimePoint since)
    {
        UndoOutcome op;
        op.ref = ref;
        op.since = since;
        op.note = "many at once";
        op.actor = "mass-event";
        return apply(std::move(op));
    }
    RecordReport bounce(MessageRef ref)
    {
        RecordReport report;
        report.ref = ref;
        report.klass = ReplyClass::mailbox_unknown;
        report.clear = true;
        report.rule = "g1";
        report.detail = "550 5.1.1 no such user";
        report.at = clock.now();
        return report;
    }
};
WINNOW_FOR_EACH_ENGINE(UndoneOutcomes);

TEST_P(UndoneOutcomes, ASuppressionThatAnOutcomeMadeIsLiftedWithAnEvent)
{
    const TimePoint since = clock.now();
    const auto ref = enqueue(message("a@x.test"));
    apply(hard_bounce(ref));
    ASSERT_EQ(checked("a@x.test"), "workspace:bounce");
    const auto before = events().back().seq;
    EXPECT_TRUE(undo(ref, since).removed);
    EXPECT_EQ(checked("a@x.test"), "");
    EXPECT_EQ(event_types(before), "suppression.removed");
    EXPECT_EQ(events().back().rule, "mass-event");
    const auto history = get(engine->history(ws, address("a@x.test"), 10));
    ASSERT_EQ(history.size(), 1u) << "the evidence stays";
    EXPECT_EQ(history[0].klass, ReplyClass::unknown) << "and says nothing";
    EXPECT_EQ(history[0].answer, "550 5.1.1 no such user");
    EXPECT_EQ(history[0].rule, "g1");
    reopen();
    EXPECT_EQ(checked("a@x.test"), "");
}

TEST_P(UndoneOutcomes, OnlyRefusalsSinceThenLoseTheirMeaning)
{
    const auto first = enqueue(message("a@x.test"));
    apply(hard_bounce(first));
    clock.advance(24h);
    apply(attempt(enqueue(message("a@x.test")), MessageState::delivered, ReplyClass::delivered, "250 ok"));
    const TimePoint since = clock.now();
    const auto second = enqueue(message("a@x.test"));
    // One list of ops, as the guard may commit it: what the group has not written yet counts too.
    UndoOutcome undone;
    undone.ref = second;
    undone.since = since;
    OpList both = OpList::of(hard_bounce(second), undone);
    get(engine->commit(std::move(both)));
    RecordReport said = bounce(second);
    said.fact = LaterFact::complaint;
    apply(said);
    undo(second, since);
    std::string classes;
    for (const Evidence& evidence : get(engine->history(ws, address("a@x.test"), 10)))
        classes += std::string(to_string(evidence.klass)) + " ";
    EXPECT_EQ(classes, "complaint unknown delivered mailbox_unknown ");
}

TEST_P(UndoneOutcomes, AVerdictThatFollowedIsForgottenAndAnotherIsNot)
{
    const TimePoint since = clock.now();
    const auto ref = enqueue(message("a@x.test"));
    apply(hard_bounce(ref));
    VerdictRecord verdict;
    verdict.reason = Reason::accepted;
    verdict.expires_at = clock.now() + 240h;
    apply(PutVerdict{ws, address("a@x.test"), verdict});
    undo(ref, since);
    EXPECT_TRUE(get(engine->get_verdict(ws, address("a@x.test")))) << "a probe said so";

    const auto again = enqueue(message("a@x.test"));
    apply(hard_bounce(again));
    verdict.reason = Reason::mailbox_not_found;
    verdict.evidence = get(engine->history(ws, address("a@x.test"), 1));
    apply(PutVerdict{ws, address("a@x.test"), verdict});
    undo(again, clock.now() + 1ms);
    EXPECT_TRUE(get(engine->get_verdict(ws, address("a@x.test")))) << "from a fact that stands";
    undo(again, since);
    EXPECT_FALSE(get(engine->get_verdict(ws, address("a@x.test"))));
}

TEST_P(UndoneOutcomes, WhatPeopleSaidStays)
{
    const TimePoint since = clock.now();
    const auto ref = enqueue(message("a@x.test"));
    SuppressionEntry said;
    said.workspace = ws;
    said.address = "a@x.test";
    said.reason = SuppressionReason::manual;
    said.note = "asked on the phone";
    apply(AddSuppression{said});
    apply(hard_bounce(ref));
    EXPECT_TRUE(undo(ref, since).removed);
    EXPECT_EQ(checked("a@x.test"), "workspace:manual");
    const auto entries = get(engine->find_suppressions(ws, address("a@x.test")));
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].note, "asked on the phone");
    EXPECT_EQ(entries[0].address, "a@x.test") << "the clear text too";
}

TEST_P(UndoneOutcomes, ASuppressionOfEarlierStays)
{
    const auto first = enqueue(message("a@x.test"));
    apply(hard_bounce(first));
    clock.advance(24h);
    const TimePoint since = clock.now();
    const auto second = enqueue(message("a@x.test"));
    apply(hard_bounce(second));
    EXPECT_FALSE(undo(second, since).removed);
    EXPECT_EQ(checked("a@x.test"), "workspace:bounce");
}

TEST_P(UndoneOutcomes, TheStrikesGoToo)
{
    const TimePoint since = clock.now();
    const auto ambiguous = [this] {
        auto op = hard_bounce(enqueue(message("a@x.test")));
        op.clear = false;
        apply(op);
        return op.ref;
    };
    const auto first = ambiguous();
    EXPECT_FALSE(undo(first, since).removed) << "one ambiguous strike suppresses nobody";
    clock.advance(2h);
    ambiguous();
    EXPECT_EQ(checked("a@x.test"), "") << "this one is the first again";
    clock.advance(2h);
    ambiguous();
    EXPECT_EQ(checked("a@x.test"), "workspace:bounce");
}

TEST_P(UndoneOutcomes, NothingToTakeBackIsNoError)
{
    EXPECT_FALSE(undo(MessageRef{LaneId{1}, 999}, {}).removed);
    const auto ref = enqueue(message("a@x.test"));
    const auto before = events().back().seq;
    EXPECT_FALSE(undo(ref, {}).removed);
    EXPECT_EQ(event_types(before), "");
}

TEST_P(UndoneOutcomes, AFrozenReportIsAFactThatSuppressesNobody)
{
    const auto ref = enqueue(message("a@x.test"));
    auto report = bounce(ref);
    report.frozen = true;
    apply(report);
    EXPECT_EQ(checked("a@x.test"), "");
    EXPECT_EQ(get(engine->get_message(ref))->later, std::vector<LaterFact>{LaterFact::async_bounce});
    const auto kept = get(engine->history(ws, address("a@x.test"), 10)).at(0);
    EXPECT_EQ(kept.klass, ReplyClass::unknown) << "nothing follows from it";
    EXPECT_EQ(kept.answer, "550 5.1.1 no such user");
    EXPECT_EQ(kept.rule, "g1");
}

TEST_P(UndoneOutcomes, AReportAboutSomebodyElseIsEvidenceAndNoFact)
{
    const auto ref = enqueue(message("a@x.test"));
    auto report = bounce(ref);
    report.evidence_only = true;
    report.detail = "names another recipient";
    apply(report);
    EXPECT_EQ(checked("a@x.test"), "");
    EXPECT_TRUE(get(engine->get_message(ref))->later.empty());
    const auto history = get(engine->history(ws, address("a@x.test"), 10));
    ASSERT_EQ(history.size(), 1u);
    EXPECT_EQ(history[0].klass, ReplyClass::unknown);
    EXPECT_EQ(history[0].answer, "names another recipient");
    EXPECT_EQ(events().back().type, "message.report_ignored");
    apply(bounce(ref));
    EXPECT_EQ(checked("a@x.test"), "workspace:bounce") << "the true one still counts";
}

}  // namespace
}  // namespace winnow::test
