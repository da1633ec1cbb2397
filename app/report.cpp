#include "app/report.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

namespace winnow::app {
namespace {

template <class Key>
std::vector<std::pair<Key, std::uint64_t>> by_count(const std::map<Key, std::uint64_t>& counts)
{
    std::vector<std::pair<Key, std::uint64_t>> sorted;
    for (const auto& [key, count] : counts)
        if (count > 0)
            sorted.emplace_back(key, count);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    return sorted;
}

std::string padded(std::string text, std::size_t width)
{
    text.resize(std::max(width, text.size()), ' ');
    return text;
}

std::string right(std::string text, std::size_t width)
{
    return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

}  // namespace

std::string with_commas(std::uint64_t n)
{
    std::string digits = std::to_string(n);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string counted(std::uint64_t n, const std::string& thing)
{
    return with_commas(n) + " " + thing + (n == 1 ? "" : "s");
}

std::string human_duration(milliseconds d)
{
    const auto seconds = d.count() / 1000;
    if (seconds < 60) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(d.count()) / 1000.0);
        return text.data();
    }
    if (seconds < 3600)
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

std::size_t columns_of(int fd)
{
    winsize size{};
    if (isatty(fd) != 1 || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return std::clamp<std::size_t>(size.ws_col, 40, 200);
}

std::string folded(const std::string& text, std::size_t columns, std::size_t indent)
{
    std::istringstream words{text};
    std::string all, line;
    for (std::string word; words >> word;) {
        if (line.empty()) {
            line = word;
        } else if (line.size() + 1 + word.size() > columns) {
            all += line + "\n";
            line = std::string(indent, ' ') + word;
        } else {
            line += " " + word;
        }
    }
    return line.empty() ? all : all + line + "\n";
}

std::string minute_of(const nlohmann::json& time)
{
    std::string text = time.is_string() ? time.get<std::string>().substr(0, 16) : std::string{};
    if (text.size() > 10)
        text[10] = ' ';
    return text.empty() ? "at an unknown time" : text + " UTC";
}

void say(const std::string& sentence)
{
    const std::string text = "winnow: " + sentence;
    std::fputs((isatty(STDERR_FILENO) == 1 ? folded(text, columns_of(STDERR_FILENO), 2) : text + "\n").c_str(), stderr);
}

std::uint64_t sum(const Counts& counts)
{
    std::uint64_t total = 0;
    for (const auto& [word, count] : counts)
        total += count;
    return total;
}

void Summary::words(const std::string& text, std::size_t indent)
{
    const std::string lines = folded(text, columns_ - 2, indent);
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = lines.find('\n', at) + 1;
        text_ += "  " + lines.substr(at, end - at);
        at = end;
    }
}

void Summary::title(const std::string& text)
{
    text_ += (text_.empty() ? "" : "\n") + text + "\n";
}

void Summary::count(const std::string& word, std::uint64_t n, const Counts& made_of)
{
    std::string line = "  " + padded(word, 14) + right(with_commas(n), 9);
    const std::size_t margin = line.size() + 3;
    bool first = true;
    for (const auto& [part, count] : by_count(made_of)) {
        const std::string entry = part + " " + with_commas(count);
        if (first) {
            line += "   " + entry;
        } else if (line.size() + 3 + entry.size() > columns_) {  // ", " before it and perhaps "," behind it
            text_ += line + ",\n";
            line = std::string(margin, ' ') + entry;
        } else {
            line += ", " + entry;
        }
        first = false;
    }
    text_ += line + "\n";
}

void Summary::verdicts(const std::map<Reason, std::uint64_t>& by_reason)
{
    for (Verdict verdict : all_values<Verdict>()) {
        Counts reasons;
        for (const auto& [reason, n] : by_reason)
            if (verdict_of(reason) == verdict)
                reasons[std::string(to_string(reason))] += n;
        count(std::string(to_string(verdict)), sum(reasons), reasons);
    }
}

void add_campaign(Summary& summary, const CampaignCounts& counts)
{
    summary.title("gate");
    for (const char* decision : {"queued", "held", "refused", "skipped"}) {
        const auto reasons = counts.gate.find(decision);
        const Counts none;
        const Counts& made_of = reasons == counts.gate.end() ? none : reasons->second;
        summary.count(decision, sum(made_of), made_of);
    }
    summary.title("mail");
    for (MessageState state : all_values<MessageState>()) {
        const std::string word{to_string(state)};
        const auto found = counts.messages.find(word);
        const std::uint64_t n = found == counts.messages.end() ? 0 : found->second;
        if (n > 0 || state == MessageState::delivered)
            summary.count(word, n);
    }
    summary.title("came back after the delivery");
    summary.count("reports", sum(counts.later), counts.later);
}

std::string progress_text(const storage::JobCounters& counters, milliseconds elapsed, std::size_t columns)
{
    const double rate =
        elapsed.count() > 0 ? static_cast<double>(counters.done) * 1000.0 / static_cast<double>(elapsed.count()) : 0.0;
    const std::uint64_t percent = counters.total > 0 ? counters.done * 100 / counters.total : 100;
    std::array<char, 48> speed{};
    std::snprintf(speed.data(), speed.size(), "  %.0f/s", rate);
    std::string text;
    for (const auto& [addresses, waiting] : {std::pair(" addresses", " waiting to be asked again"),
                                             std::pair(" addresses", " waiting"), std::pair("", " wait")}) {
        text = "verifying  " + right(std::to_string(percent), 3) + " %  " + with_commas(counters.done) + " of " +
               with_commas(counters.total) + addresses;
        if (counters.waiting > 0)
            text += ", " + with_commas(counters.waiting) + waiting;
        text += speed.data() + ("  " + human_duration(elapsed));
        if (text.size() <= columns)
            break;
    }
    return text.substr(0, columns);
}

ProgressLine::ProgressLine(bool quiet, const Clock& clock)
    : active_(!quiet && isatty(STDERR_FILENO) == 1), clock_(clock), started_(clock.steady())
{
}

ProgressLine::~ProgressLine()
{
    clear();
}

void ProgressLine::show(const std::string& text)
{
    if (!active_)
        return;
    const std::string shown = text.substr(0, columns_of(STDERR_FILENO) - 1);
    std::fprintf(stderr, "\r%s", padded(shown, width_).c_str());
    std::fflush(stderr);
    width_ = shown.size();
}

void ProgressLine::show(const storage::JobRecord& job)
{
    const SteadyPoint now = clock_.steady();
    const auto& counters = job.counters;
    const bool last = counters.done >= counters.total;
    if (!active_ || (!last && now - last_ < milliseconds{100}))
        return;
    last_ = now;
    if (job.state == JobState::waiting && !job.note.empty()) {
        show("waits: " + job.note);
        return;
    }
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - started_);
    show(progress_text(counters, elapsed, columns_of(STDERR_FILENO) - 1));
}

void ProgressLine::clear()
{
    if (!active_ || width_ == 0)
        return;
    std::fprintf(stderr, "\r%s\r", std::string(width_, ' ').c_str());
    std::fflush(stderr);
    width_ = 0;
}

}  // namespace winnow::app
