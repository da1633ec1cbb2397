#include <gtest/gtest.h>

#include "core/address.hpp"
#include "tests/support/corpus.hpp"

namespace winnow {
namespace {

using test::Score;

/// Each upstream suite asks its own question; this is ours in its words.
bool accepted(const std::string& suite, const std::string& address)
{
    const ParsedAddress parsed = parse_address(address);
    if (suite == "python-email-validator")
        return parsed.usable;
    if (suite == "commons-validator")
        return parsed.usable || (parsed.valid && parsed.address.literal);
    return parsed.valid;
}

TEST(AddressCorpus, EachSuiteScoresAboveItsFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "addresses");
    const auto labels = test::read_labels(dir / "labels.tsv");
    std::map<std::string, Score> scores;
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        const auto& label = labels.at(id);
        const std::string& suite = label.at("suite");
        // The isemail labels have a column made for an envelope; the others only "expected" (empty = not scored).
        const bool envelope = suite.starts_with("isemail");
        const std::string& wanted = label.at(envelope ? "smtp_usable" : "expected");
        if (wanted.empty())
            continue;
        const bool yes = wanted == "yes" || wanted == "valid";
        auto& score = scores.try_emplace(suite, "addresses/" + suite).first->second;
        score.add(accepted(suite, row.at("address")) == yes, id);
    }
    const std::map<std::string, double> floors = {
        {"isemail", 0.99},           {"isemail-orig", 0.99},     {"python-email-validator", 0.98}, {"egulias", 0.95},
        {"commons-validator", 0.95}, {"json-schema-email", 1.0}, {"json-schema-idn-email", 1.0}};
    for (const auto& [suite, score] : scores)
        EXPECT_GE(score.report(), floors.at(suite)) << suite;
}

TEST(HostnameCorpus, EachSuiteScoresAboveItsFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "hostnames");
    const auto labels = test::read_labels(dir / "labels.tsv");
    std::map<std::string, Score> scores;
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        const std::string name = row.at("hostname");
        const auto& label = labels.at(id);
        const std::string& suite = label.at("suite");
        // A host name has no trailing dot; to_ascii_domain() takes one, because DNS answers carry it.
        const bool yes = suite == "hostname" ? is_hostname(name) : !name.ends_with('.') && to_ascii_domain(name);
        scores.try_emplace(suite, "hostnames/" + suite).first->second.add(yes == (label.at("expected") == "valid"), id);
    }
    for (const auto& [suite, score] : scores)
        EXPECT_GE(score.report(), 0.97) << suite;
}

TEST(PublicSuffixCorpus, ScoresAboveItsFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "psl");
    const auto labels = test::read_labels(dir / "labels.tsv");
    Score score("psl");
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        score.add(registrable_domain(row.at("input").get<std::string>()) == labels.at(id).at("expected"), id);
    }
    EXPECT_GE(score.report(), 0.95);
}

}  // namespace
}  // namespace winnow
