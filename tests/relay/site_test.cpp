#include "relay/site.hpp"

#include <gtest/gtest.h>

using namespace winnow;
using relay::Line;
using relay::Pending;
using relay::Site;

namespace {

Pending pending(const std::string& recipient, MailClass mail_class = MailClass::bulk)
{
    Pending p;
    p.message.recipient = recipient;
    p.message.mail_class = mail_class;
    return p;
}

std::string popped(Site& site, const std::string& source = "")
{
    const auto p = site.pop(source);
    return p ? p->message.recipient : "-";
}

}  // namespace

TEST(Site, TransactionalMailGoesFirstButBulkMailGetsItsTurn)
{
    Site site("s", {});
    for (int i = 0; i < 8; ++i) {
        site.push(pending("b"));
        site.push(pending("t", MailClass::transactional));
    }
    std::string order;
    for (int i = 0; i < 16; ++i)
        order += popped(site);
    EXPECT_EQ(order.substr(0, 8), "tttbtttb");
    EXPECT_EQ(order.find('-'), std::string::npos);
    EXPECT_EQ(popped(site), "-");
}

TEST(Site, AGreylistedMessageWaitsForTheSourceThatWasGreylisted)
{
    relay::RelayOptions options;
    options.sources = {"192.0.2.1", "192.0.2.2"};
    Site site("s", options);
    Pending grey = pending("grey");
    storage::AttemptRecord attempt;
    attempt.klass = ReplyClass::greylisted;
    attempt.source = "192.0.2.2";
    grey.message.history.push_back(attempt);
    site.push(std::move(grey));
    site.push(pending("any"));
    EXPECT_EQ(popped(site, "192.0.2.1"), "any");
    EXPECT_FALSE(site.has_work_for("192.0.2.1"));
    EXPECT_EQ(popped(site, "192.0.2.1"), "-");
    EXPECT_EQ(popped(site, "192.0.2.2"), "grey");
}

TEST(Site, AGreylistedMessageOfASourceThatIsGoneMayTakeAnother)
{
    relay::RelayOptions options;
    options.sources = {"192.0.2.1", "192.0.2.2"};
    Site site("s", options);
    Pending grey = pending("grey");
    storage::AttemptRecord attempt;
    attempt.klass = ReplyClass::greylisted;
    attempt.source = "198.51.100.9";
    grey.message.history.push_back(attempt);
    site.push(std::move(grey));
    EXPECT_EQ(popped(site, "192.0.2.1"), "grey");
}

TEST(Site, TheWindowCountsWhatIsExpected)
{
    relay::RelayOptions options;
    options.window_per_site = 3;
    Site site("s", options);
    EXPECT_EQ(site.room(), 3u);
    site.push(pending("a"));
    site.expected = 1;
    EXPECT_EQ(site.room(), 1u);
    site.expected = 5;
    EXPECT_EQ(site.room(), 0u);
}

TEST(Site, ExtractKeepsTheOrderOfTheRest)
{
    Site site("s", {});
    for (const char* who : {"a", "x", "b", "x", "c"})
        site.push(pending(who));
    const auto out = site.extract([](const Pending& p) { return p.message.recipient == "x"; });
    EXPECT_EQ(out.size(), 2u);
    for (const char* who : {"a", "b", "c", "-"})
        EXPECT_EQ(popped(site), who);
}

TEST(Line, ConnectionsGrowSlowlyAndShrinkFast)
{
    Line line;
    line.most = line.allowed = 8;
    line.slow_down();
    EXPECT_EQ(line.allowed, 4);
    line.slow_down();
    line.slow_down();
    line.slow_down();
    EXPECT_EQ(line.allowed, 1);
    line.went_well();
    EXPECT_EQ(line.allowed, 2);
    line.went_well();
    EXPECT_EQ(line.allowed, 2);
    line.went_well();
    EXPECT_EQ(line.allowed, 3);
    for (int i = 0; i < 100; ++i)
        line.went_well();
    EXPECT_EQ(line.allowed, 8);
}

TEST(Line, ASiteThatTakesNoMoreKeepsWhatIsOpen)
{
    Line line;
    line.most = line.allowed = 8;
    line.open = 3;
    line.no_more_connections();
    EXPECT_EQ(line.allowed, 3);
    line.open = 0;
    line.no_more_connections();
    EXPECT_EQ(line.allowed, 1);
}
