// What every engine must do with suppressions: scopes, joins, expiry, lifting, walks.
#include <algorithm>
#include <set>

#include "tests/storage/engine_fixture.hpp"

namespace winnow::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

SuppressionEntry entry(std::string who, SuppressionReason reason, ScopeKind scope = ScopeKind::workspace,
                       std::string list = {})
{
    SuppressionEntry made;
    made.scope = scope;
    made.workspace = scope == ScopeKind::global ? "" : "w1";
    made.list_id = std::move(list);
    made.address = std::move(who);
    made.reason = reason;
    return made;
}

class Suppressions : public AnyEngineTest {
public:
    void add(SuppressionEntry made) { apply(AddSuppression{std::move(made)}); }
    std::vector<SuppressionEntry> walk(SuppressionFilter filter, std::size_t page = 2)
    {
        auto cursor = get(engine->open_suppressions(ws, std::move(filter)));
        std::vector<SuppressionEntry> all;
        for (;;) {
            auto some = get(cursor->next(page));
            if (some.empty())
                return all;
            std::move(some.begin(), some.end(), std::back_inserter(all));
        }
    }
    std::string addresses(const std::vector<SuppressionEntry>& entries)
    {
        std::set<std::string> sorted;
        for (const auto& one : entries)
            sorted.insert(one.address.empty() ? one.domain : one.address);
        std::string text;
        for (const auto& one : sorted)
            text += (text.empty() ? "" : " ") + one;
        return text;
    }
};
WINNOW_FOR_EACH_ENGINE(Suppressions);

TEST_P(Suppressions, AnAddressWithoutEntriesMayBeMailed)
{
    EXPECT_EQ(checked("a@example.test", "L1"), "");
}

TEST_P(Suppressions, ACheckAnswersForAllScopesAtOnce)
{
    add(entry("a@example.test", SuppressionReason::manual, ScopeKind::global));
    add(entry("a@example.test", SuppressionReason::bounce));
    add(entry("a@example.test", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    EXPECT_EQ(checked("a@example.test", "L1"), "global:manual workspace:bounce list:unsubscribe");
    EXPECT_EQ(checked("a@example.test", "L2"), "global:manual workspace:bounce");
    EXPECT_EQ(checked("a@example.test"), "global:manual workspace:bounce");
    EXPECT_EQ(checked("a@example.test", "L1", "w2"), "global:manual") << "another workspace";
    EXPECT_EQ(checked("b@example.test", "L1"), "");
}

TEST_P(Suppressions, ManyAreCheckedAtOnceEachForItself)
{
    add(entry("a@example.test", SuppressionReason::manual, ScopeKind::global));
    add(entry("c@other.test", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    SuppressionEntry whole = entry("", SuppressionReason::bounce);
    whole.domain = "gone.test";
    add(std::move(whole));
    const std::vector<Address> asked{address("a@example.test"), address("b@example.test"), address("c@other.test"),
                                     address("d@gone.test"), address("a@example.test")};
    const auto checks = get(engine->check_many(ws, "L1", asked));
    ASSERT_EQ(checks.size(), asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
        std::string alone, together;
        for (const SuppressionHit& hit : engine->check(ws, "L1", asked[i]).value())
            alone += hit.to_string() + ' ';
        for (const SuppressionHit& hit : checks[i].value())
            together += hit.to_string() + ' ';
        EXPECT_EQ(together, alone) << i;
    }
    EXPECT_EQ(checks[0]->size(), 1u);
    EXPECT_TRUE(checks[1]->empty());
    EXPECT_EQ(checks[2]->size(), 1u);
    EXPECT_TRUE(checks[3].value().at(0).whole_domain);
    EXPECT_TRUE(get(engine->check_many(ws, "L1", {})).empty());
}

TEST_P(Suppressions, EntriesSurviveARestart)
{
    add(entry("a@example.test", SuppressionReason::complaint));
    reopen();
    EXPECT_EQ(checked("a@example.test"), "workspace:complaint");
}

TEST_P(Suppressions, ABounceIsAboutTheTaggedAddressAComplaintAboutThePerson)
{
    add(entry("user+shop@example.test", SuppressionReason::bounce));
    EXPECT_EQ(checked("User+shop@EXAMPLE.test"), "workspace:bounce");
    EXPECT_EQ(checked("user@example.test"), "");
    add(entry("other+shop@example.test", SuppressionReason::complaint));
    EXPECT_EQ(checked("other@example.test"), "workspace:complaint");
    EXPECT_EQ(checked("other+news@example.test"), "workspace:complaint");
    add(entry("f.i.r.s.t@gmail.com", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    EXPECT_EQ(checked("first+x@googlemail.com", "L1"), "list:unsubscribe");
}

TEST_P(Suppressions, ADomainEntryCoversEveryAddressOfTheDomainOnly)
{
    SuppressionEntry domain = entry("", SuppressionReason::invalid);
    domain.domain =
        "B\xc3\xbc"
        "cher.example";
    add(domain);
    EXPECT_EQ(checked("a@xn--bcher-kva.example"), "workspace:invalid/domain");
    EXPECT_EQ(checked("a@sub.xn--bcher-kva.example"), "");
}

TEST_P(Suppressions, ADigestAloneIsEnough)
{
    SuppressionEntry digest = entry("", SuppressionReason::manual);
    digest.digest = engine->digester().address(address("a@example.test"));
    add(digest);
    EXPECT_EQ(checked("a@example.test"), "workspace:manual");
    const auto found = get(engine->find_suppressions(ws, address("a@example.test")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].address, "") << "clear text is not known";
    RemoveSuppression remove;
    remove.workspace = ws;
    remove.digest = digest.digest;
    EXPECT_TRUE(apply(remove).removed);
    EXPECT_EQ(checked("a@example.test"), "");
}

TEST_P(Suppressions, WhatNamesNothingIsRefused)
{
    EXPECT_EQ(refuse(AddSuppression{entry("", SuppressionReason::manual)}), code(Errc::invalid_argument));
    EXPECT_EQ(refuse(AddSuppression{entry("no address", SuppressionReason::manual)}), code(Errc::invalid_argument));
    EXPECT_EQ(refuse(AddSuppression{entry("a@example.test", SuppressionReason::manual, ScopeKind::list)}),
              code(Errc::invalid_argument));
}

TEST_P(Suppressions, TheStrongestReasonShowsAndAnExpiredOneHidesNothing)
{
    const TimePoint now = clock.now();
    add(entry("a@example.test", SuppressionReason::bounce));
    SuppressionEntry trap = entry("a@example.test", SuppressionReason::trap);
    trap.expires = now + 1h;
    add(trap);
    EXPECT_EQ(checked("a@example.test"), "workspace:trap");
    EXPECT_EQ(check("a@example.test").at(0).expires, now + 1h);
    clock.advance(1h);
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
}

TEST_P(Suppressions, AddingTwiceIsAddingOnceWithTheLaterExpiry)
{
    const TimePoint now = clock.now();
    SuppressionEntry one = entry("a@example.test", SuppressionReason::bounce);
    one.first = one.last = now - 1h;
    one.expires = now + 1h;
    one.note = "first";
    SuppressionEntry two = one;
    two.first = two.last = now;
    two.expires = now + 2h;
    two.note = "second";
    two.strikes = 3;
    add(two);
    add(one);  // out of order
    add(two);  // twice
    const auto found = get(engine->find_suppressions(ws, address("a@example.test")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].first, now - 1h);
    EXPECT_EQ(found[0].last, now);
    EXPECT_EQ(found[0].expires, now + 2h);
    EXPECT_EQ(found[0].note, "second");
    EXPECT_EQ(found[0].strikes, 3);
    EXPECT_EQ(walk({}).size(), 1u);
}

TEST_P(Suppressions, AnAddedEntryIsOneEventARepeatedOrImportedOneIsNone)
{
    add(entry("a@example.test", SuppressionReason::manual));
    add(entry("a@example.test", SuppressionReason::manual));
    SuppressionEntry imported = entry("b@example.test", SuppressionReason::manual);
    imported.origin = SuppressionOrigin::import_;
    add(imported);
    EXPECT_EQ(checked("b@example.test"), "workspace:manual");
    const auto events = this->events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].type, "suppression.added");
    EXPECT_EQ(events[0].detail, "workspace:manual");
    EXPECT_EQ(events[0].address, engine->digester().address(address("a@example.test")));
}

TEST_P(Suppressions, LiftingTakesEveryFormInItsScopeAndTellsWhy)
{
    add(entry("a+x@example.test", SuppressionReason::bounce));
    add(entry("a+x@example.test", SuppressionReason::complaint));
    add(entry("a+x@example.test", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    RemoveSuppression remove;
    remove.workspace = ws;
    remove.address = "a+x@example.test";
    remove.note = "asked by phone";
    remove.actor = "key-7";
    EXPECT_TRUE(apply(remove).removed);
    EXPECT_EQ(checked("a+x@example.test", "L1"), "list:unsubscribe") << "another scope stays";
    const auto last = events().back();
    EXPECT_EQ(last.type, "suppression.removed");
    EXPECT_EQ(last.detail, "asked by phone");
    EXPECT_EQ(last.rule, "key-7");
    const std::size_t before = events().size();
    EXPECT_FALSE(apply(remove).removed);
    EXPECT_EQ(events().size(), before) << "nothing was lifted";
    EXPECT_EQ(walk({}).size(), 1u);
}

TEST_P(Suppressions, AnEntryLiftedAndAddedInOneCommitIsTheNewOneOnly)
{
    add(entry("a@example.test", SuppressionReason::manual));
    RemoveSuppression remove;
    remove.workspace = ws;
    remove.address = "a@example.test";
    ASSERT_TRUE(
        run(engine->commit(OpList::of(remove, AddSuppression{entry("a@example.test", SuppressionReason::bounce)}))));
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
    clock.advance(1h);
    reopen();
    EXPECT_EQ(checked("a@example.test"), "workspace:bounce");
}

TEST_P(Suppressions, FindTellsEverythingKnownInAllScopesAndLists)
{
    SuppressionEntry made = entry("a@example.test", SuppressionReason::manual);
    made.note = "n";
    made.actor = "cli";
    made.provider = "google";
    made.rule = "r9";
    made.source_event = "M1";
    add(made);
    add(entry("a@example.test", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    add(entry("a@example.test", SuppressionReason::unsubscribe, ScopeKind::list, "L2"));
    add(entry("a@example.test", SuppressionReason::trap, ScopeKind::global));
    add(entry("b@example.test", SuppressionReason::manual));
    const auto found = get(engine->find_suppressions(ws, address("a@example.test")));
    ASSERT_EQ(found.size(), 4u);
    const auto manual =
        std::find_if(found.begin(), found.end(), [](const auto& e) { return e.reason == SuppressionReason::manual; });
    ASSERT_NE(manual, found.end());
    EXPECT_EQ(manual->address, "a@example.test");
    EXPECT_EQ(manual->note, "n");
    EXPECT_EQ(manual->actor, "cli");
    EXPECT_EQ(manual->provider, "google");
    EXPECT_EQ(manual->rule, "r9");
    EXPECT_EQ(manual->source_event, "M1");
    EXPECT_EQ(manual->first, clock.now());
}

TEST_P(Suppressions, AnErasedAddressStaysSuppressedWithoutItsClearText)
{
    add(entry("a@example.test", SuppressionReason::bounce));
    add(entry("a@example.test", SuppressionReason::complaint));
    add(entry("a@example.test", SuppressionReason::erased));
    EXPECT_EQ(check("a@example.test").at(0).reason, SuppressionReason::erased);
    for (const auto& one : walk({}))
        EXPECT_EQ(one.address, "");
}

TEST_P(Suppressions, AWalkIsFilteredByScopeReasonListDomainAndTime)
{
    const TimePoint now = clock.now();
    add(entry("a@one.test", SuppressionReason::bounce));
    add(entry("b@two.test", SuppressionReason::manual));
    add(entry("c@one.test", SuppressionReason::unsubscribe, ScopeKind::list, "L1"));
    add(entry("d@two.test", SuppressionReason::unsubscribe, ScopeKind::list, "L2"));
    add(entry("g@one.test", SuppressionReason::manual, ScopeKind::global));
    SuppressionEntry domain = entry("", SuppressionReason::invalid);
    domain.domain = "one.test";
    add(domain);
    clock.advance(1h);
    add(entry("e@three.test", SuppressionReason::bounce));

    SuppressionFilter filter;
    EXPECT_EQ(addresses(walk(filter)), "a@one.test b@two.test c@one.test d@two.test e@three.test one.test");
    filter.scope = ScopeKind::list;
    EXPECT_EQ(addresses(walk(filter)), "c@one.test d@two.test");
    filter.list_id = "L2";
    EXPECT_EQ(addresses(walk(filter)), "d@two.test");
    filter = {};
    filter.scope = ScopeKind::global;
    EXPECT_EQ(addresses(walk(filter)), "g@one.test");
    filter = {};
    filter.reason = SuppressionReason::bounce;
    EXPECT_EQ(addresses(walk(filter)), "a@one.test e@three.test");
    filter.since = now + 1min;
    EXPECT_EQ(addresses(walk(filter)), "e@three.test");
    filter = {};
    filter.domain = "One.test";
    EXPECT_EQ(addresses(walk(filter)), "a@one.test c@one.test one.test");
}

TEST_P(Suppressions, AWalkGoesOnAtThePositionOfAnEarlierOne)
{
    for (int i = 0; i < 5; ++i)
        add(entry("a" + std::to_string(i) + "@example.test", SuppressionReason::manual));
    add(entry("l@example.test", SuppressionReason::manual, ScopeKind::list, "L1"));
    add(entry("g@example.test", SuppressionReason::manual, ScopeKind::global));
    for (const char* domain : {"", "example.test"}) {
        SuppressionFilter filter;
        filter.domain = domain;
        std::vector<SuppressionEntry> seen;
        for (;;) {
            auto cursor = get(engine->open_suppressions(ws, filter));
            auto some = get(cursor->next(2));
            if (some.empty())
                break;
            std::move(some.begin(), some.end(), std::back_inserter(seen));
            filter.after = cursor->position();
            cursor.reset();
            reopen();
        }
        EXPECT_EQ(seen.size(), 6u);
        EXPECT_EQ(addresses(seen),
                  "a0@example.test a1@example.test a2@example.test a3@example.test a4@example.test "
                  "l@example.test");
    }
}

TEST_P(Suppressions, APositionOfAnywhereLeadsToNobodyElsesEntries)
{
    add(entry("a@example.test", SuppressionReason::manual));
    add(entry("g@example.test", SuppressionReason::manual, ScopeKind::global));
    for (const std::string& after : {std::string(40, '\0'), std::string(40, '\x7f'), std::string(40, '\xff')}) {
        SuppressionFilter filter;
        filter.after = after;
        for (const auto& one : walk(filter))
            EXPECT_EQ(one.address, "a@example.test");
    }
}

TEST_P(Suppressions, AWalkOverNoDomainIsRefusedAtOnce)
{
    SuppressionFilter filter;
    filter.domain = "no domain";
    const auto cursor = run(engine->open_suppressions(ws, filter));
    ASSERT_FALSE(cursor);
    EXPECT_EQ(cursor.error().code, code(Errc::invalid_argument));
}

TEST_P(Suppressions, AWalkShowsTheMomentItWasOpenedWhateverIsWrittenMeanwhile)
{
    for (int i = 0; i < 6; ++i)
        add(entry("a" + std::to_string(i) + "@example.test", SuppressionReason::manual));
    auto cursor = get(engine->open_suppressions(ws, {}));
    std::vector<SuppressionEntry> seen = get(cursor->next(2));
    for (int i = 0; i < 6; ++i) {
        RemoveSuppression remove;
        remove.workspace = ws;
        remove.address = "a" + std::to_string(i) + "@example.test";
        apply(remove);
        add(entry("b" + std::to_string(i) + "@example.test", SuppressionReason::manual));
        add(entry("a" + std::to_string(i) + "@example.test", SuppressionReason::complaint));
    }
    for (auto some = get(cursor->next(2)); !some.empty(); some = get(cursor->next(2)))
        std::move(some.begin(), some.end(), std::back_inserter(seen));
    EXPECT_EQ(addresses(seen),
              "a0@example.test a1@example.test a2@example.test a3@example.test a4@example.test a5@example.test");
    for (const auto& one : seen)
        EXPECT_EQ(one.reason, SuppressionReason::manual);
}

}  // namespace
}  // namespace winnow::test
