#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/suppression_import.hpp"
#include "core/unmatched_replies.hpp"
#include "storage/engine.hpp"
#include "verifier/job_progress.hpp"
#include "verifier/list_preview.hpp"
#include "verifier/segment_counts.hpp"

/// The JSON shapes of stored records, shared by the API and the command line. Times are RFC 3339 in UTC; what is not
/// known is null.
namespace winnow::api {

nlohmann::json to_json(const storage::ListRecord& list);
nlohmann::json to_json(const verifier::SegmentCounts& counts);
/// The answer of a dry run: {"dry_run": true, "list": {...}, "rows": [...]}.
nlohmann::json to_json(const verifier::ListPreview& preview);
nlohmann::json to_json(const storage::JobRecord& job);
/// With its rate and its end; without them, these are 0 and null.
nlohmann::json to_json(const storage::JobRecord& job, const verifier::JobProgress& progress);
/// With the verification that its held rows wait for; null = none that is known.
nlohmann::json to_json(const storage::CampaignRecord& campaign, const storage::JobRecord* verification);
nlohmann::json to_json(const storage::SuppressionEntry& entry);
nlohmann::json to_json(const SuppressionImportSummary& summary);
nlohmann::json to_json(const storage::QueueCounts& counts);
nlohmann::json to_json(const storage::EventRecord& event);
nlohmann::json to_json(const storage::MessageRecord& message);
/// Also a line that `winnow replies classify` and `winnow replies test` read.
nlohmann::json to_json(const UnmatchedReply& reply);

}  // namespace winnow::api
