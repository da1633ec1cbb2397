// /api/v1/suppressions: who is not mailed, and why.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/idempotency.hpp"
#include "api/paging.hpp"
#include "api/record_json.hpp"
#include "api/router.hpp"
#include "api/suppressed_before.hpp"
#include "api/suppression_export.hpp"
#include "api/suppression_import.hpp"
#include "api/suppression_page.hpp"
#include "core/duration.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;
using storage::SuppressionEntry;

/// Which entry a request is about.
struct Selector {
    std::string address, domain, list_id, note;
    ScopeKind scope = ScopeKind::workspace;
};

/// Global entries hold for every workspace: only the installation's own keys write and list them.
std::optional<Problem> scope_problem(const Context& context, ScopeKind scope)
{
    if (scope != ScopeKind::global || context.key.workspace == home_workspace)
        return std::nullopt;
    Problem problem{403, "forbidden", "Not permitted", {}, {}};
    problem.detail = "Global suppressions hold for every workspace: that takes a key of the workspace \"" +
                     std::string(home_workspace) + "\".";
    return problem;
}

ScopeKind read_scope(Fields& fields, std::string& list_id)
{
    const ScopeKind scope = fields.word<ScopeKind>("scope").value_or(ScopeKind::workspace);
    list_id = fields.text("list_id", {}, 26);
    if ((scope == ScopeKind::list) != !list_id.empty())
        fields.refuse("list_id", scope == ScopeKind::list ? "is required for scope list" : "goes with scope list only");
    return scope;
}

void read_subject(Fields& fields, Selector& selector)
{
    selector.address = fields.text("address");
    selector.domain = fields.text("domain");
    if (selector.address.empty() == selector.domain.empty())
        fields.refuse("address", "give either address or domain");
    if (!selector.address.empty()) {
        const ParsedAddress parsed = parse_address(selector.address);
        if (!parsed.valid)
            fields.refuse("address", parsed.detail);
    }
    if (!selector.domain.empty() && !to_ascii_domain(selector.domain))
        fields.refuse("domain", "is not a domain name");
}

Selector read_selector(Fields& fields)
{
    Selector selector;
    read_subject(fields, selector);
    selector.scope = read_scope(fields, selector.list_id);
    selector.note = fields.text("note");
    return selector;
}

/// What only the store knows: whether the list is one of this workspace.
awaitable<Checked<>> check_scope(Context& context, ScopeKind scope, std::string list_id)
{
    if (auto problem = scope_problem(context, scope))
        co_return *problem;
    if (scope != ScopeKind::list)
        co_return Checked<>{};
    const auto list = co_await context.services.engine.get_list(context.key.workspace, list_id);
    if (!list)
        co_return problem_of(list.error());
    if (!*list)
        co_return not_found("There is no list " + list_id + ".");
    co_return Checked<>{};
}

awaitable<Answer> add_suppression(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const Selector selector = read_selector(fields);
    const auto reason = fields.word<SuppressionReason>("reason", given_reasons());
    const auto expires = fields.time("expires");
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await check_scope(context, selector.scope, selector.list_id));

    SuppressionEntry entry;
    entry.scope = selector.scope;
    entry.workspace = context.key.workspace;
    entry.list_id = selector.list_id;
    entry.address = selector.address;
    entry.domain = selector.domain;
    entry.note = selector.note;
    entry.reason = reason.value_or(SuppressionReason::manual);
    entry.origin = SuppressionOrigin::api;
    entry.actor = context.key.id;
    entry.expires = expires;
    entry.first = entry.last = context.services.engine.now();
    WINNOW_CO_TRY(const auto before, co_await suppressed_before(context.services.engine, entry));
    json body{{"suppression", to_json(entry)}, {"already", before.has_value()}};
    body["suppression"].erase("digest");  // the store's own name, which it gives at reading
    if (before)
        body["before"] = to_json(*before);
    net::HttpResponse response = json_response(before ? 200 : 201, body);
    auto ops = storage::OpList::of(storage::AddSuppression{std::move(entry)});
    if (context.claim)
        context.claim->bind(ops, response);
    WINNOW_CO_CHECK(co_await context.services.engine.commit(std::move(ops)));
    co_return response;
}

/// What the person said, where the entry that is to go is that: nobody lifts it by mistake, or along with others.
const SuppressionEntry* own_word(const std::vector<SuppressionEntry>& entries, const Selector& selector)
{
    const auto found = std::find_if(entries.begin(), entries.end(), [&selector](const SuppressionEntry& entry) {
        return (entry.reason == SuppressionReason::complaint || entry.reason == SuppressionReason::unsubscribe) &&
               entry.scope == selector.scope && entry.list_id == selector.list_id;
    });
    return found == entries.end() ? nullptr : &*found;
}

Problem unconfirmed(const SuppressionEntry& entry)
{
    Problem problem{409, "confirmation_required", "This has to be confirmed", {}, {}};
    problem.detail = "The entry is the person's own word: " + std::string(to_string(entry.reason)) + " of " +
                     format_time(entry.first) + ". To lift it, send this again with confirm=true.";
    return problem;
}

awaitable<Answer> remove_suppression(Context& context)
{
    const bool in_query = !context.request.query.empty();
    if (in_query && !context.body.empty())
        co_return invalid_request("", "say what to remove in the query or in the body, not in both");
    auto read = in_query ? Checked<Fields>{Fields::of_texts(context.request.query)} : Fields::of_json(context.body);
    WINNOW_CO_TRY(auto fields, std::move(read));
    Selector selector = read_selector(fields);
    const bool confirmed = fields.flag("confirm", false);
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await check_scope(context, selector.scope, selector.list_id));
    if (!confirmed && !selector.address.empty()) {
        const Address address = parse_address(selector.address).address;
        WINNOW_CO_TRY(const auto entries,
                      co_await context.services.engine.find_suppressions(context.key.workspace, address));
        if (const SuppressionEntry* const entry = own_word(entries, selector))
            co_return unconfirmed(*entry);
    }

    storage::RemoveSuppression remove;
    remove.scope = selector.scope;
    remove.workspace = context.key.workspace;
    remove.list_id = std::move(selector.list_id);
    remove.address = std::move(selector.address);
    remove.domain = std::move(selector.domain);
    remove.note = std::move(selector.note);
    remove.actor = context.key.id;
    auto ops = storage::OpList::of(std::move(remove));
    WINNOW_CO_TRY(const auto committed, co_await context.services.engine.commit(std::move(ops)));
    if (!committed.results.front().removed)
        co_return not_found("There is no such suppression in this scope.");
    net::HttpResponse response;
    response.status = 204;
    co_return response;
}

/// What narrows a listing or an export.
storage::SuppressionFilter read_filter(Fields& query)
{
    storage::SuppressionFilter filter;
    filter.reason = query.word<SuppressionReason>("reason");
    filter.scope = query.word<ScopeKind>("scope");
    filter.list_id = query.text("list_id", {}, 26);
    filter.domain = query.text("domain");
    filter.since = query.time("since");
    if (!filter.domain.empty() && !to_ascii_domain(filter.domain))
        query.refuse("domain", "is not a domain name");
    return filter;
}

awaitable<Answer> list_suppressions(Context& context, Fields query)
{
    SuppressionQuery page;
    page.workspace = context.key.workspace;
    page.filter = read_filter(query);
    if (page.filter.domain.empty() && query.has("domain"))
        query.refuse("domain", "is empty");
    page.with_global = !scope_problem(context, ScopeKind::global);
    page.after = query.text("after");
    page.limit = static_cast<std::size_t>(query.integer("limit", 100, 1, max_page));
    if (!page.after.empty() && !is_suppression_position(page.after))
        query.refuse("after", "has to be the \"next\" of an earlier page");
    if (auto problem = query.problem())
        co_return *problem;
    if (page.filter.scope) {
        if (auto problem = scope_problem(context, *page.filter.scope))
            co_return *problem;
    }
    WINNOW_CO_TRY(const json body, co_await suppression_page(context.services.engine, std::move(page)));
    co_return json_response(200, body);
}

awaitable<Answer> find_suppressions(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    if (!query.has("address"))
        co_return co_await list_suppressions(context, std::move(query));
    Selector selector;
    read_subject(query, selector);
    const std::string list_id = query.text("list_id", {}, 26);
    if (auto problem = query.problem())
        co_return *problem;

    storage::Engine& engine = context.services.engine;
    const Address address = parse_address(selector.address).address;
    WINNOW_CO_TRY(const auto hits, engine.check(context.key.workspace, list_id, address));
    WINNOW_CO_TRY(const auto found, co_await engine.find_suppressions(context.key.workspace, address));
    json suppressed = json::array();
    for (const storage::SuppressionHit& hit : hits)
        suppressed.push_back(hit.to_string());
    json entries = json::array();
    for (const SuppressionEntry& entry : found)
        entries.push_back(to_json(entry));
    const json body{
        {"address", selector.address}, {"suppressed_by", std::move(suppressed)}, {"entries", std::move(entries)}};
    co_return json_response(200, body);
}

awaitable<Answer> import_suppressions(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    SuppressionImportOptions options;
    options.workspace = context.key.workspace;
    options.scope = read_scope(query, options.list_id);
    options.reason = query.word<SuppressionReason>("reason", given_reasons());
    options.column = query.text("column");
    options.dry_run = query.flag("dry_run", false);
    options.actor = context.key.id;
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_CHECK(co_await check_scope(context, options.scope, options.list_id));

    SuppressionImport import{context.services.engine, context.services.rng, options};
    for (;;) {
        auto piece = co_await context.request.body->read_some();
        if (!piece)
            co_return unreadable_body(piece.error());
        if (piece->empty())
            break;
        WINNOW_CO_CHECK(co_await import.feed(std::move(*piece)));
    }
    // An import that was cut off is sent again and harms nobody; one that is over is told apart by its last commit.
    net::HttpResponse response;
    const auto answer = [&](const SuppressionImportSummary& summary, storage::OpList& last) {
        response = json_response(200, {{"import", to_json(summary)}});
        if (context.claim)
            context.claim->bind(last, response);
    };
    SuppressionImport::Seal seal = answer;
    WINNOW_CO_TRY(const auto summary, co_await import.finish(std::move(seal)));
    if (summary.dry_run)
        co_return json_response(200, {{"import", to_json(summary)}});
    co_return response;
}

awaitable<Result<>> stream_entries(std::shared_ptr<storage::SuppressionCursor> cursor, SuppressionFormat format,
                                   bool spreadsheet_safe, net::HttpSink& sink)
{
    auto write = [&sink](std::string piece) { return sink.write(std::move(piece)); };
    std::function<awaitable<Result<>>(std::string)> to_sink = write;
    co_return co_await export_suppressions(*cursor, format, spreadsheet_safe, to_sink);
}

awaitable<Answer> export_all(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string name = query.one_of("format", "csv", {"csv", "ndjson", "txt"});
    const bool spreadsheet_safe = query.flag("spreadsheet_safe", false);
    storage::SuppressionFilter filter = read_filter(query);
    if (auto problem = query.problem())
        co_return *problem;
    if (filter.scope) {
        if (auto problem = scope_problem(context, *filter.scope))
            co_return *problem;
    }
    WINNOW_CO_TRY(auto cursor, co_await context.services.engine.open_suppressions(context.key.workspace, filter));

    const SuppressionFormat format = suppression_format(name).value_or(SuppressionFormat::csv);
    net::HttpResponse response;
    response.fields.add("Content-Type", name == "csv"      ? "text/csv; charset=utf-8"
                                        : name == "ndjson" ? "application/x-ndjson"
                                                           : "text/plain; charset=utf-8");
    response.fields.add("Content-Disposition", "attachment; filename=\"winnow-suppressions." + name + "\"");
    response.stream = [shared = std::shared_ptr<storage::SuppressionCursor>(std::move(cursor)), format,
                       spreadsheet_safe](net::HttpSink& sink) {
        return stream_entries(shared, format, spreadsheet_safe, sink);
    };
    co_return response;
}

}  // namespace

std::vector<Route> suppression_routes()
{
    return {{"GET", "/api/v1/suppressions", find_suppressions, Body::none, true},
            {"POST", "/api/v1/suppressions", add_suppression, Body::buffered},
            {"DELETE", "/api/v1/suppressions", remove_suppression, Body::buffered, true},
            {"POST", "/api/v1/suppressions/import", import_suppressions, Body::streamed, true},
            {"GET", "/api/v1/suppressions/export", export_all, Body::none, true}};
}

}  // namespace winnow::api
