// /api/v1/risk (stored evidence only), /api/v1/check (asks the mail server) and /api/v1/checks (asked already).
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/probe_cap.hpp"
#include "verifier/verdict_json.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

constexpr std::size_t max_addresses = 1'000;
constexpr std::size_t max_address = 1'000;    ///< octets; longer ones are no addresses, but an answer names them
constexpr std::int64_t probes_per_check = 3;  ///< the address and two random ones for catch-all
constexpr const char* look_again = "2";       ///< seconds

/// With who may not be mailed at the moment, beside the verdict.
Result<json> answer_for(Context& context, const std::string& address, const VerdictRecord& verdict,
                        const std::string& list_id, bool evidence)
{
    json object = verifier::verdict_to_json(address, verdict, evidence);
    json suppressed = json::array();
    const ParsedAddress parsed = parse_address(address);
    if (parsed.valid) {
        WINNOW_TRY(const auto hits, context.services.engine.check(context.key.workspace, list_id, parsed.address));
        for (const storage::SuppressionHit& hit : hits)
            suppressed.push_back(hit.to_string());
    }
    object["suppressed_by"] = std::move(suppressed);
    return Result<json>{boost::system::in_place_value, std::move(object)};
}

awaitable<Result<json>> risk_of(Context& context, std::string address, std::string list_id, bool evidence)
{
    WINNOW_CO_TRY(const auto verdict, co_await context.services.verifier.risk(context.key.workspace, address));
    co_return answer_for(context, address, verdict, list_id, evidence);
}

awaitable<Answer> get_risk(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string address = query.required_text("address", max_address);
    const std::string list_id = query.text("list_id", {}, 26);
    const bool evidence = query.flag("evidence", true);
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto body, co_await risk_of(context, address, list_id, evidence));
    co_return json_response(200, body);
}

awaitable<Answer> post_risk(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const bool many = fields.has("addresses");
    const std::string address = fields.text("address", {}, max_address);
    const std::vector<std::string> addresses = fields.texts("addresses", max_addresses);
    const std::string list_id = fields.text("list_id", {}, 26);
    const bool evidence = fields.flag("evidence", !many);
    if (many == fields.has("address"))
        fields.refuse("address", "give either address or addresses");
    if (auto problem = fields.problem())
        co_return *problem;
    if (!many) {
        WINNOW_CO_TRY(const auto body, co_await risk_of(context, address, list_id, evidence));
        co_return json_response(200, body);
    }
    json results = json::array();
    for (const std::string& each : addresses) {
        WINNOW_CO_TRY(auto one, co_await risk_of(context, each, list_id, evidence));
        results.push_back(std::move(one));
    }
    const json body{{"results", std::move(results)}};
    co_return json_response(200, body);
}

/// A verdict, or what is known so far and where the verdict will be.
Result<json> answer_for(Context& context, const verifier::CheckState& state, const std::string& list_id)
{
    WINNOW_TRY(json object, answer_for(context, state.address, state.verdict, list_id, true));
    object["settled"] = state.settled;
    object["check_id"] = state.id.empty() ? json(nullptr) : json(state.id);
    object["poll_url"] = state.settled ? json(nullptr) : json("/api/v1/checks/" + state.id);
    return Result<json>{boost::system::in_place_value, std::move(object)};
}

awaitable<Answer> post_check(Context& context)
{
    verifier::Verifier& verifier = context.services.verifier;
    const milliseconds usual = verifier.options().interactive.deadline;
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const std::string address = fields.required_text("address", max_address);
    const milliseconds deadline{fields.integer("deadline_ms", usual.count(), 1, 60'000)};
    const std::string list_id = fields.text("list_id", {}, 26);
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto reservation, co_await reserve_probes(context, probes_per_check));
    const auto state = co_await verifier.begin_check(context.key.workspace, address, deadline);
    if (!state) {
        co_await give_back_probes(context, reservation, probes_per_check);
        co_return state.error();
    }
    // A check that goes on may still spend all of them.
    if (state->settled)
        co_await give_back_probes(context, reservation, probes_per_check - state->verdict.probes);
    WINNOW_CO_TRY(const auto body, answer_for(context, *state, list_id));
    net::HttpResponse response = json_response(state->settled ? 200 : 202, body);
    if (!state->settled) {
        response.fields.add("Location", "/api/v1/checks/" + state->id);
        response.fields.add("Retry-After", look_again);
    }
    add_rate_limit(response, reservation);
    co_return response;
}

awaitable<Answer> get_check(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string list_id = query.text("list_id", {}, 26);
    if (auto problem = query.problem())
        co_return *problem;
    const auto state = context.services.verifier.find_check(context.key.workspace, context.id);
    if (!state)
        co_return not_found("There is no check " + context.id +
                            " any more: it is told for 10 minutes after its end, and not across a restart. "
                            "GET /api/v1/risk?address= has what it found out.");
    WINNOW_CO_TRY(const auto body, answer_for(context, *state, list_id));
    net::HttpResponse response = json_response(200, body);
    if (!state->settled)
        response.fields.add("Retry-After", look_again);
    co_return response;
}

}  // namespace

std::vector<Route> risk_routes()
{
    Route many{"POST", "/api/v1/risk", post_risk, Body::buffered};
    many.replayable = false;  // asks only: a repetition asks again
    return {{"GET", "/api/v1/risk", get_risk, Body::none, true},
            many,
            {"POST", "/api/v1/check", post_check, Body::buffered},
            {"GET", "/api/v1/checks/{id}", get_check, Body::none, true}};
}

}  // namespace winnow::api
