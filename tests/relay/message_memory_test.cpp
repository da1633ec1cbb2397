#include "relay/message_memory.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace winnow::relay {
namespace {

const std::string hundred(100, 'x');

TEST(MessageMemory, OneCopyCountsOnceHoweverManyHoldIt)
{
    MessageMemory memory{1'000};
    const auto first = memory.hold("m/1", hundred, nullptr);
    const auto second = memory.find("m/1");
    EXPECT_EQ(first.get(), second.get());
    EXPECT_EQ(memory.used(), 100u);
    EXPECT_EQ(memory.find("m/2"), nullptr);
}

TEST(MessageMemory, AMessageCountsUntilItsLastHolderLetsGo)
{
    MessageMemory memory{1'000};
    auto first = memory.hold("m/1", hundred, nullptr);
    auto second = first;
    first.reset();
    EXPECT_EQ(memory.used(), 100u);
    second.reset();
    EXPECT_EQ(memory.used(), 0u);
    EXPECT_EQ(memory.find("m/1"), nullptr);
}

TEST(MessageMemory, WhatDoesNotFitIsRefusedAndChangesNothing)
{
    MessageMemory memory{150};
    const auto first = memory.hold("m/1", hundred, nullptr);
    EXPECT_EQ(memory.hold("m/2", hundred, nullptr), nullptr);
    EXPECT_EQ(memory.hold({}, hundred, nullptr), nullptr) << "messages without a name count too";
    EXPECT_EQ(memory.used(), 100u);
    EXPECT_EQ(memory.find("m/2"), nullptr);
    EXPECT_TRUE(memory.has_room(50));
    EXPECT_FALSE(memory.has_room(51));
}

TEST(MessageMemory, AMessageLargerThanTheLimitGoesAlone)
{
    MessageMemory memory{50};
    auto small = memory.hold({}, "x", nullptr);
    EXPECT_EQ(memory.hold("m/1", hundred, nullptr), nullptr);
    small.reset();
    const auto large = memory.hold("m/1", hundred, nullptr);
    ASSERT_NE(large, nullptr);
    EXPECT_EQ(*large, hundred);
    EXPECT_EQ(memory.hold({}, "x", nullptr), nullptr);
}

TEST(MessageMemory, TellsWhenAMessageHasLeftAndItsRoomIsFree)
{
    MessageMemory memory{100};
    int told = 0;
    memory.on_freed([&] {
        ++told;
        EXPECT_TRUE(memory.has_room(100));
    });
    auto held = memory.hold("m/1", hundred, nullptr);
    (void)memory.hold("m/2", hundred, nullptr);
    EXPECT_EQ(told, 0) << "nothing has left";
    held.reset();
    EXPECT_EQ(told, 1);
}

TEST(MessageMemory, RoomIsKeptForAMessageThatIsToCome)
{
    MessageMemory memory{150};
    auto room = memory.reserve(100);
    EXPECT_EQ(memory.used(), 100u);
    EXPECT_EQ(memory.reserve(100), nullptr);
    EXPECT_EQ(memory.hold("m/2", hundred, nullptr), nullptr);
    const auto held = memory.hold("m/1", hundred, std::move(room));
    EXPECT_EQ(memory.find("m/1"), held);
    EXPECT_EQ(memory.used(), 100u) << "not twice";
    EXPECT_EQ(memory.hold("m/3", hundred + hundred, memory.reserve(10)), nullptr) << "it has grown out of its room";
    EXPECT_EQ(memory.used(), 100u);
}

TEST(MessageMemory, AMessageMayOutliveIt)
{
    std::optional<MessageMemory> memory{std::in_place, 100};
    const auto held = memory->hold("m/1", hundred, nullptr);
    memory.reset();
    EXPECT_EQ(*held, hundred);
}

}  // namespace
}  // namespace winnow::relay
