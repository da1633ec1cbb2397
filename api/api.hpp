#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/auth.hpp"
#include "core/unmatched_replies.hpp"
#include "net/http.hpp"
#include "relay/campaigns.hpp"
#include "verifier/jobs.hpp"
#include "verifier/recompute.hpp"

namespace winnow::api {

/// What the API stands on. References outlive it; wired in `app`.
struct Services {
    storage::Engine& engine;
    verifier::Verifier& verifier;
    verifier::VerificationJobs& jobs;
    relay::Campaigns& campaigns;
    const KeyRing& keys;
    const Clock& clock;
    Rng& rng;
    Log& log;
    Metrics& metrics;
    /// Empty when ready; else why not ("draining", "storage is read-only: ...").
    std::function<std::string()> not_ready;
    verifier::Rules rules;                        ///< of today; outlive it
    const UnmatchedReplies* unmatched = nullptr;  ///< what the reply table could not read; null = not collected
};

/// HTTP resources under /api/v1, /health/live, /health/ready and /metrics. JSON, API key (Authorization: Bearer or
/// X-API-Key), RFC 9457 problem+json for every error. Runs on one executor.
class Api final : public net::HttpHandler {
public:
    explicit Api(Services services);
    ~Api() override;
    net::awaitable<net::HttpResponse> handle(net::HttpRequest& request) override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::api
