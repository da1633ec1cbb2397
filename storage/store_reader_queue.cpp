// Campaigns, messages, flows.
#include <algorithm>

#include "storage/store_reader.hpp"

namespace winnow::storage {

using shape::Document;
using shape::State;

namespace {

/// Stored, those in flight are part of the queued.
QueueCounts as_shown(QueueCounts counts)
{
    counts.queued -= std::min(counts.queued, counts.in_flight);
    return counts;
}

}  // namespace

Result<> StoreReader::add_counts(CampaignRecord& campaign) const
{
    auto counts =
        read<CampaignCounts>(Family::state, shape::state(State::campaign_counts, campaign.workspace, campaign.id));
    if (!counts && counts.error().code == make_error_code(Errc::corrupt))
        return {};  // the committer starts again from zero at the next message
    if (!counts)
        return counts.error();
    if (*counts) {
        campaign.by_state = std::move((*counts)->by_state);
        campaign.later = std::move((*counts)->later);
    }
    return {};
}

Result<std::optional<CampaignRecord>> StoreReader::get_campaign(const std::string& workspace,
                                                                const std::string& id) const
{
    WINNOW_TRY(auto campaign,
               read<CampaignRecord>(Family::document, shape::document(workspace, Document::campaign, id)));
    if (campaign) {
        WINNOW_CHECK(add_counts(*campaign));
    }
    return campaign;
}

Result<std::optional<MessageRecord>> StoreReader::get_message(MessageRef ref) const
{
    const std::string key = shape::message(ref);
    WINNOW_TRY(auto stored, read<StoredMessage>(Family::message, key));
    if (!stored)
        return std::optional<MessageRecord>();
    MessageRecord& message = stored->record;
    if (message.state == MessageState::queued || message.state == MessageState::deferred) {
        WINNOW_TRY(const auto marked, store_.get(Family::in_flight, key));
        if (marked)
            message.state = MessageState::in_flight;
    }
    return std::optional(std::move(message));
}

Result<std::optional<MessageRecord>> StoreReader::find_message(const std::string& workspace,
                                                               const std::string& id) const
{
    WINNOW_TRY(const auto name, store_.get(Family::message_id, shape::message_id(workspace, id)));
    if (!name)
        return std::optional<MessageRecord>();
    KeyReader key(*name);
    const MessageRef ref = shape::read_message(key);
    WINNOW_TRY(auto message, get_message(ref));
    if (message && (message->id != id || message->workspace != workspace))
        return Error(Errc::corrupt, "the index entry of message " + id + " leads to another message");
    return message;
}

Result<std::string> StoreReader::get_body(const std::string& id) const
{
    const std::string key = shape::body(id);
    WINNOW_TRY(auto body, read<StoredBody>(Family::body, key));
    if (!body)
        return Error(Errc::not_found, "there is no body " + id);
    if (!body->in_segment)
        return std::move(body->bytes);
    if (bodies_ == nullptr)
        return Error(Errc::corrupt, "body " + id + " is in a segment, but this engine has none");
    return bodies_->read(*body);
}

Result<std::vector<FlowSummary>> StoreReader::flows() const
{
    std::vector<FlowSummary> flows;
    std::string prefix;  // of the flow that the walk is in
    auto at = store_.scan(Family::due, KeyRange{});
    for (; at->valid(); at->next()) {
        if (flows.empty() || at->key().substr(0, prefix.size()) != prefix) {
            KeyReader key(at->key());
            FlowSummary& flow = flows.emplace_back();
            flow.key = shape::read_flow(key);
            flow.earliest = key.time();
            prefix = shape::flow(flow.key);
        }
        ++flows.back().queued;
    }
    WINNOW_CHECK(at->status());
    return flows;
}

Result<std::vector<DueItem>> StoreReader::due(const FlowKey& flow, TimePoint until, std::size_t limit) const
{
    const DueMarks::Start start = due_marks_.start(flow);
    KeyRange range = KeyRange::prefix(shape::flow(flow));
    const std::size_t flow_size = range.lower.size();
    if (!start.lower.empty())
        range.lower = start.lower;
    range.upper = shape::due(flow, shape::just_after(until), 0);
    std::string seen = range.upper;
    std::vector<DueItem> items;
    if (range.lower >= range.upper)
        return items;
    auto at = store_.scan(Family::due, std::move(range));
    if (at->valid())
        seen.assign(at->key());
    for (; at->valid() && items.size() < limit; at->next()) {
        KeyReader key(at->key().substr(flow_size));
        DueItem& item = items.emplace_back();
        item.due = key.time();
        item.ref = MessageRef{flow.lane, key.number()};
    }
    WINNOW_CHECK(at->status());
    due_marks_.raise(flow, start, std::move(seen));
    return items;
}

Result<std::optional<TimePoint>> StoreReader::next_due(const FlowKey& flow) const
{
    const DueMarks::Start start = due_marks_.start(flow);
    KeyRange range = KeyRange::prefix(shape::flow(flow));
    const std::size_t flow_size = range.lower.size();
    if (!start.lower.empty())
        range.lower = start.lower;
    std::string seen = range.upper;
    const auto at = store_.scan(Family::due, std::move(range));
    std::optional<TimePoint> next;
    if (at->valid()) {
        seen.assign(at->key());
        KeyReader key(at->key().substr(flow_size));
        next = key.time();
    }
    WINNOW_CHECK(at->status());
    due_marks_.raise(flow, start, std::move(seen));
    return next;
}

Result<bool> StoreReader::campaign_cancelled(const std::string& workspace, const std::string& campaign) const
{
    WINNOW_TRY(const auto mark,
               store_.get(Family::state, shape::state(State::cancelled_campaign, workspace, campaign)));
    return mark.has_value();
}

Result<std::vector<MessageRecord>> StoreReader::held(const std::string& workspace, const std::string& campaign,
                                                     MessageRef after, std::size_t limit) const
{
    const std::string prefix =
        campaign.empty() ? shape::all_held(workspace) : shape::campaign_held(workspace, campaign);
    KeyRange range = KeyRange::prefix(prefix);
    if (after != MessageRef{}) {
        WINNOW_TRY(const auto last, read<StoredMessage>(Family::message, shape::message(after)));
        if (last)
            range = KeyRange::after(prefix, shape::held_at(prefix, last->held_seq));
    }
    std::vector<MessageRecord> messages;
    auto at = store_.scan(Family::held, std::move(range));
    for (; at->valid() && messages.size() < limit; at->next()) {
        auto stored = read<StoredMessage>(Family::message, std::string(at->value()));
        if (!stored && stored.error().code != make_error_code(Errc::corrupt))
            return stored.error();
        if (stored && *stored)
            messages.push_back(std::move((*stored)->record));
    }
    WINNOW_CHECK(at->status());
    return messages;
}

Result<QueueCounts> StoreReader::queue_counts(const std::string& workspace) const
{
    WINNOW_TRY(auto stored, read<QueueCounts>(Family::state, shape::state(State::queue_counts, workspace)));
    return as_shown(stored.value_or(QueueCounts{}));
}

Result<QueueCounts> StoreReader::queue_totals() const
{
    QueueCounts sum;
    auto at = store_.scan(Family::state, KeyRange::prefix(shape::states(State::queue_counts)));
    for (; at->valid(); at->next()) {
        const auto stored = decode<QueueCounts>(at->value());
        if (!stored)
            continue;  // its workspace's own answer tells; the others count on
        const QueueCounts counts = as_shown(*stored);
        sum.queued += counts.queued;
        sum.held += counts.held;
        sum.in_flight += counts.in_flight;
        for (const auto& [reason, count] : counts.held_by_reason)
            sum.held_by_reason[reason] += count;
    }
    WINNOW_CHECK(at->status());
    return sum;
}

}  // namespace winnow::storage
