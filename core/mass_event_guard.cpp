#include "core/mass_event_guard.hpp"

#include <algorithm>
#include <unordered_map>

namespace winnow {

std::optional<MassEventGuard::Freeze> MassEventGuard::observe(std::string_view site, std::uint64_t recipient,
                                                              std::optional<TimePoint> last_good, bool dead,
                                                              TimePoint at)
{
    if (!last_good || at - *last_good > options_.known_good)
        return std::nullopt;
    auto found = sites_.find(site);
    if (found == sites_.end())
        found = sites_.emplace(std::string(site), Site{}).first;
    Site& entry = found->second;
    while (!entry.seen.empty() &&
           (at - entry.seen.front().at > options_.window || entry.seen.size() >= options_.max_tracked))
        entry.seen.pop_front();
    entry.seen.push_back({at, recipient, dead});
    if (!dead || (entry.freeze && at < entry.freeze->until))
        return std::nullopt;
    const auto deaths_seen = std::count_if(entry.seen.begin(), entry.seen.end(), [](const Seen& s) { return s.dead; });
    if (static_cast<std::size_t>(deaths_seen) < options_.min_recipients)
        return std::nullopt;

    // A recipient may be seen more than once in the window: one dead outcome makes it dead.
    std::unordered_map<std::uint64_t, bool> recipients;
    TimePoint since = at;
    for (const Seen& seen : entry.seen) {
        recipients[seen.recipient] |= seen.dead;
        if (seen.dead)
            since = std::min(since, seen.at);
    }
    const auto dead_count = static_cast<std::size_t>(
        std::count_if(recipients.begin(), recipients.end(), [](const auto& r) { return r.second; }));
    const double needed = options_.min_share * static_cast<double>(recipients.size());
    if (dead_count < options_.min_recipients || static_cast<double>(dead_count) < needed)
        return std::nullopt;
    entry.freeze = Freeze{since, at + options_.freeze, dead_count, recipients.size()};
    return entry.freeze;
}

std::optional<MassEventGuard::Freeze> MassEventGuard::frozen(std::string_view site, TimePoint now) const
{
    const auto found = sites_.find(site);
    if (found == sites_.end() || !found->second.freeze || now >= found->second.freeze->until)
        return std::nullopt;
    return found->second.freeze;
}

void MassEventGuard::restore(std::string_view site, const Freeze& freeze)
{
    sites_[std::string(site)].freeze = freeze;
}

void MassEventGuard::release(std::string_view site)
{
    if (const auto found = sites_.find(site); found != sites_.end())
        sites_.erase(found);
}

void MassEventGuard::forget_idle(TimePoint now)
{
    std::erase_if(sites_, [&](const auto& item) {
        const Site& site = item.second;
        const bool idle = site.seen.empty() || now - site.seen.back().at > options_.window;
        return idle && (!site.freeze || now >= site.freeze->until);
    });
}

}  // namespace winnow
