#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "storage/records.hpp"

/// How fast a job is, when it will be done, and what it cost: in constant time, from its counters.
namespace winnow::verifier {

/// How many a second, over the last minute. Constant memory. Not thread-safe.
class RateWindow {
public:
    explicit RateWindow(SteadyPoint begin) : begin_(begin) {}
    void record(std::uint64_t count, SteadyPoint now);
    /// Over the time since `begin` while that is less than a minute, and at least over a second.
    double per_second(SteadyPoint now) const;

private:
    static constexpr std::size_t seconds_kept = 60;
    struct Slot {
        std::int64_t second = -1;
        std::uint64_t count = 0;
    };
    static std::int64_t second_of(SteadyPoint t);

    SteadyPoint begin_;
    std::array<Slot, seconds_kept> slots_{};
};

struct JobProgress {
    double rows_per_second = 0;
    /// Until every row has its verdict, by that rate and never past the deadline. None when the job does not run, or
    /// has no rate, or when all rows that are left wait for their time.
    std::optional<milliseconds> eta;
};

JobProgress progress_of(const storage::JobRecord& job, double rows_per_second, TimePoint now);

/// Addresses whose verdict is not `unknown`.
std::uint64_t decided(const storage::JobCounters& counters);
/// RCPT commands for each of those; none without any.
std::optional<double> probes_per_decided(const storage::JobCounters& counters);
/// Connections for each 1,000 addresses that have a verdict of any kind; none without any.
std::optional<double> connections_per_1000(const storage::JobCounters& counters);

}  // namespace winnow::verifier
