#include "verifier/list_plan.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <unordered_map>
#include <utility>

#include "verifier/domain_probe.hpp"
#include "verifier/precheck.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 500;
constexpr milliseconds reply_time{150};  ///< of a mail host, its distance included: a belief, not a measurement

/// A recipient domain of the list.
struct ListedDomain {
    std::string name;
    std::uint64_t addresses = 0;
    bool looked_up = false;
    bool tested = false;  ///< no stranger is needed: it is known whether it accepts everything
    DomainFacts facts;
};

/// Domains on their way through DNS: shared with lookups that end after the plan.
struct Lookups {
    Lookups(Services s, const VerifierOptions& o, std::shared_ptr<const void> a)
        : services(s), options(o), alive(std::move(a)), alarm(services.timers.make())
    {
    }

    Services services;
    const VerifierOptions& options;
    std::shared_ptr<const void> alive;
    std::unique_ptr<Timer> alarm;
    SteadyPoint until;
    std::vector<ListedDomain> domains;  ///< most addresses first
    std::size_t next = 0;
    std::size_t end = 0;  ///< not looked up from here on
    int running = 0;
};

awaitable<void> look_up_in_turn(std::shared_ptr<Lookups> all)
{
    Services& services = all->services;
    while (all->next < all->end && services.clock.steady() < all->until) {
        ListedDomain& domain = all->domains[all->next++];
        domain.facts = co_await look_up_domain(services, all->options, domain.name);
        const bool large = domain.facts.provider && domain.facts.provider->large;
        domain.tested = services.lists.is_popular(domain.name) || (large && services.lists.is_free(domain.name));
        if (!domain.tested) {
            const auto known = co_await services.engine.get_catch_all(domain.name);
            domain.tested = known && *known && (*known)->site == domain.facts.route.site &&
                            services.engine.now() < (*known)->checked + all->options.catch_all_ttl;
        }
        domain.looked_up = true;
    }
}

awaitable<void> look_up(std::shared_ptr<Lookups> all, int at_once)
{
    for (int i = 0; i < at_once && all->next < all->end; ++i) {
        ++all->running;
        boost::asio::co_spawn(all->services.executor, look_up_in_turn(all), [all](std::exception_ptr failed) {
            if (failed)
                all->services.log.error("plan.lookup_failed");
            --all->running;
            all->alarm->wake();
        });
    }
    while (all->running > 0 && all->services.clock.steady() < all->until) {
        const Wake wake = co_await all->alarm->wait_until(all->until);
        if (wake == Wake::cancelled)
            break;
    }
}

using DomainCounts = std::unordered_map<std::string, std::uint64_t>;

/// One row: what is known of it, or one address more for its domain.
void count_row(const Services& services, const Precheck& check, const PlanLimits& limits, ListPlan& plan,
               DomainCounts& counts)
{
    ++plan.seen;
    if (check.cached) {
        ++plan.cached;
        if (const Provider* provider = services.providers.by_name(check.verdict.provider))
            ++plan.cached_by_operator[provider->operator_];
        return;
    }
    if (check.decided) {
        ++plan.decided[check.verdict.reason];
        return;
    }
    const auto known = counts.find(check.address.domain);
    if (known != counts.end())
        ++known->second;
    else if (counts.size() < limits.most_domains)
        counts.emplace(check.address.domain, 1);
    else
        ++plan.left_out;
}

std::vector<ListedDomain> most_addresses_first(DomainCounts counts)
{
    std::vector<ListedDomain> domains;
    domains.reserve(counts.size());
    for (auto& [name, addresses] : counts)
        domains.push_back({name, addresses, false, false, {}});
    // The name too: a plan does not depend on the order of a hash.
    std::sort(domains.begin(), domains.end(), [](const ListedDomain& a, const ListedDomain& b) {
        return a.addresses != b.addresses ? a.addresses > b.addresses : a.name < b.name;
    });
    return domains;
}

/// Sites of the domains that DNS does not decide.
std::vector<PlannedSite> sites_of(const std::vector<ListedDomain>& domains, ListPlan& plan)
{
    std::map<std::string, PlannedSite> sites;
    for (const ListedDomain& domain : domains) {
        if (domain.looked_up && domain.facts.decides) {
            plan.decided[*domain.facts.decides] += domain.addresses;
            continue;
        }
        PlannedSite& site = sites[domain.looked_up ? domain.facts.route.site : "of " + domain.name];
        if (domain.looked_up && domain.facts.provider) {
            site.operator_name = domain.facts.provider->operator_;
            site.large = domain.facts.provider->large;
        }
        site.addresses += domain.addresses;
        ++site.domains;
        site.untested += domain.tested ? 0 : 1;
    }
    std::vector<PlannedSite> all;
    all.reserve(sites.size());
    for (auto& [name, site] : sites)
        all.push_back(std::move(site));
    return all;
}

}  // namespace

awaitable<Result<ListPlan>> plan_list(Services services, const VerifierOptions& options,
                                      std::shared_ptr<const void> alive, std::string workspace, std::string list_id,
                                      milliseconds deadline, PlanLimits limits)
{
    storage::Engine& engine = services.engine;
    WINNOW_CO_TRY(auto list, co_await engine.get_list(workspace, list_id));
    if (!list)
        co_return Error{Errc::not_found, "list " + list_id + " does not exist"};
    if (!list->complete)
        co_return Error{Errc::invalid_argument, "the upload of list " + list_id + " is not finished"};
    ListPlan plan;
    plan.list = std::move(*list);
    plan.deadline = deadline > milliseconds{0} ? deadline : options.deadline;

    auto lookups = std::make_shared<Lookups>(services, options, std::move(alive));
    lookups->until = services.clock.steady() + limits.time;
    ListedDomains listed{services.lists, false};
    DomainCounts counts;
    for (std::uint64_t next = 1; services.clock.steady() < lookups->until;) {
        WINNOW_CO_TRY(auto rows, co_await engine.rows(workspace, list_id, next, rows_per_read));
        if (rows.empty())
            break;
        next = rows.back().number + 1;
        std::vector<PrecheckOrder> orders;
        for (storage::ListRow& row : rows)
            if (row.duplicate_of == 0 && row.malformed.empty())
                orders.push_back({std::move(row.address), true});
        const auto checks = co_await precheck(services, options, listed, workspace, list_id, std::move(orders));
        for (const Precheck& check : checks)
            count_row(services, check, limits, plan, counts);
    }
    lookups->domains = most_addresses_first(std::move(counts));
    lookups->end = std::min(lookups->domains.size(), limits.most_looked_up);
    co_await look_up(lookups, limits.lookups_at_once);

    plan.domains = lookups->domains.size();
    const auto looked_up = [](const ListedDomain& domain) { return domain.looked_up; };
    plan.domains_looked_up =
        static_cast<std::uint64_t>(std::count_if(lookups->domains.begin(), lookups->domains.end(), looked_up));
    plan.probes = plan_probes(sites_of(lookups->domains, plan), options.manners, plan.deadline, reply_time);
    co_return plan;
}

}  // namespace winnow::verifier
