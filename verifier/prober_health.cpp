#include "verifier/prober_health.hpp"

#include <algorithm>

namespace winnow::verifier {
namespace {

/// Hosts that are dead for good are no news: a suspicion has a round of its own at most so often.
constexpr milliseconds between_suspicions = std::chrono::minutes{1};
/// A sign that egress works counts so long for those who meet nobody.
constexpr milliseconds proof_counts = std::chrono::minutes{1};
/// Addresses that are remembered as having answered: for lists behind a few hosts. Behind more, many fall silent.
constexpr std::size_t most_answered = 64;

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
    for (const SelfTestFinding& finding : round) {
        if (finding.item != SelfTestItem::egress || !finding.tried)
            continue;
        Egress& egress = egress_[finding.source];
        if (finding.status == SelfTestStatus::passed) {
            egress.proven = now;
            for (const std::string& ip : egress.dead)
                egress.answered.erase(ip);
        }
        // Whom we could not reach then may be dead after all: they are counted anew.
        egress.dead.clear();
        egress.fell_silent = false;
    }
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

void ProberHealth::met_somebody(SteadyPoint now, const std::string& source, const std::string& ip)
{
    Egress& egress = egress_[source];
    egress.met = egress.proven = now;
    egress.dead.clear();
    egress.fell_silent = false;
    if (!ip.empty() && egress.answered.size() < most_answered)
        egress.answered.insert(ip);
}

void ProberHealth::met_nobody(const std::string& ip, const std::string& source)
{
    Egress& egress = egress_[source];
    // More are no more suspicious.
    if (egress.dead.size() < options_.many_dead)
        egress.dead.insert(ip);
    egress.fell_silent = egress.fell_silent || egress.answered.count(ip) > 0;
}

bool ProberHealth::suspicious(SteadyPoint now, const Egress& egress) const
{
    if (!options_.tests_egress || egress.dead.empty())
        return false;
    const bool unproven = !egress.proven || now - *egress.proven >= proof_counts;
    return unproven || egress.fell_silent || egress.dead.size() >= options_.many_dead;
}

bool ProberHealth::suspicious(SteadyPoint now, const std::string& source) const
{
    const auto found = egress_.find(source);
    return found != egress_.end() && suspicious(now, found->second);
}

bool ProberHealth::suspicious(SteadyPoint now) const
{
    return std::any_of(egress_.begin(), egress_.end(), [&](const auto& each) { return suspicious(now, each.second); });
}

bool ProberHealth::silent(const std::string& source) const
{
    const auto found = egress_.find(source);
    return options_.tests_egress && found != egress_.end() && !found->second.dead.empty();
}

bool ProberHealth::egress_seen(SteadyPoint now, const std::string& source) const
{
    const auto found = egress_.find(source);
    return found != egress_.end() && found->second.met && now - *found->second.met < options_.every &&
           !suspicious(now, found->second) && trouble_.count({SelfTestItem::egress, source}) == 0;
}

}  // namespace winnow::verifier
