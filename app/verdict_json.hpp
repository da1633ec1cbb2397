#pragma once

#include <string>

#include "core/verdict.hpp"

namespace winnow::app {

/// One JSON object without line end, the shape of the API's risk answer; with every step when `evidence` is set.
std::string verdict_json(const std::string& address, const VerdictRecord& verdict, bool evidence);

}  // namespace winnow::app
