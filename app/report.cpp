#include "app/report.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
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

std::string counted_words(const std::map<std::string, std::uint64_t>& counts)
{
    std::string text;
    for (const auto& [word, count] : by_count(counts))
        text += (text.empty() ? "" : ", ") + word + " " + with_commas(count);
    return text.empty() ? "-" : text;
}

std::string summary_line(const std::string& word, std::uint64_t count, const std::string& details)
{
    std::string line = "  " + padded(word, 14) + right(with_commas(count), 9);
    if (!details.empty())
        line += "   " + details;
    return line + "\n";
}

std::string verdict_table(const std::map<Reason, std::uint64_t>& by_reason)
{
    std::string table;
    for (Verdict verdict : all_values<Verdict>()) {
        std::uint64_t sum = 0;
        std::map<std::string, std::uint64_t> words;
        for (const auto& [reason, count] : by_reason)
            if (verdict_of(reason) == verdict) {
                sum += count;
                words[std::string(to_string(reason))] += count;
            }
        table += summary_line(std::string(to_string(verdict)), sum, counted_words(words));
    }
    return table;
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
    std::fprintf(stderr, "\r%s", padded(text, width_).c_str());
    std::fflush(stderr);
    width_ = text.size();
}

void ProgressLine::show(const storage::JobRecord& job)
{
    const SteadyPoint now = clock_.steady();
    const auto& counters = job.counters;
    const bool last = counters.done >= counters.total;
    if (!active_ || (!last && now - last_ < milliseconds{100}))
        return;
    last_ = now;
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - started_);
    const double rate =
        elapsed.count() > 0 ? static_cast<double>(counters.done) * 1000.0 / static_cast<double>(elapsed.count()) : 0.0;
    const std::uint64_t percent = counters.total > 0 ? counters.done * 100 / counters.total : 100;
    std::string text = "verifying  " + right(std::to_string(percent), 3) + " %  " + with_commas(counters.done) +
                       " of " + with_commas(counters.total) + " addresses";
    if (counters.waiting > 0)
        text += ", " + with_commas(counters.waiting) + " waiting to be asked again";
    std::array<char, 48> speed{};
    std::snprintf(speed.data(), speed.size(), "  %.0f/s", rate);
    show(text + speed.data() + "  " + human_duration(elapsed));
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
