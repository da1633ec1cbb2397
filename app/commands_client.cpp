// Commands against a running server: lists and campaigns.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/client.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr milliseconds look_again{200};

void print_json(const json& value)
{
    std::printf("%s\n", dump_json(value).c_str());
}

std::map<std::string, std::uint64_t> counts_of(const json& object)
{
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [word, count] : object.items())
        counts[word] = count.get<std::uint64_t>();
    return counts;
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& counts)
{
    std::uint64_t total = 0;
    for (const auto& [word, count] : counts)
        total += count;
    return total;
}

std::map<Reason, std::uint64_t> reasons_of(const json& job)
{
    std::map<Reason, std::uint64_t> reasons;
    for (const auto& [word, count] : counts_of(job.at("by_reason")))
        if (const auto reason = from_string<Reason>(word))
            reasons[*reason] = count;
    return reasons;
}

void print_list(const json& answer)
{
    const json& list = answer.at("list");
    std::string text = "list " + list.at("id").get<std::string>() + ": " + list.at("name").get<std::string>() + "\n";
    text += "  " + with_commas(list.at("rows").get<std::uint64_t>()) + " rows, " +
            with_commas(list.at("duplicates").get<std::uint64_t>()) + " duplicates, " +
            with_commas(list.at("malformed").get<std::uint64_t>()) + " blank or malformed\n";
    if (list.contains("notes"))
        for (const auto& note : list.at("notes"))
            text += "  note: " + note.get<std::string>() + "\n";
    const json& job = answer.at("job");
    if (job.is_null()) {
        text += "  not verified\n";
    } else {
        const json& c = job.at("counters");
        text += "  verification " + job.at("state").get<std::string>() + ": " +
                with_commas(c.at("done").get<std::uint64_t>()) + " of " +
                with_commas(c.at("total").get<std::uint64_t>()) + " addresses, " +
                with_commas(c.at("waiting").get<std::uint64_t>()) + " waiting to be asked again, " +
                with_commas(c.at("probes").get<std::uint64_t>()) + " RCPT probes\n";
        const std::string note = job.at("note").get<std::string>();
        if (!note.empty())
            text += "  " + note + "\n";
        text += "\n" + verdict_table(reasons_of(job));
    }
    std::fputs(text.c_str(), stdout);
}

void print_campaign(const json& answer)
{
    const json& c = answer.at("campaign");
    std::string text = "campaign " + c.at("id").get<std::string>() + ": " + c.at("name").get<std::string>() + ", " +
                       c.at("state").get<std::string>() + "\n\ngate\n";
    for (const auto& [decision, reasons] : c.at("gate").items()) {
        const auto counts = counts_of(reasons);
        text += summary_line(decision, sum(counts), counted_words(counts));
    }
    text += "\nmail\n";
    for (const auto& [state, count] : counts_of(c.at("messages")))
        text += summary_line(state, count, "");
    const auto later = counts_of(c.at("later"));
    text += "\ncame back\n" + summary_line("reports", sum(later), counted_words(later));
    std::fputs(text.c_str(), stdout);
}

void print(const Globals& globals, const json& answer, void (*as_text)(const json&))
{
    if (globals.json)
        print_json(answer);
    else
        as_text(answer);
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
           with_commas(c.at("waiting").get<std::uint64_t>()) + " waiting to be asked again";
}

awaitable<Result<json>> wait_for_job(Client& client, Runtime& runtime, const Globals& globals, std::string list_id)
{
    ProgressLine progress{globals.quiet, runtime.clock};
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
    WINNOW_CO_TRY(auto file, InputFile::open(command.file));
    const std::string file_name =
        command.file == "-" ? "standard input" : std::filesystem::path(command.file).filename().string();
    Query query{{"name", command.name.empty() ? file_name : command.name},
                {"filename", file_name},
                {"source", command.source},
                {"collected_at", command.collected_at},
                {"consent_basis", command.consent_basis},
                {"column", command.column},
                {"deadline", command.deadline},
                {"verify", command.no_verify ? "false" : "true"}};
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
    if (command.wait && !answer.at("job").is_null()) {
        const std::string id = answer.at("list").at("id").get<std::string>();
        WINNOW_CO_TRY(answer, co_await wait_for_job(client, runtime, globals, id));
    }
    print(globals, answer, print_list);
    const json& job = answer.at("job");
    const bool finished = job.is_null() || job.at("state").get<std::string>() == "done";
    co_return command.wait && !finished ? 1 : 0;
}

awaitable<Result<int>> export_list_file(Client& client, const ListExportCommand& command)
{
    WINNOW_CO_TRY(auto output, OutputFile::open(command.output));
    Query query{{"format", command.format},
                {"verdict", command.verdict},
                {"spreadsheet_safe", command.spreadsheet_safe ? "true" : ""}};
    auto write = [&output](std::string_view piece) { return output.write(piece); };
    std::function<Result<>(std::string_view)> sink = write;
    WINNOW_CO_CHECK(co_await client.download("/lists/" + net::percent_encode(command.id) + "/results", query, sink));
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

awaitable<Result<int>> create_campaign(Client& client, const Globals& globals, const CampaignCreateCommand& command)
{
    json form{{"list_id", command.list_id},
              {"name", command.name},
              {"from", command.from},
              {"subject", command.subject},
              {"include_risky", command.include_risky},
              {"hold", command.hold}};
    WINNOW_CO_TRY(form["text"], whole_file(command.text_file));
    if (!command.html_file.empty()) {
        WINNOW_CO_TRY(form["html"], whole_file(command.html_file));
    }
    WINNOW_CO_TRY(auto answer, co_await client.post("/campaigns", dump_json(form)));
    if (command.start) {
        const std::string id = answer.at("campaign").at("id").get<std::string>();
        WINNOW_CO_TRY(answer, co_await client.post("/campaigns/" + id + "/start", "{}"));
    }
    print(globals, answer, print_campaign);
    co_return 0;
}

}  // namespace

int run_list_upload(const Globals& globals, const ListUploadCommand& command)
{
    return with_client(
        globals, [&](Client& client, Runtime& runtime) { return upload_list(client, runtime, globals, command); });
}

int run_list_status(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query none;
        WINNOW_CO_TRY(const auto answer, co_await client.get("/lists/" + net::percent_encode(id), none));
        print(globals, answer, print_list);
        co_return 0;
    };
    return with_client(globals, story);
}

int run_list_export(const Globals& globals, const ListExportCommand& command)
{
    return with_client(globals, [&](Client& client, Runtime&) { return export_list_file(client, command); });
}

int run_campaign_create(const Globals& globals, const CampaignCreateCommand& command)
{
    return with_client(globals, [&](Client& client, Runtime&) { return create_campaign(client, globals, command); });
}

int run_campaign_start(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        WINNOW_CO_TRY(const auto answer,
                      co_await client.post("/campaigns/" + net::percent_encode(id) + "/start", "{}"));
        print(globals, answer, print_campaign);
        co_return 0;
    };
    return with_client(globals, story);
}

int run_campaign_status(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query none;
        WINNOW_CO_TRY(const auto answer, co_await client.get("/campaigns/" + net::percent_encode(id), none));
        print(globals, answer, print_campaign);
        co_return 0;
    };
    return with_client(globals, story);
}

}  // namespace winnow::app
