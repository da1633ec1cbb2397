#pragma once

#include <nlohmann/json_fwd.hpp>

#include "verifier/explain.hpp"
#include "verifier/recompute_store.hpp"

namespace winnow::api {

/// The JSON of GET /api/v1/explain and of `winnow explain --json`.
nlohmann::json to_json(const verifier::Explanation& explanation);
/// The JSON of POST /api/v1/verdicts/recompute and of `winnow verdicts recompute --json`.
nlohmann::json to_json(const verifier::RecomputeSummary& summary);

}  // namespace winnow::api
