// Campaigns, messages, suppressions, events and the engine's own records.
#include "storage/record_codec.hpp"
#include "storage/record_envelope.hpp"

namespace winnow::storage {

using namespace wire;

namespace {

template <class Entries>
void write_pairs(Entries* to, const std::map<std::string, std::string>& from)
{
    for (const auto& [key, value] : from) {
        pb::Pair& pair = *to->Add();
        pair.set_key(key);
        pair.set_value(value);
    }
}

template <class Entries>
std::map<std::string, std::string> read_pairs(const Entries& from)
{
    std::map<std::string, std::string> to;
    for (const pb::Pair& pair : from)
        to.emplace(pair.key(), pair.value());
    return to;
}

template <class Entries>
void write_names(Entries* to, const std::map<std::string, std::uint64_t>& from)
{
    for (const auto& [name, count] : from) {
        pb::NamedCount& entry = *to->Add();
        entry.set_name(name);
        entry.set_count(count);
    }
}

template <class Entries>
std::map<std::string, std::uint64_t> read_names(const Entries& from)
{
    std::map<std::string, std::uint64_t> to;
    for (const pb::NamedCount& entry : from)
        to.emplace(entry.name(), entry.count());
    return to;
}

void write_attempt(pb::Attempt& to, const AttemptRecord& from)
{
    to.set_at(ms(from.at));
    to.set_mx(from.mx);
    to.set_source(from.source);
    to.set_stage(number(from.stage));
    to.set_klass(number(from.klass));
    to.set_reply(from.reply);
    to.set_rule(from.rule);
    to.set_tls(from.tls);
}

AttemptRecord read_attempt(const pb::Attempt& from, EnumReader& enums)
{
    AttemptRecord to;
    to.at = from_unix_ms(from.at());
    to.mx = from.mx();
    to.source = from.source();
    to.stage = enums.read(from.stage(), Stage::end_of_data);
    to.klass = enums.read(from.klass(), ReplyClass::unknown);
    to.reply = from.reply();
    to.rule = from.rule();
    to.tls = from.tls();
    return to;
}

std::optional<H16> read_digest(const std::string& bytes)
{
    H16 digest;
    if (bytes.size() != digest.bytes.size())
        return std::nullopt;
    std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
    return digest;
}

}  // namespace

std::string encode(const CampaignRecord& record)
{
    pb::Campaign to;
    to.set_workspace(record.workspace);
    to.set_id(record.id);
    to.set_list_id(record.list_id);
    to.set_name(record.name);
    to.set_state(number(record.state));
    to.set_note(record.note);
    to.set_from(record.from);
    to.set_subject(record.subject);
    to.set_text(record.text);
    to.set_html(record.html);
    write_pairs(to.mutable_headers(), record.headers);
    to.set_include_risky(record.include_risky);
    to.set_created(ms(record.created));
    to.set_started(ms(record.started));
    to.set_finished(ms(record.finished));
    to.set_hold_until(ms(record.hold_until));
    to.set_next_row(record.next_row);
    to.set_queued(record.queued);
    to.set_held(record.held);
    to.set_refused(record.refused);
    write_names(to.mutable_gate(), record.gate);
    to.set_version(record.version);
    to.set_verify_held(record.verify_held);
    to.set_key_id(record.key_id);
    to.set_verification(record.verification);
    return wrap(Kind::campaign, to);
}

template <>
Result<CampaignRecord> decode<CampaignRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Campaign>(Kind::campaign, bytes));
    EnumReader enums;
    CampaignRecord to;
    to.workspace = from.workspace();
    to.id = from.id();
    to.list_id = from.list_id();
    to.name = from.name();
    to.state = enums.read(from.state(), CampaignState::cancelled);
    to.note = from.note();
    to.from = from.from();
    to.subject = from.subject();
    to.text = from.text();
    to.html = from.html();
    to.headers = read_pairs(from.headers());
    to.include_risky = from.include_risky();
    to.created = from_unix_ms(from.created());
    to.started = from_unix_ms(from.started());
    to.finished = from_unix_ms(from.finished());
    to.hold_until = from_unix_ms(from.hold_until());
    to.next_row = from.next_row();
    to.queued = from.queued();
    to.held = from.held();
    to.refused = from.refused();
    to.gate = read_names(from.gate());
    to.version = from.version();
    to.verify_held = from.verify_held();
    to.key_id = from.key_id();
    to.verification = from.verification();
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const CampaignCounts& record)
{
    pb::CampaignCounts to;
    for (const auto& [state, count] : record.by_state) {
        pb::Count& entry = *to.add_by_state();
        entry.set_code(number(state));
        entry.set_count(count);
    }
    write_names(to.mutable_later(), record.later);
    return wrap(Kind::campaign_counts, to);
}

template <>
Result<CampaignCounts> decode<CampaignCounts>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::CampaignCounts>(Kind::campaign_counts, bytes));
    EnumReader enums;
    CampaignCounts to;
    for (const pb::Count& entry : from.by_state())
        to.by_state[enums.read(entry.code(), MessageState::cancelled)] = entry.count();
    to.later = read_names(from.later());
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const QueueCounts& record)
{
    pb::QueueCounts to;
    to.set_queued(record.queued);
    to.set_held(record.held);
    to.set_in_flight(record.in_flight);
    write_names(to.mutable_held_by_reason(), record.held_by_reason);
    return wrap(Kind::queue_counts, to);
}

template <>
Result<QueueCounts> decode<QueueCounts>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::QueueCounts>(Kind::queue_counts, bytes));
    QueueCounts to;
    to.queued = from.queued();
    to.held = from.held();
    to.in_flight = from.in_flight();
    to.held_by_reason = read_names(from.held_by_reason());
    return to;
}

std::string encode(const StoredMessage& stored)
{
    const MessageRecord& record = stored.record;
    pb::Message to;
    to.set_lane(record.ref.lane.value);
    to.set_seq(record.ref.seq);
    to.set_id(record.id);
    to.set_workspace(record.workspace);
    to.set_campaign(record.campaign);
    to.set_list_id(record.list_id);
    to.set_mail_class(number(record.mail_class));
    to.set_recipient(record.recipient);
    to.set_domain(record.domain);
    to.set_reverse_path(record.reverse_path);
    to.set_envelope_from(record.envelope_from);
    to.set_body_id(record.body_id);
    write_pairs(to.mutable_merge(), record.merge);
    to.set_smtputf8(record.smtputf8);
    to.set_eight_bit(record.eight_bit);
    to.set_dsn_notify(record.dsn_notify);
    to.set_dsn_envid(record.dsn_envid);
    to.set_dsn_orcpt(record.dsn_orcpt);
    to.set_dsn_ret(record.dsn_ret);
    to.set_submitter(record.submitter);
    to.set_state(number(record.state));
    to.set_held_reason(record.held_reason);
    to.set_accepted(ms(record.accepted));
    to.set_due(ms(record.due));
    to.set_expires(ms(record.expires));
    to.set_attempts(record.attempts);
    for (const AttemptRecord& attempt : record.history)
        write_attempt(*to.add_history(), attempt);
    for (const LaterFact fact : record.later)
        to.add_later(number(fact));
    to.set_person(record.person);
    to.set_held_seq(stored.held_seq);
    return wrap(Kind::message, to);
}

template <>
Result<StoredMessage> decode<StoredMessage>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Message>(Kind::message, bytes));
    EnumReader enums;
    StoredMessage stored;
    MessageRecord& to = stored.record;
    to.ref = MessageRef{LaneId{from.lane()}, from.seq()};
    to.id = from.id();
    to.workspace = from.workspace();
    to.campaign = from.campaign();
    to.list_id = from.list_id();
    to.mail_class = enums.read(from.mail_class(), MailClass::transactional);
    to.recipient = from.recipient();
    to.domain = from.domain();
    to.reverse_path = from.reverse_path();
    to.envelope_from = from.envelope_from();
    to.body_id = from.body_id();
    to.merge = read_pairs(from.merge());
    to.smtputf8 = from.smtputf8();
    to.eight_bit = from.eight_bit();
    to.dsn_notify = from.dsn_notify();
    to.dsn_envid = from.dsn_envid();
    to.dsn_orcpt = from.dsn_orcpt();
    to.dsn_ret = from.dsn_ret();
    to.submitter = from.submitter();
    to.state = enums.read(from.state(), MessageState::cancelled);
    to.held_reason = from.held_reason();
    to.accepted = from_unix_ms(from.accepted());
    to.due = from_unix_ms(from.due());
    to.expires = from_unix_ms(from.expires());
    to.attempts = from.attempts();
    for (const pb::Attempt& attempt : from.history())
        to.history.push_back(read_attempt(attempt, enums));
    for (const std::uint32_t fact : from.later())
        to.later.push_back(enums.read(fact, LaterFact::unsubscribe));
    to.person = from.person();
    stored.held_seq = from.held_seq();
    WINNOW_CHECK(enums.status());
    return stored;
}

std::string encode(const SuppressionFacts& record)
{
    pb::Suppression to;
    for (const SuppressionFacts::Fact& fact : record.facts) {
        pb::SuppressionFact& entry = *to.add_facts();
        entry.set_reason(number(fact.core.reason));
        entry.set_first(ms(fact.core.first));
        entry.set_last(ms(fact.core.last));
        entry.set_permanent(!fact.core.expires);
        if (fact.core.expires)
            entry.set_expires(ms(*fact.core.expires));
        entry.set_strikes(fact.core.strikes);
        entry.set_origin(number(fact.origin));
        entry.set_klass(number(fact.klass));
        entry.set_rule(fact.rule);
        entry.set_source_event(fact.source_event);
        entry.set_note(fact.note);
        entry.set_noted(ms(fact.noted));
        entry.set_note_imported(fact.note_imported);
        entry.set_actor(fact.actor);
        entry.set_provider(fact.provider);
    }
    if (record.domain)
        to.set_domain_digest(std::string(record.domain->view()));
    to.set_whole_domain(record.whole_domain);
    for (const std::string& damaged : record.damaged)
        to.add_damaged(damaged);
    return wrap(Kind::suppression, to);
}

template <>
Result<SuppressionFacts> decode<SuppressionFacts>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Suppression>(Kind::suppression, bytes));
    EnumReader enums;
    SuppressionFacts to;
    for (const pb::SuppressionFact& entry : from.facts()) {
        SuppressionFacts::Fact& fact = to.facts.emplace_back();
        fact.core.reason = enums.read(entry.reason(), SuppressionReason::erased);
        fact.core.first = from_unix_ms(entry.first());
        fact.core.last = from_unix_ms(entry.last());
        if (!entry.permanent())
            fact.core.expires = from_unix_ms(entry.expires());
        fact.core.strikes = entry.strikes();
        fact.origin = enums.read(entry.origin(), SuppressionOrigin::import_);
        fact.klass = enums.read(entry.klass(), ReplyClass::unknown);
        fact.rule = entry.rule();
        fact.source_event = entry.source_event();
        fact.note = entry.note();
        if (!fact.note.empty()) {
            // Records of older versions: the note was the last one's who spoke.
            const bool own = entry.noted() != 0;
            fact.noted = own ? from_unix_ms(entry.noted()) : fact.core.last;
            fact.note_imported = own ? entry.note_imported() : fact.origin == SuppressionOrigin::import_;
        }
        fact.actor = entry.actor();
        fact.provider = entry.provider();
    }
    to.domain = read_digest(from.domain_digest());
    to.whole_domain = from.whole_domain();
    to.damaged.assign(from.damaged().begin(), from.damaged().end());
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const EventRecord& record)
{
    pb::Event to;
    to.set_seq(record.seq);
    to.set_at(ms(record.at));
    to.set_workspace(record.workspace);
    to.set_type(record.type);
    to.set_message_id(record.message_id);
    to.set_campaign(record.campaign);
    to.set_list_id(record.list_id);
    to.set_address(std::string(record.address.view()));
    to.set_klass(number(record.klass));
    to.set_detail(record.detail);
    to.set_rule(record.rule);
    return wrap(Kind::event, to);
}

template <>
Result<EventRecord> decode<EventRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Event>(Kind::event, bytes));
    EnumReader enums;
    EventRecord to;
    to.seq = from.seq();
    to.at = from_unix_ms(from.at());
    to.workspace = from.workspace();
    to.type = from.type();
    to.message_id = from.message_id();
    to.campaign = from.campaign();
    to.list_id = from.list_id();
    to.address = read_digest(from.address()).value_or(H16{});
    to.klass = enums.read(from.klass(), ReplyClass::unknown);
    to.detail = from.detail();
    to.rule = from.rule();
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const StoredBody& record)
{
    pb::Body to;
    to.set_inline_(record.bytes);
    to.set_in_segment(record.in_segment);
    to.set_segment(record.segment);
    to.set_offset(record.offset);
    to.set_length(record.length);
    to.set_crc(record.crc);
    return wrap(Kind::body, to);
}

template <>
Result<StoredBody> decode<StoredBody>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Body>(Kind::body, bytes));
    StoredBody to;
    to.bytes = from.inline_();
    to.in_segment = from.in_segment();
    to.segment = from.segment();
    to.offset = from.offset();
    to.length = from.length();
    to.crc = from.crc();
    return to;
}

std::string encode(const StoredValue& record)
{
    pb::Value to;
    to.set_value(record.value);
    to.set_expires(ms(record.expires));
    return wrap(Kind::value, to);
}

template <>
Result<StoredValue> decode<StoredValue>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Value>(Kind::value, bytes));
    return StoredValue{from.value(), from_unix_ms(from.expires())};
}

std::string encode(const StoredSequence& record)
{
    pb::Sequence to;
    to.set_last(record.last);
    return wrap(Kind::sequence, to);
}

template <>
Result<StoredSequence> decode<StoredSequence>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Sequence>(Kind::sequence, bytes));
    return StoredSequence{from.last()};
}

std::string encode(const StoredOutcome& record)
{
    pb::Idempotency to;
    to.set_fingerprint(record.fingerprint);
    to.set_expires(ms(record.expires));
    for (const OpResult& result : record.results) {
        pb::OutcomeOfOp& outcome = *to.add_outcomes();
        outcome.set_lane(result.message.lane.value);
        outcome.set_seq(result.message.seq);
        outcome.set_version(result.version);
        if (result.suppressed)
            outcome.set_suppressed(number(*result.suppressed));
        outcome.set_removed(result.removed);
        outcome.set_counter(result.counter);
    }
    return wrap(Kind::outcome, to);
}

template <>
Result<StoredOutcome> decode<StoredOutcome>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Idempotency>(Kind::outcome, bytes));
    EnumReader enums;
    StoredOutcome to;
    to.fingerprint = from.fingerprint();
    to.expires = from_unix_ms(from.expires());
    for (const pb::OutcomeOfOp& outcome : from.outcomes()) {
        OpResult& result = to.results.emplace_back();
        result.message = MessageRef{LaneId{outcome.lane()}, outcome.seq()};
        result.version = outcome.version();
        if (outcome.suppressed() != 0)
            result.suppressed = enums.read(outcome.suppressed(), SuppressionReason::erased);
        result.removed = outcome.removed();
        result.counter = outcome.counter();
    }
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const StoreMeta& record)
{
    pb::Meta to;
    to.set_format(record.format);
    to.set_engine_uuid(record.engine_uuid);
    to.set_lanes(record.lanes);
    to.set_key_id(record.key_id);
    return wrap(Kind::meta, to);
}

template <>
Result<StoreMeta> decode<StoreMeta>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Meta>(Kind::meta, bytes));
    return StoreMeta{from.format(), from.engine_uuid(), from.lanes(), from.key_id()};
}

}  // namespace winnow::storage
