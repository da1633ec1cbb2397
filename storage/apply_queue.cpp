// Messages: into their lane, through attempts, out of the queue.
#include <algorithm>

#include "core/ids.hpp"
#include "storage/apply.hpp"

namespace winnow::storage {
namespace {

using shape::State;

constexpr std::size_t kept_attempts = 10;

bool in_queue(MessageState state)
{
    return state == MessageState::queued || state == MessageState::deferred;
}

bool is_final(MessageState state)
{
    switch (state) {
        case MessageState::delivered:
        case MessageState::bounced:
        case MessageState::expired:
        case MessageState::dropped:
        case MessageState::cancelled:
            return true;
        default:
            return false;
    }
}

Error wrong_state(const MessageRecord& message, std::string_view what)
{
    return Error(Errc::conflict, "message " + message.id + " is " + std::string(to_string(message.state)) +
                                     ": it cannot be " + std::string(what));
}

template <class Counts, class Key>
void add_to(Counts& counts, const Key& key, int by)
{
    std::uint64_t& count = counts[key];
    if (by < 0 && count <= static_cast<std::uint64_t>(-by))
        counts.erase(key);
    else
        count += static_cast<std::uint64_t>(by);
}

void lower(std::uint64_t& count)
{
    if (count > 0)
        --count;
}

/// Is this attempt the receiver's last word on the message?
bool settles(MessageState state, ReplyClass klass)
{
    // 4.2.2 until the message expired is a full mailbox all the same; other reasons to expire are nobody's fault.
    return state == MessageState::bounced || state == MessageState::delivered ||
           (state == MessageState::expired && klass == ReplyClass::mailbox_full);
}

}  // namespace

FlowKey flow_of(const MessageRecord& message, const AddressDigester& digester)
{
    FlowKey flow;
    flow.lane = message.ref.lane;
    flow.mail_class = message.mail_class;
    flow.domain = digester.domain(message.domain);
    flow.workspace = message.workspace;
    flow.campaign = message.campaign;
    return flow;
}

Result<StoredMessage> Apply::load_message(MessageRef ref) const
{
    WINNOW_TRY(auto stored, load<StoredMessage>(Family::message, shape::message(ref)));
    if (!stored)
        return Error(Errc::not_found,
                     "there is no message " + std::to_string(ref.seq) + " in lane " + std::to_string(ref.lane.value));
    return std::move(*stored);
}

Result<> Apply::save(const StoredMessage& message)
{
    store_.put(Family::message, shape::message(message.record.ref), encode(message));
    return {};
}

Result<> Apply::count(const MessageRecord& message, const std::function<void(QueueCounts&)>& change)
{
    std::string key = shape::state(State::queue_counts, message.workspace);
    WINNOW_TRY(QueueCounts counts, load_or_restart<QueueCounts>(Family::state, key));
    change(counts);
    store_.put(Family::state, std::move(key), encode(counts));
    return {};
}

/// Counts a change of state for the message's campaign.
Result<> Apply::moved(const MessageRecord& message, std::optional<MessageState> from, MessageState to)
{
    if (message.campaign.empty() || from == to)
        return {};
    std::string key = shape::state(State::campaign_counts, message.workspace, message.campaign);
    WINNOW_TRY(CampaignCounts counts, load_or_restart<CampaignCounts>(Family::state, key));
    if (from)
        add_to(counts.by_state, *from, -1);
    add_to(counts.by_state, to, 1);
    store_.put(Family::state, std::move(key), encode(counts));
    return {};
}

Result<std::uint64_t> Apply::message_event(const MessageRecord& message, std::string_view what, ReplyClass klass,
                                           std::string detail, std::string rule)
{
    EventRecord event;
    event.workspace = message.workspace;
    event.type = "message." + std::string(what);
    event.message_id = message.id;
    event.campaign = message.campaign;
    event.list_id = message.list_id;
    event.address = context_.digester.address(recipient_of(message));
    event.klass = klass;
    event.detail = std::move(detail);
    event.rule = std::move(rule);
    return append(std::move(event));
}

Result<> Apply::put_due(StoredMessage& message, TimePoint due)
{
    message.record.due = due == TimePoint{} ? now_ : due;
    FlowKey flow = flow_of(message.record, context_.digester);
    std::string key = shape::due(flow, message.record.due, message.record.ref.seq);
    store_.put(Family::due, key, {});
    due_notices_.push_back(DueNotice{std::move(flow), message.record.due, std::move(key)});
    return count(message.record, [](QueueCounts& counts) { ++counts.queued; });
}

Result<> Apply::put_held(StoredMessage& message, std::string reason, std::uint64_t event)
{
    MessageRecord& record = message.record;
    record.held_reason = std::move(reason);
    message.held_seq = event;
    const std::string name = shape::message(record.ref);
    store_.put(Family::held, shape::held_at(shape::all_held(record.workspace), event), name);
    store_.put(Family::held, shape::held_at(shape::campaign_held(record.workspace, record.campaign), event), name);
    return count(record, [&record](QueueCounts& counts) {
        ++counts.held;
        ++counts.held_by_reason[record.held_reason];
    });
}

/// Out of the due or held index, and unmarked: the caller decides where it goes next.
Result<> Apply::take_out(StoredMessage& message)
{
    MessageRecord& record = message.record;
    if (in_queue(record.state)) {
        store_.erase(Family::due, shape::due(flow_of(record, context_.digester), record.due, record.ref.seq));
        WINNOW_CHECK(count(record, [](QueueCounts& counts) { lower(counts.queued); }));
    }
    if (record.state == MessageState::held) {
        store_.erase(Family::held, shape::held_at(shape::all_held(record.workspace), message.held_seq));
        store_.erase(Family::held,
                     shape::held_at(shape::campaign_held(record.workspace, record.campaign), message.held_seq));
        WINNOW_CHECK(count(record, [&record](QueueCounts& counts) {
            lower(counts.held);
            add_to(counts.held_by_reason, record.held_reason, -1);
        }));
        record.held_reason.clear();
    }
    std::string mark = shape::message(record.ref);
    WINNOW_TRY(const auto marked, store_.get(Family::in_flight, mark));
    if (marked) {
        store_.erase(Family::in_flight, std::move(mark));
        WINNOW_CHECK(count(record, [](QueueCounts& counts) { lower(counts.in_flight); }));
    }
    return {};
}

Result<OpResult> Apply::operator()(Enqueue& op)
{
    StoredMessage message{std::move(op.message), 0};
    MessageRecord& record = message.record;
    WINNOW_CHECK(check_names({record.workspace, record.campaign, record.list_id, record.id}));
    if (record.state == MessageState::accepted)
        record.state = MessageState::queued;
    if (record.state != MessageState::queued && record.state != MessageState::held)
        return Error(Errc::invalid_argument,
                     "a message is enqueued as queued or held, not as " + std::string(to_string(record.state)));
    record.ref.lane = op.lane ? *op.lane : lane_of({}, record.domain, context_.lanes);
    if (record.ref.lane.value >= context_.lanes)
        return Error(Errc::invalid_argument, "there is no lane " + std::to_string(record.ref.lane.value));
    if (record.id.empty())
        record.id = make_ulid(now_, context_.rng);
    std::string id_key = shape::message_id(record.workspace, record.id);
    WINNOW_TRY(const auto known, store_.get(Family::message_id, id_key));
    if (known)
        return Error(Errc::already_exists, "there is already a message " + record.id);
    if (record.accepted == TimePoint{})
        record.accepted = now_;

    WINNOW_TRY(record.ref.seq, next_in(shape::state(State::lane_sequence, record.ref.lane)));
    store_.put(Family::message_id, std::move(id_key), shape::message(record.ref));
    const bool held = record.state == MessageState::held;
    WINNOW_TRY(const std::uint64_t event, message_event(record, to_string(record.state), ReplyClass::unknown,
                                                        held ? record.held_reason : std::string(), {}));
    if (held) {
        WINNOW_CHECK(put_held(message, record.held_reason, event));
    } else {
        WINNOW_CHECK(put_due(message, record.due));
    }
    WINNOW_CHECK(moved(record, std::nullopt, record.state));
    WINNOW_CHECK(save(message));
    OpResult result;
    result.message = record.ref;
    return result;
}

Result<OpResult> Apply::operator()(RecordAttempt& op)
{
    WINNOW_TRY(StoredMessage message, load_message(op.ref));
    MessageRecord& record = message.record;
    const MessageState from = record.state;
    if (op.state != MessageState::deferred && op.state != MessageState::held && !is_final(op.state))
        return Error(Errc::invalid_argument, "an attempt does not end as " + std::string(to_string(op.state)));
    if (is_final(from) && from != MessageState::cancelled)
        return wrong_state(record, "attempted");
    const bool stays_cancelled = from == MessageState::cancelled && !settles(op.state, ReplyClass::unknown);

    WINNOW_CHECK(take_out(message));
    const bool tried = op.state != MessageState::dropped && op.state != MessageState::held;
    if (op.attempt.at == TimePoint{})
        op.attempt.at = now_;
    if (op.counts && tried)
        ++record.attempts;
    if (!stays_cancelled)
        record.state = op.state;
    WINNOW_TRY(const std::uint64_t event, message_event(record, to_string(op.state), op.attempt.klass,
                                                        tried ? op.attempt.reply : op.held_reason, op.attempt.rule));
    if (record.state == MessageState::deferred) {
        WINNOW_CHECK(put_due(message, op.next_due));
    } else if (record.state == MessageState::held) {
        WINNOW_CHECK(put_held(message, std::move(op.held_reason), event));
    } else if (record.state == MessageState::dropped) {
        record.held_reason = std::move(op.held_reason);
    }
    WINNOW_CHECK(moved(record, from, record.state));

    OpResult result;
    if (tried && op.counts) {
        Outcome outcome;
        outcome.strike = {op.attempt.klass, op.clear,  op.final_, op.attempt.stage, settles(op.state, op.attempt.klass),
                          op.attempt.at,    op.own_dns};
        outcome.evidence = {EvidenceKind::delivery, op.attempt.at,    "delivery",       op.attempt.mx,
                            op.attempt.reply,       op.attempt.stage, op.attempt.klass, op.attempt.rule};
        outcome.event = event;
        outcome.provider = op.provider;
        outcome.frozen = op.frozen;
        WINNOW_TRY(result.suppressed, learn(record, outcome));
    }
    record.history.push_back(std::move(op.attempt));
    if (record.history.size() > kept_attempts)
        record.history.erase(record.history.begin());
    WINNOW_CHECK(save(message));
    result.message = record.ref;
    return result;
}

Result<OpResult> Apply::operator()(RecordReport& op)
{
    WINNOW_TRY(StoredMessage message, load_message(op.ref));
    MessageRecord& record = message.record;
    OpResult result;
    result.message = record.ref;
    const std::string fact(to_string(op.fact));
    const TimePoint at = op.at == TimePoint{} ? now_ : op.at;
    if (op.evidence_only) {
        Outcome remark;
        remark.evidence = {EvidenceKind::report, at, fact, {}, op.detail, Stage::rcpt, ReplyClass::unknown, op.rule};
        WINNOW_TRY(remark.event, message_event(record, "report_ignored", ReplyClass::unknown, op.detail, op.rule));
        remark.frozen = true;
        WINNOW_CHECK(learn(record, remark));
        return result;
    }
    if (std::find(record.later.begin(), record.later.end(), op.fact) != record.later.end())
        return result;
    record.later.push_back(op.fact);
    if (!record.campaign.empty()) {
        std::string key = shape::state(State::campaign_counts, record.workspace, record.campaign);
        WINNOW_TRY(CampaignCounts counts, load_or_restart<CampaignCounts>(Family::state, key));
        ++counts.later[fact];
        store_.put(Family::state, std::move(key), encode(counts));
    }
    const ReplyClass klass = op.fact == LaterFact::complaint     ? ReplyClass::complaint
                             : op.fact == LaterFact::unsubscribe ? ReplyClass::unsubscribe
                                                                 : op.klass;
    Outcome outcome;
    WINNOW_TRY(outcome.event, message_event(record, fact, klass, op.detail, op.rule));
    outcome.strike = {klass, op.clear, op.final_, Stage::rcpt, true, at};
    outcome.evidence = {EvidenceKind::report, at, fact, {}, op.detail, Stage::rcpt, klass, op.rule};
    outcome.provider = op.provider;
    outcome.frozen = op.frozen;
    outcome.origin = op.fact == LaterFact::async_bounce ? SuppressionOrigin::outcome : SuppressionOrigin::report;
    WINNOW_TRY(result.suppressed, learn(record, outcome));
    WINNOW_CHECK(save(message));
    return result;
}

Result<OpResult> Apply::operator()(Release& op)
{
    WINNOW_TRY(StoredMessage message, load_message(op.ref));
    MessageRecord& record = message.record;
    const MessageState from = record.state;
    if (from != MessageState::held && !in_queue(from))
        return wrong_state(record, "released");
    WINNOW_CHECK(take_out(message));
    // A lane's owner gives back what it took and did not try: nothing has happened to the message.
    const bool given_back = in_queue(from) && op.due == record.due;
    if (from == MessageState::held)
        record.state = MessageState::queued;
    WINNOW_CHECK(put_due(message, op.due));
    WINNOW_CHECK(moved(record, from, record.state));
    if (!given_back) {
        WINNOW_CHECK(message_event(record, "released", ReplyClass::unknown, {}, {}));
    }
    WINNOW_CHECK(save(message));
    OpResult result;
    result.message = record.ref;
    return result;
}

Result<OpResult> Apply::operator()(CancelMessage& op)
{
    WINNOW_TRY(StoredMessage message, load_message(op.ref));
    MessageRecord& record = message.record;
    if (is_final(record.state))
        return wrong_state(record, "cancelled");
    const MessageState from = record.state;
    WINNOW_CHECK(take_out(message));
    record.state = MessageState::cancelled;
    WINNOW_CHECK(moved(record, from, record.state));
    WINNOW_CHECK(message_event(record, "cancelled", ReplyClass::unknown, std::move(op.reason), {}));
    WINNOW_CHECK(save(message));
    OpResult result;
    result.message = record.ref;
    return result;
}

Result<OpResult> Apply::operator()(CancelCampaign& op)
{
    WINNOW_CHECK(check_names({op.workspace, op.campaign}));
    std::string key = shape::state(State::cancelled_campaign, op.workspace, op.campaign);
    WINNOW_TRY(const auto cancelled, store_.get(Family::state, key));
    if (cancelled)
        return OpResult{};
    store_.put(Family::state, std::move(key), {});
    EventRecord event;
    event.workspace = op.workspace;
    event.type = "campaign.cancelled";
    event.campaign = op.campaign;
    WINNOW_CHECK(append(std::move(event)));
    return OpResult{};
}

Result<OpResult> Apply::operator()(MarkInFlight& op)
{
    for (const MessageRef ref : op.refs) {
        WINNOW_TRY(const auto message, load<StoredMessage>(Family::message, shape::message(ref)));
        if (!message || !in_queue(message->record.state))
            continue;
        std::string key = shape::message(ref);
        WINNOW_TRY(const auto marked, store_.get(Family::in_flight, key));
        if (marked)
            continue;
        store_.put(Family::in_flight, std::move(key), {});
        WINNOW_CHECK(count(message->record, [](QueueCounts& counts) { ++counts.in_flight; }));
    }
    return OpResult{};
}

}  // namespace winnow::storage
