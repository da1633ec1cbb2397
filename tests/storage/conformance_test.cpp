// What every engine must do: lists, jobs, verdicts, suppressions, values, events.
#include <algorithm>
#include <set>

#include "storage/domain_deliveries.hpp"
#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class Conformance : public AnyEngineTest {};

WINNOW_FOR_EACH_ENGINE(Conformance);

// --- documents

TEST_P(Conformance, AListIsReadAsItWasStoredAndKeepsEverythingAcrossARestart)
{
    ListRecord record = list("L1");
    record.source = "shop";
    record.columns = {"email",
                      "Stra\xdf"
                      "e"};  // Latin-1: not UTF-8
    record.header_raw =
        "email,Stra\xdf"
        "e";
    record.terminator = "\r\n";
    record.delimiter = ';';
    record.email_column = 1;
    record.rows = 3;
    record.created = clock.now();
    record.complete = true;
    EXPECT_EQ(apply(PutList{record}).version, 1u);
    reopen();
    const auto stored = get(engine->get_list(ws, "L1"));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->columns, record.columns);
    EXPECT_EQ(stored->header_raw, record.header_raw);
    EXPECT_EQ(stored->terminator, "\r\n");
    EXPECT_EQ(stored->delimiter, ';');
    EXPECT_EQ(stored->email_column, 1);
    EXPECT_EQ(stored->rows, 3u);
    EXPECT_EQ(stored->created, record.created);
    EXPECT_TRUE(stored->complete);
    EXPECT_EQ(stored->version, 1u);
}

TEST_P(Conformance, ADocumentIsStoredOnlyOverTheVersionThatWasRead)
{
    apply(PutList{list("L1")});
    EXPECT_EQ(refuse(PutList{list("L1")}), code(Errc::conflict)) << "must not exist yet";
    ListRecord next = list("L1");
    next.version = 1;
    EXPECT_EQ(apply(PutList{next}).version, 2u);
    EXPECT_EQ(refuse(PutList{next}), code(Errc::conflict)) << "version 1 is over";
    next.id = "L2";
    EXPECT_EQ(refuse(PutList{next}), code(Errc::conflict)) << "version of a list that is not there";
}

TEST_P(Conformance, ARefusedListOfOpsLeavesNothingBehind)
{
    OpList ops = OpList::of(PutList{list("L1")}, PutValue{"k", "v"}, PutList{list("L1")});
    const auto committed = run(engine->commit(std::move(ops)));
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, code(Errc::conflict));
    EXPECT_FALSE(get(engine->get_list(ws, "L1")));
    EXPECT_FALSE(get(engine->get_value("k")));
}

TEST_P(Conformance, LaterOpsOfAListSeeTheEarlierOnes)
{
    ListRecord second = list("L1");
    second.version = 1;
    second.name = "renamed";
    const auto committed = run(engine->commit(OpList::of(PutList{list("L1")}, PutList{second})));
    ASSERT_TRUE(committed);
    EXPECT_EQ(committed->results[1].version, 2u);
    EXPECT_EQ(get(engine->get_list(ws, "L1"))->name, "renamed");
}

TEST_P(Conformance, ListsArePagedByIdAndWorkspacesDoNotSeeEachOther)
{
    for (const char* id : {"L3", "L1", "L2"})
        apply(PutList{list(id)});
    ListRecord foreign = list("L9");
    foreign.workspace = "w2";
    apply(PutList{foreign});
    const auto first = get(engine->lists(ws, "", 2));
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].id, "L1");
    EXPECT_EQ(first[1].id, "L2");
    const auto rest = get(engine->lists(ws, "L2", 2));
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].id, "L3");
    EXPECT_FALSE(get(engine->get_list(ws, "L9")));
}

TEST_P(Conformance, OpenJobsOfAllWorkspacesAreFoundUntilTheyEnd)
{
    JobRecord job;
    job.workspace = ws;
    job.id = "J1";
    job.list_id = "L1";
    job.state = JobState::running;
    job.counters.total = 4;
    job.counters.by_reason[Reason::greylisted] = 2;
    apply(PutJob{job});
    JobRecord other = job;
    other.workspace = "w2";
    other.id = "J2";
    other.state = JobState::paused;
    apply(PutJob{other});
    reopen();
    auto open = get(engine->open_jobs());
    ASSERT_EQ(open.size(), 2u);
    EXPECT_EQ(open[0].counters.by_reason.at(Reason::greylisted), 2u);

    for (const JobState end : {JobState::done, JobState::failed}) {
        JobRecord& ended = end == JobState::done ? job : other;
        ended.state = end;
        ended.version = 1;
        apply(PutJob{ended});
    }
    EXPECT_TRUE(get(engine->open_jobs()).empty());
    EXPECT_EQ(get(engine->get_job(ws, "J1"))->state, JobState::done);
}

TEST_P(Conformance, AnIdentifierTooLongForAKeyIsRefusedNotCut)
{
    EXPECT_EQ(refuse(PutList{list(std::string(256, 'x'))}), code(Errc::invalid_argument));
    EXPECT_EQ(apply(PutList{list(std::string(255, 'x'))}).version, 1u);
}

// --- rows

TEST_P(Conformance, RowsComeBackByteForByteInTheOrderOfTheFile)
{
    apply(PutList{list("L1")});
    PutRows put{ws, "L1", {}};
    for (std::uint64_t n : {2u, 1u, 300u})
        put.rows.push_back({n, n + 1, "a\xff\x00z" + std::to_string(n), "a@example.test", 0, ""});
    put.rows.back().malformed = "open quote";
    put.rows.back().duplicate_of = 1;
    const auto written = put.rows;
    apply(put);
    const auto rows = get(engine->rows(ws, "L1", 2, 10));
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].number, 2u);
    EXPECT_EQ(rows[0].raw, written[0].raw);
    EXPECT_EQ(rows[1].number, 300u);
    EXPECT_EQ(rows[1].malformed, "open quote");
    EXPECT_EQ(rows[1].duplicate_of, 1u);
    EXPECT_EQ(get(engine->rows(ws, "L1", 1, 1)).size(), 1u);
    EXPECT_EQ(refuse(PutRows{ws, "L2", written}), code(Errc::not_found));
}

RowResult waiting(std::uint64_t number, TimePoint due)
{
    RowResult row;
    row.number = number;
    row.state = RowState::waiting;
    row.due = due;
    row.attempts = 1;
    row.probe_source = "192.0.2.9";
    row.verdict.reason = Reason::greylisted;
    return row;
}

TEST_P(Conformance, WaitingRowsAreDueEarliestFirstAndLeaveTheIndexWhenDone)
{
    apply(PutList{list("L1")});
    const TimePoint now = clock.now();
    apply(PutRowResults{ws, "L1", {waiting(1, now + 10min), waiting(2, now + 5min), waiting(3, now + 20min)}});
    EXPECT_EQ(get(engine->next_due_row(ws, "L1")), now + 5min);
    auto due = get(engine->due_rows(ws, "L1", now + 10min, 10));
    ASSERT_EQ(due.size(), 2u) << "the bound itself is due";
    EXPECT_EQ(due[0].number, 2u);
    EXPECT_EQ(due[0].probe_source, "192.0.2.9");
    EXPECT_EQ(due[1].number, 1u);

    RowResult later = waiting(2, now + 40min);
    RowResult done = waiting(1, now);
    done.state = RowState::done;
    apply(PutRowResults{ws, "L1", {later, done}});
    due = get(engine->due_rows(ws, "L1", TimePoint::max(), 10));
    ASSERT_EQ(due.size(), 2u);
    EXPECT_EQ(due[0].number, 3u);
    EXPECT_EQ(due[1].number, 2u);
    EXPECT_EQ(get(engine->row_results(ws, "L1", 1, 10)).size(), 3u);
    EXPECT_EQ(get(engine->next_due_row(ws, "L2")), std::nullopt);
}

TEST_P(Conformance, DeletingAListTakesItsRowsResultsAndWaitingRowsAlong)
{
    apply(PutList{list("L1")});
    apply(PutList{list("L2")});
    for (const char* id : {"L1", "L2"}) {
        apply(PutRows{ws, id, {{1, 2, "a@example.test", "a@example.test", 0, ""}}});
        apply(PutRowResults{ws, id, {waiting(1, clock.now())}});
    }
    EXPECT_TRUE(apply(DeleteList{ws, "L1"}).removed);
    EXPECT_FALSE(apply(DeleteList{ws, "L1"}).removed);
    EXPECT_TRUE(get(engine->rows(ws, "L1", 0, 10)).empty());
    EXPECT_TRUE(get(engine->row_results(ws, "L1", 0, 10)).empty());
    EXPECT_EQ(get(engine->next_due_row(ws, "L1")), std::nullopt);
    EXPECT_EQ(get(engine->rows(ws, "L2", 0, 10)).size(), 1u);
}

TEST_P(Conformance, AListDeletedAndMadeAgainInOneCommitStartsEmpty)
{
    apply(PutList{list("L1")});
    apply(PutRows{ws, "L1", {{1, 2, "old", "old@example.test", 0, ""}}});
    const auto committed = run(engine->commit(OpList::of(
        DeleteList{ws, "L1"}, PutList{list("L1")}, PutRows{ws, "L1", {{2, 3, "new", "new@example.test", 0, ""}}})));
    ASSERT_TRUE(committed) << committed.error().message();
    const auto rows = get(engine->rows(ws, "L1", 0, 10));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].raw, "new");
}

// --- verdicts

VerdictRecord verdict(Reason reason, TimePoint checked, TimePoint expires)
{
    VerdictRecord record;
    record.verdict = verdict_of(reason);
    record.reason = reason;
    record.p_bounce = 0.25;
    record.flags.set(Flag::role);
    record.checked_at = checked;
    record.expires_at = expires;
    record.evidence.push_back(
        {EvidenceKind::rcpt, checked, "RCPT", "mx", "250 ok", Stage::rcpt, ReplyClass::delivered, "g"});
    return record;
}

TEST_P(Conformance, AVerdictIsKeptPerWorkspaceAndAddressUntilItExpires)
{
    const TimePoint now = clock.now();
    apply(PutVerdict{ws, address("A@Example.test"), verdict(Reason::accepted, now, now + 1h)});
    const auto stored = get(engine->get_verdict(ws, address("a@example.test")));
    ASSERT_TRUE(stored) << "the canonical form decides";
    EXPECT_EQ(stored->reason, Reason::accepted);
    EXPECT_TRUE(stored->flags.has(Flag::role));
    ASSERT_EQ(stored->evidence.size(), 1u);
    EXPECT_EQ(stored->evidence[0].answer, "250 ok");
    EXPECT_FALSE(get(engine->get_verdict("w2", address("a@example.test"))));
    clock.advance(1h);
    EXPECT_FALSE(get(engine->get_verdict(ws, address("a@example.test"))));
}

TEST_P(Conformance, AFailedProbeNeverOverwritesWhatIsKnownAndFresh)
{
    const TimePoint now = clock.now();
    const Address who = address("a@example.test");
    apply(PutVerdict{ws, who, verdict(Reason::accepted, now, now + 1h)});
    apply(PutVerdict{ws, who, verdict(Reason::timeout, now, now + 24h)});
    EXPECT_EQ(get(engine->get_verdict(ws, who))->reason, Reason::accepted);
    clock.advance(2h);
    apply(PutVerdict{ws, who, verdict(Reason::timeout, now + 2h, now + 24h)});
    EXPECT_EQ(get(engine->get_verdict(ws, who))->reason, Reason::timeout);
    apply(PutVerdict{ws, who, verdict(Reason::mailbox_not_found, now + 2h, now + 24h)});
    EXPECT_EQ(get(engine->get_verdict(ws, who))->reason, Reason::mailbox_not_found);
}

TEST_P(Conformance, VerdictsAreWalkedOverASnapshotWithoutExpiredOnesAndOtherWorkspaces)
{
    const TimePoint now = clock.now();
    for (int i = 0; i < 7; ++i)
        apply(PutVerdict{ws, address("a" + std::to_string(i) + "@example.test"),
                         verdict(Reason::accepted, now, now + (i < 5 ? 2h : 1h))});
    apply(PutVerdict{"w2", address("b@example.test"), verdict(Reason::accepted, now, now + 2h)});
    clock.advance(1h);
    const auto cursor = get(engine->open_verdicts(ws));
    apply(PutVerdict{ws, address("late@example.test"), verdict(Reason::accepted, now, now + 2h)});
    std::set<std::string> seen;
    for (;;) {
        const auto some = get(cursor->next(2));
        if (some.empty())
            break;
        EXPECT_LE(some.size(), 2u);
        for (const StoredVerdict& each : some) {
            EXPECT_EQ(each.verdict.reason, Reason::accepted);
            EXPECT_TRUE(seen.insert(each.address.hex()).second);
        }
    }
    EXPECT_EQ(seen.size(), 5u);
    EXPECT_TRUE(seen.contains(engine->digester().address(address("a0@example.test")).hex()));
    EXPECT_TRUE(get(cursor->next(2)).empty()) << "the end stays the end";
}

TEST_P(Conformance, AVerdictIsRevisedOnlyWhileItIsTheOneThatWasRead)
{
    const TimePoint now = clock.now();
    const Address who = address("a@example.test");
    apply(PutVerdict{ws, who, verdict(Reason::accepted, now, now + 2h)});
    const H16 digest = engine->digester().address(who);
    EXPECT_TRUE(apply(ReviseVerdict{ws, digest, now, verdict(Reason::prober_blocked, now, now + 1h)}).revised)
        << "an unknown one too: it is the same evidence, read better";
    EXPECT_EQ(get(engine->get_verdict(ws, who))->reason, Reason::prober_blocked);
    apply(PutVerdict{ws, who, verdict(Reason::mailbox_full, now + 1min, now + 2h)});
    EXPECT_FALSE(apply(ReviseVerdict{ws, digest, now, verdict(Reason::accepted, now, now + 2h)}).revised);
    EXPECT_EQ(get(engine->get_verdict(ws, who))->reason, Reason::mailbox_full);
    EXPECT_FALSE(apply(ReviseVerdict{"w2", digest, now, verdict(Reason::accepted, now, now + 2h)}).revised);
    EXPECT_FALSE(get(engine->get_verdict("w2", who)));
}

TEST_P(Conformance, TheResultOfADoneRowIsTheCachedVerdictOfItsAddress)
{
    const TimePoint now = clock.now();
    apply(PutList{list("L1")});
    apply(PutRows{ws, "L1", {{1, 2, "raw", "a@example.test", 0, ""}, {2, 3, "raw", "not an address", 0, ""}}});
    RowResult row;
    row.number = 1;
    row.state = RowState::done;
    row.verdict = verdict(Reason::mailbox_not_found, now, TimePoint{});
    row.suppressed_by = {"workspace:manual"};
    RowResult second = row;
    second.number = 2;
    apply(PutRowResults{ws, "L1", {row, second}});
    const auto stored = get(engine->get_verdict(ws, address("a@example.test")));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->reason, Reason::mailbox_not_found);
    EXPECT_EQ(stored->expires_at, now + default_ttl(Reason::mailbox_not_found));
    EXPECT_EQ(get(engine->row_results(ws, "L1", 2, 1)).at(0).suppressed_by, row.suppressed_by);
}

TEST_P(Conformance, AResultIsRememberedForWhomItNamesOrForNobody)
{
    const TimePoint now = clock.now();
    apply(PutList{list("L1")});
    apply(PutRows{ws, "L1", {{1, 2, "raw", "a@example.test", 0, ""}, {2, 3, "raw", "b@example.test", 0, ""}}});
    RowResult first;
    first.number = 1;
    first.state = RowState::done;
    first.verdict = verdict(Reason::mailbox_not_found, now, TimePoint{});
    RowResult second = first;
    second.number = 2;
    const H16 a = engine->digester().address(address("a@example.test"));
    apply(PutRowResults{ws, "L1", {first, second}, {a, std::nullopt}});
    EXPECT_TRUE(get(engine->get_verdict(ws, address("a@example.test"))));
    EXPECT_FALSE(get(engine->get_verdict(ws, address("b@example.test"))));
    EXPECT_EQ(get(engine->row_results(ws, "L1", 1, 9)).size(), 2u) << "both have their result";
}

TEST_P(Conformance, AllThatIsKnownOfManyComesInTheirOrder)
{
    const TimePoint now = clock.now();
    apply(PutVerdict{ws, address("b@example.test"), verdict(Reason::accepted, now, now + 1h)});
    apply(PutVerdict{ws, address("old@example.test"), verdict(Reason::accepted, now, now + 1min)});
    const MessageRef sent = enqueue(message("c@example.test"));
    apply(attempt(sent, MessageState::delivered, ReplyClass::delivered, "250 2.0.0 ok"));
    clock.advance(2min);
    const auto known =
        get(engine->knowledge(ws, "",
                              {address("c@example.test"), address("a@example.test"), address("b@example.test"),
                               address("old@example.test"), address("c@example.test")},
                              20));
    ASSERT_EQ(known.size(), 5u);
    EXPECT_EQ(known[0].history.size(), 1u);
    EXPECT_FALSE(known[0].verdict);
    EXPECT_EQ(known[0].digest, engine->digester().address(address("c@example.test")));
    EXPECT_TRUE(known[1].history.empty());
    EXPECT_FALSE(known[1].verdict);
    EXPECT_TRUE(known[2].history.empty()) << "those of a neighbour are not its own";
    EXPECT_TRUE(known[2].verdict);
    EXPECT_FALSE(known[3].verdict) << "expired";
    EXPECT_EQ(known[4].history.size(), 1u);
}

TEST_P(Conformance, WhatIsKnownOfADomainOutlivesTheJob)
{
    CatchAllRecord record;
    record.answer = CatchAllRecord::Answer::yes;
    record.site = "mx.example.test";
    record.checked = clock.now();
    apply(PutCatchAll{"example.test", record});
    reopen();
    const auto stored = get(engine->get_catch_all("example.test"));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->answer, CatchAllRecord::Answer::yes);
    EXPECT_EQ(stored->site, "mx.example.test");
    EXPECT_FALSE(get(engine->get_catch_all("other.test")));
}

TEST_P(Conformance, WhatIsKnownOfADomainIsToldWithTheHistoryOfItsAddresses)
{
    CatchAllRecord record;
    record.answer = CatchAllRecord::Answer::yes;
    record.checked = clock.now();
    apply(PutCatchAll{"example.test", record});
    const auto known = [&] {
        std::vector<Address> addresses;
        for (const char* text : {"ann@example.test", "ben@example.test", "cem@other.test"})
            addresses.push_back(parse_address(text).address);
        return get(engine->knowledge(ws, {}, std::move(addresses), 10));
    };
    EXPECT_FALSE(known().at(0).catch_all) << "where there is no history nobody wants to know";
    for (const char* text : {"ann@example.test", "cem@other.test"}) {
        RecordAttempt attempt;
        attempt.ref = enqueue(message(text));
        attempt.state = MessageState::delivered;
        attempt.attempt.klass = ReplyClass::delivered;
        apply(attempt);
    }
    const auto after = known();
    ASSERT_EQ(after.at(0).history.size(), 1u);
    ASSERT_TRUE(after.at(0).catch_all);
    EXPECT_EQ(after.at(0).catch_all->answer, CatchAllRecord::Answer::yes);
    EXPECT_FALSE(after.at(1).catch_all);
    EXPECT_EQ(after.at(2).history.size(), 1u);
    EXPECT_FALSE(after.at(2).catch_all);
}

TEST_P(Conformance, ThatADomainTookMailIsRememberedForItsWorkspace)
{
    const auto took_mail = [&](const std::string& workspace, const std::string& domain) {
        return get(engine->get_value(domain_delivery_key(workspace, domain))).has_value();
    };
    const auto attempt = [&](MessageState state, ReplyClass klass) {
        RecordAttempt one;
        one.ref = enqueue(message("ann@example.test"));
        one.state = state;
        one.attempt.klass = klass;
        one.attempt.at = clock.now();
        apply(one);
    };
    attempt(MessageState::bounced, ReplyClass::mailbox_unknown);
    EXPECT_FALSE(took_mail(ws, "example.test"));
    attempt(MessageState::delivered, ReplyClass::delivered);
    reopen();
    EXPECT_TRUE(took_mail(ws, "example.test"));
    EXPECT_FALSE(took_mail(ws, "other.test"));
    EXPECT_FALSE(took_mail("another", "example.test"));
    clock.advance(delivery_memory - 1h);
    EXPECT_TRUE(took_mail(ws, "example.test"));
    attempt(MessageState::delivered, ReplyClass::delivered);
    clock.advance(2h);
    EXPECT_TRUE(took_mail(ws, "example.test")) << "since the last of them";
    clock.advance(delivery_memory);
    EXPECT_FALSE(took_mail(ws, "example.test"));
}

// --- values

TEST_P(Conformance, AValueIsReplacedAndExpires)
{
    apply(PutValue{"k", "1"});
    apply(PutValue{"k", "2", clock.now() + 1min});
    EXPECT_EQ(get(engine->get_value("k")), "2");
    clock.advance(1min);
    EXPECT_EQ(get(engine->get_value("k")), std::nullopt);
}

TEST_P(Conformance, ACounterStopsAtItsLimitAndStartsAgainWhenItExpires)
{
    const TimePoint end = clock.now() + 24h;
    EXPECT_EQ(apply(AddCounter{"c", 3, 5, end}).counter, 3);
    EXPECT_EQ(apply(AddCounter{"c", 2, 5, end}).counter, 5);
    EXPECT_EQ(refuse(AddCounter{"c", 1, 5, end}), code(Errc::limit_exceeded));
    EXPECT_EQ(get(engine->get_value("c")), "5");
    clock.advance(24h);
    EXPECT_EQ(apply(AddCounter{"c", 1, 5, end + 24h}).counter, 1);
    apply(PutValue{"text", "abc"});
    EXPECT_EQ(refuse(AddCounter{"text", 1, 0}), code(Errc::invalid_argument));
}

TEST_P(Conformance, ACounterAndWhatItPaysForStandOrFallTogether)
{
    const OpList paid = OpList::of(AddCounter{"c", 1, 1}, PutValue{"work", "done"});
    ASSERT_TRUE(run(engine->commit(paid)));
    apply(PutValue{"work", "again"});
    const auto second = run(engine->commit(paid));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, code(Errc::limit_exceeded));
    EXPECT_EQ(get(engine->get_value("work")), "again");
}

// --- idempotency

TEST_P(Conformance, TheSameIdempotencyKeyReplaysTheFirstOutcomeForADay)
{
    OpList ops = OpList::of(Enqueue{message("a@example.test")}, AddCounter{"c", 1});
    ops.idempotency_key = "key-1";
    ops.fingerprint = "f1";
    const auto first = run(engine->commit(ops));
    ASSERT_TRUE(first);
    EXPECT_FALSE(first->replayed);
    reopen();
    const auto again = run(engine->commit(ops));
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->replayed);
    ASSERT_EQ(again->results.size(), 2u);
    EXPECT_EQ(again->results[0].message, first->results[0].message);
    EXPECT_EQ(again->results[1].counter, 1);

    OpList other = OpList::of(PutValue{"k", "v"});
    other.idempotency_key = "key-1";
    other.fingerprint = "f2";
    const auto refused = run(engine->commit(other));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code(Errc::conflict));

    clock.advance(24h);
    const auto next_day = run(engine->commit(ops));
    ASSERT_TRUE(next_day);
    EXPECT_FALSE(next_day->replayed);
    EXPECT_EQ(next_day->results[0].message.seq, first->results[0].message.seq + 1);
}

TEST_P(Conformance, ARefusedListDoesNotUseUpItsIdempotencyKey)
{
    OpList ops = OpList::of(PutRows{ws, "L1", {}});
    ops.idempotency_key = "key-1";
    ASSERT_FALSE(run(engine->commit(ops)));
    apply(PutList{list("L1")});
    const auto committed = run(engine->commit(ops));
    ASSERT_TRUE(committed);
    EXPECT_FALSE(committed->replayed);
}

// --- events

TEST_P(Conformance, EventsAreNumberedWithoutGapsPerWorkspaceInCommitOrder)
{
    EventRecord event;
    event.workspace = ws;
    event.type = "list.completed";
    event.detail = "d\xe9tail";
    for (int i = 0; i < 3; ++i)
        apply(AppendEvent{event});
    event.workspace = "w2";
    apply(AppendEvent{event});
    event.workspace = ws;
    ASSERT_FALSE(run(engine->commit(OpList::of(AppendEvent{event}, PutRows{ws, "none", {}}))));
    reopen();
    apply(AppendEvent{event});
    const auto events = this->events(1);
    ASSERT_EQ(events.size(), 3u);
    for (std::size_t i = 0; i < events.size(); ++i)
        EXPECT_EQ(events[i].seq, i + 2) << "a refused commit must not use up a number";
    EXPECT_EQ(events[0].detail, "d\xe9tail");
    EXPECT_EQ(get(engine->events("w2", 0, 10)).at(0).seq, 1u);
    EXPECT_EQ(get(engine->events(ws, 0, 2)).size(), 2u);
    EXPECT_TRUE(this->events(4).empty());
}

TEST_P(Conformance, EngineTimeNeverGoesBackWhenTheClockDoes)
{
    const TimePoint before = engine->now();
    clock.advance(-1h);
    EXPECT_EQ(engine->now(), before);
    clock.advance(2h);
    EXPECT_EQ(engine->now(), before + 1h);
}

TEST_P(Conformance, AClosedEngineRefusesAndCanBeClosedAgain)
{
    ASSERT_TRUE(engine->close());
    ASSERT_TRUE(engine->close());
    EXPECT_EQ(refuse(PutValue{"k", "v"}), code(Errc::unavailable));
    const auto read = run(engine->get_value("k"));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, code(Errc::unavailable));
}

}  // namespace
}  // namespace winnow::test
