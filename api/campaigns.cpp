// /api/v1/campaigns: create, start, watch, cancel, and who was held back.
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/idempotency.hpp"
#include "api/paging.hpp"
#include "api/record_json.hpp"
#include "api/router.hpp"
#include "core/ids.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;
using storage::CampaignRecord;

constexpr std::size_t max_body_part = 512 * 1024;

awaitable<Result<json>> campaign_json(Context& context, CampaignRecord campaign)
{
    std::optional<storage::JobRecord> job;
    if (!campaign.verification.empty()) {
        WINNOW_CO_TRY(job, co_await context.services.engine.get_job(campaign.workspace, campaign.verification));
    }
    co_return Result<json>{boost::system::in_place_value, to_json(campaign, job ? &*job : nullptr)};
}

awaitable<Answer> answer_with(Context& context, int status, CampaignRecord campaign)
{
    json body;
    WINNOW_CO_TRY(body["campaign"], co_await campaign_json(context, std::move(campaign)));
    co_return json_response(status, body);
}

/// The campaigns say which field is wrong in front of a colon: "subject: is empty".
Problem creation_problem(const Error& error)
{
    Problem problem = problem_of(error);
    if (error.code == Errc::permission_denied) {
        const std::string_view field = "from: ";
        std::string why = error.context.substr(error.context.starts_with(field) ? field.size() : 0);
        problem = {403, "sender_not_allowed", "The API key may not send as this address", why, {}};
        problem.errors.push_back({"/from", std::move(why)});
        return problem;
    }
    if (problem.status != 400)
        return problem;
    for (const char* name : {"list_id", "from", "subject", "text", "html", "headers"}) {
        const std::string prefix = std::string(name) + ": ";
        if (error.context.compare(0, prefix.size(), prefix) == 0)
            problem.errors.push_back({"/" + std::string(name), error.context.substr(prefix.size())});
    }
    return problem;
}

awaitable<Answer> create_campaign(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    relay::CampaignRequest request;
    request.workspace = context.key.workspace;
    request.list_id = fields.required_text("list_id", 26);
    request.name = fields.text("name");
    request.from = fields.required_text("from");
    request.subject = fields.required_text("subject");
    request.text = fields.text("text", {}, max_body_part);
    request.html = fields.text("html", {}, max_body_part);
    request.headers = fields.text_map("headers", 50);
    request.include_risky = fields.flag("include_risky", false);
    request.verify_held = fields.flag("verify_held", true);
    request.key_id = context.key.id;
    request.hold_for = fields.duration("hold", request.hold_for, milliseconds{0}, std::chrono::days{30});
    request.allowed = context.key.from;
    const bool start = fields.flag("start", false);
    if (auto problem = fields.problem())
        co_return *problem;

    relay::Campaigns& campaigns = context.services.campaigns;
    Result<CampaignRecord> campaign;
    if (context.claim && !context.claim->made().empty()) {
        campaign = co_await campaigns.get(context.key.workspace, context.claim->made());
    } else {
        request.id = make_ulid(context.services.engine.now(), context.services.rng);
        if (context.claim)
            context.claim->bind(request.with, request.id);
        campaign = co_await campaigns.create(std::move(request));
    }
    if (!campaign)
        co_return creation_problem(campaign.error());
    if (start && campaign->state == CampaignState::draft)
        campaign = co_await campaigns.start(context.key.workspace, campaign->id);
    if (!campaign)
        co_return campaign.error();
    Answer answer = co_await answer_with(context, 201, *campaign);
    if (net::HttpResponse* response = answer.response())
        response->fields.add("Location", "/api/v1/campaigns/" + campaign->id);
    co_return answer;
}

awaitable<Answer> list_campaigns(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const Page page = read_page(query);
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto found,
                  co_await context.services.engine.campaigns(context.key.workspace, page.after, page.limit));
    json all = json::array();
    for (const CampaignRecord& campaign : found) {
        WINNOW_CO_TRY(auto object, co_await campaign_json(context, campaign));
        all.push_back(std::move(object));
    }
    co_return page_response("campaigns", std::move(all), page);
}

awaitable<Answer> get_campaign(Context& context)
{
    WINNOW_CO_TRY(auto campaign, co_await context.services.campaigns.get(context.key.workspace, context.id));
    co_return co_await answer_with(context, 200, std::move(campaign));
}

awaitable<Answer> start_campaign(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_TRY(auto campaign, co_await context.services.campaigns.start(context.key.workspace, context.id));
    co_return co_await answer_with(context, 202, std::move(campaign));
}

awaitable<Answer> cancel_campaign(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await context.services.campaigns.cancel(context.key.workspace, context.id));
    WINNOW_CO_TRY(auto campaign, co_await context.services.campaigns.get(context.key.workspace, context.id));
    co_return co_await answer_with(context, 202, std::move(campaign));
}

/// "lane.seq": where a held message is.
std::string cursor_of(MessageRef ref)
{
    return std::to_string(ref.lane.value) + "." + std::to_string(ref.seq);
}

std::optional<MessageRef> read_cursor(std::string_view text)
{
    MessageRef ref;
    const char* const end = text.data() + text.size();
    const auto lane = std::from_chars(text.data(), end, ref.lane.value);
    if (lane.ec != std::errc{} || lane.ptr == end || *lane.ptr != '.')
        return std::nullopt;
    const auto seq = std::from_chars(lane.ptr + 1, end, ref.seq);
    if (seq.ec != std::errc{} || seq.ptr != end)
        return std::nullopt;
    return ref;
}

awaitable<Answer> held_messages(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string after_text = query.text("after", {}, 40);
    const auto limit = static_cast<std::size_t>(query.integer("limit", 100, 1, max_page));
    const auto after = after_text.empty() ? std::optional{MessageRef{}} : read_cursor(after_text);
    if (!after)
        query.refuse("after", "has to be the \"next\" of an earlier page");
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto campaign, co_await context.services.campaigns.get(context.key.workspace, context.id));
    WINNOW_CO_TRY(const auto held,
                  co_await context.services.engine.held(context.key.workspace, campaign.id, *after, limit));
    json all = json::array();
    for (const storage::MessageRecord& message : held)
        all.push_back({{"message_id", message.id}, {"recipient", message.recipient}, {"reason", message.held_reason}});
    json body{{"held", std::move(all)}, {"next", nullptr}};
    if (held.size() == limit)
        body["next"] = cursor_of(held.back().ref);
    co_return json_response(200, body);
}

}  // namespace

std::vector<Route> campaign_routes()
{
    return {{"POST", "/api/v1/campaigns", create_campaign, Body::buffered},
            {"GET", "/api/v1/campaigns", list_campaigns, Body::none, true},
            {"GET", "/api/v1/campaigns/{id}", get_campaign},
            {"POST", "/api/v1/campaigns/{id}/start", start_campaign, Body::buffered},
            {"POST", "/api/v1/campaigns/{id}/cancel", cancel_campaign, Body::buffered},
            {"GET", "/api/v1/campaigns/{id}/held", held_messages, Body::none, true}};
}

}  // namespace winnow::api
