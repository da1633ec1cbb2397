#include "app/forecast_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/report.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

constexpr std::size_t most_groups = 15;  ///< lines of the table; the rest is one line more
constexpr std::array<std::size_t, 6> widths{10, 8, 9, 8, 13, 9};
constexpr std::size_t table_width = 57;  ///< of the numbers

std::uint64_t number(const json& object, const char* name)
{
    return object.at(name).get<std::uint64_t>();
}

std::string count_text(const json& object, const char* name)
{
    return with_commas(number(object, name));
}

/// Whole minutes are enough for a plan.
std::string time_text(std::uint64_t seconds)
{
    return seconds == 0 ? "at once" : human_duration(std::chrono::seconds{seconds});
}

std::string line(const std::string& name, std::size_t name_width, const std::array<std::string, 6>& cells)
{
    std::string text = "  " + name.substr(0, name_width);
    text.resize(2 + name_width, ' ');
    for (std::size_t i = 0; i < cells.size(); ++i)
        text += std::string(widths[i] - std::min(widths[i], cells[i].size()), ' ') + cells[i];
    return text + "\n";
}

std::string group_line(const json& group, std::size_t name_width)
{
    const bool named = group.at("operator").is_string();
    const std::string name = named ? group.at("operator").get<std::string>() : "other mail hosts";
    const bool asks = number(group, "addresses") > 0;
    return line(name, name_width,
                {count_text(group, "addresses"), count_text(group, "cached"), count_text(group, "rcpts"),
                 count_text(group, "connections"), asks ? time_text(number(group, "eta_seconds")) : "-",
                 count_text(group, "not_reached")});
}

void add_table(std::string& text, const json& groups, std::size_t columns)
{
    const std::size_t name_width = std::clamp<std::size_t>(columns - std::min(columns, table_width + 2), 1, 24);
    text += "\n" + line("operator", name_width, {"addresses", "cached", "RCPTs", "conns", "time", "late"});
    std::size_t lines = 0;
    for (const json& group : groups) {
        if (lines++ == most_groups)
            break;
        text += group_line(group, name_width);
    }
    if (groups.size() > most_groups)
        text += "  and " + with_commas(groups.size() - most_groups) + " more (--json shows them)\n";
}

}  // namespace

std::string plan_text(const json& plan, std::size_t columns)
{
    Summary summary{columns};
    summary.title("plan: " + count_text(plan, "addresses") + " addresses");
    Counts decided;
    for (const auto& [reason, count] : plan.at("decided").items())
        decided[reason] = count.get<std::uint64_t>();
    summary.count("cached", number(plan, "cached"));
    summary.count("decided", sum(decided), decided);
    summary.count("to be asked", number(plan, "asked"));
    if (number(plan, "seen") < number(plan, "addresses"))
        summary.words("only " + count_text(plan, "seen") + " addresses were looked at: time was short");
    if (number(plan, "left_out") > 0)
        summary.words("not planned: " + count_text(plan, "left_out") +
                      " addresses of more domains than can be told apart");
    if (number(plan, "domains_looked_up") < number(plan, "domains"))
        summary.words("DNS was asked about " + count_text(plan, "domains_looked_up") + " of " +
                      count_text(plan, "domains") +
                      " domains; the others are planned as if each had its own mail host");
    if (!plan.at("probing").get<bool>())
        summary.words("mailboxes are not probed: " + plan.at("why_not").get<std::string>() + "; if they were:", 2);
    summary.words(count_text(plan, "rcpts") + " RCPTs over " + count_text(plan, "connections") + " connections take " +
                  time_text(number(plan, "eta_seconds")) + " under the manners in force; greylisting comes on top");
    if (number(plan, "not_reached") > 0)
        summary.words(count_text(plan, "not_reached") + " addresses have no turn before the deadline (" +
                      time_text(number(plan, "deadline_seconds")) + "): they will be unknown, not_probed");
    std::string text = summary.text();
    if (!plan.at("groups").empty())
        add_table(text, plan.at("groups"), columns);
    return text;
}

namespace {

std::string percent_text(double share)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", share * 100.0);
    return text.data();
}

/// "  deliverable     62.1 %  55.0 to 68.4 %   6,210 (5,500 to 6,840)"
std::string verdict_line(const std::string& verdict, const json& told)
{
    std::string text = "  " + verdict;
    text.resize(16, ' ');
    if (told.at("share").is_null())
        return text + "not known\n";
    const std::string share = percent_text(told.at("share").get<double>());
    const json& range = told.at("interval");
    const json& expected = told.at("expected_interval");
    text += std::string(6 - std::min<std::size_t>(6, share.size()), ' ') + share + " %  " +
            percent_text(range.at(0).get<double>()) + " to " + percent_text(range.at(1).get<double>()) + " %";
    text.resize(std::max<std::size_t>(text.size() + 2, 43), ' ');
    return text + count_text(told, "expected") + " (" + with_commas(expected.at(0).get<std::uint64_t>()) + " to " +
           with_commas(expected.at(1).get<std::uint64_t>()) + ")\n";
}

}  // namespace

std::string estimate_text(const json& estimate, std::size_t columns)
{
    Summary summary{columns};
    summary.title("estimate: " + count_text(estimate, "drawn") + " of " + count_text(estimate, "addresses") +
                  " addresses drawn at random");
    summary.words(count_text(estimate, "probed") + " probed with " + count_text(estimate, "probes") + " RCPTs, " +
                  count_text(estimate, "cached") + " known before");
    if (number(estimate, "unfinished") > 0)
        summary.words(count_text(estimate, "unfinished") +
                      " had no turn or no answer in time and are part of no share; --time gives more");
    summary.title("of the whole list, 9 times out of 10");
    std::string text = summary.text();
    for (Verdict verdict : all_values<Verdict>()) {
        const std::string word{to_string(verdict)};
        text += verdict_line(word, estimate.at("verdicts").at(word));
    }
    return text;
}

}  // namespace winnow::app
