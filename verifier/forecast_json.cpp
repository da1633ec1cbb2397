#include "verifier/forecast_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace winnow::verifier {
namespace {

using nlohmann::json;

std::int64_t seconds_of(milliseconds d)
{
    return std::chrono::ceil<std::chrono::seconds>(d).count();
}

json text_or_null(const std::string& text)
{
    return text.empty() ? json(nullptr) : json(text);
}

json group_to_json(const PlannedGroup& group, std::uint64_t cached)
{
    return {{"operator", text_or_null(group.operator_name)},
            {"large", group.large},
            {"sites", group.sites},
            {"domains", group.domains},
            {"addresses", group.addresses},
            {"cached", cached},
            {"rcpts", group.rcpts},
            {"connections", group.connections},
            {"eta_seconds", seconds_of(group.eta)},
            {"not_reached", group.not_reached}};
}

/// A tenth of a percent is finer than any sample.
double rounded(double share)
{
    return std::round(share * 1000.0) / 1000.0;
}

json verdict_to_json(const ListEstimate& estimate, Verdict verdict)
{
    json told{{"sampled", estimate.sampled(verdict)},
              {"share", nullptr},
              {"interval", nullptr},
              {"expected", nullptr},
              {"expected_interval", nullptr}};
    if (estimate.answered() == 0)
        return told;
    const ShareEstimate share = estimate.share(verdict);
    const auto of_list = [&estimate](double part) {
        return std::llround(part * static_cast<double>(estimate.addresses));
    };
    told["share"] = rounded(share.share);
    told["interval"] = {rounded(share.low), rounded(share.high)};
    told["expected"] = of_list(share.share);
    told["expected_interval"] = {of_list(share.low), of_list(share.high)};
    return told;
}

}  // namespace

json estimate_to_json(const ListEstimate& estimate)
{
    json verdicts = json::object();
    for (Verdict verdict : all_values<Verdict>())
        verdicts[std::string(to_string(verdict))] = verdict_to_json(estimate, verdict);
    json by_reason = json::object();
    for (const auto& [reason, count] : estimate.by_reason)
        by_reason[std::string(to_string(reason))] = count;
    return {{"list_id", estimate.list_id},     {"addresses", estimate.addresses},   {"drawn", estimate.drawn},
            {"answered", estimate.answered()}, {"unfinished", estimate.unfinished}, {"cached", estimate.cached},
            {"probed", estimate.probed},       {"probes", estimate.probes},         {"confidence", 0.9},
            {"verdicts", std::move(verdicts)}, {"by_reason", std::move(by_reason)}};
}

json plan_to_json(const ListPlan& plan)
{
    std::map<std::string, std::uint64_t> cached = plan.cached_by_operator;
    std::uint64_t cached_elsewhere = plan.cached;
    for (const auto& [name, count] : cached)
        cached_elsewhere -= count;
    cached[std::string{}] += cached_elsewhere;

    json groups = json::array();
    for (const PlannedGroup& group : plan.probes.groups) {
        groups.push_back(group_to_json(group, cached[group.operator_name]));
        cached.erase(group.operator_name);
    }
    // Operators of which everything is known.
    for (const auto& [name, count] : cached) {
        PlannedGroup nothing_to_ask;
        nothing_to_ask.operator_name = name;
        if (count > 0)
            groups.push_back(group_to_json(nothing_to_ask, count));
    }
    json decided = json::object();
    for (const auto& [reason, count] : plan.decided)
        decided[std::string(to_string(reason))] = count;
    return {{"list_id", plan.list.id},
            {"probing", plan.dns_only.empty()},
            {"why_not", text_or_null(plan.dns_only)},
            {"addresses", plan.addresses()},
            {"seen", plan.seen},
            {"cached", plan.cached},
            {"decided", std::move(decided)},
            {"asked", plan.probes.addresses},
            {"left_out", plan.left_out},
            {"rcpts", plan.probes.rcpts},
            {"connections", plan.probes.connections},
            {"eta_seconds", seconds_of(plan.probes.eta)},
            {"deadline_seconds", seconds_of(plan.deadline)},
            {"not_reached", plan.probes.not_reached},
            {"domains", plan.domains},
            {"domains_looked_up", plan.domains_looked_up},
            {"groups", std::move(groups)}};
}

}  // namespace winnow::verifier
