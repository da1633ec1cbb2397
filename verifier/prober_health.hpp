#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace winnow::verifier {

/// What the self-test looks at.
enum class SelfTestItem : std::uint8_t {
    egress = 1,  ///< connections to mail hosts get out and are answered
    identity,    ///< EHLO name, PTR, MAIL FROM and SPF of the sources agree (net/policy/probe_identity.hpp)
    block_list,  ///< a source is on one of the configured block lists
};
std::string_view to_string(SelfTestItem) noexcept;

enum class SelfTestStatus : std::uint8_t {
    passed = 1,
    failed,
    undecided,  ///< nobody answered the question: what was known before holds
};

struct SelfTestFinding {
    SelfTestItem item = SelfTestItem::egress;
    SelfTestStatus status = SelfTestStatus::undecided;
    std::string what;  ///< one sentence, of a failure with the cure
};

struct HealthOptions {
    milliseconds every = std::chrono::minutes{10};  ///< between two rounds while all is well
    milliseconds again = std::chrono::seconds{30};  ///< after a failure; doubled from round to round
    milliseconds longest_again = std::chrono::minutes{5};
    std::size_t many_dead = 8;  ///< addresses in a row that nobody answered at: then it may be us
};

/// Whether we are fit to ask mail hosts, from the rounds of a self-test and from what connections met. A pause of
/// probing costs time only while a wrong verdict costs a contact, so one failed item is enough for "unhealthy" and only
/// a round in which it passes ends it. Pure: steady time is passed in. Not thread-safe.
class ProberHealth {
public:
    explicit ProberHealth(HealthOptions options = {}) : options_(options) {}

    /// A round of the self-test ended.
    void record(const std::vector<SelfTestFinding>& round, SteadyPoint now);
    /// A mail host answered a connection: egress works.
    void met_somebody(SteadyPoint now);
    /// Nobody answered at that address.
    void met_nobody(const std::string& ip);

    /// "prober_unhealthy: " and why, each item in a sentence with its cure; empty = healthy, or not tested yet.
    const std::string& reason() const noexcept { return reason_; }
    bool tested() const noexcept { return rounds_ > 0; }
    /// A round ended without a failure.
    bool ever_healthy() const noexcept { return ever_healthy_; }
    /// So many hosts in a row did not answer that it may be us.
    bool suspicious() const noexcept { return dead_.size() >= options_.many_dead; }
    /// The next round's time has come.
    bool due(SteadyPoint now) const noexcept { return !tested() || now >= next_ || (suspicious() && now >= soonest_); }
    /// The last sign that egress works was less than one round ago, and nothing speaks against it.
    bool egress_seen(SteadyPoint now) const noexcept;

private:
    HealthOptions options_;
    std::map<SelfTestItem, std::string> trouble_;
    std::string reason_;
    std::size_t rounds_ = 0;
    bool ever_healthy_ = false;
    milliseconds pause_{0};  ///< to the next round while unhealthy
    SteadyPoint next_{}, soonest_{};
    SteadyPoint met_ = SteadyPoint::min();
    std::set<std::string> dead_;  ///< addresses since somebody answered
};

}  // namespace winnow::verifier
