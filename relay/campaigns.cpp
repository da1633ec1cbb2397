#include "relay/campaigns.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <map>
#include <set>

#include "core/csv.hpp"
#include "mail/message.hpp"
#include "relay/content.hpp"
#include "relay/outcome.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t rows_per_commit = 500;
constexpr std::size_t held_per_turn = 500;
constexpr milliseconds look_again{500};  ///< how often a campaign looks at its held and unfinished messages
constexpr milliseconds store_retry{5'000};

using storage::CampaignRecord;

std::uint64_t count(const CampaignRecord& c, MessageState state)
{
    const auto found = c.by_state.find(state);
    return found == c.by_state.end() ? 0 : found->second;
}

std::uint64_t unfinished(const CampaignRecord& c)
{
    return count(c, MessageState::accepted) + count(c, MessageState::queued) + count(c, MessageState::in_flight) +
           count(c, MessageState::deferred) + count(c, MessageState::held);
}

/// The row's values for the places that the template has.
std::map<std::string, std::string> merge_values(const storage::ListRecord& list, const storage::ListRow& row,
                                                const std::vector<std::string>& places)
{
    std::map<std::string, std::string> values;
    if (places.empty())
        return values;
    CsvDialect dialect;
    dialect.delimiter = std::string(1, list.delimiter);
    CsvReader reader{dialect};
    reader.feed(row.raw);
    reader.finish();
    const CsvRecord* const record = reader.next();
    if (!record)
        return values;
    for (std::size_t i = 0; i < std::min(record->fields.size(), list.columns.size()); ++i)
        if (std::find(places.begin(), places.end(), list.columns[i]) != places.end())
            values[list.columns[i]] = std::string(record->fields[i]);
    return values;
}

std::string missing_column(const storage::ListRecord& list, const std::vector<std::string>& places)
{
    for (const std::string& place : places)
        if (std::find(list.columns.begin(), list.columns.end(), place) == list.columns.end())
            return place;
    return {};
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

struct Campaigns::Impl : std::enable_shared_from_this<Campaigns::Impl> {
    Impl(Services s, RelayOptions o) : services(s), options(std::move(o)) {}

    Services services;
    RelayOptions options;
    std::set<std::string> running;  ///< "workspace/id" of the runners under way
    bool draining = false;

    awaitable<Result<CampaignRecord>> load(std::string workspace, std::string id);
    awaitable<void> launch(std::string workspace, std::string id);
    awaitable<void> run(std::string workspace, std::string id);
    /// One commit of rows through the gate; true when there are no more.
    awaitable<Result<bool>> pass_rows(CampaignRecord campaign);
    awaitable<Result<>> revisit_held(CampaignRecord campaign);
    awaitable<Result<>> finish(CampaignRecord campaign);
    storage::Enqueue message_for(const CampaignRecord& campaign, const storage::ListRecord& list,
                                 const storage::ListRow& row, const Address& recipient, const GateAnswer& answer,
                                 const std::vector<std::string>& places);
    GatePolicy policy_of(const CampaignRecord& campaign) const
    {
        return {MailClass::bulk, campaign.include_risky, campaign.hold_until};
    }
};

awaitable<Result<CampaignRecord>> Campaigns::Impl::load(std::string workspace, std::string id)
{
    WINNOW_CO_TRY(auto record, co_await services.engine.get_campaign(workspace, id));
    if (!record)
        co_return Error{Errc::not_found, "campaign " + id + " does not exist"};
    co_return std::move(*record);
}

awaitable<void> Campaigns::Impl::launch(std::string workspace, std::string id)
{
    const std::string key = workspace + "/" + id;
    if (draining || !running.insert(key).second)
        co_return;
    auto executor = co_await boost::asio::this_coro::executor;
    auto runner = run(workspace, id);
    boost::asio::co_spawn(executor, std::move(runner), [self = shared_from_this(), key](std::exception_ptr failed) {
        self->running.erase(key);
        if (!failed)
            return;
        try {
            std::rethrow_exception(failed);
        } catch (const std::exception& e) {
            self->services.log.error("campaign.failed", {{"campaign", key}, {"what", e.what()}});
        }
    });
}

storage::Enqueue Campaigns::Impl::message_for(const CampaignRecord& campaign, const storage::ListRecord& list,
                                              const storage::ListRow& row, const Address& recipient,
                                              const GateAnswer& answer, const std::vector<std::string>& places)
{
    const TimePoint now = services.engine.now();
    storage::MessageRecord message;
    message.id = make_ulid(now, services.rng);
    message.workspace = campaign.workspace;
    message.campaign = campaign.id;
    message.list_id = campaign.list_id;
    message.mail_class = MailClass::bulk;
    message.recipient = recipient.to_string();
    message.domain = recipient.domain;
    message.smtputf8 = recipient.eai;
    message.merge = merge_values(list, row, places);
    message.state = answer.decision == GateDecision::hold ? MessageState::held : MessageState::queued;
    message.held_reason = answer.decision == GateDecision::hold ? answer.reason : "";
    message.accepted = now;
    message.due = now;
    // A held message keeps its time to deliver: the clock of the queue starts when the gate lets it in.
    message.expires =
        std::max(now, message.state == MessageState::held ? campaign.hold_until : now) + options.expiry_bulk;
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
    WINNOW_CO_TRY(const auto places, campaign_places(campaign));

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
        AdmissionQuestion question;
        question.workspace = campaign.workspace;
        question.list_id = campaign.list_id;
        question.recipient = parsed.address;
        question.policy = policy_of(campaign);
        WINNOW_CO_TRY(const auto answer, co_await services.admission.ask(question));
        if (answer.decision == GateDecision::refuse) {
            ++campaign.refused;
            ++campaign.gate["refused:" + answer.reason];
            continue;
        }
        const bool hold = answer.decision == GateDecision::hold;
        ++(hold ? campaign.held : campaign.queued);
        ++campaign.gate[(hold ? "held:" : "queued:") + answer.reason];
        ops.ops.emplace_back(message_for(campaign, *list, row, parsed.address, answer, places));
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
    for (;;) {
        WINNOW_CO_TRY(const auto held,
                      co_await services.engine.held(campaign.workspace, campaign.id, after, held_per_turn));
        if (held.empty())
            co_return Result<>{};
        storage::OpList ops;
        for (const storage::MessageRecord& message : held) {
            after = message.ref;
            AdmissionQuestion question;
            question.workspace = message.workspace;
            question.list_id = message.list_id;
            question.recipient = parse_address(message.recipient).address;
            question.policy = policy_of(campaign);
            WINNOW_CO_TRY(const auto answer, co_await services.admission.ask(question));
            if (answer.decision == GateDecision::send)
                ops.ops.emplace_back(storage::Release{message.ref, services.engine.now()});
            else if (answer.decision == GateDecision::refuse)
                ops.ops.emplace_back(stopped_by_gate(message, answer, services.engine.now()));
        }
        if (!ops.ops.empty()) {
            WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
        }
    }
}

awaitable<Result<>> Campaigns::Impl::finish(CampaignRecord campaign)
{
    campaign.state = CampaignState::done;
    campaign.finished = services.engine.now();
    storage::EventRecord event;
    event.workspace = campaign.workspace;
    event.type = "campaign.completed";
    event.campaign = campaign.id;
    event.list_id = campaign.list_id;
    event.at = campaign.finished;
    auto ops = storage::OpList::of(storage::PutCampaign{campaign}, storage::AppendEvent{event});
    WINNOW_CO_CHECK(co_await services.engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<void> Campaigns::Impl::run(std::string workspace, std::string id)
{
    bool all_passed = false;
    while (!draining) {
        auto campaign = co_await load(workspace, id);
        if (campaign && campaign->state != CampaignState::running)
            co_return;
        Error trouble;
        if (!campaign) {
            trouble = campaign.error();
        } else if (!all_passed) {
            const auto passed = co_await pass_rows(*campaign);
            if (passed) {
                all_passed = *passed;
                continue;
            }
            trouble = passed.error();
        } else if (unfinished(*campaign) == 0) {
            const auto finished = co_await finish(*campaign);
            if (finished)
                co_return;
            trouble = finished.error();
        } else if (count(*campaign, MessageState::held) > 0) {
            const auto revisited = co_await revisit_held(*campaign);
            if (!revisited)
                trouble = revisited.error();
        }
        if (trouble.code && trouble.code != Errc::conflict)
            services.log.warn("campaign.waits", {{"campaign", id}, {"why", trouble.message()}});
        const milliseconds pause = trouble.code ? store_retry : look_again;
        if (co_await sleep_for(services.timers, pause) == Wake::cancelled)
            co_return;
    }
}

Campaigns::Campaigns(Services services, RelayOptions options)
    : impl_(std::make_shared<Impl>(services, std::move(options)))
{
}
Campaigns::~Campaigns() = default;

awaitable<Result<CampaignRecord>> Campaigns::create(CampaignRequest request)
{
    const std::shared_ptr<Impl> self = impl_;
    storage::Engine& engine = self->services.engine;
    WINNOW_CO_TRY(const auto list, co_await engine.get_list(request.workspace, request.list_id));
    if (!list)
        co_return Error{Errc::not_found, "list_id: list " + request.list_id + " does not exist"};
    if (!list->complete)
        co_return Error{Errc::invalid_argument, "list_id: the upload of list " + request.list_id + " is not finished"};
    if (request.subject.empty())
        co_return Error{Errc::invalid_argument, "subject: is empty"};
    if (request.text.empty() && request.html.empty())
        co_return Error{Errc::invalid_argument, "text: give a text or an html body"};
    WINNOW_CO_CHECK(parse_from(request.from));
    WINNOW_CO_CHECK(mail::check_header_value("subject", request.subject));
    for (const auto& [name, value] : request.headers) {
        WINNOW_CO_CHECK(mail::check_header_name(name));
        WINNOW_CO_CHECK(mail::check_header_value(name, value));
    }

    const TimePoint now = engine.now();
    CampaignRecord record;
    record.workspace = request.workspace;
    record.id = make_ulid(now, self->services.rng);
    record.list_id = request.list_id;
    record.name = request.name.empty() ? list->name : request.name;
    record.from = request.from;
    record.subject = request.subject;
    record.text = request.text;
    record.html = request.html;
    record.headers = request.headers;
    record.include_risky = request.include_risky;
    record.created = now;
    record.hold_until = now + request.hold_for;
    WINNOW_CO_TRY(const auto places, campaign_places(record));
    const std::string missing = missing_column(*list, places);
    if (!missing.empty())
        co_return Error{Errc::invalid_argument, "the list has no column \"" + missing + "\" for {{" + missing +
                                                    "}}; its columns are: " + joined(list->columns)};

    auto ops = storage::OpList::of(storage::PutCampaign{record});
    WINNOW_CO_TRY(const auto stored, co_await engine.commit(std::move(ops)));
    record.version = stored.results.front().version;
    co_return record;
}

awaitable<Result<CampaignRecord>> Campaigns::start(std::string workspace, std::string id)
{
    const std::shared_ptr<Impl> self = impl_;
    WINNOW_CO_TRY(auto record, co_await self->load(workspace, id));
    if (record.state == CampaignState::running)
        co_return record;  // starting twice is one start
    if (record.state != CampaignState::draft)
        co_return Error{Errc::conflict,
                        "campaign " + id + " is " + std::string(to_string(record.state)) + " and cannot be started"};
    const TimePoint now = self->services.engine.now();
    record.hold_until = now + (record.hold_until - record.created);
    record.state = CampaignState::running;
    record.started = now;
    auto ops = storage::OpList::of(storage::PutCampaign{record});
    WINNOW_CO_TRY(const auto stored, co_await self->services.engine.commit(std::move(ops)));
    record.version = stored.results.front().version;
    co_await self->launch(workspace, id);
    co_return record;
}

awaitable<Result<CampaignRecord>> Campaigns::get(std::string workspace, std::string id)
{
    const std::shared_ptr<Impl> self = impl_;
    co_return co_await self->load(workspace, id);
}

awaitable<Result<>> Campaigns::cancel(std::string workspace, std::string id)
{
    const std::shared_ptr<Impl> self = impl_;
    for (int turn = 0; turn < 5; ++turn) {
        WINNOW_CO_TRY(auto record, co_await self->load(workspace, id));
        if (record.state == CampaignState::cancelled)
            co_return Result<>{};
        if (record.state == CampaignState::done)
            co_return Error{Errc::conflict, "campaign " + id + " is done"};
        record.state = CampaignState::cancelled;
        record.finished = self->services.engine.now();
        auto ops = storage::OpList::of(storage::PutCampaign{record}, storage::CancelCampaign{workspace, id});
        const auto stored = co_await self->services.engine.commit(std::move(ops));
        if (stored)
            co_return Result<>{};
        // The runner moved its mark in between: read again.
        if (stored.error().code != Errc::conflict)
            co_return stored.error();
    }
    co_return Error{Errc::unavailable, "campaign " + id + " is being changed by others; try again"};
}

awaitable<Result<>> Campaigns::resume()
{
    const std::shared_ptr<Impl> self = impl_;
    WINNOW_CO_TRY(const auto open, co_await self->services.engine.running_campaigns());
    for (const CampaignRecord& campaign : open)
        co_await self->launch(campaign.workspace, campaign.id);
    co_return Result<>{};
}

awaitable<Result<CampaignRecord>> Campaigns::wait(std::string workspace, std::string id, SteadyPoint until,
                                                  std::function<void(const CampaignRecord&)> progress)
{
    const std::shared_ptr<Impl> self = impl_;
    for (;;) {
        WINNOW_CO_TRY(auto record, co_await self->load(workspace, id));
        if (progress)
            progress(record);
        const bool over = record.state == CampaignState::done || record.state == CampaignState::cancelled;
        if (over || self->services.clock.steady() >= until)
            co_return record;
        if (co_await sleep_for(self->services.timers, milliseconds{100}) == Wake::cancelled)
            co_return record;
    }
}

awaitable<void> Campaigns::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    while (!self->running.empty())
        if (co_await sleep_for(self->services.timers, milliseconds{10}) == Wake::cancelled)
            break;
}

}  // namespace winnow::relay
