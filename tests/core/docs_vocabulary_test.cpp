// The tables of docs/*.md that spell the vocabulary are those of the code. A table stands between
// `<!-- vocabulary: NAME -->` and `<!-- end -->`; its first columns are compared, the others are prose.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/duration.hpp"
#include "core/retry_schedule.hpp"
#include "core/verdict.hpp"
#include "core/vocabulary.hpp"

namespace winnow {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

std::string code(std::string_view word)
{
    return "`" + std::string(word) + "`";
}

std::string read_doc(const std::string& name)
{
    std::ifstream file{std::string(WINNOW_SOURCE_DIR) + "/docs/" + name};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Row cells_of(std::string line)
{
    Row cells;
    std::istringstream in{line.substr(1)};
    for (std::string cell; std::getline(in, cell, '|');) {
        const auto first = cell.find_first_not_of(' ');
        cells.push_back(first == std::string::npos ? std::string{}
                                                   : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
    return cells;
}

/// The rows of the named table without its two head lines, each cut to `columns` cells.
Rows table(const std::string& doc, const std::string& name, std::size_t columns)
{
    std::istringstream in{read_doc(doc)};
    Rows rows;
    bool inside = false;
    int head = 2;
    for (std::string line; std::getline(in, line);) {
        if (line == "<!-- end -->")
            inside = false;
        if (inside && !line.empty() && line.front() == '|' && head-- <= 0) {
            Row cells = cells_of(line);
            cells.resize(std::min(cells.size(), columns));
            rows.push_back(std::move(cells));
        }
        if (line == "<!-- vocabulary: " + name + " -->")
            inside = true;
    }
    return rows;
}

/// As the document would have to say it: what a person pastes when the test fails.
std::string as_text(const Rows& rows)
{
    std::string text;
    for (const Row& row : rows) {
        for (const std::string& cell : row)
            text += "| " + cell + " ";
        text += "|\n";
    }
    return text;
}

void expect_table(const std::string& doc, const std::string& name, const Rows& expected)
{
    EXPECT_EQ(as_text(table(doc, name, expected.front().size())), as_text(expected))
        << "docs/" << doc << ", table " << name;
}

template <class Enum>
Rows words_of()
{
    Rows rows;
    for (Enum value : all_values<Enum>())
        rows.push_back({code(to_string(value))});
    return rows;
}

template <class Enum>
Row list_row(const std::string& name)
{
    std::string words;
    for (Enum value : all_values<Enum>())
        words += (words.empty() ? "" : ", ") + code(to_string(value));
    return {name, words};
}

TEST(DocsVocabulary, ReasonsHaveTheirVerdictAndTimeToLive)
{
    Rows rows;
    for (Reason reason : all_values<Reason>())
        rows.push_back(
            {code(to_string(verdict_of(reason))), code(to_string(reason)), format_duration(default_ttl(reason))});
    expect_table("verification.md", "reasons", rows);
}

TEST(DocsVocabulary, FlagsStatesAndLaterFactsAreComplete)
{
    expect_table("verification.md", "flags", words_of<Flag>());
    expect_table("relay.md", "message_states", words_of<MessageState>());
    expect_table("relay.md", "later_facts", words_of<LaterFact>());
}

TEST(DocsVocabulary, RetryLaddersAreThoseOfTheCode)
{
    const RetrySchedule schedule;
    Rows rows;
    for (RetryLadder ladder : {RetryLadder::general, RetryLadder::greylist, RetryLadder::mailbox_full, RetryLadder::dns,
                               RetryLadder::policy_tls}) {
        std::string waits;
        for (int attempts = 1; attempts <= 7; ++attempts)
            waits += (attempts == 1 ? "" : ", ") + format_duration(schedule.wait(ladder, attempts));
        rows.push_back({code(to_string(ladder)), waits});
    }
    expect_table("relay.md", "ladders", rows);
}

TEST(DocsVocabulary, ReplyClassesHaveTheirSubjectAndAction)
{
    Rows rows;
    for (ReplyClass klass : all_values<ReplyClass>())
        rows.push_back(
            {code(to_string(klass)), std::string(to_string(subject_of(klass))), code(to_string(action_of(klass)))});
    expect_table("architecture.md", "reply_classes", rows);
}

TEST(DocsVocabulary, SuppressionReasonsAreListedByStrength)
{
    auto reasons = all_values<SuppressionReason>();
    std::sort(reasons.begin(), reasons.end(), [](auto a, auto b) { return strength(a) > strength(b); });
    Rows rows;
    for (SuppressionReason reason : reasons)
        rows.push_back({code(to_string(reason)), std::to_string(strength(reason))});
    expect_table("architecture.md", "suppression_reasons", rows);
}

TEST(DocsVocabulary, TheOtherListsAreSpelledOut)
{
    const Rows rows{list_row<Stage>("stage of an SMTP dialogue"),
                    list_row<EvidenceKind>("kind of evidence"),
                    list_row<SuppressionOrigin>("origin of a suppression"),
                    list_row<ScopeKind>("scope of a suppression"),
                    list_row<MailClass>("class of mail"),
                    list_row<JobState>("state of a verification job"),
                    list_row<CampaignState>("state of a campaign")};
    expect_table("architecture.md", "lists", rows);
}

TEST(DocsVocabulary, ATableThatIsNotThereIsNotTakenForRight)
{
    EXPECT_TRUE(table("architecture.md", "no_such_table", 1).empty());
    EXPECT_NE(as_text(table("architecture.md", "reply_classes", 3)), as_text({{"`mailbox_unknown`", "us", "`none`"}}));
}

}  // namespace
}  // namespace winnow
