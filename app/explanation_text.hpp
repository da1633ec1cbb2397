#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace winnow::app {

/// What `winnow explain` prints of an explanation's JSON (api/explanation_json.hpp). Words are broken at `columns`.
std::string explanation_text(const nlohmann::json& explanation, std::size_t columns);

}  // namespace winnow::app
