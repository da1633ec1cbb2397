#include "app/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/job_report.hpp"

namespace {

using winnow::Reason;
using winnow::app::CampaignCounts;
using winnow::app::Counts;
using winnow::app::Summary;

const Counts many{{"mailbox_not_found", 60}, {"catch_all", 45},    {"domain_not_found", 27}, {"disposable", 21},
                  {"domain_no_mail", 14},    {"mailbox_full", 14}, {"syntax_invalid", 11},   {"malformed_row", 7}};

std::size_t widest(const std::string& text)
{
    std::size_t most = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        most = std::max(most, line.size());
    return most;
}

TEST(Report, TextIsBrokenAtSpacesAndALongWordStandsAlone)
{
    using winnow::app::folded;
    EXPECT_EQ(folded("one two three", 80, 2), "one two three\n");
    EXPECT_EQ(folded("one two three", 8, 2), "one two\n  three\n");
    EXPECT_EQ(folded("a https://example.com/long b", 6, 2), "a\n  https://example.com/long\n  b\n");
    EXPECT_EQ(folded("  ", 80, 2), "");
}

TEST(Report, OneThingHasNoPlural)
{
    EXPECT_EQ(winnow::app::counted(1, "connection"), "1 connection");
    EXPECT_EQ(winnow::app::counted(0, "connection"), "0 connections");
    EXPECT_EQ(winnow::app::counted(1200, "row"), "1,200 rows");
}

TEST(Report, ATimeSaysItsZone)
{
    EXPECT_EQ(winnow::app::minute_of("2026-11-20T14:03:59.000Z"), "2026-11-20 14:03 UTC");
    EXPECT_EQ(winnow::app::minute_of(nullptr), "at an unknown time");
}

TEST(Report, RowsThatAreNoAddressesAreNotCountedAsVerified)
{
    winnow::storage::JobCounters counters;
    counters.done = 927;
    EXPECT_EQ(winnow::app::verified_text(counters), "927 addresses verified");
    counters.by_reason[Reason::syntax_invalid] = 11;
    EXPECT_EQ(winnow::app::verified_text(counters), "11 are no addresses, 916 addresses verified");
}

TEST(Summary, WhatACountIsMadeOfStaysWithinTheColumnsUnderItsFirstEntry)
{
    Summary summary{80};
    summary.count("refused", 199, many);
    EXPECT_EQ(summary.text(),
              "  refused             199   mailbox_not_found 60, catch_all 45,\n"
              "                            domain_not_found 27, disposable 21,\n"
              "                            domain_no_mail 14, mailbox_full 14,\n"
              "                            syntax_invalid 11, malformed_row 7\n");
}

TEST(Summary, NoWidthIsExceededAndNoEntryIsLost)
{
    for (std::size_t columns = 50; columns < 200; ++columns) {
        Summary summary{columns};
        summary.count("refused", 199, many);
        summary.words("a sentence of some length that says what was done with the rows of the list", 2);
        EXPECT_LE(widest(summary.text()), columns);
        for (const auto& [word, n] : many)
            EXPECT_NE(summary.text().find(word + " " + std::to_string(n)), std::string::npos) << columns;
    }
}

TEST(Summary, AnEntryWiderThanTheTerminalStandsAlone)
{
    Summary summary{40};
    summary.count("held", 2, {{std::string(60, 'a'), 1}, {"b", 1}});
    EXPECT_EQ(summary.text(),
              "  held                  2   " + std::string(60, 'a') + " 1,\n" + std::string(28, ' ') + "b 1\n");
}

TEST(Summary, EveryVerdictHasItsLineAlsoWithoutRows)
{
    Summary summary{80};
    summary.verdicts({{Reason::accepted, 1'234}, {Reason::mailbox_busy, 2}, {Reason::greylisted, 1}});
    EXPECT_EQ(summary.text(),
              "  deliverable       1,236   accepted 1,234, mailbox_busy 2\n"
              "  undeliverable         0\n"
              "  risky                 0\n"
              "  unknown               1   greylisted 1\n");
}

TEST(Summary, ACampaignHasOneShapeAndNoStateWithoutMessages)
{
    CampaignCounts counts;
    counts.gate = {{"held", {{"greylisted", 3}}}, {"queued", {{"accepted", 10}}}};
    counts.messages = {{"delivered", 9}, {"bounced", 1}, {"deferred", 0}};
    counts.later = {{"complaint", 1}};
    Summary summary{80};
    add_campaign(summary, counts);
    EXPECT_EQ(summary.text(),
              "gate\n"
              "  queued               10   accepted 10\n"
              "  held                  3   greylisted 3\n"
              "  refused               0\n"
              "  skipped               0\n"
              "\nmail\n"
              "  delivered             9\n"
              "  bounced               1\n"
              "\ncame back after the delivery\n"
              "  reports               1   complaint 1\n");
}

TEST(Summary, WordsAreBrokenAtSpacesAndIndented)
{
    Summary summary{20};
    summary.words("note: one two three four", 2);
    summary.words("");
    EXPECT_EQ(summary.text(), "  note: one two\n    three four\n");
}

TEST(Progress, FitsIntoTheTerminalByShorterWordsAndOnlyThenByACut)
{
    winnow::storage::JobCounters counters;
    counters.total = 927;
    counters.done = 892;
    counters.waiting = 35;
    const winnow::milliseconds elapsed{1'136};
    const auto text = [&](std::size_t columns) { return winnow::app::progress_text(counters, elapsed, columns); };
    EXPECT_EQ(text(82), "verifying   96 %  892 of 927 addresses, 35 waiting to be asked again  785/s  1.1 s");
    EXPECT_EQ(text(79), "verifying   96 %  892 of 927 addresses, 35 waiting  785/s  1.1 s");
    EXPECT_EQ(text(60), "verifying   96 %  892 of 927, 35 wait  785/s  1.1 s");
    EXPECT_EQ(text(39), "verifying   96 %  892 of 927, 35 wait  ");
    counters.total = counters.done = 1'234'567'890;
    for (const std::size_t columns : {39u, 79u, 119u})
        EXPECT_LE(text(columns).size(), columns);
}

}  // namespace
