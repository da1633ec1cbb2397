#include "core/domain_name.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temp_dir.hpp"

namespace winnow {
namespace {

TEST(DomainName, AsciiFormIsLowerCaseWithoutTheTrailingDot)
{
    EXPECT_EQ(to_ascii_domain("Mail.Example.TEST.").value(), "mail.example.test");
    EXPECT_EQ(to_ascii_domain("b\xC3\xBC"
                              "cher\xE3\x80\x82"
                              "example")
                  .value(),
              "xn--bcher-kva.example");
    EXPECT_EQ(to_ascii_domain("fa\xC3\x9F.de").value(), "xn--fa-hia.de") << "non-transitional: sharp s stays";
}

TEST(DomainName, RefusesWhatIsNotANameAndSaysWhy)
{
    for (const std::string bad : {"", ".", "a..b", ".a", "a_b.test", "a b.test", "-a.test", "a-.test", "xn--X", "xn--a",
                                  "i\xE2\x9D\xA4.test", "\xFF.test", "example\xE3\x80\x82"}) {
        const auto result = to_ascii_domain(bad);
        ASSERT_FALSE(result) << bad;
        EXPECT_EQ(result.error().code, Errc::invalid_argument);
        EXPECT_FALSE(result.error().context.empty());
    }
    EXPECT_FALSE(to_ascii_domain(std::string("a\0b.test", 8)));
}

TEST(DomainName, ALabelMayBeTooLongOnlyOnceEncoded)
{
    std::string label;
    for (int i = 0; i < 70; ++i)
        label += "\xE4\xB8\xAD";
    EXPECT_EQ(read_domain(label + ".test").fault, AddressFault::label_too_long);
}

TEST(DomainName, ChecksTheWholeNameOfABidiDomain)
{
    const std::string alef = "\xD7\x90";
    EXPECT_TRUE(to_ascii_domain("a." + alef));
    EXPECT_FALSE(to_ascii_domain("0a." + alef));
    EXPECT_FALSE(to_ascii_domain(alef + "0\xD9\xA0")) << "both kinds of digits in one label";
}

TEST(DomainName, UnicodeFormIsForDisplayOnlyAndGivesUpQuietly)
{
    EXPECT_EQ(to_unicode_domain("xn--bcher-kva.example"),
              "b\xC3\xBC"
              "cher.example");
    EXPECT_EQ(to_unicode_domain("xn--X.example"), "xn--X.example");
    EXPECT_EQ(to_unicode_domain("plain.example"), "plain.example");
}

TEST(DomainName, HostNamesAreLettersDigitsHyphensAndValidALabels)
{
    EXPECT_TRUE(is_hostname("mx-1.example.test"));
    EXPECT_TRUE(is_hostname("localhost"));
    EXPECT_TRUE(is_hostname("r3---sn-abc.example.test")) << "RFC 1123 reserves nothing";
    EXPECT_TRUE(is_hostname("XN--BCHER-KVA.example"));
    for (const char* bad : {"", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b",
                            "b\xC3\xBC"
                            "cher",
                            "xn--X", "ab--cd-", "ab--c_d"})
        EXPECT_FALSE(is_hostname(bad)) << bad;
    EXPECT_FALSE(is_hostname(std::string(64, 'a')));
    const std::string label(62, 'a');
    EXPECT_TRUE(is_hostname(label + '.' + label + '.' + label + '.' + label + ".a"));  // 253 octets
    EXPECT_FALSE(is_hostname(label + '.' + label + '.' + label + '.' + label + ".ab"));
}

TEST(DomainName, SpecialUseLooksAtTheTopLevelNameOnly)
{
    EXPECT_TRUE(is_special_use("printer.local"));
    EXPECT_TRUE(is_special_use("localhost"));
    EXPECT_FALSE(is_special_use("local.example.com"));
    EXPECT_FALSE(is_special_use("mx.test"));
}

TEST(PublicSuffix, FindsTheRegistrableDomainInTheSpellingOfTheCaller)
{
    EXPECT_EQ(registrable_domain("mail.example.co.uk"), "example.co.uk");
    EXPECT_EQ(registrable_domain("MAIL.Example.com."), "example.com");
    EXPECT_EQ(registrable_domain("co.uk"), "");
    EXPECT_EQ(registrable_domain("com"), "");
    EXPECT_EQ(registrable_domain(""), "");
    EXPECT_EQ(registrable_domain(".com"), "");
    EXPECT_EQ(registrable_domain("www.xn--85x722f.com.cn"), "xn--85x722f.com.cn");
    EXPECT_EQ(registrable_domain("www.\xE9\xA3\x9F\xE7\x8B\xAE.com.cn"), "\xE9\xA3\x9F\xE7\x8B\xAE.com.cn");
}

TEST(PublicSuffix, ABadFileIsRefusedAndTheOldListStays)
{
    const auto missing = set_public_suffix_file("/nonexistent/list.dat");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::invalid_argument);
    EXPECT_EQ(registrable_domain("a.example.co.uk"), "example.co.uk");
}

}  // namespace
}  // namespace winnow
