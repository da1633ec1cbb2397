#include <algorithm>

#include "core/csv.hpp"
#include "core/encoding.hpp"
#include "core/json_members.hpp"
#include "relay/campaign_impl.hpp"
#include "relay/campaign_people.hpp"
#include "relay/greylist_credit.hpp"
#include "relay/outcome.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t rows_per_commit = 500;
constexpr std::size_t held_per_turn = 500;
constexpr milliseconds look_again{500};  ///< how often a campaign looks at its unfinished messages
constexpr milliseconds store_retry{5'000};
constexpr milliseconds stop_poll{10};
/// Asking the gate about every held message costs a read each: the more there are, the rarer.
constexpr milliseconds per_held{1};
constexpr milliseconds longest_pause = std::chrono::minutes{5};
constexpr const char* same_person = "skipped:same_person";  ///< in CampaignRecord::gate

using storage::CampaignRecord;

std::uint64_t unfinished(const CampaignRecord& c)
{
    return count(c, MessageState::accepted) + count(c, MessageState::queued) + count(c, MessageState::in_flight) +
           count(c, MessageState::deferred) + count(c, MessageState::held);
}

/// How long until the next look: soon, unless many are held; never past the end of their hold.
milliseconds pause_of(const CampaignRecord& campaign, TimePoint now)
{
    const auto held = static_cast<milliseconds::rep>(count(campaign, MessageState::held));
    const milliseconds pause = std::clamp(held * per_held, look_again, longest_pause);
    if (now >= campaign.hold_until)
        return look_again;
    return std::min(pause, std::max(campaign.hold_until - now, look_again));
}

/// What the campaign says of its rows is what became of them: a held row is counted anew when it is held no more.
void count_anew(CampaignRecord& campaign, const storage::MessageRecord& held, const std::string& fate)
{
    const auto before = campaign.gate.find("held:" + held.held_reason);
    if (before != campaign.gate.end() && --before->second == 0)
        campaign.gate.erase(before);
    campaign.held -= std::min<std::uint64_t>(campaign.held, 1);
    ++campaign.gate[fate];
}

GatePolicy policy_of(const CampaignRecord& campaign)
{
    return {MailClass::bulk, campaign.include_risky, campaign.hold_until};
}

AdmissionQuestion question_for(const CampaignRecord& campaign, Address recipient)
{
    AdmissionQuestion question;
    question.workspace = campaign.workspace;
    question.list_id = campaign.list_id;
    question.recipient = std::move(recipient);
    question.policy = policy_of(campaign);
    return question;
}

/// The row's values for the places that the template has. Rows keep the octets of the upload; mail is written in UTF-8.
std::map<std::string, std::string> merge_values(const storage::ListRecord& list, const storage::ListRow& row,
                                                const std::vector<CampaignTemplate::Place>& places)
{
    std::map<std::string, std::string> values;
    if (places.empty())
        return values;
    const auto is_used = [&places](const std::string& column) {
        return std::any_of(places.begin(), places.end(), [&column](const auto& place) { return place.name == column; });
    };
    if (list.format == storage::ListFormat::ndjson) {
        const auto line = read_json_line(row.raw);
        for (const JsonMember& member : line ? line->members : std::vector<JsonMember>{})
            if (is_used(member.path))
                values[member.path] = member.value;
        return values;
    }
    CsvDialect dialect;
    dialect.delimiter = std::string(1, list.delimiter);
    CsvReader reader{dialect};
    reader.feed(to_utf8(row.raw));
    reader.finish();
    const CsvRecord* const record = reader.next();
    if (!record)
        return values;
    for (std::size_t i = 0; i < std::min(record->fields.size(), list.columns.size()); ++i) {
        const std::string& column = list.columns[i];
        if (is_used(column))
            values[column] = std::string(record->fields[i]);
    }
    return values;
}

}  // namespace

storage::Enqueue Campaigns::Impl::message_for(const CampaignRecord& campaign, const storage::ListRow& row,
                                              const Address& recipient, const GateAnswer& answer,
                                              std::map<std::string, std::string> merge)
{
    const TimePoint now = services.engine.now();
    const bool hold = answer.decision == GateDecision::hold;
    storage::MessageRecord message;
    message.id = make_ulid(now, services.rng);
    message.workspace = campaign.workspace;
    message.campaign = campaign.id;
    message.list_id = campaign.list_id;
    message.mail_class = MailClass::bulk;
    message.recipient = recipient.to_string();
    message.domain = recipient.domain;
    message.smtputf8 = recipient.eai;
    message.merge = std::move(merge);
    message.person = row.person;
    message.state = hold ? MessageState::held : MessageState::queued;
    message.held_reason = hold ? answer.reason : "";
    message.accepted = now;
    message.due = now;
    // A held message keeps its time to deliver: the clock of the queue starts when the gate lets it in.
    message.expires = std::max(now, hold ? campaign.hold_until : now) + options.expiry_bulk;
    return {std::move(message)};
}

awaitable<Result<bool>> Campaigns::Impl::pass_rows(CampaignRecord campaign)
{
    WINNOW_CO_TRY(const auto list, co_await services.engine.get_list(campaign.workspace, campaign.list_id));
    if (!list)
        co_return Error{Errc::not_found, "list " + campaign.list_id + " of the campaign was deleted"};
    WINNOW_CO_TRY(const auto rows, co_await services.engine.rows(campaign.workspace, campaign.list_id,
                                                                 campaign.next_row, rows_per_commit));
    if (rows.empty())
        co_return true;
    WINNOW_CO_TRY(const auto form, CampaignTemplate::parse(campaign));

    CampaignPeople people{services.engine, campaign};
    GreylistCredits credits{services.keys, options};
    WINNOW_CO_CHECK(
        co_await credits.read(services.engine, campaign.workspace, campaign.list_id, rows.front().number, rows.size()));
    storage::OpList ops;
    for (const storage::ListRow& row : rows) {
        campaign.next_row = row.number + 1;
        if (row.duplicate_of != 0) {
            ++campaign.gate["skipped:duplicate"];
            continue;
        }
        const ParsedAddress parsed = parse_address(row.address);
        if (!row.malformed.empty() || !parsed.valid) {
            ++campaign.refused;
            ++campaign.gate[row.malformed.empty() ? "refused:syntax_invalid" : "refused:malformed_row"];
            continue;
        }
        auto merge = merge_values(*list, row, form.places());
        // A value with a line end in a header could add fields of its own (RFC 5322 section 2.2).
        if (form.header_breaker(merge)) {
            ++campaign.refused;
            ++campaign.gate["refused:line_break_in_header"];
            continue;
        }
        auto question = question_for(campaign, parsed.address);
        WINNOW_CO_TRY(const auto answer, co_await services.admission.ask(std::move(question)));
        if (answer.decision == GateDecision::refuse) {
            ++campaign.refused;
            ++campaign.gate["refused:" + answer.reason];
            continue;
        }
        auto enqueue = message_for(campaign, row, parsed.address, answer, std::move(merge));
        WINNOW_CO_TRY(const bool has_other, co_await people.has_other(row.person, enqueue.message.id));
        if (has_other) {
            ++campaign.gate[same_person];
            continue;
        }
        const bool hold = answer.decision == GateDecision::hold;
        ++(hold ? campaign.held : campaign.queued);
        ++campaign.gate[(hold ? "held:" : "queued:") + answer.reason];
        if (!hold)
            people.give(row.person, enqueue.message.id, ops);
        credits.give(row.number, enqueue.message, ops);
        ops.ops.emplace_back(std::move(enqueue));
    }
    // The mark moves in the same commit as the messages: after a crash no row passes twice and none is skipped.
    ops.ops.emplace_back(storage::PutCampaign{campaign});
    WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
    co_return false;
}

/// Held messages whose recipients have a verdict by now, or whose hold is over.
awaitable<Result<>> Campaigns::Impl::revisit_held(CampaignRecord campaign)
{
    MessageRef after{};
    while (!draining) {
        WINNOW_CO_TRY(const auto held,
                      co_await services.engine.held(campaign.workspace, campaign.id, after, held_per_turn));
        if (held.empty())
            break;
        after = held.back().ref;
        WINNOW_CO_CHECK(co_await revisit(campaign, held));
    }
    co_return Result<>{};
}

/// One commit of them. Those that a delivery had sent back were counted when they were queued.
awaitable<Result<>> Campaigns::Impl::revisit(CampaignRecord& campaign, const std::vector<storage::MessageRecord>& held)
{
    const TimePoint now = services.engine.now();
    CampaignPeople people{services.engine, campaign};
    storage::OpList ops;
    for (const storage::MessageRecord& message : held) {
        const bool is_counted_as_held = message.history.empty();
        WINNOW_CO_TRY(const bool has_other, co_await people.has_other(message.person, message.id));
        if (has_other) {
            if (is_counted_as_held)
                count_anew(campaign, message, same_person);
            ops.ops.emplace_back(stopped_by_gate(message, {GateDecision::refuse, "same_person", {}}, now));
            continue;
        }
        auto question = question_for(campaign, parse_address(message.recipient).address);
        WINNOW_CO_TRY(const auto answer, co_await services.admission.ask(std::move(question)));
        if (answer.decision == GateDecision::hold)
            continue;
        const bool send = answer.decision == GateDecision::send;
        if (is_counted_as_held) {
            count_anew(campaign, message, (send ? "queued:" : "refused:") + answer.reason);
            ++(send ? campaign.queued : campaign.refused);
        }
        if (send) {
            people.give(message.person, message.id, ops);
            ops.ops.emplace_back(storage::Release{message.ref, now});
        } else {
            ops.ops.emplace_back(stopped_by_gate(message, answer, now));
        }
    }
    if (ops.ops.empty())
        co_return Result<>{};
    ops.ops.emplace_back(storage::PutCampaign{campaign});
    WINNOW_CO_TRY(const auto stored, co_await services.engine.commit(std::move(ops)));
    campaign.version = stored.results.back().version;
    co_return Result<>{};
}

/// Nobody will let the held ones in any more; the others end when delivery comes to them. True when none is left.
awaitable<Result<bool>> Campaigns::Impl::wind_up(CampaignRecord campaign)
{
    const MessageRef from_the_start;
    WINNOW_CO_TRY(const auto held,
                  co_await services.engine.held(campaign.workspace, campaign.id, from_the_start, held_per_turn));
    storage::OpList ops;
    for (const storage::MessageRecord& message : held)
        ops.ops.emplace_back(storage::CancelMessage{message.ref, "campaign cancelled"});
    if (!ops.ops.empty()) {
        WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
        co_return false;
    }
    // What was on its way to an attempt may come back as held.
    if (unfinished(campaign) > 0)
        co_return !co_await rest(look_again);
    if (campaign.finished == TimePoint{}) {
        campaign.finished = services.engine.now();
        auto last = storage::OpList::of(storage::PutCampaign{std::move(campaign)});
        WINNOW_CO_CHECK(co_await services.engine.commit(std::move(last)));
    }
    co_return true;
}

awaitable<Result<>> Campaigns::Impl::finish(CampaignRecord campaign)
{
    campaign.state = CampaignState::done;
    campaign.note.clear();  // why held rows had to wait
    campaign.finished = services.engine.now();
    storage::EventRecord event;
    event.workspace = campaign.workspace;
    event.type = "campaign.completed";
    event.campaign = campaign.id;
    event.list_id = campaign.list_id;
    event.at = campaign.finished;
    auto ops = storage::OpList::of(storage::PutCampaign{std::move(campaign)}, storage::AppendEvent{std::move(event)});
    WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<bool>> Campaigns::Impl::step(CampaignRecord campaign, Progress& progress)
{
    if (campaign.state == CampaignState::cancelled)
        co_return co_await wind_up(std::move(campaign));
    if (campaign.state != CampaignState::running)
        co_return true;
    if (!progress.all_passed) {
        WINNOW_CO_TRY(progress.all_passed, co_await pass_rows(std::move(campaign)));
        co_return false;
    }
    if (unfinished(campaign) == 0) {
        WINNOW_CO_CHECK(co_await finish(std::move(campaign)));
        co_return true;
    }
    if (count(campaign, MessageState::held) > 0) {
        WINNOW_CO_CHECK(co_await revisit_held(campaign));
        WINNOW_CO_CHECK(co_await seek_verdicts(campaign.workspace, campaign.id, progress));
    }
    const milliseconds pause = pause_of(campaign, services.engine.now());
    co_return !co_await rest(pause);
}

awaitable<bool> Campaigns::Impl::rest(milliseconds pause)
{
    // In short steps: drain() and cancel() are heard within one of them.
    const SteadyPoint until = services.clock.steady() + pause;
    const std::uint64_t cancels_before = cancels;
    while (!draining && cancels == cancels_before && services.clock.steady() < until) {
        const auto left = std::chrono::ceil<milliseconds>(until - services.clock.steady());
        if (co_await sleep_for(services.timers, std::min(left, look_again)) == Wake::cancelled)
            co_return false;
    }
    co_return !draining;
}

awaitable<void> Campaigns::Impl::run(std::string workspace, std::string id)
{
    const std::string key = workspace + "/" + id;
    Progress progress;
    while (!draining) {
        // Each commit of the runner would make the canceller's fail.
        if (stopping.count(key) > 0) {
            if (co_await sleep_for(services.timers, stop_poll) == Wake::cancelled)
                co_return;
            continue;
        }
        Error trouble;
        auto campaign = co_await load(workspace, id);
        if (campaign) {
            const auto over = co_await step(std::move(*campaign), progress);
            if (over && *over)
                co_return;
            if (over)
                continue;
            trouble = over.error();
        } else {
            trouble = campaign.error();
        }
        // A conflict is somebody else's change to the campaign: read again.
        if (trouble.code != Errc::conflict)
            services.log.warn("campaign.waits", {{"campaign", id}, {"why", trouble.message()}});
        const milliseconds pause = trouble.code == Errc::conflict ? look_again : store_retry;
        const bool goes_on = co_await rest(pause);
        if (!goes_on)
            co_return;
    }
}

}  // namespace winnow::relay
