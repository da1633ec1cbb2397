#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

struct BreakerOptions {
    int distinct_domains = 3;                       ///< recipient domains with a failure that trip
    double failure_share = 0.2;                     ///< of the last `attempts` attempts that trips
    int attempts = 50;                              ///< counted attempts; fewer never trip by share
    milliseconds memory = std::chrono::hours{1};    ///< an attempt older than this no longer counts
    milliseconds pause = std::chrono::minutes{30};  ///< the first time; doubled while half-open probes fail
    milliseconds longest_pause = std::chrono::hours{6};
    int successes_to_close = 2;  ///< half-open probes in a row
    /// A half-open probe without an outcome for so long is given up, so that a lost one cannot block for ever.
    milliseconds probe_timeout = std::chrono::minutes{10};
};

/// A breaker that counts, it does not jump: one refusal of "us" by one receiving domain says little. Pure; the
/// caller passes steady time. Not thread-safe.
class Breaker {
public:
    enum class State { closed, open, half_open };
    enum class Outcome {
        success,  ///< the receiver took us
        failure,  ///< it refused us
        neither,  ///< it told nothing about us (network, greylisting)
    };

    explicit Breaker(BreakerOptions options = {}) : options_(options) {}

    State state(SteadyPoint now) const noexcept;
    /// The earliest instant of the next attempt, `now` or later. In half-open state one probe goes at a time: while it
    /// is out, the instant at which it is given up.
    SteadyPoint next_attempt(SteadyPoint now) const noexcept;
    /// An attempt starts, not before next_attempt().
    void begin(SteadyPoint now);
    /// It ended. True when this outcome opened the breaker (alert).
    bool record(Outcome outcome, std::string_view recipient_domain, SteadyPoint now);
    /// An operator says that the cause is gone.
    void reset();

    /// Closed and with nothing to remember.
    bool idle(SteadyPoint now) const noexcept;

private:
    struct Attempt {
        SteadyPoint at;
        bool failed;
        std::string domain;  ///< of failures only
    };

    void forget_old(SteadyPoint now);
    bool over_threshold() const;
    void open(SteadyPoint now);

    BreakerOptions options_;
    std::deque<Attempt> recent_;
    std::optional<SteadyPoint> open_until_;  ///< set while open or half-open
    std::optional<SteadyPoint> probe_since_;
    milliseconds pause_{0};
    int successes_ = 0;
};

/// Who is paused by a class of reply at an operator.
enum class BreakerScope {
    none,      ///< trips nothing alone
    source,    ///< ip_blocked, sender_dns: our address
    campaign,  ///< auth_failed, content_*: what is sent
};
BreakerScope breaker_scope(ReplyClass c) noexcept;

/// The breakers of (source, operator) and (campaign, operator), shared by probing and sending. Not thread-safe: an
/// operator's state belongs to one core.
class Breakers {
public:
    /// Names what is attempted. An empty `source` or `campaign` has no breaker (probes have no campaign). A site
    /// without a known operator is its own: pass its name.
    struct Subject {
        std::string_view source;
        std::string_view campaign;
        std::string_view operator_name;
    };
    struct Trip {
        BreakerScope scope;
        std::string name;  ///< of the source or campaign
        std::string operator_name;
    };

    explicit Breakers(BreakerOptions options = {}) : options_(options) {}

    /// The later of the two breakers' next_attempt().
    SteadyPoint next_attempt(const Subject& subject, SteadyPoint now) const;
    void begin(const Subject& subject, SteadyPoint now);
    /// Tells both breakers; returns the ones that opened by it. A positive reply, also to a probe's RCPT, is
    /// `delivered`.
    std::vector<Trip> record(const Subject& subject, ReplyClass klass, std::string_view recipient_domain,
                             SteadyPoint now);

    Breaker::State state(BreakerScope scope, std::string_view name, std::string_view operator_name,
                         SteadyPoint now) const;
    void reset(BreakerScope scope, std::string_view name, std::string_view operator_name);
    /// Those that are not closed, for the dashboard.
    std::vector<Trip> not_closed(SteadyPoint now) const;

private:
    struct Key {
        BreakerScope scope;
        std::string name;
        std::string operator_name;
        auto operator<=>(const Key&) const = default;
    };

    const Breaker* find(BreakerScope scope, std::string_view name, std::string_view operator_name) const;

    BreakerOptions options_;
    std::map<Key, Breaker> breakers_;
    std::size_t drop_at_ = 1024;
};

}  // namespace winnow
