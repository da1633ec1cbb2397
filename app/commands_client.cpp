// Commands against a running server: lists and campaigns.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/client.hpp"
#include "app/end_on_signal.hpp"
#include "app/job_report.hpp"
#include "app/list_preview.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "core/duration.hpp"
#include "core/join.hpp"
#include "core/ndjson.hpp"
#include "core/trim.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr milliseconds look_again{200};

Counts counts_of(const json& object)
{
    Counts counts;
    for (const auto& [word, count] : object.items())
        counts[word] = count.get<std::uint64_t>();
    return counts;
}

void print_list(const json& answer)
{
    const json& list = answer.at("list");
    Summary summary{columns_of(STDOUT_FILENO)};
    const auto number = [](const json& object, const char* name) {
        return with_commas(object.at(name).get<std::uint64_t>());
    };
    std::string text = "list " + list.at("id").get<std::string>() + ": " + list.at("name").get<std::string>() + "\n";
    summary.words(number(list, "rows") + " rows, " + number(list, "duplicates") + " duplicates, " +
                  number(list, "malformed") + " blank or malformed");
    if (list.contains("notes"))
        for (const auto& note : list.at("notes"))
            summary.words("note: " + note.get<std::string>(), 2);
    const json& job = answer.at("job");
    if (job.is_null())
        summary.words("not verified");
    else
        add_job(summary, job);
    std::fputs((text + summary.text()).c_str(), stdout);
}

void print_preview(const json& answer)
{
    std::fputs(preview_text(answer, columns_of(STDOUT_FILENO)).c_str(), stdout);
}

/// The job that looks for the verdicts of held rows, or how a person starts one: there is no command for that.
void add_verification(Summary& summary, const json& campaign)
{
    const json& job = campaign.at("verification");
    const std::string state = job.is_object() ? job.at("state").get<std::string>() : "";
    const std::string id = job.is_object() ? job.at("job_id").get<std::string>() : "";
    if (state == "pending" || state == "running" || state == "waiting")
        summary.words("held rows are verified by job " + id + ": winnow job status " + id);
    else if (state == "paused")
        summary.words("job " + id + ", which verifies held rows, is paused: winnow job resume " + id);
    else if (campaign.at("next_step").is_string())
        summary.words(campaign.at("next_step").get<std::string>());
}

/// What may be done next, and what the held rows wait for.
void add_next_step(Summary& summary, const json& campaign)
{
    const std::string state = campaign.at("state").get<std::string>();
    if (!campaign.at("hold_until").is_string())
        return;
    const std::string until = campaign.at("hold_until").get<std::string>();
    if (state == "draft") {
        summary.title("next");
        summary.words("nothing is sent before: winnow campaign start " + campaign.at("id").get<std::string>());
        summary.words("started now, it holds rows without a verdict until " + until);
    } else if (state == "running" && campaign.at("held").get<std::uint64_t>() > 0) {
        summary.title("next");
        add_verification(summary, campaign);
        summary.words("held rows are sent when a verification finds them deliverable before " + until +
                      "; what is left then is refused");
    }
}

void print_campaign(const json& answer)
{
    const json& c = answer.at("campaign");
    Summary summary{columns_of(STDOUT_FILENO)};
    const std::string text = "campaign " + c.at("id").get<std::string>() + ": " + c.at("name").get<std::string>() +
                             ", " + c.at("state").get<std::string>() + "\n";
    summary.words("to list " + c.at("list_id").get<std::string>() + ", from " + c.at("from").get<std::string>());
    summary.words(c.at("note").get<std::string>());
    if (c.at("state").get<std::string>() != "draft") {
        CampaignCounts counts;
        for (const auto& [decision, reasons] : c.at("gate").items())
            counts.gate[decision] = counts_of(reasons);
        counts.messages = counts_of(c.at("messages"));
        counts.later = counts_of(c.at("later"));
        add_campaign(summary, counts);
    }
    add_next_step(summary, c);
    std::fputs((text + summary.text()).c_str(), stdout);
}

/// What a command made or changed, `thing` of the answer: of a quiet command its id alone.
void print_changed(const Globals& globals, const json& answer, const char* thing, void (*as_text)(const json&))
{
    if (globals.json)
        print_json(answer);
    else if (globals.quiet)
        std::printf("%s\n", answer.at(thing).at("id").get<std::string>().c_str());
    else
        as_text(answer);
}

/// What a command was asked to show.
void print(const Globals& globals, const json& answer, void (*as_text)(const json&))
{
    if (globals.json)
        print_json(answer);
    else
        as_text(answer);
}

/// One line of an overview: id, day, `middle`, name.
void print_row(const json& thing, const std::string& middle)
{
    const json& created = thing.at("created_at");
    const std::string day = created.is_string() ? created.get<std::string>().substr(0, 10) : "-";
    std::printf("%-26s  %-10s  %s  %s\n", thing.at("id").get<std::string>().c_str(), day.c_str(), middle.c_str(),
                thing.at("name").get<std::string>().c_str());
}

void print_list_row(const json& list)
{
    char rows[24];
    std::snprintf(rows, sizeof rows, "%11s", with_commas(list.at("rows").get<std::uint64_t>()).c_str());
    print_row(list, rows);
}

void print_campaign_row(const json& campaign)
{
    char middle[40];
    std::snprintf(middle, sizeof middle, "%-9s  %11s", campaign.at("state").get<std::string>().c_str(),
                  with_commas(campaign.at("queued").get<std::uint64_t>()).c_str());
    print_row(campaign, middle);
}

/// All pages of `what`, oldest first: a line each, as JSON, as an id alone, or by `as_row`.
awaitable<Result<int>> print_all(Client& client, const Globals& globals, std::string what, void (*as_row)(const json&))
{
    std::string after;
    for (;;) {
        Query query{{"limit", "1000"}, {"after", after}};
        WINNOW_CO_TRY(const auto page, co_await client.get("/" + what, query));
        for (const json& thing : page.at(what)) {
            if (globals.json)
                print_json(thing);
            else if (globals.quiet)
                std::printf("%s\n", thing.at("id").get<std::string>().c_str());
            else
                as_row(thing);
        }
        if (!page.at("next").is_string())
            co_return 0;
        after = page.at("next").get<std::string>();
    }
}

bool job_is_over(const json& answer)
{
    if (answer.at("job").is_null())
        return true;
    const std::string state = answer.at("job").at("state").get<std::string>();
    return state == "done" || state == "cancelled" || state == "failed" || state == "paused";
}

std::string progress_text(const json& job)
{
    const json& c = job.at("counters");
    return "verifying  " + with_commas(c.at("done").get<std::uint64_t>()) + " of " +
           with_commas(c.at("total").get<std::uint64_t>()) + " addresses, " +
           with_commas(c.at("waiting").get<std::uint64_t>()) + " waiting to be asked again  " + speed_text(job);
}

awaitable<Result<json>> wait_for_job(Client& client, Runtime& runtime, const Globals& globals, std::string list_id)
{
    ProgressLine progress{globals.quiet, runtime.clock};
    const EndOnSignal guard{runtime.io.get_executor(),
                            "interrupted; the verification goes on: winnow list status " + list_id,
                            [&progress] { progress.clear(); }};
    if (!globals.quiet)
        std::fprintf(stderr, "list %s is uploaded\n", list_id.c_str());
    for (;;) {
        Query none;
        WINNOW_CO_TRY(auto answer, co_await client.get("/lists/" + list_id, none));
        if (job_is_over(answer))
            co_return Result<json>{boost::system::in_place_value, std::move(answer)};
        progress.show(progress_text(answer.at("job")));
        if (co_await sleep_for(runtime.timers, look_again) == Wake::cancelled)
            co_return Error{Errc::cancelled, "interrupted"};
    }
}

awaitable<Result<int>> upload_list(Client& client, Runtime& runtime, const Globals& globals,
                                   const ListUploadCommand& command)
{
    if (!command.collected_at.empty()) {
        const auto time = parse_date_or_time(command.collected_at);
        if (!time)
            co_return Error{Errc::invalid_argument, "--collected-at: " + time.error().context};
    }
    WINNOW_CO_TRY(auto file, InputFile::open(command.file));
    const std::string file_name =
        command.file == "-" ? "standard input" : std::filesystem::path(command.file).filename().string();
    Query query{{"name", command.name.empty() ? file_name : command.name},
                {"filename", file_name},
                {"source", command.source},
                {"collected_at", command.collected_at},
                {"consent_basis", command.consent_basis},
                {"column", command.column},
                {"header", command.header},
                {"deadline", command.deadline},
                {"verify", command.no_verify ? "false" : "true"},
                {"dry_run", command.dry_run ? "true" : ""}};
    json answer;
    {
        ProgressLine progress{globals.quiet, runtime.clock};
        std::uint64_t sent = 0;
        auto read = [&]() -> awaitable<Result<std::string>> {
            auto piece = file.read();
            if (piece) {
                sent += piece->size();
                progress.show("uploading  " + with_commas(sent / 1024) + " KB");
            }
            co_return piece;
        };
        std::function<awaitable<Result<std::string>>()> source = read;
        WINNOW_CO_TRY(answer, co_await client.upload("/lists", query, source));
    }
    if (command.dry_run) {
        print(globals, answer, print_preview);
        co_return 0;
    }
    if (command.wait && !answer.at("job").is_null()) {
        const std::string id = answer.at("list").at("id").get<std::string>();
        WINNOW_CO_TRY(answer, co_await wait_for_job(client, runtime, globals, id));
    }
    print_changed(globals, answer, "list", print_list);
    const json& job = answer.at("job");
    const bool finished = job.is_null() || job.at("state").get<std::string>() == "done";
    co_return command.wait && !finished ? 1 : 0;
}

/// `part` of a list into a file.
awaitable<Result<int>> download_list(Client& client, Runtime& runtime, const ListExportCommand& command,
                                     const char* part)
{
    WINNOW_CO_TRY(auto output, OutputFile::open(command.output));
    const EndOnSignal guard{runtime.io.get_executor(), output};
    Query query{{"format", command.format},
                {"verdict", joined(command.segment.verdicts, ",")},
                {"reason", joined(command.segment.reasons, ",")},
                {"flag", joined(command.segment.flags, ",")},
                {"provider", joined(command.segment.providers, ",")},
                {"spreadsheet_safe", command.spreadsheet_safe ? "true" : ""}};
    auto write = [&output](std::string_view piece) { return output.write(piece); };
    std::function<Result<>(std::string_view)> sink = write;
    const auto done = co_await client.download("/lists/" + net::percent_encode(command.id) + part, query, sink);
    if (!done)
        co_return about("list", command.id, client, done.error());
    WINNOW_CO_CHECK(output.commit());
    co_return 0;
}

Result<std::string> whole_file(const std::string& path)
{
    WINNOW_TRY(auto file, InputFile::open(path));
    std::string text;
    for (;;) {
        WINNOW_TRY(auto piece, file.read());
        if (piece.empty())
            return text;
        text += piece;
    }
}

/// {"Reply-To": "shop@example.com"} of "Reply-To: shop@example.com"
Result<json> headers_of(const std::vector<std::string>& lines)
{
    json headers = json::object();
    for (const std::string& line : lines) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || colon == 0)
            return Error{Errc::invalid_argument, "--header \"" + line + "\" is not NAME: VALUE"};
        headers[line.substr(0, colon)] = std::string(trim(line.substr(colon + 1), white_space));
    }
    return Result<json>{boost::system::in_place_value, std::move(headers)};
}

awaitable<Result<int>> create_campaign(Client& client, const Globals& globals, const CampaignCreateCommand& command)
{
    json form{{"list_id", command.list_id},
              {"name", command.name},
              {"from", command.from},
              {"subject", command.subject},
              {"include_risky", command.include_risky},
              {"verify_held", !command.no_verify_held},
              {"hold", command.hold}};
    if (!command.headers.empty()) {
        WINNOW_CO_TRY(form["headers"], headers_of(command.headers));
    }
    if (command.text_file.empty() && command.html_file.empty())
        co_return Error{Errc::invalid_argument, "a campaign needs a body: --text FILE, --html FILE or both"};
    if (!command.text_file.empty()) {
        WINNOW_CO_TRY(form["text"], whole_file(command.text_file));
    }
    if (!command.html_file.empty()) {
        WINNOW_CO_TRY(form["html"], whole_file(command.html_file));
    }
    auto created = co_await client.post("/campaigns", dump_json(form));
    if (!created)
        co_return about("list", command.list_id, client, created.error());
    json answer = std::move(*created);
    if (command.start) {
        const std::string id = answer.at("campaign").at("id").get<std::string>();
        WINNOW_CO_TRY(answer, co_await client.post("/campaigns/" + id + "/start", "{}"));
    }
    print_changed(globals, answer, "campaign", print_campaign);
    co_return 0;
}

/// start or cancel
int change_campaign(const Globals& globals, const std::string& id, const char* verb)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        const auto answer = co_await client.post("/campaigns/" + net::percent_encode(id) + "/" + verb, "{}");
        if (!answer)
            co_return about("campaign", id, client, answer.error());
        print_changed(globals, *answer, "campaign", print_campaign);
        co_return 0;
    };
    return with_client(globals, story);
}

}  // namespace

int run_list_list(const Globals& globals)
{
    return with_client(globals,
                       [&](Client& client, Runtime&) { return print_all(client, globals, "lists", print_list_row); });
}

int run_campaign_list(const Globals& globals)
{
    return with_client(
        globals, [&](Client& client, Runtime&) { return print_all(client, globals, "campaigns", print_campaign_row); });
}

int run_list_upload(const Globals& globals, const ListUploadCommand& command)
{
    return with_client(
        globals, [&](Client& client, Runtime& runtime) { return upload_list(client, runtime, globals, command); });
}

int run_list_status(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query none;
        const auto answer = co_await client.get("/lists/" + net::percent_encode(id), none);
        if (!answer)
            co_return about("list", id, client, answer.error());
        print(globals, *answer, print_list);
        co_return 0;
    };
    return with_client(globals, story);
}

int run_list_export(const Globals& globals, const ListExportCommand& command)
{
    return with_client(
        globals, [&](Client& client, Runtime& runtime) { return download_list(client, runtime, command, "/results"); });
}

int run_list_rejected(const Globals& globals, const ListExportCommand& command)
{
    return with_client(globals, [&](Client& client, Runtime& runtime) {
        return download_list(client, runtime, command, "/rejected");
    });
}

int run_campaign_create(const Globals& globals, const CampaignCreateCommand& command)
{
    return with_client(globals, [&](Client& client, Runtime&) { return create_campaign(client, globals, command); });
}

int run_campaign_start(const Globals& globals, const std::string& id)
{
    return change_campaign(globals, id, "start");
}

int run_campaign_cancel(const Globals& globals, const std::string& id)
{
    return change_campaign(globals, id, "cancel");
}

int run_campaign_status(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query none;
        const auto answer = co_await client.get("/campaigns/" + net::percent_encode(id), none);
        if (!answer)
            co_return about("campaign", id, client, answer.error());
        print(globals, *answer, print_campaign);
        co_return 0;
    };
    return with_client(globals, story);
}

}  // namespace winnow::app
