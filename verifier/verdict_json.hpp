#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/verdict.hpp"

namespace winnow::verifier {

/// The one JSON shape of a verdict, shared by API, CLI and exports: address, verdict, reason, p_bounce,
/// p_bounce_interval, flags, suggestion (null when none), provider (null when none), checked_at, expires_at, and
/// evidence when asked for.
nlohmann::json verdict_to_json(const std::string& address, const VerdictRecord& verdict, bool evidence);
nlohmann::json evidence_to_json(const Evidence& evidence);

}  // namespace winnow::verifier
