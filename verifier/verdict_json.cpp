#include "verifier/verdict_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/duration.hpp"

namespace winnow::verifier {
namespace {

nlohmann::json text_or_null(const std::string& text)
{
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

/// Three digits are more than the interval knows.
double rounded(double p)
{
    return std::round(p * 1000.0) / 1000.0;
}

nlohmann::json time_or_null(TimePoint t)
{
    return t == TimePoint{} ? nlohmann::json(nullptr) : nlohmann::json(format_time(t));
}

}  // namespace

nlohmann::json evidence_to_json(const Evidence& evidence)
{
    nlohmann::json step{{"kind", to_string(evidence.kind)}, {"at", time_or_null(evidence.at)},
                        {"asked", evidence.asked},          {"of", text_or_null(evidence.of)},
                        {"answer", evidence.answer},        {"rule", text_or_null(evidence.rule)}};
    const bool smtp = evidence.kind == EvidenceKind::connect || evidence.kind == EvidenceKind::rcpt ||
                      evidence.kind == EvidenceKind::catch_all || evidence.kind == EvidenceKind::delivery;
    if (smtp) {
        step["stage"] = to_string(evidence.stage);
        step["class"] = to_string(evidence.klass);
    }
    return step;
}

nlohmann::json verdict_to_json(const std::string& address, const VerdictRecord& verdict, bool evidence)
{
    nlohmann::json flags = nlohmann::json::array();
    for (std::string_view flag : verdict.flags.names())
        flags.push_back(flag);
    nlohmann::json out{{"address", address},
                       {"verdict", to_string(verdict.verdict)},
                       {"reason", to_string(verdict.reason)},
                       {"p_bounce", rounded(verdict.p_bounce)},
                       {"p_bounce_interval", {rounded(verdict.p_low), rounded(verdict.p_high)}},
                       {"flags", std::move(flags)},
                       {"suggestion", text_or_null(verdict.suggestion)},
                       {"provider", text_or_null(verdict.provider)},
                       {"probes", verdict.probes},
                       {"checked_at", time_or_null(verdict.checked_at)},
                       {"expires_at", time_or_null(verdict.expires_at)}};
    if (evidence) {
        nlohmann::json steps = nlohmann::json::array();
        for (const Evidence& step : verdict.evidence)
            steps.push_back(evidence_to_json(step));
        out["evidence"] = std::move(steps);
    }
    return out;
}

}  // namespace winnow::verifier
