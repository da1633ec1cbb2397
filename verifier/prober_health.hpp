#pragma once

#include <cstddef>
#include <map>
#include <optional>
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
    bool tried = true;        ///< egress: false = nobody was connected to, probing had shown it a little before
};

struct HealthOptions {
    milliseconds every = std::chrono::minutes{10};  ///< between two rounds while all is well
    milliseconds again = std::chrono::seconds{30};  ///< after a failure; doubled from round to round
    milliseconds longest_again = std::chrono::minutes{5};
    std::size_t many_dead = 8;           ///< addresses in a row that nobody answered at: then it may be us
    bool tests_egress = true;            ///< rounds do; else silence is never doubted, for nothing would end that
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
    /// A mail host, at `ip` when that is known, answered a connection from `source`: its egress works.
    void met_somebody(SteadyPoint now, const std::string& source = {}, const std::string& ip = {});
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
    /// Connections from `source` met nobody since one was answered or a round looked, and it may be us: there were
    /// many, or somebody fell silent who had answered, or nothing has shown for a minute that anything gets out. Until
    /// a round was made, or somebody answers, that silence says nothing about those hosts.
    bool suspicious(SteadyPoint now, const std::string& source) const;
    /// Of any source.
    bool suspicious(SteadyPoint now) const;
    /// Nobody has answered `source` since somebody did not, be it much or little: the next ones will tell more.
    bool silent(const std::string& source) const;
    /// The next round's time has come.
    bool due(SteadyPoint now) const { return !tested() || now >= next_ || (now >= soonest_ && suspicious(now)); }
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

    /// What connections from a source met.
    struct Egress {
        std::optional<SteadyPoint> met;     ///< when somebody answered last
        std::optional<SteadyPoint> proven;  ///< when that, or a round that tried it, last showed that it works
        std::set<std::string> answered;     ///< addresses that did, the first few of them
        std::set<std::string> dead;         ///< addresses that did not, since somebody answered or a round tried
        bool fell_silent = false;           ///< one of those is of `answered`
    };
    std::map<std::string, Egress> egress_;  ///< by source

    void weigh_trouble();
    bool suspicious(SteadyPoint now, const Egress& egress) const;
};

}  // namespace winnow::verifier
