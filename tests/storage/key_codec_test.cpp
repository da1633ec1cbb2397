#include "storage/key_codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>

#include "core/crypto.hpp"
#include "storage/key_shapes.hpp"

namespace winnow::test {
namespace {

using namespace storage;

H16 digest(std::uint8_t fill)
{
    H16 made;
    made.bytes.fill(fill);
    return made;
}

std::string hex(const std::string& bytes)
{
    return crypto::hex(std::string_view(bytes));
}

// Frozen: these bytes are on disks. A change needs a new format version and a migration.
TEST(KeyCodec, EveryShapeHasItsFrozenBytes)
{
    const TimePoint t = from_unix_ms(0x0102030405);
    EXPECT_EQ(hex(shape::document("w1", shape::Document::campaign, "C1")),
              "740277316203"
              "74024331");
    EXPECT_EQ(hex(shape::state(shape::State::open_job, "w1", "J1")),
              "6201740277317402"
              "4a31");
    EXPECT_EQ(hex(shape::state(shape::State::event_sequence, "w1")), "620674027731");
    EXPECT_EQ(hex(shape::state(shape::State::lane_sequence, LaneId{258})), "62077700000102");
    EXPECT_EQ(hex(shape::row("w1", "L1", 259)), "7402773174024c316e0000000000000103");
    EXPECT_EQ(hex(shape::row_due("w1", "L1", t, 1)), "7402773174024c316d80000001020304056e0000000000000001");
    EXPECT_EQ(hex(shape::of_address("w1", digest(0xaa))), "7402773168" + std::string(32, 'a'));
    EXPECT_EQ(hex(shape::evidence("w1", digest(0xaa), t, 2)),
              "7402773168" + std::string(32, 'a') + "6d7ffffffefdfcfbfa6efffffffffffffffd");
    EXPECT_EQ(hex(shape::catch_all(digest(0xbb))), "620168" + std::string(32, 'b'));
    const shape::SuppressionKey key{"w1", ScopeKind::list, "L1", digest(0xcc)};
    EXPECT_EQ(hex(key.str()), "74027731620374024c3168" + std::string(32, 'c'));
    EXPECT_EQ(hex(key.under_domain(digest(0xdd))),
              "7402773168" + std::string(32, 'd') + "68" + std::string(32, 'c') + "620374024c31");
    EXPECT_EQ(hex(shape::message(MessageRef{LaneId{7}, 9})), "77000000076e0000000000000009");
    EXPECT_EQ(hex(shape::message_id("w1", "M1")), "7402773174024d31");
    const FlowKey flow{LaneId{7}, MailClass::transactional, digest(0xee), "w1", ""};
    EXPECT_EQ(hex(shape::due(flow, t, 9)), "7700000007620268" + std::string(32, 'e') +
                                               "740277317400"
                                               "6d8000000102030405"
                                               "6e0000000000000009");
    EXPECT_EQ(hex(shape::held_at(shape::all_held("w1"), 3)), "7402773162016e0000000000000003");
    EXPECT_EQ(hex(shape::held_at(shape::campaign_held("w1", "C1"), 3)), "740277316202740243316e0000000000000003");
    EXPECT_EQ(hex(shape::body("B1")), "74024231");
    EXPECT_EQ(hex(shape::event("w1", 1)), "740277316e0000000000000001");
    EXPECT_EQ(hex(shape::named(digest(0x11))), "68" + std::string(32, '1'));
    EXPECT_EQ(hex(shape::quarantine(Family::due, "k")), "620f6b");
    EXPECT_EQ(hex(shape::meta()), "7406656e67696e65");
}

TEST(KeyCodec, FamilyNumbersAndNamesAreFrozen)
{
    EXPECT_EQ(static_cast<int>(Family::due), 15);
    EXPECT_EQ(static_cast<int>(Family::quarantine), 22);
    EXPECT_EQ(to_string(Family::row_due), "row_due");
    EXPECT_EQ(to_string(Family::quarantine), "quarantine");
}

RC_GTEST_PROP(KeyCodec, DueKeysSortByTimeThenNumber, ())
{
    const auto a = *rc::gen::arbitrary<std::tuple<std::int64_t, std::uint64_t>>();
    const auto b = *rc::gen::arbitrary<std::tuple<std::int64_t, std::uint64_t>>();
    const FlowKey flow{LaneId{3}, MailClass::bulk, digest(1), "w", "c"};
    const auto key = [&flow](const auto& item) {
        return shape::due(flow, from_unix_ms(std::get<0>(item)), std::get<1>(item));
    };
    RC_ASSERT((key(a) < key(b)) == (a < b));
}

RC_GTEST_PROP(KeyCodec, DescendingPartsSortTheOtherWay,
              (std::int64_t a, std::int64_t b, std::uint64_t m, std::uint64_t n))
{
    const auto key = [](std::int64_t ms, std::uint64_t number) {
        return KeyBuilder().time_descending(from_unix_ms(ms)).number_descending(number).str();
    };
    RC_ASSERT((key(a, m) < key(b, n)) == (std::tuple(b, n) < std::tuple(a, m)));
}

RC_GTEST_PROP(KeyCodec, WhatWasBuiltIsReadBack, ())
{
    const auto text = *rc::gen::resize(max_key_text, rc::gen::arbitrary<std::string>());
    RC_PRE(text.size() <= max_key_text);
    const auto ms = *rc::gen::arbitrary<std::int64_t>();
    const auto n = *rc::gen::arbitrary<std::uint64_t>();
    const auto w = *rc::gen::arbitrary<std::uint32_t>();
    const std::string key =
        KeyBuilder().text(text).time(from_unix_ms(ms)).digest(digest(5)).number(n).byte(9).number32(w).str();
    KeyReader reader(key);
    RC_ASSERT(reader.text() == text);
    RC_ASSERT(reader.time() == from_unix_ms(ms));
    RC_ASSERT(reader.digest() == digest(5));
    RC_ASSERT(reader.number() == n);
    RC_ASSERT(reader.byte() == 9);
    RC_ASSERT(reader.number32() == w);
    RC_ASSERT(reader.ok() && reader.at_end());
    KeyReader cut(std::string_view(key).substr(0, *rc::gen::inRange<std::size_t>(0, key.size())));
    cut.text();
    cut.time();
    cut.digest();
    cut.number();
    cut.byte();
    cut.number32();
    RC_ASSERT(!cut.ok());
}

RC_GTEST_PROP(KeyCodec, NoPartRunsIntoTheNext,
              (const std::string& a, const std::string& b, const std::string& c, const std::string& d))
{
    RC_PRE(std::max({a.size(), b.size(), c.size(), d.size()}) <= max_key_text);
    const bool same = a == c && b == d;
    RC_ASSERT((shape::rows(a, b) == shape::rows(c, d)) == same);
    // A prefix range of one pair holds no key of another.
    const KeyRange range = KeyRange::prefix(shape::rows(a, b));
    const std::string other = shape::row(c, d, 1);
    RC_ASSERT((other >= range.lower && (range.upper.empty() || other < range.upper)) == same);
}

TEST(KeyCodec, APrefixRangeEndsAfterTheLastKeyOfThePrefix)
{
    EXPECT_EQ(KeyRange::prefix("ab").upper, "ac");
    EXPECT_EQ(KeyRange::prefix(std::string("a\xff\xff", 3)).upper, "b");
    EXPECT_EQ(KeyRange::prefix(std::string("\xff", 1)).upper, "") << "no bound";
    EXPECT_EQ(KeyRange::after("ab", "abc").lower, std::string("abc\0", 4));
}

TEST(KeyCodec, AReaderStopsAtTheFirstPartOfAnotherShape)
{
    const std::string key = KeyBuilder().number(1).text("x").str();
    KeyReader reader(key);
    EXPECT_EQ(reader.text(), "");
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.number(), 0u);
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace winnow::test
