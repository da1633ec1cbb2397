#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/suppression_import.hpp"
#include "core/unmatched_replies.hpp"
#include "storage/engine.hpp"

/// The JSON shapes of stored records, shared by the API and the command line. Times are RFC 3339 in UTC; what is not
/// known is null.
namespace winnow::api {

nlohmann::json to_json(const storage::ListRecord& list);
nlohmann::json to_json(const storage::JobRecord& job);
nlohmann::json to_json(const storage::CampaignRecord& campaign);
nlohmann::json to_json(const storage::SuppressionEntry& entry);
nlohmann::json to_json(const SuppressionImportSummary& summary);
nlohmann::json to_json(const storage::QueueCounts& counts);
nlohmann::json to_json(const storage::EventRecord& event);
nlohmann::json to_json(const storage::MessageRecord& message);
/// Also a line that `winnow replies classify` and `winnow replies test` read.
nlohmann::json to_json(const UnmatchedReply& reply);

}  // namespace winnow::api
