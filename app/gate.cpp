#include "app/gate.hpp"

namespace winnow::app {

boost::asio::awaitable<Result<GateAnswer>> StoredGate::ask(relay::AdmissionQuestion question)
{
    WINNOW_CO_TRY(const auto hits, engine_.check(question.workspace, question.list_id, question.recipient));
    std::vector<GateSuppression> suppressions;
    suppressions.reserve(hits.size());
    for (const storage::SuppressionHit& hit : hits)
        suppressions.push_back({hit.scope, hit.reason});

    WINNOW_CO_TRY(const auto verdict, co_await engine_.get_verdict(question.workspace, question.recipient));
    co_return decide_gate(verdict ? &*verdict : nullptr, suppressions, question.policy, clock_.now());
}

}  // namespace winnow::app
