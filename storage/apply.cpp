#include "storage/apply.hpp"

#include <charconv>

#include "storage/body_segments.hpp"

namespace winnow::storage {
namespace {

using shape::Document;
using shape::State;

bool is_open(JobState state)
{
    return state != JobState::done && state != JobState::cancelled && state != JobState::failed;
}

/// The index through which a document is found at start-up, and whether it belongs there.
std::optional<std::pair<State, bool>> start_up_index(const ListRecord&)
{
    return std::nullopt;
}
std::optional<std::pair<State, bool>> start_up_index(const JobRecord& job)
{
    return std::pair(State::open_job, is_open(job.state));
}
std::optional<std::pair<State, bool>> start_up_index(const CampaignRecord& campaign)
{
    // A cancelled one has held messages to take out until it is finished.
    const bool is_winding_up = campaign.state == CampaignState::cancelled && campaign.finished == TimePoint{};
    return std::pair(State::running_campaign, campaign.state == CampaignState::running || is_winding_up);
}

Error changed_meanwhile(std::string_view id, Version stored, Version expected)
{
    if (stored == 0)
        return Error(Errc::conflict, "document " + std::string(id) + " is not stored any more");
    return Error(Errc::conflict, "document " + std::string(id) + " was changed meanwhile (stored version " +
                                     std::to_string(stored) + ", expected " + std::to_string(expected) +
                                     "): read it again");
}

}  // namespace

Result<> check_names(std::initializer_list<std::string_view> names)
{
    for (const std::string_view name : names)
        if (name.size() > max_key_text)
            return Error(Errc::invalid_argument, "an identifier is longer than 255 octets");
    return {};
}

template <class Record>
Result<OpResult> Apply::put_document(Document kind, Record& record)
{
    WINNOW_CHECK(check_names({record.workspace, record.id}));
    std::string key = shape::document(record.workspace, kind, record.id);
    WINNOW_TRY(const auto stored, load<Record>(Family::document, key));
    const Version version = stored ? stored->version : 0;
    if (version != record.version)
        return changed_meanwhile(record.id, version, record.version);
    record.version = version + 1;
    if (const auto index = start_up_index(record)) {
        std::string index_key = shape::state(index->first, record.workspace, record.id);
        if (index->second)
            store_.put(Family::state, std::move(index_key), {});
        else if (stored)
            store_.erase(Family::state, std::move(index_key));
    }
    store_.put(Family::document, std::move(key), encode(record));
    OpResult result;
    result.version = record.version;
    return result;
}

Result<OpResult> Apply::operator()(PutList& op)
{
    return put_document(Document::list, op.record);
}

Result<OpResult> Apply::operator()(PutJob& op)
{
    return put_document(Document::job, op.record);
}

Result<OpResult> Apply::operator()(PutCampaign& op)
{
    return put_document(Document::campaign, op.record);
}

Result<OpResult> Apply::operator()(DeleteList& op)
{
    WINNOW_CHECK(check_names({op.workspace, op.id}));
    std::string key = shape::document(op.workspace, Document::list, op.id);
    WINNOW_TRY(const auto stored, store_.get(Family::document, key));
    OpResult result;
    result.removed = stored.has_value();
    store_.erase(Family::document, std::move(key));
    for (const Family family : {Family::row, Family::result, Family::row_due})
        store_.erase_range(family, KeyRange::prefix(shape::rows(op.workspace, op.id)));
    return result;
}

Result<OpResult> Apply::operator()(PutRows& op)
{
    WINNOW_CHECK(check_names({op.workspace, op.list_id}));
    WINNOW_TRY(const auto list,
               store_.get(Family::document, shape::document(op.workspace, Document::list, op.list_id)));
    if (!list)
        return Error(Errc::not_found, "there is no list " + op.list_id);
    for (const ListRow& row : op.rows)
        store_.put(Family::row, shape::row(op.workspace, op.list_id, row.number), encode(row));
    return OpResult{};
}

Result<OpResult> Apply::operator()(PutRowResults& op)
{
    WINNOW_CHECK(check_names({op.workspace, op.list_id}));
    WINNOW_TRY(const auto list,
               store_.get(Family::document, shape::document(op.workspace, Document::list, op.list_id)));
    if (!list)
        return Error(Errc::not_found, "there is no list " + op.list_id);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
        const RowResult& row = op.results[i];
        std::string key = shape::row(op.workspace, op.list_id, row.number);
        WINNOW_TRY(const auto before, load<RowResult>(Family::result, key));
        if (before && before->state == RowState::waiting)
            store_.erase(Family::row_due, shape::row_due(op.workspace, op.list_id, before->due, row.number));
        if (row.state == RowState::waiting)
            store_.put(Family::row_due, shape::row_due(op.workspace, op.list_id, row.due, row.number), {});
        if (row.state == RowState::done) {
            std::optional<H16> whose;
            if (i < op.remembered_for.size()) {
                whose = op.remembered_for[i];
            } else {
                WINNOW_TRY(whose, address_in_row(key));
            }
            if (whose) {
                WINNOW_CHECK(cache_verdict(op.workspace, *whose, row.verdict));
            }
        }
        store_.put(Family::result, std::move(key), encode(row));
    }
    return OpResult{};
}

/// Of the address in a row of a list; nothing when there is none.
Result<std::optional<H16>> Apply::address_in_row(const std::string& key) const
{
    WINNOW_TRY(const auto stored, load<ListRow>(Family::row, key));
    if (!stored)
        return std::optional<H16>();
    const ParsedAddress parsed = parse_address(stored->address);
    if (!parsed.valid)
        return std::optional<H16>();
    return std::optional(context_.digester.address(parsed.address));
}

Result<> Apply::cache_verdict(const std::string& workspace, const H16& address, const VerdictRecord& verdict)
{
    const std::string key = shape::of_address(workspace, address);
    if (verdict.verdict == Verdict::unknown) {
        // A failed probe tells nothing: what is known and fresh stays.
        WINNOW_TRY(const auto bytes, store_.get(Family::verdict, key));
        if (bytes) {
            const auto before = decode<VerdictRecord>(*bytes);
            if (before && before->verdict != Verdict::unknown && before->expires_at > now_)
                return {};
        }
    }
    VerdictRecord kept = verdict;
    if (kept.checked_at == TimePoint{})
        kept.checked_at = now_;
    if (kept.expires_at == TimePoint{})
        kept.expires_at = kept.checked_at + default_ttl(kept.reason);
    store_.put(Family::verdict, key, encode(kept));
    return {};
}

Result<OpResult> Apply::operator()(PutVerdict& op)
{
    WINNOW_CHECK(check_names({op.workspace}));
    WINNOW_CHECK(cache_verdict(op.workspace, context_.digester.address(op.address), op.verdict));
    return OpResult{};
}

Result<OpResult> Apply::operator()(ReviseVerdict& op)
{
    WINNOW_CHECK(check_names({op.workspace}));
    const std::string key = shape::of_address(op.workspace, op.address);
    WINNOW_TRY(const auto stored, load<VerdictRecord>(Family::verdict, key));
    OpResult result;
    result.revised = stored && stored->checked_at == op.checked_at;
    if (result.revised)
        store_.put(Family::verdict, key, encode(op.verdict));
    return result;
}

Result<OpResult> Apply::operator()(PutCatchAll& op)
{
    store_.put(Family::fact, shape::catch_all(context_.digester.domain(op.domain)), encode(op.record));
    return OpResult{};
}

Result<OpResult> Apply::operator()(PutBody& op)
{
    WINNOW_CHECK(check_names({op.id}));
    StoredBody body;
    if (context_.bodies != nullptr && op.bytes.size() > BodySegments::inline_limit) {
        WINNOW_TRY(body, context_.bodies->append(op.bytes));
    } else {
        body.bytes = std::move(op.bytes);
    }
    store_.put(Family::body, shape::body(op.id), encode(body));
    return OpResult{};
}

Result<std::uint64_t> Apply::next_in(const std::string& sequence_key)
{
    // Never restarted: a second message under a used number would be worse than a refused commit.
    WINNOW_TRY(const auto stored, load<StoredSequence>(Family::state, sequence_key));
    const std::uint64_t next = (stored ? stored->last : 0) + 1;
    store_.put(Family::state, sequence_key, encode(StoredSequence{next}));
    return next;
}

Result<std::uint64_t> Apply::append(EventRecord event)
{
    WINNOW_CHECK(check_names({event.workspace}));
    WINNOW_TRY(event.seq, next_in(shape::state(State::event_sequence, event.workspace)));
    if (event.at == TimePoint{})
        event.at = now_;
    store_.put(Family::event, shape::event(event.workspace, event.seq), encode(event));
    return event.seq;
}

Result<OpResult> Apply::operator()(AppendEvent& op)
{
    WINNOW_CHECK(append(std::move(op.event)));
    return OpResult{};
}

Result<OpResult> Apply::operator()(PutValue& op)
{
    store_.put(Family::value, shape::named(context_.digester.text("value", op.key)),
               encode(StoredValue{std::move(op.value), op.expires}));
    return OpResult{};
}

Result<OpResult> Apply::operator()(AddCounter& op)
{
    const std::string key = shape::named(context_.digester.text("value", op.key));
    WINNOW_TRY(StoredValue stored, load_or_restart<StoredValue>(Family::value, key));
    const bool expired = stored.expires != TimePoint{} && stored.expires <= now_;
    if (stored.value.empty() || expired)
        stored = StoredValue{"0", op.expires};
    std::int64_t sum = 0;
    const char* const end = stored.value.data() + stored.value.size();
    if (const auto read = std::from_chars(stored.value.data(), end, sum); read.ec != std::errc{} || read.ptr != end)
        return Error(Errc::invalid_argument, "the stored value is not a counter");
    if (__builtin_add_overflow(sum, op.by, &sum) || (op.limit > 0 && sum > op.limit))
        return Error(Errc::limit_exceeded, "the counter would pass its limit of " + std::to_string(op.limit));
    stored.value = std::to_string(sum);
    store_.put(Family::value, key, encode(stored));
    OpResult result;
    result.counter = sum;
    return result;
}

}  // namespace winnow::storage
