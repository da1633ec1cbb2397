#pragma once

#include "relay/admission.hpp"
#include "storage/engine.hpp"

namespace winnow::app {

/// The gate over the store: suppressions and the last verdict of an address, read by the pure rule of core/gate.hpp.
/// Here the two ends meet: the relay asks, the verifier's stored verdicts answer.
class StoredGate final : public relay::Admission {
public:
    StoredGate(storage::Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {}
    boost::asio::awaitable<Result<GateAnswer>> ask(relay::AdmissionQuestion question) override;

private:
    storage::Engine& engine_;
    const Clock& clock_;
};

}  // namespace winnow::app
