#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/report.hpp"

/// Verifications of lists as people read them.
namespace winnow::app {

/// State, rate, cost and verdicts; `job` has the shape of docs/api.md.
void add_job(Summary& summary, const nlohmann::json& job);

/// "11 are no addresses, 916 addresses verified": what has no usable syntax is decided, but nobody was asked.
std::string verified_text(const storage::JobCounters& counters);

/// "410 RCPT probes (1.3 for each decided address), 20 connections (38 for 1,000 addresses)".
std::string cost_text(const storage::JobCounters& counters);

/// "120/s, 4 min 5 s left"; empty while there is no rate. `job` as for add_job.
std::string speed_text(const nlohmann::json& job);

}  // namespace winnow::app
