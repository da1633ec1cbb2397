#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
    std::string what;         ///< one sentence, of a failure with the cure
    std::string source = {};  ///< which of our addresses it is about; empty = all, or the system's choice
};

struct HealthOptions {
    milliseconds every = std::chrono::minutes{10};  ///< between two rounds while all is well
    milliseconds again = std::chrono::seconds{30};  ///< after a failure; doubled from round to round
    milliseconds longest_again = std::chrono::minutes{5};
    std::size_t many_dead = 8;           ///< addresses in a row that nobody answered at: then it may be us
    std::set<std::string> sources = {};  ///< our addresses; of several, one that fails rests alone
};

/// Whether we are fit to ask mail hosts, from the rounds of a self-test and from what connections met. A pause of
/// probing costs time only while a wrong verdict costs a contact, so one failed item is enough for a source to rest,
/// and only a round in which it passes ends that. While another source is fit, asking goes on from there; when none is,
/// or what failed is about all of them, we are unhealthy. Pure: steady time is passed in. Not thread-safe.
class ProberHealth {
public:
    explicit ProberHealth(HealthOptions options = {}) : options_(options) {}

    /// A round of the self-test ended.
    void record(const std::vector<SelfTestFinding>& round, SteadyPoint now);
    /// A mail host answered a connection from `source`: its egress works.
    void met_somebody(SteadyPoint now, const std::string& source = {});
    /// Nobody answered at that address.
    void met_nobody(const std::string& ip, const std::string& source = {});

    /// "prober_unhealthy: " and why, each item in a sentence with its cure; empty = some source is fit, or not tested
    /// yet.
    const std::string& reason() const noexcept { return reason_; }
    /// What is wrong with the sources that rest, in the same words; empty when none does.
    const std::string& why_some_rest() const noexcept { return why_some_rest_; }
    const std::set<std::string>& resting() const noexcept { return resting_; }
    bool rests(const std::string& source) const { return resting_.count(source) > 0; }
    /// Mail hosts may be asked from `source`, and its silence means something.
    bool fit(const std::string& source) const { return reason_.empty() && !rests(source); }
    /// When a round last changed what reason() or resting() says; 0 before the first.
    SteadyPoint since() const noexcept { return since_; }
    bool tested() const noexcept { return rounds_ > 0; }
    /// A round ended without a failure.
    bool ever_healthy() const noexcept { return ever_healthy_; }
    /// So many hosts in a row did not answer one of our addresses that it may be us.
    bool suspicious() const noexcept { return !suspects_.empty(); }
    /// The next round's time has come.
    bool due(SteadyPoint now) const noexcept { return !tested() || now >= next_ || (suspicious() && now >= soonest_); }
    /// The last sign that egress works from there was less than one round ago, and nothing speaks against it.
    bool egress_seen(SteadyPoint now, const std::string& source = {}) const;

private:
    HealthOptions options_;
    std::map<std::pair<SelfTestItem, std::string>, std::string> trouble_;  ///< by item and source
    std::string reason_, why_some_rest_;
    std::set<std::string> resting_;
    std::size_t rounds_ = 0;
    bool ever_healthy_ = false;
    milliseconds pause_{0};  ///< to the next round while unhealthy
    SteadyPoint next_{}, soonest_{};
    SteadyPoint since_{};
    std::map<std::string, SteadyPoint> met_;             ///< by source: when somebody answered last
    std::map<std::string, std::set<std::string>> dead_;  ///< by source: addresses since somebody answered
    std::set<std::string> suspects_;                     ///< sources with many of them

    void weigh_trouble();
};

}  // namespace winnow::verifier
