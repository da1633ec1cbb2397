#include "verifier/probe_site.hpp"

#include <algorithm>

namespace winnow::verifier {
namespace {

template <class Tasks>
void move_matching(Tasks& tasks, const std::function<bool(const ProbeTask&)>& which, std::vector<ProbeTask>& out)
{
    const auto first = std::stable_partition(tasks.begin(), tasks.end(), [&](const ProbeTask& t) { return !which(t); });
    std::move(first, tasks.end(), std::back_inserter(out));
    tasks.erase(first, tasks.end());
}

}  // namespace

ProbeDomain& ProbeSite::domain(const std::string& name_of_domain)
{
    ProbeDomain& found = domains_[name_of_domain];
    if (found.name.empty())
        found.name = name_of_domain;
    return found;
}

void ProbeSite::push(ProbeTask task)
{
    ++queued_;
    if (task.hurried()) {
        hurried_.push_back(std::move(task));
        return;
    }
    if (!task.only_mx.empty()) {
        retries_[task.only_mx].push_back(std::move(task));
        return;
    }
    ProbeDomain& to = domain(task.address.domain);
    if (to.tasks.empty())
        ring_.push_back(&to);
    to.tasks.push_back(std::move(task));
}

void ProbeSite::push_front(ProbeTask task)
{
    ++queued_;
    if (task.hurried()) {
        hurried_.push_front(std::move(task));
        return;
    }
    if (!task.only_mx.empty()) {
        retries_[task.only_mx].push_front(std::move(task));
        return;
    }
    ProbeDomain& to = domain(task.address.domain);
    if (to.tasks.empty())
        ring_.push_front(&to);
    to.tasks.push_front(std::move(task));
}

std::optional<ProbeTask> ProbeSite::take(const std::string& mx)
{
    const auto retry = mx.empty() ? retries_.begin() : retries_.find(mx);
    // Not before a stranger: those who are in a hurry wait for what it finds out.
    const bool stranger = retry != retries_.end() && retry->second.front().stranger;
    if (!hurried_.empty() && !stranger) {
        ProbeTask task = std::move(hurried_.front());
        hurried_.pop_front();
        --queued_;
        return task;
    }
    if (retry != retries_.end()) {
        ProbeTask task = std::move(retry->second.front());
        retry->second.pop_front();
        if (retry->second.empty())
            retries_.erase(retry);
        --queued_;
        return task;
    }
    if (ring_.empty())
        return std::nullopt;
    ProbeDomain* const from = ring_.front();
    ring_.pop_front();
    ProbeTask task = std::move(from->tasks.front());
    from->tasks.pop_front();
    if (!from->tasks.empty())
        ring_.push_back(from);
    --queued_;
    return task;
}

std::vector<ProbeTask> ProbeSite::extract(const std::function<bool(const ProbeTask&)>& which, bool parked)
{
    std::vector<ProbeTask> out;
    move_matching(hurried_, which, out);
    for (auto at = retries_.begin(); at != retries_.end();) {
        move_matching(at->second, which, out);
        at = at->second.empty() ? retries_.erase(at) : std::next(at);
    }
    for (ProbeDomain* const of : ring_)
        move_matching(of->tasks, which, out);
    std::erase_if(ring_, [](const ProbeDomain* of) { return of->tasks.empty(); });
    queued_ -= out.size();
    if (parked)
        for (auto& [key, of] : domains_) {
            move_matching(of.parked, which, out);
            move_matching(of.refused, which, out);
        }
    return out;
}

SteadyPoint ProbeSite::earliest_deadline() const
{
    SteadyPoint earliest = SteadyPoint::max();
    const auto look = [&earliest](const auto& tasks) {
        for (const ProbeTask& task : tasks)
            earliest = std::min(earliest, task.deadline);
    };
    look(hurried_);
    for (const auto& [mx, tasks] : retries_)
        look(tasks);
    for (const auto& [key, of] : domains_) {
        look(of.tasks);
        look(of.parked);
        look(of.refused);
    }
    return earliest;
}

SteadyPoint ProbeSite::remembered_until() const
{
    SteadyPoint last = std::max(resume_at, one_each_until);
    for (const auto& [ip, host] : dead)
        last = std::max(last, host.until);
    for (const auto& [mx, until] : in_clear)
        last = std::max(last, until);
    return last;
}

void ProbeSite::forget_domains()
{
    std::erase_if(domains_, [](const auto& entry) {
        const ProbeDomain& of = entry.second;
        return of.tasks.empty() && of.parked.empty() && !of.settling && of.refused.empty() && !of.asks_postmaster;
    });
}

std::vector<ProbeDomain*> ProbeSite::with_refused()
{
    std::vector<ProbeDomain*> found;
    if (!may_have_refused)
        return found;
    for (auto& [key, of] : domains_)
        if (!of.refused.empty())
            found.push_back(&of);
    may_have_refused = !found.empty();
    return found;
}

}  // namespace winnow::verifier
