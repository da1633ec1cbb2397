#include "core/typo.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

const TypoAdvisor& advisor()
{
    static const TypoAdvisor instance(
        {"gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com", "live.com", "mail.com",
         "ymail.com", "yahoo.co.uk", "hotmail.fr", "orange.fr", "protonmail.com", "gmx.de", "comcast.net"},
        {"com", "net", "org", "de", "fr", "uk", "co", "cm", "om", "it", "xn--p1ai"});
    return instance;
}

struct Slip {
    const char* typed;
    const char* meant;
};

class TypoCorrection : public testing::TestWithParam<Slip> {};

TEST_P(TypoCorrection, ProposesWhatWasMeant)
{
    EXPECT_EQ(advisor().suggest(GetParam().typed).value_or("nothing"), GetParam().meant);
}

INSTANTIATE_TEST_SUITE_P(
    Slips, TypoCorrection,
    testing::Values(Slip{"gmial.com", "gmail.com"}, Slip{"gmal.com", "gmail.com"}, Slip{"gmaill.com", "gmail.com"},
                    Slip{"GMIAL.COM", "gmail.com"}, Slip{"gnail.com", "gmail.com"}, Slip{"gmail.con", "gmail.com"},
                    Slip{"gmail.co", "gmail.com"}, Slip{"gmail.cm", "gmail.com"}, Slip{"gmailcom", "gmail.com"},
                    Slip{"gmail", "gmail.com"}, Slip{"yaho.com", "yahoo.com"}, Slip{"yahooo.com", "yahoo.com"},
                    Slip{"yhaoo.co.uk", "yahoo.co.uk"}, Slip{"hotmial.com", "hotmail.com"},
                    Slip{"hotmai.com", "hotmail.com"}, Slip{"hotmail.fe", "hotmail.fr"},
                    Slip{"hormial.com", "hotmail.com"}, Slip{"outlok.com", "outlook.com"},
                    Slip{"iclod.com", "icloud.com"}, Slip{"lvie.com", "live.com"},
                    Slip{"protonmial.com", "protonmail.com"}, Slip{"comcast.ner", "comcast.net"},
                    Slip{"gmial.con", "gmail.com"}, Slip{"my-company.con", "my-company.com"},
                    Slip{"my-company.ogr", "my-company.org"}, Slip{"mail.my-company.cmo", "mail.my-company.com"}));

class NoTypo : public testing::TestWithParam<const char*> {};

TEST_P(NoTypo, IsLeftAlone)
{
    EXPECT_EQ(advisor().suggest(GetParam()).value_or("nothing"), "nothing");
}

INSTANTIATE_TEST_SUITE_P(Domains, NoTypo,
                         testing::Values("", ".", "gmail.com", "Gmail.COM", "gmail.com.", "mail.com", "ymail.com",
                                         "email.com", "love.com", "life.com", "line.com", "aok.com", "gmx.fr",
                                         "gmail.de", "my-company.com", "range.fr", "example.test", "x.invalid",
                                         "printer.local", "my-company.dental", "xn--e1afmkfd.xn--p1ai", "hotmail.it",
                                         "completely-different.org", "localhost", "abc"));

TEST(TypoAdvisor, WithoutATldListNoTopLevelNameIsWrong)
{
    const TypoAdvisor advisor({"gmail.com"}, {});
    EXPECT_EQ(advisor.suggest("my-company.con"), std::nullopt);
    EXPECT_EQ(advisor.suggest("gmial.com"), "gmail.com");
}

TEST(TypoAdvisor, WithoutPopularDomainsOnlyTopLevelNamesAreCorrected)
{
    const TypoAdvisor advisor({}, {"com"});
    EXPECT_EQ(advisor.suggest("gmial.com"), std::nullopt);
    EXPECT_EQ(advisor.suggest("gmial.con"), "gmial.com");
}

TEST(TypingCost, IsLowForWhatFingersDo)
{
    EXPECT_EQ(typing_cost("gmail", "gmail"), 0);
    EXPECT_DOUBLE_EQ(typing_cost("gmial", "gmail"), 0.7);
    EXPECT_DOUBLE_EQ(typing_cost("gnail", "gmail"), 0.7);
    EXPECT_DOUBLE_EQ(typing_cost("gmaill", "gmail"), 0.6);
    EXPECT_DOUBLE_EQ(typing_cost("yaho", "yahoo"), 0.6);
    EXPECT_DOUBLE_EQ(typing_cost("gmxil", "gmail"), 1.0);
    EXPECT_DOUBLE_EQ(typing_cost("gmal", "gmail"), 1.0);
    EXPECT_GT(typing_cost("something", "gmail"), 2.0);
    EXPECT_DOUBLE_EQ(typing_cost("", "ab"), 2.0);
}

}  // namespace
}  // namespace winnow
