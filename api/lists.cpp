// /api/v1/lists: upload, look, verify, export.
#include <nlohmann/json.hpp>

#include "api/list_upload.hpp"
#include "api/probe_cap.hpp"
#include "api/record_json.hpp"
#include "core/ndjson.hpp"
#include "verifier/list_export.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;
using storage::JobRecord;
using storage::ListRecord;

constexpr std::int64_t max_page = 1'000;

/// What is known of a list beside its record: the latest job, and how the file was read.
struct ListMemory {
    std::string job_id;
    std::string encoding;
    std::vector<std::string> notes;
};

std::string memory_key(const Context& context, const std::string& list_id)
{
    return "list/" + context.key.workspace + "/" + list_id;
}

awaitable<Result<ListMemory>> recall(Context& context, std::string list_id)
{
    WINNOW_CO_TRY(const auto stored, co_await context.services.engine.get_value(memory_key(context, list_id)));
    ListMemory memory;
    if (!stored)
        co_return memory;
    WINNOW_CO_TRY(const auto value, parse_json(*stored));
    memory.job_id = value.value("job", "");
    memory.encoding = value.value("encoding", "");
    memory.notes = value.value("notes", std::vector<std::string>{});
    co_return memory;
}

awaitable<Result<>> remember(Context& context, std::string list_id, ListMemory memory)
{
    const json value{{"job", memory.job_id}, {"encoding", memory.encoding}, {"notes", memory.notes}};
    storage::PutValue put{memory_key(context, list_id), dump_json(value), {}};
    auto ops = storage::OpList::of(std::move(put));
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
awaitable<Checked<JobRecord>> start_job(Context& context, ListRecord list, milliseconds deadline,
                                        ProbeReservation& reservation)
{
    const auto unique = static_cast<std::int64_t>(list.rows - list.duplicates - list.malformed);
    WINNOW_CO_TRY(reservation, co_await reserve_probes(context, unique));
    auto job = co_await context.services.jobs.start(context.key.workspace, list.id, deadline);
    if (!job) {
        co_await give_back_probes(context, reservation, reservation.probes);
        co_return problem_of(job.error());
    }
    co_return std::move(*job);
}

awaitable<Answer> upload_list(Context& context)
{
    WINNOW_CO_TRY(auto upload, co_await receive_list(context));
    const ListRecord& list = upload.summary.list;
    ListMemory memory{{}, upload.summary.encoding, upload.summary.notes};
    json body{{"job", nullptr}};
    ProbeReservation reservation;
    if (upload.form.verify) {
        const auto job = co_await start_job(context, list, upload.form.deadline, reservation);
        if (!job) {
            // An error means that nothing happened: the list would otherwise be there twice after a retry.
            auto ops = storage::OpList::of(storage::DeleteList{list.workspace, list.id});
            WINNOW_CO_CHECK(co_await context.services.engine.commit(std::move(ops)));
            Problem problem = job.error();
            problem.detail += " The list was not stored; verify=false stores it without verifying.";
            co_return problem;
        }
        memory.job_id = job->id;
        body["job"] = to_json(*job);
    }
    body["list"] = list_json(list, memory);
    body["list"]["bytes"] = upload.summary.bytes;
    WINNOW_CO_CHECK(co_await remember(context, list.id, memory));
    net::HttpResponse response = json_response(201, body);
    response.fields.add("Location", "/api/v1/lists/" + list.id);
    add_rate_limit(response, reservation);
    co_return response;
}

awaitable<Answer> list_lists(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    const std::string after = query.text("after", {}, 26);
    const auto limit = static_cast<std::size_t>(query.integer("limit", 100, 1, max_page));
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto lists, co_await context.services.engine.lists(context.key.workspace, after, limit));
    json all = json::array();
    for (const ListRecord& list : lists)
        all.push_back(to_json(list));
    json body{{"lists", std::move(all)}, {"next", nullptr}};
    if (lists.size() == limit)
        body["next"] = lists.back().id;
    co_return json_response(200, body);
}

awaitable<Answer> get_list(Context& context)
{
    WINNOW_CO_TRY(const auto list, co_await find_list(context));
    WINNOW_CO_TRY(const auto memory, co_await recall(context, list.id));
    json body{{"list", list_json(list, memory)}, {"job", nullptr}};
    if (!memory.job_id.empty()) {
        WINNOW_CO_TRY(const auto job, co_await context.services.jobs.get(context.key.workspace, memory.job_id));
        body["job"] = to_json(job);
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
    WINNOW_CO_TRY(auto memory, co_await recall(context, list.id));
    ProbeReservation reservation;
    WINNOW_CO_TRY(const auto job, co_await start_job(context, list, deadline, reservation));
    memory.job_id = job.id;
    WINNOW_CO_CHECK(co_await remember(context, list.id, memory));
    const json body{{"job", to_json(job)}};
    net::HttpResponse response = json_response(202, body);
    response.fields.add("Location", "/api/v1/jobs/" + job.id);
    add_rate_limit(response, reservation);
    co_return response;
}

awaitable<Result<>> stream_results(storage::Engine& engine, std::string workspace, std::string list_id,
                                   verifier::ExportOptions options, net::HttpSink& sink)
{
    auto write = [&sink](std::string piece) { return sink.write(std::move(piece)); };
    std::function<awaitable<Result<>>(std::string)> to_sink = write;
    co_return co_await verifier::export_list(engine, std::move(workspace), std::move(list_id), options, to_sink);
}

awaitable<Answer> list_results(Context& context)
{
    Fields query = Fields::of_texts(context.request.query);
    verifier::ExportOptions options;
    const std::string format = query.one_of("format", "csv", {"csv", "ndjson"});
    options.format = format == "csv" ? verifier::ExportFormat::csv : verifier::ExportFormat::ndjson;
    options.only = query.word<Verdict>("verdict");
    options.evidence = query.flag("evidence", false);
    options.spreadsheet_safe = query.flag("spreadsheet_safe", false);
    if (options.evidence && format == "csv")
        query.refuse("evidence", "goes with format=ndjson only");
    if (auto problem = query.problem())
        co_return *problem;
    WINNOW_CO_TRY(const auto list, co_await find_list(context));

    net::HttpResponse response;
    response.fields.add("Content-Type", format == "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson");
    response.fields.add("Content-Disposition", "attachment; filename=\"winnow-" + list.id + "." + format + "\"");
    response.stream = [&engine = context.services.engine, workspace = context.key.workspace, id = list.id,
                       options](net::HttpSink& sink) { return stream_results(engine, workspace, id, options, sink); };
    co_return response;
}

}  // namespace

std::vector<Route> list_routes()
{
    return {{"POST", "/api/v1/lists", upload_list, Body::streamed, true},
            {"GET", "/api/v1/lists", list_lists, Body::none, true},
            {"GET", "/api/v1/lists/{id}", get_list},
            {"POST", "/api/v1/lists/{id}/verify", verify_list, Body::buffered},
            {"GET", "/api/v1/lists/{id}/results", list_results, Body::none, true}};
}

}  // namespace winnow::api
