#include "core/email_column.hpp"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using Rows = std::vector<std::vector<std::string>>;
using FoundBy = EmailColumn::FoundBy;

class EmailHeader : public testing::TestWithParam<const char*> {};

TEST_P(EmailHeader, IsRecognised)
{
    const Rows rows = {{"id", GetParam(), "city"}, {"1", "a@x.test", "Rome"}};
    const auto column = find_email_column(rows);
    ASSERT_TRUE(column) << column.error().context;
    EXPECT_EQ(column->index, 1u);
    EXPECT_TRUE(column->has_header);
    EXPECT_EQ(column->found_by, FoundBy::name);
}

INSTANTIATE_TEST_SUITE_P(Languages, EmailHeader,
                         testing::Values("email", "E-Mail", " EMAIL ", "e_mail", "Email Address", "\"email\"", "Mail",
                                         "EmailAddress", "email_1", "Work e-mail", "correo", "Correo electrónico",
                                         "Courriel", "Adresse e-mail", "E-Mail-Adresse", "Indirizzo e-mail", "E-posta",
                                         "Sähköposti", "Электронная почта", "メールアドレス", "邮箱", "이메일",
                                         "\xEF\xBB\xBF"
                                         "email"));

class OtherHeader : public testing::TestWithParam<const char*> {};

TEST_P(OtherHeader, IsNotTakenForTheAddress)
{
    const Rows rows = {{GetParam(), "contact"}, {"yes", "a@x.test"}, {"no", "b@x.test"}};
    const auto column = find_email_column(rows);
    ASSERT_TRUE(column) << column.error().context;
    EXPECT_EQ(column->index, 1u);
    EXPECT_EQ(column->found_by, FoundBy::content);
    EXPECT_EQ(column->name, "contact");
}

INSTANTIATE_TEST_SUITE_P(AboutEmail, OtherHeader,
                         testing::Values("email_status", "Email opt-in", "mailing address", "email count", "voicemail",
                                         "Email verified", "email_md5", "Last email date"));

TEST(EmailColumn, WithoutAHeaderTheContentDecides)
{
    const Rows rows = {{"Ann", "ann@x.test"}, {"Bob", "bob at x"}, {"Cy", "cy@x.test"}};
    const auto column = find_email_column(rows);
    ASSERT_TRUE(column);
    EXPECT_EQ(column->index, 1u);
    EXPECT_FALSE(column->has_header);
    EXPECT_EQ(column->name, "");
}

TEST(EmailColumn, ASingleColumnOfAddressesHasNoHeader)
{
    const auto column = find_email_column(Rows{{"a@x.test"}, {"b@x.test"}});
    ASSERT_TRUE(column);
    EXPECT_FALSE(column->has_header);
}

TEST(EmailColumn, AKnownNameBeatsAProbableOne)
{
    const auto column = find_email_column(Rows{{"email 2", "Email"}, {"b@x.test", "a@x.test"}});
    ASSERT_TRUE(column);
    EXPECT_EQ(column->index, 1u);
}

TEST(EmailColumn, ANameWithoutAddressesLosesToAColumnFullOfThem)
{
    const auto column = find_email_column(Rows{{"mail", "contact"}, {"letter", "a@x.test"}, {"parcel", "b@x.test"}});
    ASSERT_TRUE(column);
    EXPECT_EQ(column->index, 1u);
    EXPECT_EQ(column->found_by, FoundBy::content);
}

TEST(EmailColumn, AHeaderAloneIsEnough)
{
    const auto column = find_email_column(Rows{{"name", "email"}});
    ASSERT_TRUE(column);
    EXPECT_EQ(column->index, 1u);
}

TEST(EmailColumn, ObeysANameOrANumber)
{
    const Rows rows = {{"email", "Backup E-Mail"}, {"a@x.test", "b@x.test"}};
    EXPECT_EQ(find_email_column(rows, "backup_email")->index, 1u);
    EXPECT_EQ(find_email_column(rows, " 2 ")->index, 1u);
    EXPECT_EQ(find_email_column(rows, "2")->name, "Backup E-Mail");
    EXPECT_EQ(find_email_column(rows, "1")->found_by, FoundBy::request);
    EXPECT_EQ(find_email_column(Rows{{"2", "1"}, {"x", "y"}}, "1")->index, 1u) << "a name goes before a number";
}

TEST(EmailColumn, RefusesAColumnThatIsNotThereAndListsTheOthers)
{
    const Rows rows = {{"email", "city"}, {"a@x.test", "Rome"}};
    for (const char* wanted : {"mails", "0", "3", "-1", "1x", "99999999999999999999999"}) {
        const auto column = find_email_column(rows, wanted);
        ASSERT_FALSE(column) << wanted;
        EXPECT_EQ(column.error().code, Errc::invalid_argument);
        EXPECT_NE(column.error().context.find("email, city"), std::string::npos) << column.error().context;
        EXPECT_NE(column.error().context.find("--column"), std::string::npos);
    }
}

TEST(EmailColumn, SaysHowToGoOnWhenNothingLooksLikeAddresses)
{
    const auto column = find_email_column(Rows{{"name", "city"}, {"Ann", "Rome"}});
    ASSERT_FALSE(column);
    EXPECT_EQ(
        column.error().context,
        "no column looks like e-mail addresses; the columns are: name, city; use --column NAME or --column NUMBER, "
        "counted from 1");
    EXPECT_FALSE(find_email_column(Rows{}));
}

TEST(LooksLikeAddress, TakesBrokenAddressesButNotHandlesOrProse)
{
    for (const char* yes : {"a@x.test", " a@x ", "a@@x.test", "Ann <a@x.test>", "mailto:a@x.test", "\"a b\"@x.test"})
        EXPECT_TRUE(looks_like_address(yes)) << yes;
    for (const char* no : {"", "a", "@handle", "a@", "meet @ noon", "see me@home today", "<>", ">"})
        EXPECT_FALSE(looks_like_address(no)) << no;
}

TEST(AddressInCell, IsWhatStandsInAngleBracketsAndWithoutWhiteSpaceOrScheme)
{
    EXPECT_EQ(address_in_cell(" ann@x.test\t"), "ann@x.test");
    EXPECT_EQ(address_in_cell("Ann <ann@x.test> \r\n"), "ann@x.test");
    EXPECT_EQ(address_in_cell("Ann < ann@x.test >"), "ann@x.test");
    EXPECT_EQ(address_in_cell("mailto:ann@x.test"), "ann@x.test");
    EXPECT_EQ(address_in_cell("<MailTo: ann@x.test?subject=hi>"), "ann@x.test");
    EXPECT_EQ(address_in_cell("\xC2\xA0 ann@x.test\xE2\x80\x8B\xE3\x80\x80\n"), "ann@x.test");
    EXPECT_EQ(address_in_cell("\xEF\xBB\xBF"
                              "ann@x.test\v"),
              "ann@x.test");
    EXPECT_EQ(address_in_cell("ann?x@x.test"), "ann?x@x.test") << "a question mark is a letter of local parts";
    EXPECT_EQ(address_in_cell("ann@x.test>"), "ann@x.test>") << "without its opening bracket it is what it is";
    EXPECT_EQ(address_in_cell("  "), "");
}

TEST(EmailColumn, WhatTheFirstRecordIsMayBeTold)
{
    const Rows odd = {{"id", "ann@x.test"}, {"1", "ben@x.test"}};
    EXPECT_FALSE(find_email_column(odd)->has_header);
    EXPECT_TRUE(find_email_column(odd, {}, true)->has_header);
    const Rows names = {{"Ann", "ann at x"}, {"Ben", "ben@x.test"}};
    EXPECT_TRUE(find_email_column(names)->has_header);
    const auto data = find_email_column(names, {}, false);
    ASSERT_TRUE(data);
    EXPECT_FALSE(data->has_header);
    EXPECT_EQ(data->index, 1u);
    EXPECT_EQ(find_email_column(names, "2", false)->index, 1u);
    EXPECT_NE(find_email_column(names, "Ann", false).error().context.find("no header and 2 column(s)"),
              std::string::npos);
}

TEST(EmailColumn, ANameThatIsAskedForMakesAHeaderOfItsRecord)
{
    const Rows rows = {{"who", "questions to help@x.test", "help@x.test"}, {"ann@x.test", "", ""}};
    EXPECT_FALSE(find_email_column(rows)->has_header);
    const auto named = find_email_column(rows, "who");
    ASSERT_TRUE(named) << named.error().context;
    EXPECT_TRUE(named->has_header);
    EXPECT_EQ(named->index, 0u);
    const Rows numbers = {{"1", "ann@x.test"}, {"2", "ben@x.test"}};
    EXPECT_FALSE(find_email_column(numbers, "2")->has_header) << "a number is a place";
    EXPECT_EQ(find_email_column(numbers, "2")->index, 1u);
}

TEST(EmailColumn, ANameThatSeveralColumnsHaveIsAskedBack)
{
    const Rows rows = {{"email", "name", "E-Mail"}, {"none", "Ann", "ann@x.test"}};
    EXPECT_EQ(find_email_column(rows)->index, 2u) << "by itself it takes the one with addresses";
    const auto which = find_email_column(rows, "email");
    ASSERT_FALSE(which);
    EXPECT_EQ(which.error().context, "2 columns are named \"email\": 1 and 3; use --column NUMBER");
    EXPECT_EQ(find_email_column(rows, "3")->index, 2u);
    const Rows same = {{"email", "email", "email"}, {"a@x.test", "b@x.test", "c@x.test"}};
    EXPECT_EQ(find_email_column(same, "email").error().context,
              "3 columns are named \"email\": 1, 2 and 3; use --column NUMBER");
    EXPECT_EQ(find_email_column(same, "email_3")->index, 2u);
}

TEST(ColumnNames, TellEveryColumnFromTheOthers)
{
    using Names = std::vector<std::string>;
    EXPECT_EQ(column_names(Names{" id", "email", "", "email", "email "}),
              (Names{"id", "email", "column_3", "email_2", "email_3"}));
    EXPECT_EQ(column_names(Names{"a", "a", "a_2"}), (Names{"a", "a_3", "a_2"}))
        << "a name of the header stays whose it is";
    EXPECT_EQ(column_names(Names{"", "column_1"}), (Names{"column_1_2", "column_1"}));
    EXPECT_EQ(column_names(Names{}), Names{});
}

}  // namespace
}  // namespace winnow
