#include "core/provider_table.hpp"

#include <gtest/gtest.h>

#include <string>

namespace winnow {
namespace {

const std::string small =
    "# comment\n"
    ".example.com\twide\twide-op\tmailbox\tlarge\ttest\n"
    ".in.example.com\tnarrow\tnarrow-op\tseg\t-\ttest\n"
    "mx.example.org\texact\texact-op\thosting\t-\ttest\n";

TEST(ProviderTable, LongestSuffixWins)
{
    const auto table = ProviderTable::parse(small).value();
    ASSERT_TRUE(table.find("mx1.in.example.com"));
    EXPECT_EQ(table.find("mx1.in.example.com")->name, "narrow");
    EXPECT_EQ(table.find("mx1.out.example.com")->name, "wide");
    EXPECT_EQ(table.find("MX1.IN.Example.COM.")->name, "narrow");
}

TEST(ProviderTable, DottedRowCoversNamesBelowAndPlainRowOnlyItself)
{
    const auto table = ProviderTable::parse(small).value();
    EXPECT_FALSE(table.find("example.com"));
    EXPECT_FALSE(table.find("notexample.com"));
    EXPECT_TRUE(table.find("mx.example.org"));
    EXPECT_FALSE(table.find("a.mx.example.org"));
    EXPECT_FALSE(table.find(""));
    EXPECT_FALSE(table.find("."));
}

TEST(ProviderTable, ASitesOwnRowsAfterTheFilesReplaceThem)
{
    const auto table = ProviderTable::parse(small + ".example.com\tmine\tmine\tmailbox\t-\tconfig\n").value();
    EXPECT_EQ(table.find("mx.example.com")->name, "mine");
}

TEST(ProviderTable, BadRowsAreNamedByLineAndColumn)
{
    const auto wrong_kind = ProviderTable::parse("# one\n.a.example\tp\to\tfridge\t-\tx\n");
    ASSERT_FALSE(wrong_kind);
    EXPECT_EQ(wrong_kind.error().code, Errc::invalid_argument);
    EXPECT_NE(wrong_kind.error().context.find("line 2, column kind"), std::string::npos) << wrong_kind.error().context;
    EXPECT_FALSE(ProviderTable::parse(".a.example\tp\to\tmailbox\n"));
    EXPECT_FALSE(ProviderTable::parse(".a.example\tp\to\tmailbox\thuge\tx\n"));
    EXPECT_FALSE(ProviderTable::parse(".a.example\tp\to\tmailbox\tlarge,\tx\n"));
    EXPECT_FALSE(ProviderTable::parse(".\tp\to\tmailbox\t-\tx\n"));
    EXPECT_FALSE(ProviderTable::parse(".a.example\tp\to\tmailbox\t-\tx\n.b.example\tp\tother\tmailbox\t-\tx\n"));
    EXPECT_FALSE(ProviderTable::load("/nonexistent/providers.tsv"));
}

TEST(ProviderTable, FlagsStandTogetherAndHoldForTheWholeProvider)
{
    const auto table = ProviderTable::parse(
                           ".a.example\tp\to\tmailbox\tlarge,accepts_all\tx\n"
                           ".b.example\tp\to\tmailbox\t-\tx\n.c.example\tq\tq\tseg\t-\tx\n")
                           .value();
    EXPECT_TRUE(table.find("mx.b.example")->large);
    EXPECT_TRUE(table.find("mx.b.example")->accepts_all);
    EXPECT_FALSE(table.find("mx.c.example")->accepts_all);
}

TEST(ProviderTable, TheShippedTableKnowsTheBigOnesAndTheirOperators)
{
    const auto table = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
    EXPECT_GT(table.rows(), 300u);
    struct Expected {
        const char* host;
        const char* operator_;
        ProviderKind kind;
        bool large;
    };
    for (const Expected& e : {
             Expected{"gmail-smtp-in.l.google.com", "google", ProviderKind::mailbox, true},
             Expected{"aspmx.l.google.com", "google", ProviderKind::mailbox, true},
             Expected{"alt3.aspmx.l.google.com", "google", ProviderKind::mailbox, true},
             Expected{"smtp.google.com", "google", ProviderKind::mailbox, true},
             Expected{"contoso-com.mail.protection.outlook.com", "microsoft365", ProviderKind::mailbox, true},
             Expected{"contoso-com.a-v1.mx.microsoft", "microsoft365", ProviderKind::mailbox, true},
             Expected{"outlook-com.olc.protection.outlook.com", "outlook-consumer", ProviderKind::mailbox, true},
             Expected{"mta5.am0.yahoodns.net", "yahoo", ProviderKind::mailbox, true},
             Expected{"mx01.mail.icloud.com", "icloud", ProviderKind::mailbox, true},
             Expected{"mxs.mail.ru", "mailru", ProviderKind::mailbox, true},
             Expected{"mx-ha02.web.de", "gmx-webde", ProviderKind::mailbox, true},
             Expected{"mx00.gmx.net", "gmx-webde", ProviderKind::mailbox, true},
             Expected{"mxa-00000001.gslb.pphosted.com", "proofpoint", ProviderKind::seg, true},
             Expected{"eu-smtp-inbound-1.mimecast.com", "mimecast", ProviderKind::seg, true},
             Expected{"d1.ess.barracudanetworks.com", "barracuda", ProviderKind::seg, true},
             Expected{"mx1.forwardemail.net", "forwardemail", ProviderKind::forwarding, false},
             Expected{"mail.h-email.net", "h-email-parking", ProviderKind::parked, false},
             Expected{"mail.mailinator.com", "mailinator", ProviderKind::disposable, false},
         }) {
        const Provider* provider = table.find(e.host);
        ASSERT_TRUE(provider) << e.host;
        EXPECT_EQ(provider->operator_, e.operator_) << e.host;
        EXPECT_EQ(provider->kind, e.kind) << e.host;
        EXPECT_EQ(provider->large, e.large) << e.host;
        EXPECT_EQ(table.by_name(provider->name), provider);
    }
    // A server in somebody's cloud account is not that cloud's mail service.
    EXPECT_FALSE(table.find("ec2-192-0-2-1.compute.amazonaws.com"));
    EXPECT_FALSE(table.find("mx.example.com"));
    for (const Provider* provider : table.providers())
        EXPECT_FALSE(provider->operator_.empty());
}

}  // namespace
}  // namespace winnow
