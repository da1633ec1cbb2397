#pragma once

#include <set>
#include <string>

#include "api/router.hpp"

namespace winnow::api {

/// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the answer to a POST is kept for 24 hours under the
/// caller's key, and a repetition gets it again with `Idempotency-Replayed: true` instead of being done twice. The same
/// key with another request is 422, while the first is under way 409. Only successes are kept, so that a request can be
/// corrected and sent again. Known limit: a crash after the work and before its answer is stored lets a repetition do
/// the work again.
class Idempotency {
public:
    /// Runs the route's handler unless the answer is known. The context's request carries the key.
    awaitable<Answer> run(const Route& route, Context& context);

private:
    std::set<std::string> under_way_;  ///< of this process
};

}  // namespace winnow::api
