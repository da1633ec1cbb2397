#include "app/job_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "verifier/job_progress.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

std::uint64_t number(const json& object, const char* name)
{
    return object.at(name).get<std::uint64_t>();
}

/// Two digits are enough to compare with.
std::string short_number(double value)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f" : "%.0f", value);
    return text.data();
}

storage::JobCounters counters_of(const json& job)
{
    storage::JobCounters counters;
    counters.done = number(job.at("counters"), "done");
    counters.probes = number(job.at("counters"), "probes");
    counters.connections = number(job.at("counters"), "connections");
    for (const auto& [word, count] : job.at("by_reason").items())
        if (const auto reason = from_string<Reason>(word))
            counters.by_reason[*reason] = count.get<std::uint64_t>();
    return counters;
}

}  // namespace

std::string cost_text(const storage::JobCounters& counters)
{
    std::string text = counted(counters.probes, "RCPT probe");
    if (const auto each = verifier::probes_per_decided(counters))
        text += " (" + short_number(*each) + " for each decided address)";
    text += ", " + counted(counters.connections, "connection");
    if (const auto per_1000 = verifier::connections_per_1000(counters))
        text += " (" + short_number(*per_1000) + " for 1,000 addresses)";
    return text;
}

std::string verified_text(const storage::JobCounters& counters)
{
    const auto found = counters.by_reason.find(Reason::syntax_invalid);
    const std::uint64_t none = found == counters.by_reason.end() ? 0 : std::min(found->second, counters.done);
    std::string text;
    if (none > 0)
        text = with_commas(none) + (none == 1 ? " is no address, " : " are no addresses, ");
    const std::uint64_t verified = counters.done - none;
    return text + with_commas(verified) + (verified == 1 ? " address verified" : " addresses verified");
}

std::string speed_text(const json& job)
{
    const double rate = job.at("rows_per_second").get<double>();
    if (rate <= 0.0)
        return {};
    std::string text = short_number(rate) + "/s";
    if (job.at("eta_seconds").is_number())
        text += ", " + human_duration(std::chrono::seconds{job.at("eta_seconds").get<std::int64_t>()}) + " left";
    return text;
}

void add_job(Summary& summary, const json& job)
{
    const json& c = job.at("counters");
    const storage::JobCounters counters = counters_of(job);
    const std::string speed = speed_text(job);
    summary.words("verification " + job.at("id").get<std::string>() + " " + job.at("state").get<std::string>() + ": " +
                  with_commas(counters.done) + " of " + with_commas(number(c, "total")) + " addresses, " +
                  with_commas(number(c, "waiting")) + " waiting to be asked again" + (speed.empty() ? "" : ", ") +
                  speed);
    summary.words(job.at("note").get<std::string>(), 2);
    summary.words(cost_text(counters));
    summary.title("verdicts");
    summary.verdicts(counters.by_reason);
}

}  // namespace winnow::app
