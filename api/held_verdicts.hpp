#pragma once

#include "api/auth.hpp"
#include "core/log.hpp"
#include "relay/verdict_requests.hpp"
#include "verifier/jobs.hpp"

namespace winnow::api {

/// Verifications for the held rows of campaigns, on the account of the API key that made the campaign: what such a job
/// may spend comes out of the key's daily probe cap, and without the key none is started. The references outlive it.
/// Runs on the verifier's executor.
class HeldVerdicts final : public relay::VerdictRequests {
public:
    HeldVerdicts(storage::Engine& engine, const verifier::Verifier& verifier, verifier::VerificationJobs& jobs,
                 const KeyRing& keys, const Clock& clock, Log& log)
        : engine_(engine), verifier_(verifier), jobs_(jobs), keys_(keys), clock_(clock), log_(log)
    {
    }
    /// The list then knows the job as its latest, like one that was started over HTTP. Errc::unavailable while the
    /// verifier does not probe: it would find nothing new.
    boost::asio::awaitable<Result<>> ask_for(relay::VerdictRequest request) override;

private:
    storage::Engine& engine_;
    const verifier::Verifier& verifier_;
    verifier::VerificationJobs& jobs_;
    const KeyRing& keys_;
    const Clock& clock_;
    Log& log_;
};

}  // namespace winnow::api
