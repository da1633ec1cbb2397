#include "api/waiting.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/duration.hpp"

namespace winnow::api {
namespace {

/// Of a flow: those that were tried have moved behind those that were not, by their wait.
constexpr std::size_t messages_looked_at = 20;

struct Waiting {
    std::vector<storage::FlowKey> flows;
    WaitingDomain told;
};

/// The flows of one domain together, most mail first.
std::vector<Waiting> by_domain(const std::vector<storage::FlowSummary>& flows, const std::string& workspace)
{
    std::map<storage::H16, Waiting> domains;
    for (const storage::FlowSummary& flow : flows) {
        if (flow.key.workspace != workspace)
            continue;
        Waiting& waiting = domains[flow.key.domain];
        const bool first = waiting.flows.empty();
        waiting.told.next = first ? flow.earliest : std::min(waiting.told.next, flow.earliest);
        waiting.told.queued += flow.queued;
        waiting.flows.push_back(flow.key);
    }
    std::vector<Waiting> sorted;
    for (auto& [digest, waiting] : domains)
        sorted.push_back(std::move(waiting));
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Waiting& a, const Waiting& b) { return a.told.queued > b.told.queued; });
    return sorted;
}

awaitable<Result<>> look_at(storage::Engine& engine, storage::FlowKey flow, WaitingDomain& told)
{
    const TimePoint ever = TimePoint::max();
    WINNOW_CO_TRY(const auto items, co_await engine.due(flow, ever, messages_looked_at));
    for (const storage::DueItem& item : items) {
        const auto message = co_await engine.get_message(item.ref);
        if (!message || !*message)
            continue;  // damaged, or gone since
        told.domain = (*message)->domain;
        if (const auto& history = (*message)->history;
            !history.empty() && (!told.last || told.last->at < history.back().at))
            told.last = history.back();
    }
    co_return Result<>{};
}

}  // namespace

awaitable<Result<std::vector<WaitingDomain>>> waiting_domains(storage::Engine& engine, std::string workspace,
                                                              std::size_t limit)
{
    WINNOW_CO_TRY(const auto flows, co_await engine.flows());
    std::vector<WaitingDomain> all;
    for (Waiting& waiting : by_domain(flows, workspace)) {
        if (all.size() == limit)
            break;
        for (const storage::FlowKey& flow : waiting.flows) {
            WINNOW_CO_CHECK(co_await look_at(engine, flow, waiting.told));
        }
        all.push_back(std::move(waiting.told));
    }
    co_return all;
}

nlohmann::json to_json(const std::vector<WaitingDomain>& domains)
{
    nlohmann::json all = nlohmann::json::array();
    for (const WaitingDomain& waiting : domains) {
        nlohmann::json last = nullptr;
        if (waiting.last)
            last = {{"at", format_time(waiting.last->at)},
                    {"stage", to_string(waiting.last->stage)},
                    {"class", to_string(waiting.last->klass)},
                    {"reply", waiting.last->reply}};
        all.push_back({{"domain", waiting.domain},
                       {"queued", waiting.queued},
                       {"next", format_time(waiting.next)},
                       {"last", std::move(last)}});
    }
    return all;
}

}  // namespace winnow::api
