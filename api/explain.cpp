// /api/v1/explain (all that is known of an address) and /api/v1/verdicts/recompute (stored evidence by today's rules).
#include <nlohmann/json.hpp>

#include "api/explanation_json.hpp"
#include "api/fields.hpp"
#include "api/router.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t max_address = 1'000;  ///< octets; longer ones are no addresses, but an answer names them

awaitable<Answer> get_explain(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string address = query.required_text("address", max_address);
    if (auto problem = query.problem())
        co_return *problem;
    const verifier::Verifier& verifier = context.services.verifier;
    verifier::ExplainSettings settings{context.services.rules, verifier.dns_only_reason(),
                                       verifier.options().catch_all_ttl};
    WINNOW_CO_TRY(const auto explanation,
                  co_await verifier::explain(context.services.engine, settings, context.key.workspace, address));
    co_return json_response(200, to_json(explanation));
}

awaitable<Answer> post_recompute(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const bool dry_run = fields.flag("dry_run", true);
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto summary,
                  co_await verifier::recompute_verdicts(context.services.engine, context.services.rules,
                                                        context.key.workspace, dry_run));
    co_return json_response(200, to_json(summary));
}

}  // namespace

std::vector<Route> explain_routes()
{
    return {{"GET", "/api/v1/explain", get_explain, Body::none, true},
            {"POST", "/api/v1/verdicts/recompute", post_recompute, Body::buffered}};
}

}  // namespace winnow::api
