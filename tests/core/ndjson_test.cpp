#include "core/ndjson.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace winnow {
namespace {

struct Line {
    std::string text;
    std::size_t line;
    bool too_long;
    bool operator==(const Line&) const = default;
};

std::vector<Line> read(std::string_view text, std::size_t max, std::size_t chunk)
{
    NdjsonReader reader(max);
    std::vector<Line> lines;
    const auto drain = [&] {
        while (const NdjsonLine* line = reader.next())
            lines.push_back({std::string(line->text), line->line, line->too_long});
    };
    for (std::size_t at = 0; at < text.size(); at += chunk) {
        reader.feed(text.substr(at, chunk));
        drain();
    }
    reader.finish();
    drain();
    return lines;
}

TEST(NdjsonReader, PassesOverBlankLinesAndCountsThem)
{
    const std::vector<Line> expected = {{"{\"a\":1}", 1, false}, {"2", 4, false}, {"[3]", 5, false}};
    for (const std::size_t chunk : {1u, 2u, 5u, 100u})
        EXPECT_EQ(read("\xEF\xBB\xBF{\"a\":1}\r\n\n \r\n2\n[3]", 100, chunk), expected) << chunk;
    EXPECT_TRUE(read("", 100, 1).empty());
    EXPECT_TRUE(read("\n\n", 100, 1).empty());
}

TEST(NdjsonReader, ALineBeyondTheCapKeepsItsBeginningOnly)
{
    const std::vector<Line> expected = {{"1234", 1, false}, {"1234", 2, true}, {"ab", 3, false}, {"wxyz", 4, true}};
    for (const std::size_t chunk : {1u, 3u, 7u, 100u})
        EXPECT_EQ(read("1234\r\n1234567890\r\nab\nwxyz0", 4, chunk), expected) << chunk;
}

TEST(ParseJson, ReadsAValue)
{
    const auto value = parse_json("{\"a\": [1, true, \"\xC3\xBC\"]}");
    ASSERT_TRUE(value) << value.error().context;
    EXPECT_EQ((*value)["a"].size(), 3u);
    EXPECT_EQ(dump_json(*value), "{\"a\":[1,true,\"\xC3\xBC\"]}");
}

TEST(ParseJson, DepthIsCappedBeforeAnythingIsBuilt)
{
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_TRUE(parse_json(nested(64)));
    const auto deep = parse_json(nested(65));
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code, Errc::limit_exceeded);
    EXPECT_FALSE(parse_json(std::string(500'000, '[')));
    EXPECT_TRUE(parse_json("[[],[],[],{\"a\":{}}]", {.max_depth = 3})) << "width is not depth";
}

TEST(ParseJson, SizeIsCapped)
{
    const auto large = parse_json("\"123456789\"", {.max_bytes = 10});
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, Errc::limit_exceeded);
}

TEST(ParseJson, RefusesWhatIsNotJsonAndSaysWhere)
{
    for (const char* text : {"", " ", "{", "{\"a\":}", "[1,]", "nul", "1 2", "\"\xFF\"", "{'a':1}"}) {
        const auto value = parse_json(text);
        ASSERT_FALSE(value) << text;
        EXPECT_EQ(value.error().code, Errc::invalid_argument) << text;
        EXPECT_NE(value.error().context.find("octet"), std::string::npos) << value.error().context;
    }
}

TEST(ParseJson, RefusesAMemberThatIsGivenTwice)
{
    const auto twice = parse_json(R"({"to":"a@x.test","deep":{"to":1},"to":"b@x.test"})");
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Errc::invalid_argument);
    EXPECT_EQ(twice.error().context, "the member \"to\" is given twice");
    EXPECT_FALSE(parse_json(R"({"a":[{"b":1,"\u0062":2}]})")) << "an escape is the same name";
    EXPECT_TRUE(parse_json(R"({"a":{"x":1},"b":{"x":2},"c":[{"x":3},{"x":4}],"x":5})")) << "each object has its own";
}

TEST(DumpJson, ReplacesOctetsThatAreNotUtf8)
{
    EXPECT_EQ(dump_json(nlohmann::json("Stra\xDF"
                                       "e")),
              "\"Stra\xEF\xBF\xBD"
              "e\"");
}

}  // namespace
}  // namespace winnow
