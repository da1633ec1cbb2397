#pragma once

#include <optional>

#include "api/answer.hpp"
#include "storage/engine.hpp"

namespace winnow::api {

/// The strongest entry that stands against the subject (address or domain) of `added` in the same scope, for whoever
/// adds it to be told; to be asked before the commit. For people only: somebody else may add or lift one meanwhile, and
/// what the store makes of both is its merge. Of an address its own entries only, not that of its domain.
awaitable<Result<std::optional<storage::SuppressionEntry>>> suppressed_before(storage::Engine& engine,
                                                                              storage::SuppressionEntry added);

}  // namespace winnow::api
