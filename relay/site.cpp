#include "relay/site.hpp"

#include <algorithm>

namespace winnow::relay {

void Line::went_well()
{
    if (allowed < most && ++good >= allowed) {
        ++allowed;
        good = 0;
    }
}

void Line::slow_down()
{
    allowed = std::max(1, allowed / 2);
    good = 0;
}

void Line::no_more_connections()
{
    allowed = std::clamp(open, 1, allowed);
    good = 0;
}

Site::Site(std::string site_name, const RelayOptions& options)
    : name(std::move(site_name)),
      memory(options.dead_host_memory),
      window_(static_cast<std::size_t>(std::max(1, options.window_per_site)))
{
    std::vector<std::string> sources = options.sources;
    if (sources.empty())
        sources.emplace_back();
    for (std::string& source : sources) {
        Line line;
        line.source = std::move(source);
        line.most = line.allowed = std::max(1, options.connections_per_site);
        lines.push_back(std::move(line));
    }
}

void Site::set_route(net::MailRoute found, const ProviderTable& providers)
{
    route = std::move(found);
    route.steps.clear();
    const Provider* provider = route.hosts.empty() ? nullptr : providers.find(route.hosts.front().name);
    operator_name = provider && !provider->operator_.empty() ? provider->operator_ : name;
}

std::size_t Site::room() const noexcept
{
    const std::size_t used = size() + expected;
    return used < window_ ? window_ - used : 0;
}

std::deque<Pending>& Site::queue_of(const Pending& pending)
{
    return pending.message.mail_class == MailClass::transactional ? transactional_ : bulk_;
}

void Site::push(Pending pending)
{
    queue_of(pending).push_back(std::move(pending));
}

void Site::push_front(Pending pending)
{
    queue_of(pending).push_front(std::move(pending));
}

/// Greylisting knows us by our address: from another one it would begin anew.
bool Site::suits(const Pending& pending, const std::string& source, const Takes& takes) const
{
    if (takes && !takes(pending))
        return false;
    const auto& history = pending.message.history;
    if (lines.size() == 1 || history.empty() || history.back().klass != ReplyClass::greylisted)
        return true;
    const std::string& used = history.back().source;
    const bool still_ours =
        std::any_of(lines.begin(), lines.end(), [&used](const Line& line) { return line.source == used; });
    return !still_ours || used == source;
}

std::optional<Pending> Site::pop_from(std::deque<Pending>& queue, const std::string& source, const Takes& takes)
{
    const auto at = std::find_if(queue.begin(), queue.end(), [&](const Pending& p) { return suits(p, source, takes); });
    if (at == queue.end())
        return std::nullopt;
    Pending pending = std::move(*at);
    queue.erase(at);
    return pending;
}

std::optional<Pending> Site::pop(const std::string& source, const Takes& takes)
{
    const bool bulk_turn = ++turn_ % 4 == 0;
    auto& first = bulk_turn ? bulk_ : transactional_;
    auto& second = bulk_turn ? transactional_ : bulk_;
    auto pending = pop_from(first, source, takes);
    return pending ? std::move(pending) : pop_from(second, source, takes);
}

std::vector<Pending> Site::extract(const std::function<bool(const Pending&)>& wanted)
{
    std::vector<Pending> out;
    for (auto* queue : {&transactional_, &bulk_}) {
        const auto kept =
            std::stable_partition(queue->begin(), queue->end(), [&](const Pending& p) { return !wanted(p); });
        std::move(kept, queue->end(), std::back_inserter(out));
        queue->erase(kept, queue->end());
    }
    return out;
}

std::vector<Pending> Site::take_all()
{
    return extract([](const Pending&) { return true; });
}

bool Site::has_work_for(const std::string& source, const Takes& takes) const
{
    const auto any = [&](const std::deque<Pending>& queue) {
        return std::any_of(queue.begin(), queue.end(), [&](const Pending& p) { return suits(p, source, takes); });
    };
    return any(transactional_) || any(bulk_);
}

bool Site::waits_for_memory() const
{
    const auto waits = [](const Pending& pending) { return pending.wants_room > 0; };
    return std::any_of(transactional_.begin(), transactional_.end(), waits) ||
           std::any_of(bulk_.begin(), bulk_.end(), waits);
}

int Site::open_connections() const noexcept
{
    int open = 0;
    for (const Line& line : lines)
        open += line.open;
    return open;
}

bool Site::idle() const noexcept
{
    const bool working = std::any_of(lines.begin(), lines.end(), [](const Line& line) { return line.workers > 0; });
    return !working && size() == 0 && expected == 0 && !waits_for_room && !wakes_at;
}

}  // namespace winnow::relay
