#include "relay/flow_table.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace winnow;
using relay::FlowTable;
using storage::FlowKey;

namespace {

constexpr TimePoint t0{1'000'000ms};

FlowKey flow(std::uint8_t number, MailClass mail_class = MailClass::bulk)
{
    FlowKey key;
    key.mail_class = mail_class;
    key.domain.bytes[0] = number;
    key.workspace = "w";
    return key;
}

}  // namespace

TEST(FlowTable, HandsOutWhatIsDueAndNothingElse)
{
    FlowTable table;
    EXPECT_FALSE(table.next(t0));
    table.due_at(flow(1), t0 + 1min);
    EXPECT_EQ(table.next_time(), t0 + 1min);
    EXPECT_FALSE(table.next(t0));
    EXPECT_EQ(table.next(t0 + 1min), flow(1));
    EXPECT_FALSE(table.next(t0 + 1h)) << "it is being read";
}

TEST(FlowTable, TheEarlierTimeCounts)
{
    FlowTable table;
    table.due_at(flow(1), t0 + 1h);
    table.due_at(flow(1), t0 + 1min);
    table.due_at(flow(1), t0 + 2h);
    EXPECT_EQ(table.next_time(), t0 + 1min);
    EXPECT_TRUE(table.next(t0 + 1min));
    table.done(flow(1));
    EXPECT_EQ(table.next_time(), TimePoint::max());
}

TEST(FlowTable, WhatBecomesDueDuringReadingIsKept)
{
    FlowTable table;
    table.due_at(flow(1), t0);
    ASSERT_TRUE(table.next(t0));
    table.due_at(flow(1), t0);
    EXPECT_FALSE(table.next(t0));
    table.done(flow(1));
    EXPECT_EQ(table.next(t0), flow(1));
}

TEST(FlowTable, FlowsTakeTurns)
{
    FlowTable table;
    for (std::uint8_t i = 1; i <= 3; ++i)
        table.due_at(flow(i), t0);
    std::string order;
    for (int turn = 0; turn < 6; ++turn) {
        const auto key = table.next(t0);
        ASSERT_TRUE(key);
        order += static_cast<char>('0' + key->domain.bytes[0]);
        table.due_at(*key, t0);  // it has more
        table.done(*key);
    }
    EXPECT_EQ(order, "123123");
}

TEST(FlowTable, TransactionalFlowsComeFirst)
{
    FlowTable table;
    table.due_at(flow(1), t0);
    table.due_at(flow(2, MailClass::transactional), t0);
    EXPECT_EQ(table.next(t0), flow(2, MailClass::transactional));
    EXPECT_EQ(table.next(t0), flow(1));
}

TEST(FlowTable, AParkedFlowWaitsForItsSite)
{
    FlowTable table;
    table.due_at(flow(1), t0);
    table.due_at(flow(2), t0);
    ASSERT_TRUE(table.next(t0));
    table.park(flow(1), "site");
    EXPECT_TRUE(table.parked("site"));
    table.due_at(flow(1), t0);
    table.done(flow(1));
    EXPECT_EQ(table.next(t0), flow(2));
    EXPECT_FALSE(table.next(t0 + 1h));
    table.unpark("other");
    EXPECT_FALSE(table.next(t0));
    table.unpark("site");
    EXPECT_FALSE(table.parked("site"));
    EXPECT_EQ(table.next(t0), flow(1));
}

TEST(FlowTable, ForgetsFlowsWithNothingToDo)
{
    FlowTable table;
    table.due_at(flow(1), t0);
    ASSERT_TRUE(table.next(t0));
    table.taken(flow(1), 2);
    table.set_site(flow(1), "site");
    table.done(flow(1));
    EXPECT_EQ(table.size(), 1u);
    EXPECT_EQ(table.in_memory(flow(1)), 2u);
    EXPECT_EQ(table.site(flow(1)), "site");
    table.settled(flow(1), 1);
    table.settled(flow(1), 1);
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.in_memory(flow(1)), 0u);
    table.settled(flow(1), 1);  // once too often does no harm
    EXPECT_EQ(table.size(), 0u);
}
