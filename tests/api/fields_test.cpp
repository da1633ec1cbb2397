#include "api/fields.hpp"

#include <gtest/gtest.h>

namespace winnow::api {
namespace {

using namespace std::chrono_literals;

Fields read(std::string_view body)
{
    auto fields = Fields::of_json(body);
    EXPECT_TRUE(fields) << body;
    return fields ? std::move(*fields) : Fields::of_texts({});
}

std::vector<std::string> wrong(const Fields& fields)
{
    std::vector<std::string> all;
    if (const auto problem = fields.problem())
        for (const FieldError& e : problem->errors)
            all.push_back(e.pointer + " " + e.detail);
    return all;
}

TEST(Fields, ReadsEachKindOfValue)
{
    Fields f = read(R"({"t":"x","b":true,"n":7,"d":"15m","at":"2026-01-01T00:00:00Z","w":"risky","l":["a","b"],)"
                    R"("m":{"k":"v"}})");
    EXPECT_EQ(f.text("t"), "x");
    EXPECT_TRUE(f.flag("b", false));
    EXPECT_EQ(f.integer("n", 0, 1, 10), 7);
    EXPECT_EQ(f.duration("d", 0ms, 1s, 1h), 15min);
    EXPECT_EQ(to_unix_ms(*f.time("at")), 1'767'225'600'000);
    EXPECT_EQ(f.word<Verdict>("w"), Verdict::risky);
    EXPECT_EQ(f.texts("l", 2), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(f.text_map("m", 1).at("k"), "v");
    EXPECT_FALSE(f.problem());
}

TEST(Fields, AbsentAndNullReadAsTheFallback)
{
    Fields f = read(R"({"t":null,"n":null})");
    EXPECT_EQ(f.text("t", "fallback"), "fallback");
    EXPECT_EQ(f.integer("n", 5, 1, 10), 5);
    EXPECT_TRUE(f.flag("b", true));
    EXPECT_FALSE(f.has("t"));
    EXPECT_FALSE(f.problem());
}

TEST(Fields, NamesEverythingThatIsWrongAtOnce)
{
    Fields f = read(R"({"a":1,"b":"yes","c":11,"d":"soon","e":"maybe","f":["x",1],"g":{"k":1},"h":"later"})");
    f.text("a");
    f.flag("b", false);
    f.integer("c", 0, 1, 10);
    f.duration("d", 0ms, 1s, 1h);
    f.word<Verdict>("e");
    f.texts("f", 9);
    f.text_map("g", 9);
    f.time("h");
    f.required_text("i");
    const auto errors = wrong(f);
    ASSERT_EQ(errors.size(), 9u);
    EXPECT_EQ(errors[0], "/a has to be a text");
    EXPECT_EQ(errors[2], "/c has to be a whole number from 1 to 10");
    EXPECT_EQ(errors[4], "/e has to be one of: deliverable, undeliverable, risky, unknown");
    EXPECT_EQ(errors[8], "/i is required");
}

TEST(Fields, ANameThatNobodyAskedForIsRefused)
{
    Fields f = read(R"({"name":"x","state":"done"})");
    f.text("name");
    EXPECT_EQ(wrong(f), std::vector<std::string>{"/state is not known here; known are: name"});
}

TEST(Fields, ParametersOfAQueryAreTexts)
{
    Fields f = Fields::of_texts({{"n", "12"}, {"b", "true"}, {"off", "0"}});
    EXPECT_EQ(f.integer("n", 0, 0, 100), 12);
    EXPECT_TRUE(f.flag("b", false));
    EXPECT_FALSE(f.flag("off", true));
    EXPECT_FALSE(f.problem());
    Fields bad = Fields::of_texts({{"n", "12x"}, {"b", "perhaps"}, {"n", "13"}});
    bad.integer("n", 0, 0, 100);
    bad.flag("b", false);
    EXPECT_EQ(wrong(bad), (std::vector<std::string>{"n is given twice", "b has to be true or false"}));
}

TEST(Fields, NumbersInTextsOfJsonAreNotNumbers)
{
    Fields f = read(R"({"n":"12","huge":18446744073709551615,"half":1.5})");
    f.integer("n", 0, 0, 100);
    f.integer("huge", 0, 0, 100);
    f.integer("half", 0, 0, 100);
    EXPECT_EQ(wrong(f).size(), 3u);
}

TEST(Fields, LengthsAndCountsAreBounded)
{
    Fields f = read(R"({"t":"12345","l":["a","b","c"]})");
    f.text("t", {}, 4);
    f.texts("l", 2);
    EXPECT_EQ(wrong(f), (std::vector<std::string>{"/t is longer than 4 octets", "/l has more than 2 entries"}));
}

TEST(Fields, AMemberThatIsGivenTwiceIsRefusedByItsName)
{
    const auto fields = Fields::of_json(R"({"address":"a@x.test","address":"b@x.test"})");
    ASSERT_FALSE(fields);
    EXPECT_EQ(fields.error().status, 400);
    EXPECT_NE(fields.error().detail.find("\"address\""), std::string::npos) << fields.error().detail;
}

TEST(Fields, ANulInATextIsRefused)
{
    Fields query = Fields::of_texts({{"after", std::string("01J\0", 4)}});
    EXPECT_EQ(query.text("after", "x"), "x");
    ASSERT_TRUE(query.problem());
    EXPECT_EQ(query.problem()->detail, "after: holds a NUL");
    auto body = Fields::of_json(R"({"name":"a\u0000b"})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->text("name"), "");
    EXPECT_TRUE(body->problem());
}

TEST(Fields, AnEmptyBodyIsAnEmptyObject)
{
    EXPECT_FALSE(read("").problem());
    EXPECT_FALSE(read(" \r\n").problem());
    EXPECT_FALSE(read("{}").problem());
}

TEST(Fields, WhatIsNoObjectIsNoRequest)
{
    for (const char* body : {"{", "[]", "1", "null", "\"x\"", "{\"a\":}", "{}{}", "{\"a\":1,}"}) {
        const auto fields = Fields::of_json(body);
        ASSERT_FALSE(fields) << body;
        EXPECT_EQ(fields.error().status, 400);
        EXPECT_EQ(fields.error().code, "malformed_json");
    }
}

TEST(Fields, DeepJsonIsRefusedBeforeItIsBuilt)
{
    const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    const auto fields = Fields::of_json(deep);
    ASSERT_FALSE(fields);
    EXPECT_EQ(fields.error().status, 400);
}

TEST(Fields, NamesThatMayBeRepeatedAreOneText)
{
    const Fields::Pairs pairs{{"flag", "role"}, {"flag", "seg,eai"}, {"verdict", "risky"}};
    Fields fields = Fields::of_texts(pairs, {"flag", "verdict"});
    EXPECT_EQ(fields.text("flag"), "role,seg,eai");
    EXPECT_EQ(fields.text("verdict"), "risky");
    EXPECT_FALSE(fields.problem());
}

}  // namespace
}  // namespace winnow::api
