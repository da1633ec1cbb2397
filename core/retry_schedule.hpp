#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// Which waits follow a failure. Which one is a matter of the class alone: ladder_of.
enum class RetryLadder : std::uint8_t {
    general = 1,   ///< anything transient, timeouts
    greylist,      ///< same source IP, reverse-path and MX, or the triplet is new again
    mailbox_full,  ///< 4.2.2: quota rarely clears in minutes
    dns,           ///< SERVFAIL, timeout
    policy_tls,    ///< MTA-STS, DANE or sender authentication: somebody has to change something first
};
std::string_view to_string(RetryLadder ladder) noexcept;
RetryLadder ladder_of(ReplyClass klass) noexcept;

/// Waits before the first, second ... retry; each list is not empty, each wait > 0. Sources: RFC 5321 section 4.5.4.1
/// (two tries in the first hour, then every 2-3 h), greylisting windows of 5 minutes, and peers' shipped schedules.
struct RetryOptions {
    std::vector<milliseconds> general;       ///< 5m 15m 30m 1h 2h 4h, then 6h
    std::vector<milliseconds> greylist;      ///< 5m30s 10m 20m 40m, then general
    std::vector<milliseconds> mailbox_full;  ///< 1h 4h 12h 24h, then 24h
    std::vector<milliseconds> dns;           ///< 2m 10m 30m, then general
    std::vector<milliseconds> policy_tls;    ///< 30m 2h 6h, then 6h
    milliseconds general_then = std::chrono::hours{6};
    double spread = 0.20;  ///< general: +- this share; greylist and hints: only upwards
    milliseconds min =
        std::chrono::minutes{1};  ///< no retry earlier, whatever the ladder or the hint says; labs lower it
    milliseconds hint_max = std::chrono::hours{6};  ///< the most that "try again in ..." may ask for
    int speedup = 1;                                ///< labs: the ladders' waits are divided by this, hints are not
    RetryOptions();
};

/// When to try again. A value: no I/O, no clock, safe to share between threads. Used for deferred messages and for
/// postponed probes alike.
class RetrySchedule {
public:
    explicit RetrySchedule(RetryOptions options = {}) : options_(std::move(options)) {}

    /// Instant of the next attempt after the `attempts`-th failure (1 = first failure), which happened at `now`.
    /// `jitter` in [-1, 1) from Rng::jitter(). `hint`: what the server asked for (core/greylist_hint.hpp); it is
    /// bounded, never undercut, and replaces the ladder's wait until the ladder is used up; from then on the longer of
    /// the two holds, so that a server that says "60 seconds" for days is not asked every minute.
    TimePoint next_attempt(ReplyClass klass, int attempts, TimePoint now, double jitter,
                           std::optional<milliseconds> hint = std::nullopt) const;
    /// The ladder's wait alone, without jitter and hint.
    milliseconds wait(RetryLadder ladder, int attempts) const;
    const RetryOptions& options() const noexcept { return options_; }

private:
    std::span<const milliseconds> steps(RetryLadder ladder) const noexcept;
    RetryOptions options_;
};

}  // namespace winnow
