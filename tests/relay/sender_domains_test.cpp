#include "relay/sender_domains.hpp"

#include <gtest/gtest.h>

using namespace winnow;
using relay::SenderDomains;

namespace {

SenderDomains bound(const std::vector<std::string>& domains)
{
    auto parsed = SenderDomains::parse(domains);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
}

}  // namespace

TEST(SenderDomains, ADomainStandsForItselfAndWhatIsBelowIt)
{
    const auto domains = bound({"Example.COM",
                                "b\xc3\xbc"
                                "cher.example"});
    for (const char* good : {"a@example.com", "a@EXAMPLE.com", "a@news.example.com", "a@x.y.example.com",
                             "a@b\xc3\xbc"
                             "cher.example",
                             "a@xn--bcher-kva.example"})
        EXPECT_TRUE(domains.allows(good)) << good;
    for (const char* bad : {"a@notexample.com", "a@example.com.evil.test", "a@com", "a@example.org", "example.com", "",
                            "\"a@example.com\"@evil.test", "a@[192.0.2.1]"})
        EXPECT_FALSE(domains.allows(bad)) << bad;
}

TEST(SenderDomains, NoListIsAnyDomain)
{
    EXPECT_TRUE(SenderDomains{}.any());
    EXPECT_TRUE(SenderDomains{}.allows("a@anywhere.test"));
    EXPECT_TRUE(relay::refused_author("no header at all", {}).empty());
}

TEST(SenderDomains, WhatIsNoDomainIsRefusedByName)
{
    for (const char* bad : {"", "com", "a@example.com", "*.example.com", "exa mple.com", "a.com,b.com"}) {
        const auto parsed = SenderDomains::parse({bad});
        ASSERT_FALSE(parsed) << bad;
        EXPECT_NE(parsed.error().context.find("\"" + std::string(bad) + "\""), std::string::npos);
    }
}

TEST(AddressesIn, FindsTheAddressesOfAField)
{
    using List = std::vector<std::string>;
    struct Case {
        const char* field;
        List found;
    };
    const Case cases[] = {
        {"a@x.test", {"a@x.test"}},
        {"Ann <a@x.test>", {"a@x.test"}},
        {"\"b@evil.test\" <a@x.test>", {"a@x.test"}},
        {"\"say \\\"hi\\\" <b@evil.test>\" <a@x.test>", {"a@x.test"}},
        {"(b@evil.test (deeper)) a@x.test (c@evil.test)", {"a@x.test"}},
        {"Ann <a@x.test>, Bob <b@y.test>", {"a@x.test", "b@y.test"}},
        {"team: a@x.test, b@y.test;", {"a@x.test", "b@y.test"}},
        {"b@evil.test <a@x.test>", {"b@evil.test", "a@x.test"}},
        {"< a@x.test >", {"a@x.test"}},
        {"\"odd local\"@x.test", {"\"odd local\"@x.test"}},
    };
    for (const Case& c : cases)
        EXPECT_EQ(relay::addresses_in(c.field), std::optional(c.found)) << c.field;
}

TEST(AddressesIn, WhatCannotBeReadWithoutDoubtIsNothing)
{
    for (const char* bad : {"", "Ann", "undisclosed:;", "<a@x.test", "a@x.test>", "\"a@x.test", "(a@x.test",
                            "a@x.test) ", "(open \\) a@x.test"})
        EXPECT_FALSE(relay::addresses_in(bad)) << bad;
}

TEST(RefusedAuthor, EveryAuthorHasToBeAllowed)
{
    const auto mine = bound({"example.com"});
    for (const char* good : {"From: a@example.com\r\n\r\nx", "Subject: s\r\nFROM: Ann <a@news.example.com>\r\n\r\n",
                             "From: Ann\r\n <a@example.com>\r\nSender: b@example.com\r\n\r\n"})
        EXPECT_EQ(relay::refused_author(good, mine), "") << good;
    for (const char* bad :
         {"Subject: s\r\n\r\nFrom: a@example.com\r\n", "From: a@evil.test\r\n\r\n", "From:\r\n\r\n",
          "From: a@example.com, b@evil.test\r\n\r\n", "From: a@example.com\r\nFrom: b@evil.test\r\n\r\n",
          "From: a@example.com\r\nSender: b@evil.test\r\n\r\n", "From : b@evil.test\r\nX-A: 1\r\n\r\n",
          "From: b@evil.test <a@example.com>\r\n\r\n"})
        EXPECT_NE(relay::refused_author(bad, mine), "") << bad;
}

TEST(RefusedAuthor, AHeaderThatOthersMayReadOnIsNotLetThrough)
{
    const auto mine = bound({"example.com"});
    const std::string author = "From: a@example.com\r\n";
    for (const std::string& bad :
         {"From : b@evil.test\r\n" + author + "\r\n", "From \t: b@evil.test\r\n" + author + "\r\n",
          author + "junk\r\nFrom: b@evil.test\r\n\r\nx", author + ": nameless\r\nFrom: b@evil.test\r\n\r\n",
          " From: b@evil.test\r\n" + author + "\r\n", "From b@evil.test\r\n" + author + "\r\n",
          "From x\r\n From: b@evil.test\r\n" + author + "\r\n", ">From: b@evil.test\r\njunk\r\n" + author + "\r\n",
          "From b@evil.test: Mon Nov 23 13:08:43\r\n" + author + "\r\n",
          author + "Subject: s\r\nno empty line before the body\r\n"})
        EXPECT_NE(relay::refused_author(bad, mine), "") << bad;
    for (const std::string& good :
         {"From a@example.com Tue Nov 24 13:08:43 2026\r\n" + author + "\r\nx",
          "From - Tue Nov  3 13:08 2026\n" + author + "\r\n",
          ">From a Tue Nov 24 13:08:43 CET 2026\r\n" + author + "\r\n", std::string("From : a@example.com\r\n\r\nx"),
          author, author + "X-Empty:\r\n\tfolded\r\n \r\n\r\nFrom: b@evil.test"})
        EXPECT_EQ(relay::refused_author(good, mine), "") << good;
    EXPECT_EQ(relay::refused_author("junk\r\nFrom: b@evil.test\r\n\r\n", {}), "") << "an unbound key";
}

TEST(RefusedAuthor, AnAuthorBehindTheLimitsOfTheHeaderIsNotLetThrough)
{
    const auto mine = bound({"example.com"});
    std::string head = "From: a@example.com\r\n";
    for (int i = 0; i < 1'100; ++i)
        head += "X-A: 1\r\n";
    EXPECT_NE(relay::refused_author(head + "From: b@evil.test\r\n\r\n", mine), "");
    const std::string wide = "From: a@example.com\r\nX-A: " + std::string(300'000, 'x') + "\r\n";
    EXPECT_NE(relay::refused_author(wide + "From: b@evil.test\r\n\r\n", mine), "");
}
