// Verifications on a running server: `winnow job`.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/client.hpp"
#include "app/job_report.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

void print_job(const Globals& globals, const json& answer, bool changed)
{
    const json& job = answer.at("job");
    if (globals.json) {
        print_json(answer);
        return;
    }
    if (globals.quiet && changed) {
        std::printf("%s\n", job.at("id").get<std::string>().c_str());
        return;
    }
    Summary summary{columns_of(STDOUT_FILENO)};
    add_job(summary, job);
    if (answer.contains("becomes"))
        std::fprintf(stderr, "winnow: what is under way is finished first; then it is %s\n",
                     answer.at("becomes").get<std::string>().c_str());
    std::fputs(("list " + job.at("list_id").get<std::string>() + "\n" + summary.text()).c_str(), stdout);
}

/// pause, resume or cancel
int change_job(const Globals& globals, const std::string& id, const char* verb, const json& body)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        const std::string path = "/jobs/" + net::percent_encode(id) + "/" + verb;
        const auto answer = co_await client.post(path, dump_json(body));
        if (!answer)
            co_return about("verification", id, client, answer.error());
        print_job(globals, *answer, true);
        co_return 0;
    };
    return with_client(globals, story);
}

}  // namespace

int run_job_status(const Globals& globals, const std::string& id)
{
    const auto story = [&](Client& client, Runtime&) -> awaitable<Result<int>> {
        Query none;
        const auto answer = co_await client.get("/jobs/" + net::percent_encode(id), none);
        if (!answer)
            co_return about("verification", id, client, answer.error());
        print_job(globals, *answer, false);
        co_return 0;
    };
    return with_client(globals, story);
}

int run_job_pause(const Globals& globals, const JobPauseCommand& command)
{
    json body = json::object();
    if (!command.note.empty())
        body["note"] = command.note;
    return change_job(globals, command.id, "pause", body);
}

int run_job_resume(const Globals& globals, const std::string& id)
{
    return change_job(globals, id, "resume", json::object());
}

int run_job_cancel(const Globals& globals, const std::string& id)
{
    return change_job(globals, id, "cancel", json::object());
}

}  // namespace winnow::app
