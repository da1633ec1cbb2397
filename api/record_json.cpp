#include "api/record_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/duration.hpp"
#include "verifier/list_export.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

json time_or_null(TimePoint t)
{
    return t == TimePoint{} ? json(nullptr) : json(format_time(t));
}

json text_or_null(const std::string& text)
{
    return text.empty() ? json(nullptr) : json(text);
}

template <class Key>
json counts(const std::map<Key, std::uint64_t>& map)
{
    json object = json::object();
    for (const auto& [key, count] : map) {
        if constexpr (std::is_enum_v<Key>)
            object[std::string(to_string(key))] = count;
        else
            object[key] = count;
    }
    return object;
}

/// "held:greylisted" -> {"held": {"greylisted": n}}.
json gate_counts(const std::map<std::string, std::uint64_t>& gate)
{
    json object{{"queued", json::object()}, {"held", json::object()}, {"refused", json::object()}};
    for (const auto& [name, count] : gate) {
        const auto colon = name.find(':');
        object[name.substr(0, colon)][colon == std::string::npos ? "" : name.substr(colon + 1)] = count;
    }
    return object;
}

/// Two places are more than anybody compares.
json rounded(std::optional<double> value)
{
    return value ? json(std::round(*value * 100.0) / 100.0) : json(nullptr);
}

double progress(const storage::JobRecord& job)
{
    if (job.state == JobState::done)
        return 1.0;
    if (job.counters.total == 0)
        return 0.0;
    const double share = static_cast<double>(job.counters.done) / static_cast<double>(job.counters.total);
    return std::floor(std::min(share, 1.0) * 10'000.0) / 10'000.0;
}

}  // namespace

json to_json(const storage::ListRecord& list)
{
    const auto column = static_cast<std::size_t>(list.email_column);
    const bool is_csv = list.format == storage::ListFormat::csv;
    return {{"id", list.id},
            {"name", list.name},
            {"source", list.source},
            {"collected_at", list.collected_at},
            {"consent_basis", list.consent_basis},
            {"created_at", time_or_null(list.created)},
            {"complete", list.complete},
            {"rows", list.rows},
            {"duplicates", list.duplicates},
            {"malformed", list.malformed},
            {"format", is_csv ? "csv" : "ndjson"},
            {"columns", list.columns},
            {"email_column", column < list.columns.size() ? json(list.columns[column]) : json(nullptr)},
            {"email_column_number", column + 1},
            {"delimiter", is_csv ? json(std::string(1, list.delimiter)) : json(nullptr)}};
}

json to_json(const verifier::SegmentCounts& segments)
{
    return {{"addresses", segments.addresses},
            {"by_verdict", counts(segments.by_verdict)},
            {"by_reason", counts(segments.by_reason)},
            {"by_flag", counts(segments.by_flag)},
            {"by_provider", counts(segments.by_provider)}};
}

json to_json(const verifier::ListPreview& preview)
{
    const storage::ListRecord& list = preview.list;
    json object = to_json(list);
    for (const char* of_stored_lists : {"id", "created_at", "complete", "source", "collected_at", "consent_basis"})
        object.erase(of_stored_lists);
    object["encoding"] = to_string(preview.shape.encoding);
    object["compression"] = preview.shape.gzip ? json("gzip") : json(nullptr);
    object["has_header"] = preview.shape.column.has_header;
    object["email_column_found_by"] = to_string(preview.shape.column.found_by);
    object["addresses"] = list.rows - list.duplicates - list.malformed;
    object["notes"] = preview.notes;
    object["bytes"] = preview.bytes;
    json rows = json::array();
    for (const storage::ListRow& row : preview.first)
        rows.push_back(
            {{"row", row.number},
             {"line", row.line},
             {"address", text_or_null(row.address)},
             {"duplicate_of", row.duplicate_of == 0 ? json(nullptr) : json(row.duplicate_of)},
             {"malformed", text_or_null(row.malformed)},
             {"cells", verifier::is_blank(row) ? std::vector<std::string>{} : verifier::cells_of_row(list, row)}});
    return {{"dry_run", true}, {"list", std::move(object)}, {"rows", std::move(rows)}};
}

json to_json(const storage::JobRecord& job)
{
    return to_json(job, verifier::JobProgress{});
}

json to_json(const storage::JobRecord& job, const verifier::JobProgress& speed)
{
    const storage::JobCounters& c = job.counters;
    json by_verdict = json::object();
    for (Verdict verdict : all_values<Verdict>())
        by_verdict[std::string(to_string(verdict))] = 0;
    for (const auto& [reason, count] : c.by_reason) {
        json& sum = by_verdict[std::string(to_string(verdict_of(reason)))];
        sum = sum.get<std::uint64_t>() + count;
    }
    return {
        {"id", job.id},
        {"list_id", job.list_id},
        {"state", to_string(job.state)},
        {"note", job.note},
        {"progress", progress(job)},
        {"counters",
         {{"total", c.total},
          {"done", c.done},
          {"waiting", c.waiting},
          {"duplicates", c.duplicates},
          {"malformed", c.malformed},
          {"probes", c.probes},
          {"connections", c.connections}}},
        {"rows_per_second", rounded(speed.rows_per_second)},
        {"eta_seconds", speed.eta ? json(std::chrono::ceil<std::chrono::seconds>(*speed.eta).count()) : json(nullptr)},
        {"probes_per_decided", rounded(verifier::probes_per_decided(c))},
        {"connections_per_1000", rounded(verifier::connections_per_1000(c))},
        {"by_reason", counts(c.by_reason)},
        {"by_verdict", std::move(by_verdict)},
        {"created_at", time_or_null(job.created)},
        {"started_at", time_or_null(job.started)},
        {"finished_at", time_or_null(job.finished)},
        {"deadline", time_or_null(job.deadline)}};
}

namespace {

/// What happens to the rows that are held, and what a person can do for them; empty when none are.
std::string next_step(const storage::CampaignRecord& campaign, const storage::JobRecord* verification)
{
    const auto held = campaign.by_state.find(MessageState::held);
    if (campaign.state != CampaignState::running || held == campaign.by_state.end() || held->second == 0)
        return {};
    const std::string then = "; held rows go when they get a verdict, and are refused at hold_until";
    const std::string by_hand = "verify the list again: POST /api/v1/lists/" + campaign.list_id + "/verify" + then;
    if (!verification)
        return by_hand;
    const std::string job = "job " + verification->id;
    const std::string at = "/api/v1/jobs/" + verification->id;
    switch (verification->state) {
        case JobState::pending:
        case JobState::running:
        case JobState::waiting:
            return job + " verifies them: GET " + at + then;
        case JobState::paused:
            return job + ", which verifies them, is paused: POST " + at + "/resume" + then;
        case JobState::cancelled:
            return job + " was cancelled, so the campaign starts no other; " + by_hand;
        case JobState::done:
        case JobState::failed:
            return job + " is " + std::string(to_string(verification->state)) + "; " + by_hand;
    }
    return by_hand;
}

json verification_json(const storage::JobRecord* verification)
{
    if (!verification)
        return nullptr;
    return {{"job_id", verification->id}, {"state", to_string(verification->state)}};
}

}  // namespace

json to_json(const storage::CampaignRecord& campaign, const storage::JobRecord* verification)
{
    return {{"id", campaign.id},
            {"list_id", campaign.list_id},
            {"name", campaign.name},
            {"state", to_string(campaign.state)},
            {"note", campaign.note},
            {"from", campaign.from},
            {"subject", campaign.subject},
            {"include_risky", campaign.include_risky},
            {"created_at", time_or_null(campaign.created)},
            {"started_at", time_or_null(campaign.started)},
            {"finished_at", time_or_null(campaign.finished)},
            {"hold_until", time_or_null(campaign.hold_until)},
            {"verify_held", campaign.verify_held},
            {"verification", verification_json(verification)},
            {"next_step", text_or_null(next_step(campaign, verification))},
            {"rows_passed", campaign.next_row - 1},
            {"queued", campaign.queued},
            {"held", campaign.held},
            {"refused", campaign.refused},
            {"gate", gate_counts(campaign.gate)},
            {"messages", counts(campaign.by_state)},
            {"later", counts(campaign.later)}};
}

json to_json(const storage::SuppressionEntry& entry)
{
    return {{"address", text_or_null(entry.address)},
            {"domain", text_or_null(entry.domain)},
            {"digest", entry.digest.hex()},
            {"scope", to_string(entry.scope)},
            {"list_id", text_or_null(entry.list_id)},
            {"reason", to_string(entry.reason)},
            {"origin", to_string(entry.origin)},
            {"class", entry.klass == ReplyClass::unknown ? json(nullptr) : json(to_string(entry.klass))},
            {"rule", text_or_null(entry.rule)},
            {"source_event", text_or_null(entry.source_event)},
            {"note", text_or_null(entry.note)},
            {"actor", text_or_null(entry.actor)},
            {"provider", text_or_null(entry.provider)},
            {"first", time_or_null(entry.first)},
            {"last", time_or_null(entry.last)},
            {"expires", entry.expires ? time_or_null(*entry.expires) : json(nullptr)},
            {"strikes", entry.strikes}};
}

json to_json(const SuppressionImportSummary& summary)
{
    json faults = json::array();
    for (const auto& fault : summary.faults)
        faults.push_back({{"line", fault.line}, {"detail", fault.detail}});
    return {{"id", summary.dry_run ? json(nullptr) : json(summary.id)},
            {"dry_run", summary.dry_run},
            {"added", summary.added},
            {"already_there", summary.already_there},
            {"malformed", summary.malformed},
            {"errors", std::move(faults)},
            {"encoding", summary.encoding},
            {"kind", summary.kind ? json(to_string(*summary.kind)) : json(nullptr)}};
}

json to_json(const storage::QueueCounts& c)
{
    return {{"queued", c.queued},
            {"held", c.held},
            {"in_flight", c.in_flight},
            {"held_by_reason", counts(c.held_by_reason)}};
}

json to_json(const storage::EventRecord& event)
{
    // The address itself is in no event: whoever may see it finds it through the message.
    return {{"seq", event.seq},
            {"at", time_or_null(event.at)},
            {"type", event.type},
            {"message_id", text_or_null(event.message_id)},
            {"campaign_id", text_or_null(event.campaign)},
            {"list_id", text_or_null(event.list_id)},
            {"address_digest", event.address == storage::H16{} ? json(nullptr) : json(event.address.hex())},
            {"class", event.klass == ReplyClass::unknown ? json(nullptr) : json(to_string(event.klass))},
            {"detail", text_or_null(event.detail)},
            {"rule", text_or_null(event.rule)}};
}

json to_json(const storage::MessageRecord& message)
{
    json history = json::array();
    for (const storage::AttemptRecord& attempt : message.history)
        history.push_back({{"at", time_or_null(attempt.at)},
                           {"mx", text_or_null(attempt.mx)},
                           {"source", text_or_null(attempt.source)},
                           {"stage", to_string(attempt.stage)},
                           {"class", to_string(attempt.klass)},
                           {"reply", attempt.reply},
                           {"rule", text_or_null(attempt.rule)},
                           {"tls", attempt.tls}});
    json later = json::array();
    for (LaterFact fact : message.later)
        later.push_back(to_string(fact));
    return {{"id", message.id},
            {"recipient", message.recipient},
            {"campaign_id", text_or_null(message.campaign)},
            {"list_id", text_or_null(message.list_id)},
            {"class", to_string(message.mail_class)},
            {"state", to_string(message.state)},
            {"held_reason", text_or_null(message.held_reason)},
            {"accepted_at", time_or_null(message.accepted)},
            {"due", time_or_null(message.due)},
            {"expires_at", time_or_null(message.expires)},
            {"attempts", message.attempts},
            {"history", std::move(history)},
            {"later", std::move(later)}};
}

nlohmann::json to_json(const UnmatchedReply& reply)
{
    return {{"code", reply.code},
            {"stage", to_string(reply.stage)},
            {"provider", text_or_null(reply.provider)},
            {"text", reply.text},
            {"count", reply.count},
            {"first", time_or_null(reply.first)},
            {"last", time_or_null(reply.last)}};
}

}  // namespace winnow::api
