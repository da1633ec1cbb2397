#include "core/template.hpp"

#include <gtest/gtest.h>

#include <map>

namespace winnow {
namespace {

using Row = std::map<std::string, std::string, std::less<>>;

RenderedText render(std::string_view text, const Row& row, Escape escape = Escape::none)
{
    auto parsed = Template::parse(text);
    EXPECT_TRUE(parsed) << parsed.error().context;
    if (!parsed)
        return {};
    return parsed->render(
        [&row](std::string_view name) -> std::optional<std::string_view> {
            const auto found = row.find(name);
            if (found == row.end())
                return std::nullopt;
            return found->second;
        },
        escape);
}

std::string parse_fault(std::string_view text)
{
    auto parsed = Template::parse(text);
    return parsed ? "parsed" : parsed.error().context;
}

TEST(Template, WritesTheValueOfAColumn)
{
    EXPECT_EQ(render("Dear {{first_name}}, of {{ city }}.", {{"first_name", "Ada"}, {"city", "Wien"}}).text,
              "Dear Ada, of Wien.");
    EXPECT_EQ(render("{{E-Mail}}{{a.b}}", {{"E-Mail", "x@example.test"}, {"a.b", "!"}}).text, "x@example.test!");
}

TEST(Template, BracketsNameColumnsWithSpacesAndBraces)
{
    EXPECT_EQ(render("{{[first name]}} {{{[a}}b]}}}", {{"first name", "Ada"}, {"a}}b", "x"}}).text, "Ada x");
}

TEST(Template, EscapesInHtmlUnlessToldNotTo)
{
    const Row row{{"x", "<a href=\"x\">'&`</a>"}};
    EXPECT_EQ(render("{{x}}", row, Escape::html).text, "&lt;a href&#x3D;&quot;x&quot;&gt;&#x27;&amp;&#x60;&lt;/a&gt;");
    EXPECT_EQ(render("{{{x}}}|{{&x}}", row, Escape::html).text, row.at("x") + "|" + row.at("x"));
    EXPECT_EQ(render("{{x}}", row, Escape::none).text, row.at("x"));
}

TEST(Template, AnUnknownNameIsEmptyAndReportedOnce)
{
    const auto out = render("[{{nope}}{{nope}}{{other}}]", {});
    EXPECT_EQ(out.text, "[]");
    EXPECT_EQ(out.missing, (std::vector<std::string>{"nope", "other"}));
}

TEST(Template, AnEmptyValueIsNotMissing)
{
    EXPECT_TRUE(render("{{x}}", {{"x", ""}}).missing.empty());
}

TEST(Template, AValueIsNeverReadAsATemplate)
{
    EXPECT_EQ(render("{{x}}", {{"x", "{{y}}"}, {"y", "secret"}}).text, "{{y}}");
}

TEST(Template, CommentsVanishAndEscapedBracesStay)
{
    EXPECT_EQ(render("a{{! note }}b{{!-- {{x}} --}}c\\{{x}}", {{"x", "1"}}).text, "abc{{x}}");
}

TEST(Template, TextWithoutPlacesIsUnchanged)
{
    for (const auto* text : {"", "plain", "} } {", "a } }} b", "\\", "{ {"})
        EXPECT_EQ(render(text, {}).text, text);
}

TEST(Template, FaultsNameLineAndColumn)
{
    EXPECT_EQ(parse_fault("ab\ncd {{x").substr(0, 18), "line 2, column 4: ");
    EXPECT_EQ(parse_fault("\u00e4\u00f6{{}}").substr(0, 18), "line 1, column 3: ");
    EXPECT_NE(parse_fault("{{{x}}").find("not closed"), std::string::npos);
    EXPECT_NE(parse_fault("{{!-- x }}").find("comment"), std::string::npos);
    EXPECT_NE(parse_fault("{{[x}}").find("'['"), std::string::npos);
}

TEST(Template, WhatIsNotSupportedIsRefusedRatherThanSent)
{
    for (const auto* text : {"{{#if x}}", "{{/if}}", "{{else}}", "{{> part}}", "{{~x}}", "{{date now}}", "{{^x}}"})
        EXPECT_NE(parse_fault(text), "parsed") << text;
    EXPECT_NE(parse_fault("{{first name}}").find("{{[first name]}}"), std::string::npos);
}

TEST(Template, CapsPlacesAndSize)
{
    std::string many;
    for (int i = 0; i < 10'001; ++i)
        many += "{{x}}";
    auto parsed = Template::parse(many);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, make_error_code(Errc::limit_exceeded));
    EXPECT_FALSE(Template::parse(std::string((4u << 20) + 1, 'a')));
}

TEST(Template, ListsItsNamesOnceInOrder)
{
    auto parsed = Template::parse("{{b}}{{a}}{{{b}}}");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->names(), (std::vector<std::string>{"b", "a"}));
}

}  // namespace
}  // namespace winnow
