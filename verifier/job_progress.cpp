#include "verifier/job_progress.hpp"

#include <algorithm>

namespace winnow::verifier {

std::int64_t RateWindow::second_of(SteadyPoint t)
{
    return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
}

void RateWindow::record(std::uint64_t count, SteadyPoint now)
{
    const std::int64_t second = second_of(now);
    Slot& slot = slots_[static_cast<std::size_t>(second) % seconds_kept];
    if (slot.second != second)
        slot = {second, 0};
    slot.count += count;
}

double RateWindow::per_second(SteadyPoint now) const
{
    const std::int64_t oldest = second_of(now) - static_cast<std::int64_t>(seconds_kept) + 1;
    std::uint64_t sum = 0;
    for (const Slot& slot : slots_)
        if (slot.second >= oldest)
            sum += slot.count;
    const double since_begin = std::chrono::duration<double>(now - begin_).count();
    return static_cast<double>(sum) / std::clamp(since_begin, 1.0, static_cast<double>(seconds_kept));
}

JobProgress progress_of(const storage::JobRecord& job, double rows_per_second, TimePoint now)
{
    JobProgress progress;
    if (job.state != JobState::running)
        return progress;
    progress.rows_per_second = rows_per_second;
    const storage::JobCounters& c = job.counters;
    const std::uint64_t left = c.total - std::min(c.total, c.done);
    if (rows_per_second <= 0.0 || left <= c.waiting)
        return progress;
    // Hours at most: the deadline bounds it, and no rate is so low that this overflows.
    const double at_this_rate = 1000.0 * static_cast<double>(left) / rows_per_second;
    const auto until_deadline = static_cast<double>(std::max(milliseconds{0}, job.deadline - now).count());
    progress.eta = milliseconds{static_cast<std::int64_t>(std::min(at_this_rate, until_deadline))};
    return progress;
}

std::uint64_t decided(const storage::JobCounters& counters)
{
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : counters.by_reason)
        if (verdict_of(reason) != Verdict::unknown)
            sum += count;
    return sum;
}

std::optional<double> probes_per_decided(const storage::JobCounters& counters)
{
    const std::uint64_t n = decided(counters);
    if (n == 0)
        return std::nullopt;
    return static_cast<double>(counters.probes) / static_cast<double>(n);
}

std::optional<double> connections_per_1000(const storage::JobCounters& counters)
{
    if (counters.done == 0)
        return std::nullopt;
    return 1000.0 * static_cast<double>(counters.connections) / static_cast<double>(counters.done);
}

}  // namespace winnow::verifier
