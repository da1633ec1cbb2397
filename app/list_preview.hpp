#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace winnow::app {

/// What a dry run found out about a file (the answer of POST /api/v1/lists?dry_run=true), for people: plain text, no
/// line wider than `columns`.
std::string preview_text(const nlohmann::json& answer, std::size_t columns);

}  // namespace winnow::app
