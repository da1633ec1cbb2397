#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "storage/records.hpp"

/// What people read at the end of a command: plain text, aligned, no colour needed to understand it.
namespace winnow::app {

/// 1234567 -> "1,234,567".
std::string with_commas(std::uint64_t n);
/// "0.4 s", "12.3 s", "4 min 5 s", "2 h 3 min".
std::string human_duration(milliseconds d);

/// One line per verdict with its reasons, most frequent first:
///   deliverable     612   accepted 610, mailbox_busy 2
std::string verdict_table(const std::map<Reason, std::uint64_t>& by_reason);
/// "word 12, other 3", most frequent first; "-" when empty.
std::string counted_words(const std::map<std::string, std::uint64_t>& counts);

/// "  word          count   details" with line end.
std::string summary_line(const std::string& word, std::uint64_t count, const std::string& details);

/// A line that is redrawn in place while a job runs; nothing at all when standard error is not a terminal or `quiet`.
class ProgressLine {
public:
    ProgressLine(bool quiet, const Clock& clock);
    ~ProgressLine();
    void show(const storage::JobRecord& job);
    void show(const std::string& text);
    void clear();

private:
    bool active_;
    const Clock& clock_;
    SteadyPoint started_, last_{};
    std::size_t width_ = 0;
};

}  // namespace winnow::app
