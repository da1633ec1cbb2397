#include "core/address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace winnow {
namespace {

ParsedAddress parse(const std::string& text)
{
    return parse_address(text);
}

struct Refusal {
    const char* text;
    AddressFault fault;
};

class RefusedAddress : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedAddress, NamesItsFaultAndSaysWhy)
{
    const auto parsed = parse(GetParam().text);
    EXPECT_FALSE(parsed.valid);
    EXPECT_FALSE(parsed.usable);
    EXPECT_EQ(to_string(parsed.fault), to_string(GetParam().fault)) << parsed.detail;
    EXPECT_FALSE(parsed.detail.empty());
}

INSTANTIATE_TEST_SUITE_P(Syntax, RefusedAddress,
                         testing::Values(Refusal{"", AddressFault::empty}, Refusal{"ann", AddressFault::no_at},
                                         Refusal{"ann\xEF\xBC\xA0"
                                                 "example.test",
                                                 AddressFault::no_at},
                                         Refusal{"@example.test", AddressFault::local_empty},
                                         Refusal{"ann@", AddressFault::domain_empty},
                                         Refusal{".ann@example.test", AddressFault::local_syntax},
                                         Refusal{"ann.@example.test", AddressFault::local_syntax},
                                         Refusal{"a..b@example.test", AddressFault::local_syntax},
                                         Refusal{"ann lee@example.test", AddressFault::local_syntax},
                                         Refusal{"Ann <ann@example.test>", AddressFault::local_syntax},
                                         Refusal{"\"ann@example.test", AddressFault::local_syntax},
                                         Refusal{"\"ann\"x@example.test", AddressFault::local_syntax},
                                         Refusal{"\"a\".\"b\"@example.test", AddressFault::local_syntax},
                                         Refusal{"\"ann\"", AddressFault::no_at},
                                         Refusal{"ann\xFF@example.test", AddressFault::local_syntax},
                                         Refusal{"\"a\\\xC3\xA9\"@example.test", AddressFault::local_syntax},
                                         Refusal{"a@b@example.test", AddressFault::domain_syntax},
                                         Refusal{"ann@exa_mple.test", AddressFault::domain_syntax},
                                         Refusal{"ann@example..test", AddressFault::domain_syntax},
                                         Refusal{"ann@example.test.", AddressFault::domain_syntax},
                                         Refusal{"ann@-example.test", AddressFault::domain_syntax},
                                         Refusal{"ann@example,test", AddressFault::domain_syntax},
                                         Refusal{"ann@example.test ", AddressFault::trailing_text},
                                         Refusal{"ann@example.test; bob@example.test", AddressFault::trailing_text},
                                         Refusal{"ann@example.test (Ann)", AddressFault::trailing_text},
                                         Refusal{"ann@[192.0.2.1]x", AddressFault::trailing_text},
                                         Refusal{"ann@[192.0.2.1", AddressFault::literal_syntax},
                                         Refusal{"ann@[192.0.2.256]", AddressFault::literal_syntax},
                                         Refusal{"ann@[2001:db8::1]", AddressFault::literal_syntax},
                                         Refusal{"ann@[IPv6:2001:db8:::1]", AddressFault::literal_syntax},
                                         Refusal{"ann@[X400:c=de]", AddressFault::literal_syntax},
                                         Refusal{"ann@xn--0.test", AddressFault::idna},
                                         Refusal{"ann@ab--cd.test", AddressFault::idna},
                                         Refusal{"ann@a\xE2\x80\x8B"
                                                 "b.test",
                                                 AddressFault::idna},
                                         Refusal{"a\tb@example.test", AddressFault::control_character},
                                         Refusal{"ann@example.test\n", AddressFault::control_character},
                                         Refusal{"\"a\x7f\"@example.test", AddressFault::control_character}));

TEST(Address, TakesNulBytesForWhatTheyAre)
{
    const auto parsed = parse_address(std::string_view("a\0b@example.test", 16));
    EXPECT_EQ(parsed.fault, AddressFault::control_character);
}

TEST(Address, KeepsTheCaseOfTheLocalPartAndLowersTheDomain)
{
    const auto parsed = parse("Ann.Lee+News@Mail.EXAMPLE.test");
    ASSERT_TRUE(parsed.usable) << parsed.detail;
    EXPECT_EQ(parsed.address.to_string(), "Ann.Lee+News@mail.example.test");
    EXPECT_EQ(parsed.address.tag(), "News");
    EXPECT_TRUE(parsed.detail.empty());
    EXPECT_EQ(parsed.fault, AddressFault::none);
}

TEST(Address, LeadingPlusIsANameNotATag)
{
    EXPECT_EQ(parse("+15551234@example.test").address.tag(), "");
    EXPECT_EQ(parse("ann+a+b@example.test").address.tag(), "a+b");
    EXPECT_EQ(parse("\"a b+c\"@example.test").address.tag(), "");
}

TEST(Address, DropsQuotesThatSayNothing)
{
    const auto plain = parse("\"ann\\.lee\"@example.test");
    ASSERT_TRUE(plain.usable) << plain.detail;
    EXPECT_EQ(plain.address.local, "ann.lee");
    EXPECT_FALSE(plain.address.quoted);

    const auto needed = parse("\"a\\n\\n \\\"x\\\" \\\\\"@example.test");
    ASSERT_TRUE(needed.valid) << needed.detail;
    EXPECT_EQ(needed.address.local, "\"ann \\\"x\\\" \\\\\"");
    EXPECT_TRUE(needed.address.quoted);

    const auto nothing = parse("\"\"@example.test");
    EXPECT_TRUE(nothing.valid);
    EXPECT_EQ(nothing.address.local, "\"\"");
}

TEST(Address, QuotedLocalPartMayHoldAnAt)
{
    const auto parsed = parse("\"a@b\"@example.test");
    ASSERT_TRUE(parsed.valid) << parsed.detail;
    EXPECT_EQ(parsed.address.domain, "example.test");
}

TEST(Address, LiteralsAreValidInTheirShortestSpellingAndNotUsable)
{
    const auto v4 = parse("ann@[192.0.2.1]");
    EXPECT_TRUE(v4.valid);
    EXPECT_TRUE(v4.address.literal);
    EXPECT_EQ(v4.fault, AddressFault::literal);
    EXPECT_EQ(v4.address.domain, "[192.0.2.1]");
    const auto v6 = parse("ann@[ipv6:2001:DB8:0:0::1]");
    EXPECT_TRUE(v6.valid);
    EXPECT_FALSE(v6.usable);
    EXPECT_EQ(v6.address.domain, "[IPv6:2001:db8::1]");
}

TEST(Address, LengthLimitsCountOctetsOfTheComposedForm)
{
    const std::string at_domain = "@example.test";
    EXPECT_TRUE(parse(std::string(64, 'a') + at_domain).valid);
    EXPECT_EQ(parse(std::string(65, 'a') + at_domain).fault, AddressFault::local_too_long);
    std::string accents;
    for (int i = 0; i < 32; ++i)
        accents += "e\xCC\x81";  // e and a combining acute: three octets, two once composed
    EXPECT_TRUE(parse(accents + at_domain).valid);
    EXPECT_EQ(parse(accents + 'x' + at_domain).fault, AddressFault::local_too_long);

    EXPECT_EQ(parse("ann@" + std::string(64, 'a') + ".test").fault, AddressFault::label_too_long);
    const std::string label(49, 'b');
    const std::string domain = label + '.' + label + '.' + label + '.' + label + ".test";  // 204 octets
    EXPECT_TRUE(parse(std::string(49, 'a') + '@' + domain).valid);
    EXPECT_EQ(parse(std::string(50, 'a') + '@' + domain).fault, AddressFault::too_long);
    EXPECT_EQ(parse("a@" + domain + '.' + label + ".test").fault, AddressFault::domain_too_long);
}

TEST(Address, InternationalAddressesAreComposedAndEncoded)
{
    const auto parsed = parse(
        "cafe\xCC\x81@B\xC3\xBC"
        "cher.example");
    ASSERT_TRUE(parsed.usable) << parsed.detail;
    EXPECT_EQ(parsed.address.local, "caf\xC3\xA9");
    EXPECT_EQ(parsed.address.domain, "xn--bcher-kva.example");
    EXPECT_TRUE(parsed.address.eai);
    EXPECT_FALSE(parse("ann@b\xC3\xBC"
                       "cher.example")
                     .address.eai);
}

TEST(Address, CompositionMustNotSmuggleSyntaxIn)
{
    // U+037E GREEK QUESTION MARK composes to a semicolon; "<" and U+0338 compose to U+226E.
    EXPECT_EQ(parse("a\xCD\xBE@example.test").fault, AddressFault::local_syntax);
    EXPECT_EQ(parse("<\xCC\xB8"
                    "ann@example.test")
                  .fault,
              AddressFault::local_syntax);
}

TEST(Address, ReservedNamesAreValidButNotUsableExceptThoseForTrials)
{
    for (const char* domain : {"printer.local", "a.invalid", "x.localhost", "abc.onion", "db.internal", "1.168.arpa"}) {
        const auto parsed = parse(std::string("ann@") + domain);
        EXPECT_TRUE(parsed.valid) << domain;
        EXPECT_EQ(parsed.fault, AddressFault::special_use) << domain;
        EXPECT_FALSE(parsed.usable) << domain;
        EXPECT_FALSE(parsed.detail.empty()) << domain;
    }
    for (const char* domain : {"mx.test", "mail.example", "example.com", "local.test"})
        EXPECT_TRUE(parse(std::string("ann@") + domain).usable) << domain;
}

TEST(Address, NamesWithoutADotOrARealTopLevelNameAreValidButNotUsable)
{
    const auto single = parse("ann@mailhost");
    EXPECT_TRUE(single.valid);
    EXPECT_EQ(single.fault, AddressFault::domain_single_label);
    for (const char* address : {"ann@192.0.2.1", "ann@example.t", "ann@example.te-st", "ann@example.test2"}) {
        const auto parsed = parse(address);
        EXPECT_TRUE(parsed.valid) << address;
        EXPECT_EQ(parsed.fault, AddressFault::tld_syntax) << address;
        EXPECT_FALSE(parsed.usable) << address;
    }
    EXPECT_TRUE(parse("ann@example.xn--p1ai").usable);
}

TEST(Address, InvisibleCharactersMakeALocalPartUnusable)
{
    for (const char* local : {"a\xE2\x80\xAE"
                              "b",  // right-to-left override
                              "a\xC2\xA0"
                              "b",  // no-break space
                              "a\xC2\x9C"
                              "b",  // C1 control
                              "\xCC\x81"
                              "a"}) {  // combining acute first
        const auto parsed = parse(std::string(local) + "@example.test");
        EXPECT_TRUE(parsed.valid) << local;
        EXPECT_EQ(parsed.fault, AddressFault::invisible_character) << local;
    }
    EXPECT_TRUE(parse("\xD8\xA8\xD9\x8A\xE2\x80\x8C\xD8\xA8@example.test").usable) << "joiners belong to Persian";
}

}  // namespace
}  // namespace winnow
