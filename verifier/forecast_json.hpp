#pragma once

#include <nlohmann/json_fwd.hpp>

#include "verifier/list_estimate.hpp"
#include "verifier/list_plan.hpp"

/// The JSON shapes of what is told of a verification beforehand, shared by the API and the command line (docs/api.md).
/// Times are whole seconds, rounded up.
namespace winnow::verifier {

nlohmann::json plan_to_json(const ListPlan& plan);
/// Shares are null when nothing was answered.
nlohmann::json estimate_to_json(const ListEstimate& estimate);

}  // namespace winnow::verifier
