#include "api/explanation_json.hpp"

#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "core/duration.hpp"
#include "verifier/verdict_json.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

json gate_json(const GateAnswer& answer)
{
    return {{"decision", to_string(answer.decision)},
            {"reason", answer.reason},
            {"smtp", answer.reply.code == 0 ? json(nullptr) : json(answer.reply.to_string())}};
}

json lists_json(const verifier::Explanation& e)
{
    const char* const role = e.role == verifier::RoleMark::strong ? "strong"
                             : e.role == verifier::RoleMark::weak ? "weak"
                                                                  : nullptr;
    return {{"disposable", e.domain.disposable},
            {"disposable_weak", e.domain.disposable_weak},
            {"free_provider", e.domain.free_mail},
            {"role", role ? json(role) : json(nullptr)},
            {"looks_like", e.domain.meant ? json(*e.domain.meant) : json(nullptr)}};
}

json verdict_json(const std::string& address, const std::optional<VerdictRecord>& verdict)
{
    return verdict ? verifier::verdict_to_json(address, *verdict, true) : json(nullptr);
}

json history_json(const verifier::Explanation& e)
{
    json history = json::array();
    for (const Evidence& step : e.history) {
        json each = verifier::evidence_to_json(step);
        each["decides"] = e.fact && e.fact->by == &step;
        history.push_back(std::move(each));
    }
    return history;
}

}  // namespace

json to_json(const verifier::Explanation& e)
{
    json suppressed_by = json::array();
    for (const storage::SuppressionHit& hit : e.suppressed_by)
        suppressed_by.push_back(hit.to_string());
    json suppressions = json::array();
    for (const storage::SuppressionEntry& entry : e.suppressions)
        suppressions.push_back(to_json(entry));
    json rules = json::object();
    for (const verifier::RuleText& rule : e.rules)
        rules[rule.id] = {{"text", rule.text}, {"source", rule.source.empty() ? json(nullptr) : json(rule.source)}};
    const ParsedAddress& parsed = e.parsed;
    return {{"address", e.given},
            {"syntax",
             {{"valid", parsed.valid},
              {"usable", parsed.usable},
              {"normalized", parsed.valid ? json(parsed.address.to_string()) : json(nullptr)},
              {"reason", parsed.usable ? json(nullptr) : json(to_string(parsed.fault))},
              {"detail", parsed.usable ? json(nullptr) : json(parsed.detail)}}},
            {"lists", lists_json(e)},
            {"suppressed_by", std::move(suppressed_by)},
            {"suppressions", std::move(suppressions)},
            {"history", history_json(e)},
            {"verdict", verdict_json(e.given, e.verdict)},
            {"by_rules_of_today", verdict_json(e.given, e.by_rules_of_today)},
            {"gate",
             {{"campaign", gate_json(e.campaign)},
              {"campaign_with_risky", gate_json(e.campaign_with_risky)},
              {"transactional", gate_json(e.transactional)}}},
            {"next", e.next},
            {"rules", std::move(rules)}};
}

json to_json(const verifier::RecomputeSummary& summary)
{
    json changes = json::array();
    for (const auto& [between, count] : summary.changes)
        changes.push_back({{"from", to_string(between.first)}, {"to", to_string(between.second)}, {"count", count}});
    json samples = json::array();
    for (const verifier::RecomputeSummary::Sample& sample : summary.samples)
        samples.push_back({{"subject", sample.subject},
                           {"from", to_string(sample.from)},
                           {"to", to_string(sample.to)},
                           {"answer", sample.answer},
                           {"rule", sample.rule}});
    return {{"dry_run", summary.dry_run},   {"verdicts", summary.verdicts},
            {"changed", summary.changed()}, {"reread", summary.reread},
            {"written", summary.written},   {"overtaken", summary.overtaken},
            {"changes", changes},           {"samples", samples}};
}

}  // namespace winnow::api
