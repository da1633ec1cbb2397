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
    ++rounds_;
    for (const SelfTestFinding& finding : round) {
        if (finding.status == SelfTestStatus::passed)
            trouble_.erase(finding.item);
        else if (finding.status == SelfTestStatus::failed)
            trouble_[finding.item] = finding.what;
    }
    reason_.clear();
    for (const auto& [item, what] : trouble_)
        reason_ += (reason_.empty() ? "prober_unhealthy: " : " ") + what;
    // Whom we could not reach then may be dead after all: they are counted anew.
    dead_.clear();
    soonest_ = now + between_suspicions;
    if (reason_.empty()) {
        ever_healthy_ = true;
        pause_ = milliseconds{0};
        next_ = now + options_.every;
    } else {
        pause_ = std::clamp(2 * pause_, options_.again, options_.longest_again);
        next_ = now + pause_;
    }
}

void ProberHealth::met_somebody(SteadyPoint now)
{
    met_ = now;
    dead_.clear();
}

void ProberHealth::met_nobody(const std::string& ip)
{
    // More are no more suspicious.
    if (!suspicious())
        dead_.insert(ip);
}

bool ProberHealth::egress_seen(SteadyPoint now) const noexcept
{
    return !suspicious() && trouble_.count(SelfTestItem::egress) == 0 && met_ != SteadyPoint::min() &&
           now - met_ < options_.every;
}

}  // namespace winnow::verifier
