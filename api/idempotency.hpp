#pragma once

#include <set>
#include <string>

#include "api/router.hpp"

namespace winnow::api {

/// What a request under an Idempotency-Key adds to the commit that is its effect: the effect and the memory of it are
/// one commit, so that a crash leaves both or neither.
class Claim {
public:
    virtual ~Claim() = default;
    /// What an earlier run of the same request made, when it ended (by a crash) before its answer was kept: to be
    /// answered with, not to be made again. Empty = the work is still to be done.
    virtual const std::string& made() const noexcept = 0;
    /// `ops` make `resource` (an id), which made() names to a repetition. The request's body has to be read by now.
    virtual void bind(storage::OpList& ops, const std::string& resource) = 0;
    /// Where the answer is known beforehand, a repetition gets it without another look.
    virtual void bind(storage::OpList& ops, const net::HttpResponse& answer) = 0;
    /// Key and request for stores of their own (verifier::UploadOptions).
    virtual const std::string& name() const noexcept = 0;
};

/// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the answer to a POST is kept for 24 hours under the
/// caller's key, and a repetition gets it again with `Idempotency-Replayed: true` instead of being done twice. The same
/// key with another request is 422, while the first is under way 409. Only successes are kept, so that a request can be
/// corrected and sent again. What makes something (campaign, list, job, suppression, import) is remembered in the same
/// commit (Claim); requests that set a state (start, pause, resume, cancel) may be set again after a crash.
class Idempotency {
public:
    /// Runs the route's handler unless the answer is known. The context's request carries the key.
    awaitable<Answer> run(const Route& route, Context& context);

private:
    std::set<std::string> under_way_;  ///< of this process
};

}  // namespace winnow::api
