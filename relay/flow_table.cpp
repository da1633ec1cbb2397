#include "relay/flow_table.hpp"

#include <algorithm>

namespace winnow::relay {

using storage::FlowKey;

void FlowTable::put_later(const FlowKey& key, Flow& flow)
{
    flow.place = Place::later;
    later_.emplace(flow.due, key);
}

void FlowTable::make_ready(const FlowKey& key, Flow& flow)
{
    flow.place = Place::ready;
    (key.mail_class == MailClass::transactional ? ready_transactional_ : ready_bulk_).push_back(key);
}

void FlowTable::forget_if_idle(Flows::iterator at)
{
    if (at->second.place == Place::idle && at->second.in_memory == 0)
        flows_.erase(at);
}

void FlowTable::due_at(const FlowKey& key, TimePoint due)
{
    Flow& flow = flows_[key];
    if (due >= flow.due)
        return;
    if (flow.place == Place::later)
        later_.erase({flow.due, key});
    flow.due = due;
    if (flow.place == Place::idle || flow.place == Place::later)
        put_later(key, flow);
}

std::optional<FlowKey> FlowTable::next(TimePoint now)
{
    while (!later_.empty() && later_.begin()->first <= now) {
        const FlowKey key = later_.begin()->second;
        later_.erase(later_.begin());
        make_ready(key, flows_[key]);
    }
    auto& queue = ready_transactional_.empty() ? ready_bulk_ : ready_transactional_;
    if (queue.empty())
        return std::nullopt;
    const FlowKey key = std::move(queue.front());
    queue.pop_front();
    Flow& flow = flows_[key];
    flow.place = Place::reading;
    flow.due = TimePoint::max();
    return key;
}

void FlowTable::done(const FlowKey& key)
{
    const auto at = flows_.find(key);
    if (at == flows_.end() || at->second.place != Place::reading)
        return;
    at->second.place = Place::idle;
    if (at->second.due != TimePoint::max())
        put_later(key, at->second);
    forget_if_idle(at);
}

void FlowTable::park(const FlowKey& key, const std::string& site)
{
    const auto at = flows_.find(key);
    if (at == flows_.end() || at->second.place != Place::reading)
        return;
    at->second.place = Place::parked;
    parked_[site].push_back(key);
}

void FlowTable::unpark(const std::string& site)
{
    const auto waiting = parked_.find(site);
    if (waiting == parked_.end())
        return;
    for (const FlowKey& key : waiting->second)
        make_ready(key, flows_[key]);
    parked_.erase(waiting);
}

void FlowTable::taken(const FlowKey& key, std::size_t count)
{
    flows_[key].in_memory += count;
}

void FlowTable::settled(const FlowKey& key, std::size_t count)
{
    const auto at = flows_.find(key);
    if (at == flows_.end())
        return;
    at->second.in_memory -= std::min(count, at->second.in_memory);
    forget_if_idle(at);
}

std::size_t FlowTable::in_memory(const FlowKey& key) const
{
    const auto at = flows_.find(key);
    return at == flows_.end() ? 0 : at->second.in_memory;
}

void FlowTable::set_site(const FlowKey& key, const std::string& site)
{
    flows_[key].site = site;
}

std::string FlowTable::site(const FlowKey& key) const
{
    const auto at = flows_.find(key);
    return at == flows_.end() ? std::string{} : at->second.site;
}

TimePoint FlowTable::next_time() const
{
    if (!ready_bulk_.empty() || !ready_transactional_.empty())
        return TimePoint::min();
    return later_.empty() ? TimePoint::max() : later_.begin()->first;
}

}  // namespace winnow::relay
