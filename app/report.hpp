#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "storage/records.hpp"

/// What people read at the end of a command: plain text, aligned, no colour needed to understand it.
namespace winnow::app {

/// 1234567 -> "1,234,567".
std::string with_commas(std::uint64_t n);
/// "1 row", "1,200 rows".
std::string counted(std::uint64_t n, const std::string& thing);
/// "0.4 s", "12.3 s", "4 min 5 s", "2 h 3 min".
std::string human_duration(milliseconds d);

/// Columns of the terminal behind `fd`, within 40 and 200; 80 when it is none.
std::size_t columns_of(int fd);

/// `text` broken at spaces into lines of at most `columns`; those after the first begin with `indent` spaces. A longer
/// word stands alone.
std::string folded(const std::string& text, std::size_t columns, std::size_t indent);

/// "winnow: <sentence>" on standard error; on a terminal broken at spaces, elsewhere one line, for logs and grep.
void say(const std::string& sentence);

/// "2026-11-20 14:03 UTC" of an RFC 3339 time in UTC; seconds are for programs. "at an unknown time" of null.
std::string minute_of(const nlohmann::json& time);

using Counts = std::map<std::string, std::uint64_t>;

/// A summary of counts, one shape for all commands; no line is wider than `columns`:
///
///   verdicts
///     deliverable         612   accepted 610, mailbox_busy 2
class Summary {
public:
    explicit Summary(std::size_t columns) : columns_(columns) {}

    /// Words, broken at spaces; lines after the first are indented by `indent` more than two.
    void words(const std::string& text, std::size_t indent = 0);
    /// A title, with a blank line before all but the first line.
    void title(const std::string& text);
    /// A word, its count and what the count is made of, most frequent first, broken between entries.
    void count(const std::string& word, std::uint64_t n, const Counts& made_of = {});
    /// One line a verdict, all four.
    void verdicts(const std::map<Reason, std::uint64_t>& by_reason);

    const std::string& text() const noexcept { return text_; }

private:
    std::size_t columns_;
    std::string text_;
};

/// What became of a campaign: the gate's decisions with their reasons, the messages by state, the reports that came
/// back after the delivery.
struct CampaignCounts {
    std::map<std::string, Counts> gate;  ///< decision -> reason -> rows
    Counts messages;                     ///< state -> messages
    Counts later;                        ///< kind of report -> reports
};

void add_campaign(Summary& summary, const CampaignCounts& counts);

std::uint64_t sum(const Counts& counts);

/// "verifying   96 %  892 of 927 addresses, 35 waiting to be asked again  785/s  1.1 s", in shorter words where that is
/// more than `columns`.
std::string progress_text(const storage::JobCounters& counters, milliseconds elapsed, std::size_t columns);

/// A line that is redrawn in place while a job runs; nothing at all when standard error is not a terminal or `quiet`.
/// It is cut before the last column: a longer one would wrap, and each redraw leave a line behind.
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
