#include "core/json_members.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using Members = std::vector<JsonMember>;

JsonLine read(std::string_view text)
{
    auto line = read_json_line(text);
    EXPECT_TRUE(line) << line.error().context;
    return line ? *line : JsonLine{};
}

TEST(JsonMembers, AreTheScalarsByTheirPathInTheOrderOfTheLine)
{
    const JsonLine line =
        read(R"({"id": 7, "user": {"emails": ["a@x.test", "b@x.test"], "ok": true}, "p": 1.50, "n": null})");
    EXPECT_EQ(line.kind, JsonLine::Kind::object);
    EXPECT_EQ(line.members, (Members{{"id", "7"},
                                     {"user.emails.0", "a@x.test"},
                                     {"user.emails.1", "b@x.test"},
                                     {"user.ok", "true"},
                                     {"p", "1.50"},
                                     {"n", ""}}));
}

TEST(JsonMembers, ContainersInArraysCountTheirPlaces)
{
    EXPECT_EQ(read(R"([{"a": 1}, [2, {}, 3], 4])").members,
              (Members{{"0.a", "1"}, {"1.0", "2"}, {"1.2", "3"}, {"2", "4"}}));
    EXPECT_EQ(read(R"({"a": {}, "b": [], "c": 1})").members, (Members{{"c", "1"}}));
}

TEST(JsonMembers, ATextAloneHasNoPath)
{
    const JsonLine line = read("\"a\\u0040x.test\"");
    EXPECT_EQ(line.kind, JsonLine::Kind::text);
    EXPECT_EQ(line.members, (Members{{"", "a@x.test"}}));
    for (const char* other : {"7", "true", "null", "[]", "[\"a@x.test\"]"})
        EXPECT_EQ(read(other).kind, JsonLine::Kind::other) << other;
}

TEST(JsonMembers, OfANameWrittenTwiceTheLastCounts)
{
    const JsonLine line = read(R"({"email": "a@x.test", "email": "b@x.test"})");
    ASSERT_NE(find_member(line, "email"), nullptr);
    EXPECT_EQ(find_member(line, "email")->value, "b@x.test");
    EXPECT_EQ(find_member(line, "mail"), nullptr);
}

TEST(JsonMembers, WhatIsNoJsonIsAnErrorWithItsPlace)
{
    for (const char* broken :
         {"", "{", "{\"a\":}", "{\"a\":1} x", "a@x.test", "'a'", "\"\xff\"", "{\"a\":1,}", "NaN"}) {
        const auto line = read_json_line(broken);
        ASSERT_FALSE(line) << broken;
        EXPECT_EQ(line.error().code, Errc::invalid_argument) << broken;
        EXPECT_NE(line.error().context.find("octet"), std::string::npos) << broken;
    }
}

TEST(JsonMembers, DepthSizeAndCountAreBounded)
{
    const std::string deep = std::string(65, '[') + std::string(65, ']');
    EXPECT_EQ(read_json_line(deep).error().code, Errc::limit_exceeded);
    EXPECT_TRUE(read_json_line(std::string(64, '[') + std::string(64, ']')));
    EXPECT_EQ(read_json_line(std::string(100'000, '[')).error().code, Errc::limit_exceeded);
    EXPECT_EQ(read_json_line("\"" + std::string(1 << 20, 'a') + "\"").error().code, Errc::limit_exceeded);
    std::string many = "[0";
    for (int i = 0; i < 5'000; ++i)
        many += ",1";
    EXPECT_EQ(read(many + "]").members.size(), 1'000u);
}

}  // namespace
}  // namespace winnow
