// /api/v1/lists: upload, look, verify, export.
#include <nlohmann/json.hpp>

#include "api/idempotency.hpp"
#include "api/list_memory.hpp"
#include "api/list_upload.hpp"
#include "api/paging.hpp"
#include "api/probe_cap.hpp"
#include "api/record_json.hpp"
#include "core/ids.hpp"
#include "core/ndjson.hpp"
#include "verifier/list_export.hpp"
#include "verifier/list_rejects.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;
using storage::JobRecord;
using storage::ListRecord;

awaitable<Result<ListMemory>> recall(Context& context, std::string list_id)
{
    return api::recall(context.services.engine, context.key.workspace, std::move(list_id));
}

awaitable<Result<>> remember(Context& context, std::string list_id, ListMemory memory)
{
    auto ops = storage::OpList::of(memory_op(context.key.workspace, list_id, memory));
    WINNOW_CO_CHECK(co_await context.services.engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Checked<ListRecord>> find_list(Context& context)
{
    auto list = co_await context.services.engine.get_list(context.key.workspace, context.id);
    if (!list)
        co_return problem_of(list.error());
    if (!*list)
        co_return not_found("There is no list " + context.id + ".");
    co_return std::move(**list);
}

json list_json(const ListRecord& list, const ListMemory& memory)
{
    json object = to_json(list);
    object["encoding"] = memory.encoding.empty() ? json(nullptr) : json(memory.encoding);
    object["notes"] = memory.notes;
    return object;
}

/// Every unique address may cost a probe, and more only where winnow decides so: the list's own count is reserved.
awaitable<Checked<ProbeReservation>> reserve_for(Context& context, const ListRecord& list)
{
    return reserve_probes(context, static_cast<std::int64_t>(list.rows - list.duplicates - list.malformed));
}

/// The list knows its job by the same commit. `bound`: that commit is all that the request does.
awaitable<Checked<JobRecord>> start_job(Context& context, ListRecord list, milliseconds deadline, ListMemory memory,
                                        ProbeReservation reservation, bool bound)
{
    verifier::JobCreation creation;
    creation.id = make_ulid(context.services.engine.now(), context.services.rng);
    memory.job_id = creation.id;
    creation.with = storage::OpList::of(memory_op(context.key.workspace, list.id, memory));
    if (bound && context.claim)
        context.claim->bind(creation.with, creation.id);
    auto job = co_await context.services.jobs.start(context.key.workspace, list.id, deadline, std::move(creation));
    if (!job) {
        co_await give_back_probes(context, reservation, reservation.probes);
        co_return problem_of(job.error());
    }
    co_return std::move(*job);
}

/// The job of a list that is complete: the one it has, when the same upload came before and got that far.
awaitable<Checked<JobRecord>> job_of_upload(Context& context, const verifier::UploadSummary& summary,
                                            milliseconds deadline, ListMemory memory, ProbeReservation reservation)
{
    const ListRecord& list = summary.list;
    if (!memory.job_id.empty()) {
        co_await give_back_probes(context, reservation, reservation.probes);
        auto job = co_await context.services.jobs.get(context.key.workspace, memory.job_id);
        if (!job)
            co_return problem_of(job.error());
        co_return std::move(*job);
    }
    auto job = co_await start_job(context, list, deadline, std::move(memory), reservation, false);
    if (job || context.claim)
        co_return job;
    // An error means that nothing happened: without a key the list would be there twice after a retry.
    auto ops = storage::OpList::of(storage::DeleteList{list.workspace, list.id});
    const auto removed = co_await context.services.engine.commit(std::move(ops));
    if (!removed)
        co_return problem_of(removed.error());
    co_return job;
}

awaitable<Answer> upload_list(Context& context)
{
    WINNOW_CO_TRY(auto upload, co_await receive_list(context));
    if (upload.preview)
        co_return json_response(200, to_json(*upload.preview));
    ProbeReservation reservation;
    if (upload.form.verify) {
        auto reserved = co_await reserve_for(context, upload.list);
        if (!reserved) {
            co_await discard_list(context, upload);
            Problem problem = reserved.error();
            problem.detail += " The list was not stored; verify=false stores it without verifying.";
            co_return problem;
        }
        reservation = *reserved;
    }
    auto completed = co_await complete_list(context, upload);
    if (!completed) {
        co_await give_back_probes(context, reservation, reservation.probes);
        co_return completed.error();
    }
    const ListRecord& list = completed->list;
    ListMemory memory{{}, completed->encoding, completed->notes};
    if (completed->repeated) {
        WINNOW_CO_TRY(const auto known, co_await recall(context, list.id));
        memory.job_id = known.job_id;
    }
    json body{{"job", nullptr}};
    if (upload.form.verify) {
        WINNOW_CO_TRY(const auto job,
                      co_await job_of_upload(context, *completed, upload.form.deadline, memory, reservation));
        body["job"] = to_json(job);
    } else {
        WINNOW_CO_CHECK(co_await remember(context, list.id, memory));
    }
    body["list"] = list_json(list, memory);
    body["list"]["bytes"] = completed->bytes;
    net::HttpResponse response = json_response(201, body);
    response.fields.add("Location", "/api/v1/lists/" + list.id);
    add_rate_limit(response, reservation);
    co_return response;
}

awaitable<Answer> list_lists(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const Page page = read_page(query);
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto lists,
                  co_await context.services.engine.lists(context.key.workspace, page.after, page.limit));
    json all = json::array();
    for (const ListRecord& list : lists)
        all.push_back(to_json(list));
    co_return page_response("lists", std::move(all), page);
}

awaitable<Answer> get_list(Context& context)
{
    WINNOW_CO_TRY(const auto list, co_await find_list(context));
    WINNOW_CO_TRY(const auto memory, co_await recall(context, list.id));
    json body{{"list", list_json(list, memory)}, {"job", nullptr}};
    if (!memory.job_id.empty()) {
        WINNOW_CO_TRY(const auto job, co_await context.services.jobs.get(context.key.workspace, memory.job_id));
        body["job"] = to_json(job, context.services.jobs.progress(job));
    }
    co_return json_response(200, body);
}

awaitable<Answer> verify_list(Context& context)
{
    WINNOW_CO_TRY(auto fields, Fields::of_json(context.body));
    const milliseconds deadline =
        fields.duration("deadline", milliseconds{0}, std::chrono::seconds{1}, std::chrono::days{30});
    if (auto problem = fields.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto list, co_await find_list(context));
    ProbeReservation reservation;
    Checked<JobRecord> started;
    if (context.claim && !context.claim->made().empty()) {
        WINNOW_CO_TRY(started, co_await context.services.jobs.get(context.key.workspace, context.claim->made()));
    } else {
        WINNOW_CO_TRY(auto memory, co_await recall(context, list.id));
        WINNOW_CO_TRY(reservation, co_await reserve_for(context, list));
        started = co_await start_job(context, list, deadline, std::move(memory), reservation, true);
    }
    WINNOW_CO_TRY(const auto job, std::move(started));
    const json body{{"job", to_json(job)}};
    net::HttpResponse response = json_response(202, body);
    response.fields.add("Location", "/api/v1/jobs/" + job.id);
    add_rate_limit(response, reservation);
    co_return response;
}

void add_download(net::HttpResponse& response, const std::string& name, bool ndjson)
{
    response.fields.add("Content-Type", ndjson ? "application/x-ndjson" : "text/csv; charset=utf-8");
    response.fields.add("Content-Disposition",
                        "attachment; filename=\"winnow-" + name + (ndjson ? ".ndjson\"" : ".csv\""));
}

awaitable<Result<>> stream_results(storage::Engine& engine, std::string workspace, std::string list_id,
                                   verifier::ExportOptions options, net::HttpSink& sink)
{
    auto write = [&sink](std::string piece) { return sink.write(std::move(piece)); };
    std::function<awaitable<Result<>>(std::string)> to_sink = write;
    co_return co_await verifier::export_list(engine, std::move(workspace), std::move(list_id), options, to_sink);
}

/// Words may be repeated or separated by commas. A wrong one is refused with the word that may be meant.
verifier::Segment read_segment(Fields& query, const std::vector<std::string>& providers)
{
    constexpr std::size_t longest = 4'000;
    verifier::Segment segment;
    const auto read = [&query](const char* name, auto add) {
        if (!query.has(name))
            return;
        if (const auto added = add(query.text(name, {}, longest)); !added)
            query.refuse(name, added.error().context);
    };
    read("verdict", [&](const std::string& words) { return verifier::add_verdicts(segment, words); });
    read("reason", [&](const std::string& words) { return verifier::add_reasons(segment, words); });
    read("flag", [&](const std::string& words) { return verifier::add_flags(segment, words); });
    read("provider", [&](const std::string& words) { return verifier::add_providers(segment, words, providers); });
    return segment;
}

awaitable<Answer> list_results(Context& context)
{
    Fields query = Fields::of_texts(context.request.query, {"verdict", "reason", "flag", "provider"});
    verifier::ExportOptions options;
    const std::string format = query.one_of("format", {}, {"csv", "ndjson"});
    if (!format.empty())
        options.format = format == "csv" ? verifier::ExportFormat::csv : verifier::ExportFormat::ndjson;
    options.segment = read_segment(query, context.services.verifier.provider_names());
    options.evidence = query.flag("evidence", false);
    options.spreadsheet_safe = query.flag("spreadsheet_safe", false);
    if (options.evidence && format != "ndjson")
        query.refuse("evidence", "goes with format=ndjson only");
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto list, co_await find_list(context));

    const bool is_csv = format.empty() ? list.format == storage::ListFormat::csv : format == "csv";
    net::HttpResponse response;
    add_download(response, list.id, !is_csv);
    response.stream = [&engine = context.services.engine, workspace = context.key.workspace, id = list.id,
                       options](net::HttpSink& sink) { return stream_results(engine, workspace, id, options, sink); };
    co_return response;
}

awaitable<Answer> list_segments(Context& context)
{
    WINNOW_CO_TRY(const auto list, co_await find_list(context));
    const auto counts = co_await verifier::count_segments(context.services.engine, context.key.workspace, list.id);
    if (!counts)
        co_return problem_of(counts.error());
    const json body{{"segments", to_json(*counts)}};
    co_return json_response(200, body);
}

awaitable<Result<>> stream_rejects(storage::Engine& engine, std::string workspace, std::string list_id,
                                   verifier::RejectsOptions options, net::HttpSink& sink)
{
    auto write = [&sink](std::string piece) { return sink.write(std::move(piece)); };
    std::function<awaitable<Result<>>(std::string)> to_sink = write;
    WINNOW_CO_CHECK(
        co_await verifier::export_rejects(engine, std::move(workspace), std::move(list_id), options, to_sink));
    co_return Result<>{};
}

awaitable<Answer> list_rejects(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    verifier::RejectsOptions options;
    const std::string format = query.one_of("format", "csv", {"csv", "ndjson"});
    options.ndjson = format == "ndjson";
    options.spreadsheet_safe = query.flag("spreadsheet_safe", false);
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto list, co_await find_list(context));

    net::HttpResponse response;
    add_download(response, list.id + "-rejected", options.ndjson);
    response.stream = [&engine = context.services.engine, workspace = context.key.workspace, id = list.id,
                       options](net::HttpSink& sink) { return stream_rejects(engine, workspace, id, options, sink); };
    co_return response;
}

}  // namespace

std::vector<Route> list_routes()
{
    return {{"POST", "/api/v1/lists", upload_list, Body::streamed, true},
            {"GET", "/api/v1/lists", list_lists, Body::none, true},
            {"GET", "/api/v1/lists/{id}", get_list},
            {"POST", "/api/v1/lists/{id}/verify", verify_list, Body::buffered},
            {"GET", "/api/v1/lists/{id}/results", list_results, Body::none, true},
            {"GET", "/api/v1/lists/{id}/segments", list_segments},
            {"GET", "/api/v1/lists/{id}/rejected", list_rejects, Body::none, true}};
}

}  // namespace winnow::api
