#include "storage/suppression_value.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace winnow::test {
namespace {

using namespace storage;

rc::Gen<SuppressionFacts> any_facts()
{
    return rc::gen::exec([] {
        SuppressionFacts facts;
        for (const auto reason : {SuppressionReason::bounce, SuppressionReason::complaint, SuppressionReason::erased}) {
            if (!*rc::gen::arbitrary<bool>())
                continue;
            SuppressionFacts::Fact fact;
            fact.core.reason = reason;
            fact.core.first = from_unix_ms(*rc::gen::inRange(0, 5));
            fact.core.last = from_unix_ms(*rc::gen::inRange(0, 5));
            if (*rc::gen::arbitrary<bool>())
                fact.core.expires = from_unix_ms(*rc::gen::inRange(0, 5));
            fact.core.strikes = *rc::gen::inRange(0, 3);
            fact.note = *rc::gen::element<std::string>("", "a", "b");
            if (!fact.note.empty()) {
                fact.noted = from_unix_ms(*rc::gen::inRange(1, 5));
                fact.note_imported = *rc::gen::arbitrary<bool>();
            }
            fact.origin =
                *rc::gen::element(SuppressionOrigin::api, SuppressionOrigin::outcome, SuppressionOrigin::import_);
            facts.facts.push_back(fact);
        }
        if (*rc::gen::arbitrary<bool>())
            facts.damaged = {*rc::gen::element<std::string>("x", "y")};
        return facts;
    });
}

RC_GTEST_PROP(SuppressionValue, JoiningIsCommutativeAssociativeAndIdempotent, ())
{
    const auto a = *any_facts();
    const auto b = *any_facts();
    const auto c = *any_facts();
    RC_ASSERT(join(a, b) == join(b, a));
    RC_ASSERT(join(join(a, b), c) == join(a, join(b, c)));
    RC_ASSERT(join(join(a, b), b) == join(a, b));
}

RC_GTEST_PROP(SuppressionValue, TheMergeOperatorIsTheJoinOfWhatItReads, ())
{
    const auto a = *any_facts();
    const auto b = *any_facts();
    RC_ASSERT(merge_suppression_values(std::nullopt, encode(a)) == encode(a));
    RC_ASSERT(merge_suppression_values(encode(a), encode(b)) == encode(join(a, b)));
}

TEST(SuppressionValue, ALaterImportDoesNotTakeTheStoryOfWhatWasLearned)
{
    SuppressionFacts learned, imported;
    SuppressionFacts::Fact fact;
    fact.core.last = from_unix_ms(1'000);
    fact.core.expires = from_unix_ms(5'000);
    fact.origin = SuppressionOrigin::outcome;
    fact.rule = "g-nomailbox-017";
    learned.facts.push_back(fact);
    fact.core.last = from_unix_ms(9'000);
    fact.core.expires.reset();
    fact.origin = SuppressionOrigin::import_;
    fact.rule.clear();
    imported.facts.push_back(fact);
    for (const auto& joined : {join(learned, imported), join(imported, learned)}) {
        ASSERT_EQ(joined.facts.size(), 1u);
        EXPECT_EQ(joined.facts[0].origin, SuppressionOrigin::outcome);
        EXPECT_EQ(joined.facts[0].rule, "g-nomailbox-017");
        EXPECT_EQ(joined.facts[0].core.last, from_unix_ms(1'000));
        EXPECT_EQ(joined.facts[0].core.expires, std::nullopt) << "what holds longer still does";
    }
}

SuppressionFacts noted(const std::string& note, std::int64_t ms, SuppressionOrigin origin = SuppressionOrigin::api)
{
    SuppressionFacts facts;
    SuppressionFacts::Fact fact;
    fact.origin = origin;
    fact.core.first = fact.core.last = from_unix_ms(ms);
    fact.note = note;
    if (!note.empty()) {
        fact.noted = fact.core.last;
        fact.note_imported = origin == SuppressionOrigin::import_;
    }
    facts.facts.push_back(fact);
    return facts;
}

TEST(SuppressionValue, SayingItAgainWithoutANoteKeepsTheOlderNote)
{
    const auto first = noted("asked by phone", 1'000);
    const auto again = noted("", 5'000);
    for (const auto& joined : {join(first, again), join(again, first)}) {
        EXPECT_EQ(joined.facts.at(0).note, "asked by phone");
        EXPECT_EQ(joined.facts.at(0).noted, from_unix_ms(1'000));
        EXPECT_EQ(joined.facts.at(0).core.last, from_unix_ms(5'000));
    }
    const auto between = noted("wrote to us", 3'000);
    for (const auto& joined : {join(join(first, again), between), join(first, join(again, between))})
        EXPECT_EQ(joined.facts.at(0).note, "wrote to us") << "the latest note, whenever something was last said";
}

TEST(SuppressionValue, AnImportsNoteIsKeptOnlyWhereNobodyHereGaveOne)
{
    const auto imported = noted("from the old system", 9'000, SuppressionOrigin::import_);
    EXPECT_EQ(join(noted("asked by phone", 1'000), imported).facts.at(0).note, "asked by phone");
    EXPECT_EQ(join(imported, noted("", 1'000)).facts.at(0).note, "from the old system");
}

TEST(SuppressionValue, UnreadableBytesAreKeptBesideWhatCanBeRead)
{
    SuppressionFacts good;
    good.facts.push_back({});
    const std::string merged = merge_suppression_values("rubbish", encode(good));
    const auto read = decode<SuppressionFacts>(merged);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->facts.size(), 1u);
    EXPECT_EQ(read->damaged, std::vector<std::string>{"rubbish"});
}

TEST(SuppressionValue, TheStrongestLivingFactWins)
{
    SuppressionFacts facts;
    const TimePoint now = from_unix_ms(100);
    const auto add = [&facts](SuppressionReason reason, std::optional<TimePoint> expires) {
        SuppressionFacts::Fact fact;
        fact.core.reason = reason;
        fact.core.expires = expires;
        facts.facts.push_back(fact);
    };
    EXPECT_EQ(strongest(facts, now), nullptr);
    add(SuppressionReason::bounce, from_unix_ms(101));
    add(SuppressionReason::complaint, from_unix_ms(100));
    add(SuppressionReason::invalid, std::nullopt);
    EXPECT_EQ(strongest(facts, now)->core.reason, SuppressionReason::bounce) << "an entry ends at its expiry";
    EXPECT_EQ(strongest(facts, from_unix_ms(101))->core.reason, SuppressionReason::invalid);
}

}  // namespace
}  // namespace winnow::test
