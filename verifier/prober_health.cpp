#include "verifier/prober_health.hpp"

#include <algorithm>

namespace winnow::verifier {
namespace {

/// Hosts that are dead for good are no news: a suspicion has a round of its own at most so often.
constexpr milliseconds between_suspicions = std::chrono::minutes{1};

}  // namespace

std::string_view to_string(SelfTestItem item) noexcept
{
    switch (item) {
        case SelfTestItem::egress:
            return "egress";
        case SelfTestItem::identity:
            return "identity";
        case SelfTestItem::block_list:
            return "block_list";
    }
    return "unknown";
}

void ProberHealth::record(const std::vector<SelfTestFinding>& round, SteadyPoint now)
{
    for (const SelfTestFinding& finding : round) {
        const std::pair about{finding.item, finding.source};
        if (finding.status == SelfTestStatus::passed)
            trouble_.erase(about);
        else if (finding.status == SelfTestStatus::failed)
            trouble_[about] = finding.what;
    }
    const bool was_fit = reason_.empty();
    const std::set<std::string> rested = resting_;
    weigh_trouble();
    if (!tested() || was_fit != reason_.empty() || rested != resting_)
        since_ = now;
    ++rounds_;
    // Whom we could not reach then may be dead after all: they are counted anew.
    dead_.clear();
    suspects_.clear();
    soonest_ = now + between_suspicions;
    ever_healthy_ = ever_healthy_ || reason_.empty();
    if (trouble_.empty()) {
        pause_ = milliseconds{0};
        next_ = now + options_.every;
    } else {
        pause_ = std::clamp(2 * pause_, options_.again, options_.longest_again);
        next_ = now + pause_;
    }
}

/// Who rests, and whether anybody is left.
void ProberHealth::weigh_trouble()
{
    resting_.clear();
    std::set<std::string> said;
    std::string all;
    bool about_all = false;
    for (const auto& [about, what] : trouble_) {
        const std::string& source = about.second;
        if (options_.sources.count(source) > 0)
            resting_.insert(source);
        else
            about_all = true;
        if (said.insert(what).second)
            all += (all.empty() ? "" : " ") + what;
    }
    const bool nobody_left = about_all || (!resting_.empty() && resting_.size() == options_.sources.size());
    reason_ = nobody_left ? "prober_unhealthy: " + all : std::string{};
    why_some_rest_ = resting_.empty() ? std::string{} : std::move(all);
}

void ProberHealth::met_somebody(SteadyPoint now, const std::string& source)
{
    met_[source] = now;
    dead_.erase(source);
    suspects_.erase(source);
}

void ProberHealth::met_nobody(const std::string& ip, const std::string& source)
{
    // More are no more suspicious.
    if (suspects_.count(source) > 0)
        return;
    std::set<std::string>& dead = dead_[source];
    dead.insert(ip);
    if (dead.size() >= options_.many_dead)
        suspects_.insert(source);
}

bool ProberHealth::egress_seen(SteadyPoint now, const std::string& source) const
{
    const auto met = met_.find(source);
    return met != met_.end() && now - met->second < options_.every && suspects_.count(source) == 0 &&
           trouble_.count({SelfTestItem::egress, source}) == 0;
}

}  // namespace winnow::verifier
