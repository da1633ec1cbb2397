#include "relay/campaigns.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "core/join.hpp"
#include "mail/message.hpp"
#include "relay/campaign_impl.hpp"

namespace winnow::relay {
namespace {

using storage::CampaignRecord;

Error wrong(std::string what)
{
    return Error{Errc::invalid_argument, std::move(what)};
}

/// Marks a campaign for as long as it lives.
class Stopping {
public:
    Stopping(std::multiset<std::string>& all, std::string key) : all_(all), mine_(all.insert(std::move(key))) {}
    Stopping(const Stopping&) = delete;
    Stopping& operator=(const Stopping&) = delete;
    ~Stopping() { all_.erase(mine_); }

private:
    std::multiset<std::string>& all_;
    std::multiset<std::string>::iterator mine_;
};

/// Every place of the template has its column.
Result<> check_places(const CampaignTemplate& form, const storage::ListRecord& list)
{
    for (const CampaignTemplate::Place& place : form.places())
        if (std::find(list.columns.begin(), list.columns.end(), place.name) == list.columns.end())
            return wrong(place.field + ": {{" + place.name + "}} is no column of the list; its columns are: " +
                         (list.columns.empty() ? "(none)" : joined(list.columns)));
    return {};
}

Result<> check_request(const CampaignRequest& request)
{
    if (request.subject.empty())
        return wrong("subject: is empty");
    if (request.text.empty() && request.html.empty())
        return wrong("text: give a text or an html body");
    if (request.hold_for < milliseconds{0})
        return wrong("hold_for: is negative");
    WINNOW_CHECK(mail::check_header_value("subject", request.subject));
    for (const auto& [name, value] : request.headers) {
        WINNOW_CHECK(mail::check_header_name(name));
        WINNOW_CHECK(mail::check_header_value(name, value));
    }
    return {};
}

}  // namespace

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
    auto runner = run(std::move(workspace), std::move(id));
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
        co_return wrong("list_id: the upload of list " + request.list_id + " is not finished");
    WINNOW_CO_CHECK(check_request(request));

    const TimePoint now = engine.now();
    CampaignRecord record;
    record.workspace = std::move(request.workspace);
    record.id = request.id.empty() ? make_ulid(now, self->services.rng) : std::move(request.id);
    record.list_id = std::move(request.list_id);
    record.name = request.name.empty() ? list->name : std::move(request.name);
    record.from = std::move(request.from);
    record.subject = std::move(request.subject);
    record.text = std::move(request.text);
    record.html = std::move(request.html);
    record.headers = std::move(request.headers);
    record.include_risky = request.include_risky;
    record.verify_held = request.verify_held;
    record.key_id = std::move(request.key_id);
    record.created = now;
    record.hold_until = now + request.hold_for;
    WINNOW_CO_TRY(const auto form, CampaignTemplate::parse(record));
    WINNOW_CO_CHECK(check_places(form, *list));
    if (!request.allowed.allows(form.from_address()))
        co_return Error{Errc::permission_denied, "from: this credential may not send as " + form.from_address() +
                                                     "; it may use " + request.allowed.to_string()};
    // A trial tells now what would else fail for every recipient.
    storage::MessageRecord trial;
    trial.id = record.id;
    trial.recipient = "someone@example.com";
    trial.accepted = now;
    for (const auto& place : form.places())
        trial.merge[place.name] = "x";
    WINNOW_CO_CHECK(form.render(trial, self->options, self->services.keys));

    storage::OpList ops = std::move(request.with);
    ops.ops.insert(ops.ops.begin(), storage::PutCampaign{record});
    WINNOW_CO_TRY(const auto stored, co_await engine.commit(std::move(ops)));
    if (stored.replayed)
        co_return Error{Errc::conflict, "the campaign of this idempotency key was made before"};
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
    co_return co_await self->load(std::move(workspace), std::move(id));
}

awaitable<Result<>> Campaigns::cancel(std::string workspace, std::string id)
{
    const std::shared_ptr<Impl> self = impl_;
    const Stopping stopping{self->stopping, workspace + "/" + id};
    for (int turn = 0; turn < 5; ++turn) {
        WINNOW_CO_TRY(auto record, co_await self->load(workspace, id));
        if (record.state == CampaignState::done)
            co_return Error{Errc::conflict, "campaign " + id + " is done"};
        if (record.state != CampaignState::cancelled) {
            record.state = CampaignState::cancelled;  // finished when its last message is
            auto ops = storage::OpList::of(storage::PutCampaign{record}, storage::CancelCampaign{workspace, id});
            const auto stored = co_await self->services.engine.commit(std::move(ops));
            // On a conflict the runner moved its mark in between: read again.
            if (!stored && stored.error().code != Errc::conflict)
                co_return stored.error();
            if (!stored)
                continue;
        }
        ++self->cancels;
        // The runner takes the held messages out; delivery asks for the mark before each attempt.
        co_await self->launch(workspace, id);
        co_return Result<>{};
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
