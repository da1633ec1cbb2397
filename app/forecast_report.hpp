#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

/// What a verification would do and find, as people read it. `plan` and `estimate` have the shapes of docs/api.md; no
/// line is wider than `columns`, which is at least 60.
namespace winnow::app {

std::string plan_text(const nlohmann::json& plan, std::size_t columns);
std::string estimate_text(const nlohmann::json& estimate, std::size_t columns);

}  // namespace winnow::app
