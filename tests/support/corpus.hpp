#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/json.hpp"

namespace winnow::test {

/// Folder `name` of the shared corpora ($WINNOW_CORPORA, else ../shared/corpora beside the source tree); nothing when
/// it is absent, and then the test skips itself.
std::optional<std::filesystem::path> corpus(const std::string& name);

/// WINNOW_STRICT=1: the machine has all that the project's own scripts install, and what lacks all the same is a
/// failure. The corpora are not among it.
bool strict() noexcept;

/// Lines of a .jsonl file.
std::vector<nlohmann::json> read_jsonl(const std::filesystem::path& file);

/// Rows of a .tsv file by their first column; each row maps the header's names to its cells.
using LabelRow = std::map<std::string, std::string>;
std::map<std::string, LabelRow> read_labels(const std::filesystem::path& file);

/// Counts hits and prints "score corpus/suite: 123/130 (94.6 %)" plus the ids of the misses.
class Score {
public:
    explicit Score(std::string name) : name_(std::move(name)) {}
    void add(bool hit, const std::string& id);
    int total() const { return total_; }
    /// Share of hits in 0..1; prints the line.
    double report() const;

private:
    std::string name_;
    int hits_ = 0;
    int total_ = 0;
    std::string misses_;
};

}  // namespace winnow::test

/// First statement of a corpus test: binds `var` to the folder or skips.
#define WINNOW_CORPUS_OR_SKIP(var, name)                                                       \
    const auto var##_found = ::winnow::test::corpus(name);                                     \
    if (!var##_found)                                                                          \
        GTEST_SKIP() << "corpus " << (name) << " is absent; set WINNOW_CORPORA to its parent"; \
    const std::filesystem::path& var = *var##_found
