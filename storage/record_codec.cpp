// Lists, jobs, verdicts, evidence: what verification stores. The queue's half is record_codec_queue.cpp.
#include "storage/record_codec.hpp"

#include "storage/record_envelope.hpp"

namespace winnow::storage {
namespace wire {

pb::Evidence to_wire(const Evidence& from)
{
    pb::Evidence to;
    to.set_kind(number(from.kind));
    to.set_at(ms(from.at));
    to.set_asked(from.asked);
    to.set_of(from.of);
    to.set_answer(from.answer);
    to.set_stage(number(from.stage));
    to.set_klass(number(from.klass));
    to.set_rule(from.rule);
    return to;
}

Evidence from_wire(const pb::Evidence& from, EnumReader& enums)
{
    Evidence to;
    to.kind = enums.read(from.kind(), EvidenceKind::policy);
    to.at = from_unix_ms(from.at());
    to.asked = from.asked();
    to.of = from.of();
    to.answer = from.answer();
    to.stage = enums.read(from.stage(), Stage::end_of_data);
    to.klass = enums.read(from.klass(), ReplyClass::unknown);
    to.rule = from.rule();
    return to;
}

pb::Verdict to_wire(const VerdictRecord& from)
{
    pb::Verdict to;
    to.set_verdict(number(from.verdict));
    to.set_reason(number(from.reason));
    to.set_p_bounce(from.p_bounce);
    to.set_p_low(from.p_low);
    to.set_p_high(from.p_high);
    to.set_flags(from.flags.bits());
    to.set_suggestion(from.suggestion);
    to.set_provider(from.provider);
    for (const Evidence& evidence : from.evidence)
        *to.add_evidence() = to_wire(evidence);
    to.set_checked_at(ms(from.checked_at));
    to.set_expires_at(ms(from.expires_at));
    to.set_probes(from.probes);
    return to;
}

VerdictRecord from_wire(const pb::Verdict& from, EnumReader& enums)
{
    VerdictRecord to;
    to.verdict = enums.read(from.verdict(), Verdict::unknown);
    to.reason = enums.read(from.reason(), Reason::internal_error);
    to.p_bounce = from.p_bounce();
    to.p_low = from.p_low();
    to.p_high = from.p_high();
    to.flags = Flags(from.flags());
    to.suggestion = from.suggestion();
    to.provider = from.provider();
    for (const pb::Evidence& evidence : from.evidence())
        to.evidence.push_back(from_wire(evidence, enums));
    to.checked_at = from_unix_ms(from.checked_at());
    to.expires_at = from_unix_ms(from.expires_at());
    to.probes = from.probes();
    return to;
}

}  // namespace wire

using namespace wire;

std::string encode(const ListRecord& record)
{
    pb::List to;
    to.set_workspace(record.workspace);
    to.set_id(record.id);
    to.set_name(record.name);
    to.set_source(record.source);
    to.set_collected_at(record.collected_at);
    to.set_consent_basis(record.consent_basis);
    to.set_created(ms(record.created));
    for (const std::string& column : record.columns)
        to.add_columns(column);
    to.set_header_raw(record.header_raw);
    to.set_terminator(record.terminator);
    to.set_delimiter(static_cast<std::uint8_t>(record.delimiter));
    to.set_email_column(record.email_column);
    to.set_rows(record.rows);
    to.set_duplicates(record.duplicates);
    to.set_malformed(record.malformed);
    to.set_complete(record.complete);
    to.set_version(record.version);
    if (record.format != ListFormat::csv)  // as in records that were written before there was more than CSV
        to.set_format(number(record.format));
    to.set_widest(record.widest);
    return wrap(Kind::list, to);
}

template <>
Result<ListRecord> decode<ListRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::List>(Kind::list, bytes));
    EnumReader enums;
    ListRecord to;
    to.workspace = from.workspace();
    to.id = from.id();
    to.name = from.name();
    to.source = from.source();
    to.collected_at = from.collected_at();
    to.consent_basis = from.consent_basis();
    to.created = from_unix_ms(from.created());
    to.format = from.format() == 0 ? ListFormat::csv : enums.read(from.format(), ListFormat::ndjson);
    to.columns.assign(from.columns().begin(), from.columns().end());
    to.header_raw = from.header_raw();
    to.terminator = from.terminator();
    to.delimiter = static_cast<char>(static_cast<std::uint8_t>(from.delimiter()));
    to.email_column = from.email_column();
    to.widest = from.widest();
    to.rows = from.rows();
    to.duplicates = from.duplicates();
    to.malformed = from.malformed();
    to.complete = from.complete();
    to.version = from.version();
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const ListRow& record)
{
    pb::Row to;
    to.set_number(record.number);
    to.set_line(record.line);
    to.set_raw(record.raw);
    to.set_address(record.address);
    to.set_duplicate_of(record.duplicate_of);
    to.set_malformed(record.malformed);
    to.set_person(record.person);
    return wrap(Kind::row, to);
}

template <>
Result<ListRow> decode<ListRow>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Row>(Kind::row, bytes));
    ListRow to;
    to.number = from.number();
    to.line = from.line();
    to.raw = from.raw();
    to.address = from.address();
    to.duplicate_of = from.duplicate_of();
    to.malformed = from.malformed();
    to.person = from.person();
    return to;
}

std::string encode(const RowResult& record)
{
    pb::Result to;
    to.set_number(record.number);
    to.set_state(number(record.state));
    to.set_due(ms(record.due));
    to.set_attempts(record.attempts);
    to.set_probe_source(record.probe_source);
    to.set_probe_mx(record.probe_mx);
    to.set_reverse_path(record.reverse_path);
    to.set_job(record.job);
    *to.mutable_verdict() = to_wire(record.verdict);
    for (const std::string& by : record.suppressed_by)
        to.add_suppressed_by(by);
    return wrap(Kind::result, to);
}

template <>
Result<RowResult> decode<RowResult>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Result>(Kind::result, bytes));
    EnumReader enums;
    RowResult to;
    to.number = from.number();
    to.state = enums.read(from.state(), RowState::done);
    to.due = from_unix_ms(from.due());
    to.attempts = from.attempts();
    to.probe_source = from.probe_source();
    to.probe_mx = from.probe_mx();
    to.reverse_path = from.reverse_path();
    to.job = from.job();
    to.verdict = from_wire(from.verdict(), enums);
    to.suppressed_by.assign(from.suppressed_by().begin(), from.suppressed_by().end());
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const JobRecord& record)
{
    pb::Job to;
    to.set_workspace(record.workspace);
    to.set_id(record.id);
    to.set_list_id(record.list_id);
    to.set_state(number(record.state));
    to.set_note(record.note);
    to.set_created(ms(record.created));
    to.set_started(ms(record.started));
    to.set_finished(ms(record.finished));
    to.set_deadline(ms(record.deadline));
    to.set_paused(ms(record.paused));
    to.set_next_row(record.next_row);
    to.set_total(record.counters.total);
    to.set_done(record.counters.done);
    to.set_waiting(record.counters.waiting);
    to.set_duplicates(record.counters.duplicates);
    to.set_malformed(record.counters.malformed);
    to.set_probes(record.counters.probes);
    to.set_connections(record.counters.connections);
    for (const auto& [reason, count] : record.counters.by_reason) {
        pb::Count& entry = *to.add_by_reason();
        entry.set_code(number(reason));
        entry.set_count(count);
    }
    to.set_version(record.version);
    return wrap(Kind::job, to);
}

template <>
Result<JobRecord> decode<JobRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Job>(Kind::job, bytes));
    EnumReader enums;
    JobRecord to;
    to.workspace = from.workspace();
    to.id = from.id();
    to.list_id = from.list_id();
    to.state = enums.read(from.state(), JobState::failed);
    to.note = from.note();
    to.created = from_unix_ms(from.created());
    to.started = from_unix_ms(from.started());
    to.finished = from_unix_ms(from.finished());
    to.deadline = from_unix_ms(from.deadline());
    to.paused = from_unix_ms(from.paused());
    to.next_row = from.next_row();
    to.counters.total = from.total();
    to.counters.done = from.done();
    to.counters.waiting = from.waiting();
    to.counters.duplicates = from.duplicates();
    to.counters.malformed = from.malformed();
    to.counters.probes = from.probes();
    to.counters.connections = from.connections();
    for (const pb::Count& entry : from.by_reason())
        to.counters.by_reason[enums.read(entry.code(), Reason::internal_error)] = entry.count();
    to.version = from.version();
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const VerdictRecord& record)
{
    return wrap(Kind::verdict, to_wire(record));
}

template <>
Result<VerdictRecord> decode<VerdictRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Verdict>(Kind::verdict, bytes));
    EnumReader enums;
    VerdictRecord to = from_wire(from, enums);
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const Evidence& record)
{
    return wrap(Kind::evidence, to_wire(record));
}

template <>
Result<Evidence> decode<Evidence>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Evidence>(Kind::evidence, bytes));
    EnumReader enums;
    Evidence to = from_wire(from, enums);
    WINNOW_CHECK(enums.status());
    return to;
}

std::string encode(const CatchAllRecord& record)
{
    pb::CatchAll to;
    to.set_answer(number(record.answer));
    to.set_site(record.site);
    to.set_checked(ms(record.checked));
    for (const Evidence& evidence : record.evidence)
        *to.add_evidence() = to_wire(evidence);
    return wrap(Kind::catch_all, to);
}

template <>
Result<CatchAllRecord> decode<CatchAllRecord>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::CatchAll>(Kind::catch_all, bytes));
    EnumReader enums;
    CatchAllRecord to;
    to.answer = enums.read(from.answer(), CatchAllRecord::Answer::inconclusive);
    to.site = from.site();
    to.checked = from_unix_ms(from.checked());
    for (const pb::Evidence& evidence : from.evidence())
        to.evidence.push_back(from_wire(evidence, enums));
    WINNOW_CHECK(enums.status());
    return to;
}

namespace {

void write_count(pb::StrikeCount& to, const StrikeState::Count& from)
{
    to.set_strikes(from.strikes);
    to.set_first(ms(from.first));
    to.set_last(ms(from.last));
}

StrikeState::Count read_count(const pb::StrikeCount& from)
{
    StrikeState::Count to;
    to.strikes = from.strikes();
    to.first = from_unix_ms(from.first());
    to.last = from_unix_ms(from.last());
    return to;
}

}  // namespace

std::string encode(const StrikeState& record)
{
    pb::Strikes to;
    write_count(*to.mutable_unknown(), record.unknown);
    write_count(*to.mutable_disabled(), record.disabled);
    write_count(*to.mutable_full(), record.full);
    write_count(*to.mutable_filtered(), record.filtered);
    return wrap(Kind::strikes, to);
}

template <>
Result<StrikeState> decode<StrikeState>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::Strikes>(Kind::strikes, bytes));
    StrikeState to;
    to.unknown = read_count(from.unknown());
    to.disabled = read_count(from.disabled());
    to.full = read_count(from.full());
    to.filtered = read_count(from.filtered());
    return to;
}

std::string encode(const StrikeState::Count& record)
{
    pb::StrikeCount to;
    write_count(to, record);
    return wrap(Kind::domain_strikes, to);
}

template <>
Result<StrikeState::Count> decode<StrikeState::Count>(std::string_view bytes)
{
    WINNOW_TRY(const auto from, unwrap<pb::StrikeCount>(Kind::domain_strikes, bytes));
    return read_count(from);
}

}  // namespace winnow::storage
