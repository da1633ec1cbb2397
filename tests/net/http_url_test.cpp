#include "net/http_url.hpp"

#include <gtest/gtest.h>

#include "net/http.hpp"

namespace winnow::net {
namespace {

TEST(HttpUrl, RawPlusStaysAPlusSoThatSubaddressesSurvive)
{
    const auto target =
        parse_http_target("/v1/check/user+tag%40example.test?email=user+tag@example.test&x=%2B").value();
    EXPECT_EQ(target.path, "/v1/check/user+tag@example.test");
    ASSERT_EQ(target.query.size(), 2u);
    EXPECT_EQ(target.query[0].second, "user+tag@example.test");
    EXPECT_EQ(target.query[1].second, "+");
}

TEST(HttpUrl, PercentDecodingLeavesMalformedEscapesAlone)
{
    EXPECT_EQ(percent_decode("100%"), "100%");
    EXPECT_EQ(percent_decode("%4"), "%4");
    EXPECT_EQ(percent_decode("%zz%41%4g"), "%zzA%4g");
    EXPECT_EQ(percent_decode("%c3%A9"), "\xC3\xA9");
}

TEST(HttpUrl, EncodingIsUndoneByDecodingForEveryOctet)
{
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    const auto encoded = percent_encode(all);
    EXPECT_EQ(encoded.find_first_of("+/?&=% \r\n\"<>", 1), encoded.find('%', 1));
    EXPECT_EQ(percent_decode(encoded), all);
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
}

TEST(HttpUrl, QueryKeepsOrderRepeatsAndEmptyValues)
{
    const auto target = parse_http_target("/?a=1&a=2&&b&c=&=d&e=f=g").value();
    const std::vector<std::pair<std::string, std::string>> expected{{"a", "1"}, {"a", "2"}, {"b", ""},
                                                                    {"c", ""},  {"", "d"},  {"e", "f=g"}};
    EXPECT_EQ(target.query, expected);
}

TEST(HttpUrl, TargetsComeInOriginAbsoluteAndAsteriskForm)
{
    EXPECT_EQ(parse_http_target("http://example.test/x?y=z").value().path, "/x");
    EXPECT_EQ(parse_http_target("http://example.test?y=z").value().path, "/");
    EXPECT_EQ(parse_http_target("*").value().path, "*");
    EXPECT_FALSE(parse_http_target("example.test:443"));
    EXPECT_FALSE(parse_http_target("ftp://example.test/"));
    EXPECT_FALSE(parse_http_target("/a%00b"));
}

TEST(HttpUrl, UrlIsSplitIntoWhatAConnectionNeeds)
{
    const auto url = parse_http_url("HTTP://Example.Test:8080/a?b=c#d").value();
    EXPECT_FALSE(url.tls);
    EXPECT_EQ(url.host, "example.test");
    EXPECT_EQ(url.port, 8080);
    EXPECT_EQ(url.target, "/a?b=c");
    EXPECT_EQ(url.authority(), "example.test:8080");
    EXPECT_EQ(parse_http_url("https://example.test?q").value().target, "/?q");
    EXPECT_EQ(parse_http_url("https://example.test").value().authority(), "example.test");
    EXPECT_EQ(parse_http_url("http://[::1]:81/").value().host_port(), "[::1]:81");
    EXPECT_EQ(parse_http_url("http://[::1]").value().authority(), "[::1]");
}

class BadUrl : public testing::TestWithParam<std::string_view> {};

TEST_P(BadUrl, IsRefused)
{
    const auto url = parse_http_url(GetParam());
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().code, Errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Cases, BadUrl,
                         testing::Values("", "example.test", "ftp://a/", "http://", "http:///x", "http://a:0/",
                                         "http://a:70000/", "http://a:/", "http://a:8x/", "http://user:pw@a/",
                                         "http://a/b c", "http://a/b\r\nHost: c", "http://[::1", "http://[a]/",
                                         "http://[::1]x/", "http://a\xC3\xA9/", "http://a b/"));

TEST(HttpFields, CompareNamesWithoutCaseAndKeepOrder)
{
    HttpFields fields;
    fields.add("X-One", "1");
    fields.add("x-one", "2");
    EXPECT_EQ(fields.get("X-ONE"), "1");
    EXPECT_TRUE(fields.has("x-One"));
    EXPECT_FALSE(fields.has("x-On"));
    fields.set("X-ONE", "3");
    EXPECT_EQ(fields.all().size(), 1u);
    EXPECT_EQ(fields.get("x-one"), "3");
    EXPECT_EQ(fields.get("absent"), "");
}

}  // namespace
}  // namespace winnow::net
