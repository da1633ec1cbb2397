#include "verifier/probe_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/egress_budget.hpp"

namespace winnow::verifier {
namespace {

constexpr int replies_of_opening = 6;   ///< connect, banner, EHLO, STARTTLS, handshake, EHLO
constexpr int replies_of_question = 3;  ///< RSET, MAIL, RCPT

/// The limits of one kind of target, with the time that replies take.
class Pace {
public:
    Pace(EgressLimits limits, milliseconds reply_time)
        : opening_(replies_of_opening * reply_time),
          per_connection_(limits.rcpts_per_connection > 0 ? static_cast<std::uint64_t>(limits.rcpts_per_connection)
                                                          : std::uint64_t{1'000}),
          limits_(slowed(limits, reply_time)),
          budget_(options_of(limits_))
    {
    }

    std::uint64_t connections(std::uint64_t rcpts) const { return (rcpts + per_connection_ - 1) / per_connection_; }
    milliseconds time(std::uint64_t rcpts) const
    {
        return rcpts == 0 ? milliseconds{0} : opening_ + budget_.estimate(EgressTarget{}, rcpts);
    }
    /// How long connections are open, all together.
    milliseconds busy(std::uint64_t rcpts) const
    {
        return static_cast<std::int64_t>(connections(rcpts)) * opening_ +
               static_cast<std::int64_t>(rcpts) * limits_.between_rcpts;
    }
    /// The most RCPTs, `rcpts` at most, that are asked within `deadline`.
    std::uint64_t within(milliseconds deadline, std::uint64_t rcpts) const
    {
        std::uint64_t in_time = 0, too_many = rcpts + 1;
        while (too_many - in_time > 1) {
            const std::uint64_t middle = in_time + (too_many - in_time) / 2;
            (time(middle) <= deadline ? in_time : too_many) = middle;
        }
        return in_time;
    }

private:
    static EgressLimits slowed(EgressLimits limits, milliseconds reply_time)
    {
        limits.between_rcpts = std::max(limits.between_rcpts, replies_of_question * reply_time);
        limits.between_connections += replies_of_opening * reply_time;
        return limits;
    }
    static EgressOptions options_of(const EgressLimits& limits)
    {
        EgressOptions options;
        options.site = limits;
        return options;
    }

    milliseconds opening_;
    std::uint64_t per_connection_;
    EgressLimits limits_;
    EgressBudget budget_;
};

/// Addresses among RCPTs that are not reached: the strangers of catch-all tests are asked in between.
std::uint64_t addresses_of(std::uint64_t rcpts, std::uint64_t addresses, std::uint64_t all_rcpts)
{
    return all_rcpts == 0 ? 0
                          : static_cast<std::uint64_t>(static_cast<double>(rcpts) * static_cast<double>(addresses) /
                                                       static_cast<double>(all_rcpts));
}

}  // namespace

ProbePlan plan_probes(const std::vector<PlannedSite>& sites, const Manners& m, milliseconds deadline,
                      milliseconds reply_time)
{
    const Pace of_site{{m.connections_per_site, m.rcpts_per_connection, m.between_rcpts, m.between_connections, 0},
                       reply_time};
    const Pace of_operator{
        {m.large_connections, m.large_rcpts_per_connection, m.between_rcpts, milliseconds{0}, m.large_per_hour},
        reply_time};

    std::map<std::string, PlannedGroup> groups;
    milliseconds busy{0};
    for (const PlannedSite& site : sites) {
        PlannedGroup& group = groups[site.operator_name];
        const Pace& pace = site.large ? of_operator : of_site;
        const std::uint64_t rcpts = site.addresses + site.untested;
        group.operator_name = site.operator_name;
        group.large = site.large;
        ++group.sites;
        group.domains += site.domains;
        group.addresses += site.addresses;
        group.rcpts += rcpts;
        group.connections += pace.connections(rcpts);
        busy += pace.busy(rcpts);
        if (site.large)
            continue;
        group.eta = std::max(group.eta, pace.time(rcpts));
        group.not_reached += addresses_of(rcpts - pace.within(deadline, rcpts), site.addresses, rcpts);
    }

    ProbePlan plan;
    for (auto& [name, group] : groups) {
        if (group.large) {
            group.eta = of_operator.time(group.rcpts);
            const std::uint64_t late = group.rcpts - of_operator.within(deadline, group.rcpts);
            group.not_reached = addresses_of(late, group.addresses, group.rcpts);
        }
        plan.addresses += group.addresses;
        plan.rcpts += group.rcpts;
        plan.connections += group.connections;
        plan.not_reached += group.not_reached;
        plan.eta = std::max(plan.eta, group.eta);
        plan.groups.push_back(std::move(group));
    }
    // All sites together share the connections of this process.
    const milliseconds crowded = busy / std::max(1, m.max_connections);
    plan.eta = std::max(plan.eta, crowded);
    if (crowded > deadline && crowded > milliseconds{0}) {
        const double late = 1.0 - static_cast<double>(deadline.count()) / static_cast<double>(crowded.count());
        plan.not_reached =
            std::max(plan.not_reached, static_cast<std::uint64_t>(late * static_cast<double>(plan.addresses)));
    }
    std::stable_sort(plan.groups.begin(), plan.groups.end(),
                     [](const PlannedGroup& a, const PlannedGroup& b) { return a.addresses > b.addresses; });
    return plan;
}

}  // namespace winnow::verifier
