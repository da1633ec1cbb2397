#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace winnow::app {

/// The answer of GET /api/v1/queue?domains=N for people: the counts, then for each domain a line, and its last reply
/// below, cut to the width.
std::string queue_text(const nlohmann::json& answer, std::size_t columns);

}  // namespace winnow::app
