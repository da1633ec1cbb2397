// `winnow demo`: a gateway and a sandbox internet in one process, and the whole loop once.
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/client.hpp"
#include "app/commands.hpp"
#include "app/job_report.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "app/sandbox_profile.hpp"
#include "app/scratch_dir.hpp"
#include "app/server.hpp"
#include "core/ndjson.hpp"
#include "net/http.hpp"
#include "sandbox/sandbox.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr const char* workspace = "default";
constexpr milliseconds longest_delivery = std::chrono::minutes{3};
constexpr milliseconds longest_feedback{15'000};
constexpr milliseconds interrupted_drain{1'000};
constexpr milliseconds quiet_time{1'000};  ///< no report for so long: the sandbox has said everything

struct Demo {
    Runtime& runtime;
    const Globals& globals;
    const DemoCommand& command;
    std::string contacts;
    std::string api_key;
    std::unique_ptr<sandbox::Sandbox> sandbox;
    std::unique_ptr<Server> server;

    std::string url(const std::string& path) const { return "http://" + server->http().to_string() + "/api/v1" + path; }
    awaitable<Result<nlohmann::json>> post(std::string path, std::string type, std::string body);
    awaitable<Result<std::string>> upload();
    awaitable<Result<storage::JobRecord>> verify(std::string job_id);
    awaitable<Result<storage::CampaignRecord>> send(std::string list_id, std::vector<std::string> columns);
    awaitable<Result<storage::CampaignRecord>> settle(std::string campaign_id);
    awaitable<Result<>> print_summary(storage::ListRecord list, storage::JobRecord job,
                                      storage::CampaignRecord campaign);
    awaitable<Result<>> run();
};

/// The same way in that any user has: HTTP with an API key.
awaitable<Result<nlohmann::json>> Demo::post(std::string path, std::string type, std::string body)
{
    net::HttpClientRequest request;
    request.method = "POST";
    request.url = url(path);
    request.fields.add("Authorization", "Bearer " + api_key);
    request.fields.add("Content-Type", std::move(type));
    request.body = std::move(body);
    WINNOW_CO_TRY(const auto response, co_await net::http_request(*runtime.connector, nullptr, std::move(request)));
    if (response.status >= 300)
        co_return error_of(response);
    JsonLimits limits;
    co_return parse_json(response.body, limits);
}

awaitable<Result<std::string>> Demo::upload()
{
    WINNOW_CO_TRY(auto file, InputFile::open(contacts));
    std::string text;
    for (;;) {
        WINNOW_CO_TRY(auto piece, file.read());
        if (piece.empty())
            break;
        text += piece;
    }
    const std::string path =
        "/lists?filename=" + net::percent_encode(std::filesystem::path(contacts).filename().string()) +
        "&name=contacts&source=demo&consent_basis=example";
    WINNOW_CO_TRY(const auto answer, co_await post(path, "text/csv", std::move(text)));
    co_return answer.dump();
}

awaitable<Result<storage::JobRecord>> Demo::verify(std::string job_id)
{
    ProgressLine progress{globals.quiet, runtime.clock};
    auto show = [&progress](const storage::JobRecord& job) { progress.show(job); };
    std::function<void(const storage::JobRecord&)> on_progress = show;
    co_return co_await server->jobs().wait(workspace, job_id, on_progress);
}

/// A greeting with the names that the list has, if any: a place without its column is refused.
std::string greeting(const std::string& word, const std::vector<std::string>& columns,
                     std::initializer_list<const char*> names)
{
    std::string text = word;
    for (const std::string name : names)
        if (std::find(columns.begin(), columns.end(), name) != columns.end())
            text += " {{" + name + "}}";
    return text;
}

awaitable<Result<storage::CampaignRecord>> Demo::send(std::string list_id, std::vector<std::string> columns)
{
    const std::string dear = greeting("Dear", columns, {"first_name", "last_name"});
    const std::string opening = dear == "Dear" ? "Hello" : dear;
    const nlohmann::json form{{"list_id", list_id},
                              {"name", "hello"},
                              {"from", "Winnow Demo <news@gateway.sandbox.test>"},
                              {"subject", greeting("Hello", columns, {"first_name"})},
                              {"text", opening + ",\n\nyou are one of the clean recipients of this list.\n"}};
    WINNOW_CO_TRY(const auto created, co_await post("/campaigns", "application/json", form.dump()));
    const std::string id = created.at("campaign").at("id").get<std::string>();
    WINNOW_CO_CHECK(co_await post("/campaigns/" + id + "/start", "application/json", "{}"));
    co_return co_await settle(id);
}

std::uint64_t in_state(const storage::CampaignRecord& campaign, MessageState state)
{
    const auto found = campaign.by_state.find(state);
    return found == campaign.by_state.end() ? 0 : found->second;
}

/// Until all that is not held has its end and the sandbox's bounces and complaints have come back.
awaitable<Result<storage::CampaignRecord>> Demo::settle(std::string campaign_id)
{
    ProgressLine progress{globals.quiet, runtime.clock};
    const SteadyPoint give_up = runtime.clock.steady() + longest_delivery;
    SteadyPoint last_change = runtime.clock.steady();
    std::uint64_t reports = 0;
    std::optional<SteadyPoint> all_sent;
    for (;;) {
        WINNOW_CO_TRY(auto campaign, co_await server->campaigns().get(workspace, campaign_id));
        WINNOW_CO_TRY(const auto list, co_await server->engine().get_list(workspace, campaign.list_id));
        const SteadyPoint now = runtime.clock.steady();
        const std::uint64_t moving =
            in_state(campaign, MessageState::queued) + in_state(campaign, MessageState::in_flight) +
            in_state(campaign, MessageState::deferred) + in_state(campaign, MessageState::accepted);
        progress.show("sending    " + with_commas(in_state(campaign, MessageState::delivered)) + " delivered, " +
                      with_commas(moving) + " on their way, " + with_commas(sum(campaign.later)) + " reports back");
        const bool passed = list && campaign.next_row > list->rows;
        if (passed && moving == 0 && !all_sent)
            all_sent = now;
        if (sum(campaign.later) != reports) {
            reports = sum(campaign.later);
            last_change = now;
        }
        const bool quiet = all_sent && now > std::max(*all_sent, last_change) + quiet_time;
        if (quiet || now > give_up || (all_sent && now > *all_sent + longest_feedback))
            co_return campaign;
        co_await sleep_for(runtime.timers, milliseconds{50});
    }
}

awaitable<Result<std::map<std::string, std::uint64_t>>> suppressions_by_reason(storage::Engine& engine)
{
    std::map<std::string, std::uint64_t> counts;
    storage::SuppressionFilter all;
    WINNOW_CO_TRY(auto cursor, co_await engine.open_suppressions(workspace, all));
    for (;;) {
        WINNOW_CO_TRY(const auto entries, co_await cursor->next(1'000));
        if (entries.empty())
            break;
        for (const storage::SuppressionEntry& entry : entries)
            ++counts[std::string(to_string(entry.reason))];
    }
    co_return counts;
}

CampaignCounts counts_of(const storage::CampaignRecord& campaign)
{
    CampaignCounts counts;
    for (const auto& [key, n] : campaign.gate) {  // "held:greylisted"
        const auto colon = std::min(key.find(':'), key.size());
        counts.gate[key.substr(0, colon)][key.substr(std::min(colon + 1, key.size()))] += n;
    }
    for (const auto& [state, n] : campaign.by_state)
        counts.messages[std::string(to_string(state))] = n;
    counts.later = campaign.later;
    return counts;
}

awaitable<Result<>> Demo::print_summary(storage::ListRecord list, storage::JobRecord job,
                                        storage::CampaignRecord campaign)
{
    WINNOW_CO_TRY(const auto suppressed, co_await suppressions_by_reason(server->engine()));
    const auto elapsed = job.finished - job.started;
    const auto& c = job.counters;
    Summary summary{columns_of(STDOUT_FILENO)};
    summary.title("list: " + with_commas(list.rows) + " rows of " + contacts);
    summary.words(counted(c.duplicates, "duplicate") + ", " + with_commas(c.malformed) + " blank or malformed, " +
                  verified_text(c) + " in " + human_duration(elapsed) + " with " + counted(c.probes, "RCPT probe"));
    summary.title("verdicts");
    summary.verdicts(c.by_reason);
    add_campaign(summary, counts_of(campaign));
    summary.count("suppressed", sum(suppressed), suppressed);
    std::printf("\n%s", summary.text().c_str());
    std::fflush(stdout);
    co_return Result<>{};
}

awaitable<Result<>> Demo::run()
{
    WINNOW_CO_TRY(const auto uploaded, co_await upload());
    JsonLimits limits;
    WINNOW_CO_TRY(const auto answer, parse_json(uploaded, limits));
    const std::string list_id = answer.at("list").at("id").get<std::string>();
    const std::string job_id = answer.at("job").at("id").get<std::string>();
    const auto columns = answer.at("list").at("columns").get<std::vector<std::string>>();
    WINNOW_CO_TRY(const auto job, co_await verify(job_id));
    WINNOW_CO_TRY(const auto campaign, co_await send(list_id, columns));
    WINNOW_CO_TRY(const auto list, co_await server->engine().get_list(workspace, list_id));
    co_return co_await print_summary(*list, job, campaign);
}

/// The wanted port, or any free one when somebody has it already.
std::string free_or_any(Runtime& runtime, const std::string& wanted)
{
    const auto at = net::parse_endpoint(wanted);
    if (at && net::listen_tcp(runtime.io.get_executor(), *at))
        return wanted;
    say(wanted + " is taken; another port serves in its place, shown below");
    return "127.0.0.1:0";
}

Result<Config> demo_config(const std::string& dir)
{
    Config config;
    config.data_dir = dir + "/data";
    config.key_file = dir + "/winnow.key";
    config.http.keys_file = dir + "/api-keys";
    config.bounce.listen = "127.0.0.1:0";
    config.drain_timeout = milliseconds{5'000};
    std::error_code failed;
    std::filesystem::create_directories(config.data_dir, failed);
    if (failed)
        return file_error(failed.value(), "cannot make " + config.data_dir);
    return config;
}

awaitable<Result<>> open_all(Demo& demo, Config& config)
{
    Runtime& runtime = demo.runtime;
    sandbox::SandboxOptions options;
    options.rtt = milliseconds{demo.command.rtt_ms};
    WINNOW_CO_TRY(demo.sandbox, sandbox::Sandbox::start(runtime.io.get_executor(), runtime.timers, *runtime.connector,
                                                        runtime.log, options));
    use_sandbox(config, demo.sandbox->dns_endpoint(), demo.sandbox->smtp_port());
    config.verifier.identity_checked = true;
    WINNOW_CO_TRY(auto upstream, net::make_cares_resolver(runtime.io.get_executor(), config.dns));
    runtime.resolver = net::make_caching_resolver(std::move(upstream), runtime.clock, config.dns_cache);
    config.http.listen = free_or_any(runtime, config.http.listen);
    config.submission.listen = free_or_any(runtime, config.submission.listen);

    api::ApiKey properties;
    properties.name = "demo";
    properties.probes_per_day = 1'000'000;
    WINNOW_CO_TRY(auto key, api::KeyRing::create(config.http.keys_file, properties, runtime.rng));
    demo.api_key = key.text;
    WINNOW_CO_TRY(demo.server, Server::open(runtime, config));
    demo.sandbox->set_bounce_to(demo.server->bounce());
    WINNOW_CO_CHECK(co_await demo.server->start());
    co_return Result<>{};
}

void print_opening(const Demo& demo)
{
    std::printf("gateway    http://%s (API)\n           %s (SMTP submission, user apikey)\n",
                demo.server->http().to_string().c_str(), demo.server->submission().to_string().c_str());
    std::printf("sandbox    DNS %s, mail receivers 127.77.x.y:%d\n", demo.sandbox->dns_endpoint().to_string().c_str(),
                static_cast<int>(demo.sandbox->smtp_port()));
    std::printf("API key\n  %s\n\n%s\n", demo.api_key.c_str(), sandbox_notice);
    if (!demo.runtime.lists->complete())
        std::printf("address lists: the small built-in set (scripts/fetch-lists makes the full ones)\n");
    std::fflush(stdout);
}

/// Waits until `demo` has told its story, which `told` then holds, or a signal comes: its number, else 0.
awaitable<int> story_or_signal(Demo& demo, boost::asio::signal_set& signals, std::optional<Result<>>& told)
{
    const auto end = [&](std::exception_ptr failed, Result<> done) {
        told = failed ? Result<>{Error{Errc::internal, "the demo broke off"}} : std::move(done);
        signals.cancel();
    };
    boost::asio::co_spawn(demo.runtime.io, demo.run(), end);
    if (told)
        co_return 0;
    boost::system::error_code cancelled;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, cancelled);
    const int signal = co_await signals.async_wait(token);
    co_return cancelled ? 0 : signal;
}

/// Ends within a second or two of a signal, whatever was under way.
awaitable<int> interrupted(Demo& demo, int signal, const std::optional<Result<>>& told,
                           std::unique_ptr<ScratchDir>& scratch)
{
    const bool ended = co_await demo.server->stop(interrupted_drain);
    for (int turn = 0; ended && !told && turn < 25; ++turn)
        co_await sleep_for(demo.runtime.timers, milliseconds{20});
    demo.sandbox->stop();
    if (!ended || !told) {
        // Coroutines still use the server: nothing of it may be destroyed. Its store is closed.
        scratch.reset();
        leave_at_once(128 + signal, "interrupted");
    }
    std::fprintf(stderr, "winnow: interrupted\n");
    co_return 128 + signal;
}

awaitable<int> demo_main(Runtime& runtime, Config& config, const Globals& globals, const DemoCommand& command,
                         std::string contacts, std::unique_ptr<ScratchDir>& scratch)
{
    boost::asio::signal_set signals{runtime.io, SIGTERM, SIGINT};
    Demo demo{runtime, globals, command, std::move(contacts), {}, nullptr, nullptr};
    const auto opened = co_await open_all(demo, config);
    if (!opened)
        co_return fail(opened.error());
    print_opening(demo);
    std::optional<Result<>> told;
    const int signal = co_await story_or_signal(demo, signals, told);
    if (signal != 0)
        co_return co_await interrupted(demo, signal, told, scratch);
    const int code = *told ? 0 : fail(told->error());
    if (*told && !command.once) {
        std::printf("\nserving until Ctrl-C; try\n  KEY=%s\n  curl -H \"Authorization: Bearer $KEY\" \\\n    '%s'\n",
                    demo.api_key.c_str(), demo.url("/risk?address=unknown-1@acme.deliverable.test").c_str());
        std::fflush(stdout);
        (void)co_await signals.async_wait(boost::asio::use_awaitable);
    }
    const bool ended = co_await demo.server->stop(config.drain_timeout);
    demo.sandbox->stop();
    if (!ended) {
        scratch.reset();
        leave_at_once(code, "some transactions did not end in time");
    }
    co_return code;
}

}  // namespace

int run_demo(const Globals& globals, const DemoCommand& command)
{
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    std::unique_ptr<ScratchDir> scratch;
    std::string dir = command.data_dir;
    if (dir.empty()) {
        auto made = ScratchDir::make();
        if (!made)
            return fail(made.error());
        scratch = std::move(*made);
        dir = scratch->path();
    }
    auto config = demo_config(dir);
    if (!config)
        return fail(config.error());
    auto runtime = Runtime::make(*config, *log);
    if (!runtime)
        return fail_setup(runtime.error());
    std::string contacts = command.contacts;
    if (contacts.empty())
        contacts = std::filesystem::path((*runtime)->share_dir).parent_path() / "docs" / "examples" / "contacts.csv";
    return run_to_end(**runtime, demo_main(**runtime, *config, globals, command, std::move(contacts), scratch));
}

}  // namespace winnow::app
