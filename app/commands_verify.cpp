// `winnow verify` and `winnow check`: the verifier without a server.
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "app/data_dir.hpp"
#include "app/forecast_report.hpp"
#include "app/identity.hpp"
#include "app/job_report.hpp"
#include "app/lab_settings.hpp"
#include "app/list_preview.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "app/runtime.hpp"
#include "app/scratch_dir.hpp"
#include "app/unmatched_keeper.hpp"
#include "core/duration.hpp"
#include "core/email_column.hpp"
#include "core/gunzip.hpp"
#include "core/join.hpp"
#include "core/ndjson.hpp"
#include "verifier/forecast_json.hpp"
#include "verifier/jobs.hpp"
#include "verifier/list_export.hpp"
#include "verifier/list_ingest.hpp"
#include "verifier/list_preview.hpp"
#include "verifier/list_rejects.hpp"
#include "verifier/verdict_json.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

/// Lists above this size are verified on a temporary store on disk instead of in memory.
constexpr std::uintmax_t memory_list_bytes = 2u << 20;

constexpr const char* workspace = "default";

/// The store behind a run without a server: the data directory when one is named (its suppressions and verdicts count),
/// memory for small lists, a temporary folder for large ones.
struct LocalStore {
    std::unique_ptr<ScratchDir> scratch;
    std::unique_ptr<storage::Engine> engine;

    /// `large` is for what may not fit into memory.
    static Result<LocalStore> open(Runtime& runtime, const Config& config, const Globals& globals, NewData new_data,
                                   bool large)
    {
        LocalStore store;
        if (!globals.data_dir.empty()) {
            WINNOW_TRY(store.engine, open_data_dir(runtime, config, globals, new_data));
            return store;
        }
        const auto keys = storage::EngineKeys::fixed(runtime.rng.token(32));  // lives as long as this run
        if (large) {
            WINNOW_TRY(store.scratch, ScratchDir::make());
            WINNOW_TRY(store.engine, storage::open_rocks_engine(store.scratch->path(), keys, config.engine,
                                                                runtime.clock, runtime.rng, runtime.log));
        } else {
            store.engine = storage::make_memory_engine(keys, config.engine, runtime.clock, runtime.rng);
        }
        return store;
    }
};

/// A pipe's size is not known before its end.
bool may_be_large(const std::string& input)
{
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(input, unknown);
    return unknown || size > memory_list_bytes;
}

verifier::Services services(Runtime& r, storage::Engine& engine)
{
    return {engine, *r.resolver, *r.connector, r.timers,     r.clock,  r.rng,
            r.log,  r.metrics,   *r.replies,   *r.providers, *r.lists, r.io.get_executor()};
}

void print_summary(const VerifyCommand& command, const verifier::UploadSummary& upload, const storage::JobRecord& job,
                   const std::string& dns_only, milliseconds elapsed)
{
    const auto& c = job.counters;
    Summary summary{columns_of(STDERR_FILENO)};
    const std::string name = command.input == "-" ? "standard input" : command.input;
    summary.title("list: " + with_commas(upload.list.rows) + " rows of " + name);
    summary.words(counted(c.duplicates, "duplicate") + ", " + with_commas(c.malformed) + " blank or malformed, " +
                  verified_text(c) + " in " + human_duration(elapsed) + " with " + cost_text(c));
    for (const std::string& note : upload.notes)
        summary.words("note: " + note, 2);
    if (!dns_only.empty())
        summary.words("mailboxes were not probed: " + dns_only, 2);
    summary.title("verdicts");
    summary.verdicts(c.by_reason);
    if (command.output != "-")
        summary.title("written: " + command.output);
    if (!command.rejected.empty() && command.rejected != "-")
        summary.title("rows without a usable address: " + command.rejected);
    std::fputs(summary.text().c_str(), stderr);
}

/// The first SIGINT or SIGTERM ends the job, so that temporary files go too; the second one ends the process.
class Interruption {
public:
    explicit Interruption(Runtime& runtime) : runtime_(runtime), signals_(runtime.io, SIGINT, SIGTERM)
    {
        signals_.async_wait([this](const boost::system::error_code& failed, int signal) {
            if (failed)
                return;
            signal_ = signal;
            signals_.clear();
            end_job();
        });
    }
    /// From now on there is a job to end. `jobs` outlives the wait for it.
    void watch(verifier::VerificationJobs& jobs)
    {
        jobs_ = &jobs;
        if (happened())
            end_job();
    }
    bool happened() const noexcept { return signal_ != 0; }
    /// What the shell would give for a process that the signal ended.
    int exit_code() const noexcept { return 128 + signal_; }

private:
    void end_job()
    {
        if (!jobs_)
            return;
        boost::asio::co_spawn(runtime_.io, jobs_->drain(), [&log = runtime_.log](std::exception_ptr broken) {
            if (broken)
                log.error("verify.drain_failed");
        });
    }

    Runtime& runtime_;
    boost::asio::signal_set signals_;
    verifier::VerificationJobs* jobs_ = nullptr;
    int signal_ = 0;
};

Error interrupted()
{
    return {Errc::cancelled, "interrupted; nothing was written"};
}

/// A job that needs the DNS or port 25 and will never get through is not waited for.
void end_job(Runtime& runtime, awaitable<Result<>> cancelling)
{
    boost::asio::co_spawn(runtime.io, std::move(cancelling),
                          [&log = runtime.log](std::exception_ptr broken, const Result<>&) {
                              if (broken)
                                  log.error("verify.cancel_failed");
                          });
}

awaitable<Result<>> print_plan(verifier::VerificationJobs& jobs, const Globals& globals, std::string list_id,
                               milliseconds deadline)
{
    WINNOW_CO_TRY(const auto plan, co_await jobs.plan(workspace, std::move(list_id), deadline));
    show(globals, verifier::plan_to_json(plan), plan_text);
    co_return Result<>{};
}

verifier::UploadOptions upload_options(const VerifyCommand& command)
{
    verifier::UploadOptions options;
    options.reading.column = command.column;
    if (!command.header.empty())
        options.reading.header = command.header == "yes";
    options.reading.file_name = command.input == "-" ? "standard input" : command.input;
    options.name = options.reading.file_name;
    return options;
}

/// A wrong word is an error that names its flag, before anything is done.
Result<verifier::Segment> segment_of(const SegmentFlags& flags, const ProviderTable& table)
{
    std::vector<std::string> providers;
    for (const Provider* provider : table.providers())
        providers.push_back(provider->name);
    verifier::Segment segment;
    const auto read = [](const char* flag, const std::vector<std::string>& given, auto add) -> Result<> {
        if (given.empty())
            return {};
        const auto added = add(joined(given, ","));
        if (!added)
            return Error{added.error().code, std::string(flag) + " " + added.error().context};
        return {};
    };
    WINNOW_CHECK(read("--verdict", flags.verdicts, [&](const std::string& w) { return add_verdicts(segment, w); }));
    WINNOW_CHECK(read("--reason", flags.reasons, [&](const std::string& w) { return add_reasons(segment, w); }));
    WINNOW_CHECK(read("--flag", flags.flags, [&](const std::string& w) { return add_flags(segment, w); }));
    WINNOW_CHECK(read("--provider", flags.providers,
                      [&](const std::string& w) { return add_providers(segment, w, providers); }));
    return segment;
}

awaitable<Result<>> write_rejects(storage::Engine& engine, std::string list_id, const Globals& globals,
                                  const VerifyCommand& command, OutputFile& file)
{
    verifier::RejectsOptions form;
    form.ndjson = globals.json;
    form.spreadsheet_safe = command.spreadsheet_safe;
    auto write = [&file](std::string piece) -> awaitable<Result<>> { co_return file.write(piece); };
    std::function<awaitable<Result<>>(std::string)> sink = write;
    WINNOW_CO_CHECK(co_await verifier::export_rejects(engine, workspace, std::move(list_id), form, sink));
    co_return Result<>{};
}

/// The file from its first piece on.
awaitable<Result<verifier::UploadSummary>> read_list(verifier::ListIngest& ingest, std::string piece, InputFile& input,
                                                     const Interruption& interruption)
{
    while (!piece.empty()) {
        WINNOW_CO_CHECK(co_await ingest.feed(std::move(piece)));
        if (interruption.happened())
            co_return interrupted();
        WINNOW_CO_TRY(piece, input.read());
    }
    co_return co_await ingest.finish();
}

awaitable<Result<>> verify(Runtime& runtime, Config& config, const Globals& globals, const VerifyCommand& command,
                           Interruption& interruption)
{
    const SteadyPoint started = runtime.clock.steady();
    WINNOW_CO_TRY(const auto segment, segment_of(command.segment, *runtime.providers));
    WINNOW_CO_TRY(auto input, InputFile::open(command.input));
    WINNOW_CO_TRY(auto output, OutputFile::open(command.output));
    std::optional<OutputFile> rejected;
    if (!command.rejected.empty()) {
        WINNOW_CO_TRY(auto file, OutputFile::open(command.rejected));
        rejected.emplace(std::move(file));
    }
    WINNOW_CO_TRY(auto start, input.read());
    const bool large = may_be_large(command.input) || looks_like_gzip(start);  // who knows what is in it
    const NewData new_data = command.plan ? NewData::refused : NewData::made;
    WINNOW_CO_TRY(auto store, LocalStore::open(runtime, config, globals, new_data, large));
    UnmatchedKeeper unmatched{runtime, *store.engine};
    co_await unmatched.load();
    milliseconds deadline = config.verifier.deadline;
    if (!command.deadline.empty()) {
        WINNOW_CO_TRY(deadline, parse_duration(command.deadline));
    }

    verifier::ListIngest ingest{*store.engine, runtime.rng, upload_options(command)};
    WINNOW_CO_TRY(const auto upload, co_await read_list(ingest, std::move(start), input, interruption));

    const Identity identity = co_await settle_identity(runtime, config);
    verifier::Verifier verifier{services(runtime, *store.engine), config.verifier};
    verifier::VerificationJobs jobs{verifier};
    if (command.plan) {
        const auto told = co_await print_plan(jobs, globals, upload.list.id, deadline);
        auto ops = storage::OpList::of(storage::DeleteList{workspace, upload.list.id});
        WINNOW_CO_CHECK(co_await store.engine->commit(std::move(ops)));
        co_return told;
    }
    if (const std::string lab = lab_settings(config); !lab.empty() && !globals.quiet)
        say(lab);
    WINNOW_CO_TRY(auto job, co_await jobs.start(workspace, upload.list.id, deadline));
    interruption.watch(jobs);
    {
        ProgressLine progress{globals.quiet, runtime.clock};
        bool given_up = false;
        auto show = [&](const storage::JobRecord& j) {
            progress.show(j);
            if (given_up || verifier.never_fit().empty())
                return;
            given_up = true;
            end_job(runtime, jobs.cancel(workspace, job.id));
        };
        std::function<void(const storage::JobRecord&)> on_progress = show;
        auto finished = co_await jobs.wait(workspace, job.id, on_progress);
        if (interruption.happened())
            co_return interrupted();
        if (!finished)
            co_return finished.error();
        job = std::move(*finished);
    }
    if (const std::string unfit = verifier.never_fit(); !unfit.empty())
        co_return Error{Errc::unavailable,
                        unfit + (unfit.ends_with('.') ? " Nothing was written." : "; nothing was written")};

    verifier::ExportOptions form;
    if (globals.json)
        form.format = verifier::ExportFormat::ndjson;
    form.spreadsheet_safe = command.spreadsheet_safe;
    form.segment = segment;
    auto write = [&output](std::string piece) -> awaitable<Result<>> { co_return output.write(piece); };
    std::function<awaitable<Result<>>(std::string)> sink = write;
    WINNOW_CO_CHECK(co_await verifier::export_list(*store.engine, workspace, upload.list.id, form, sink));
    if (rejected) {
        WINNOW_CO_CHECK(co_await write_rejects(*store.engine, upload.list.id, globals, command, *rejected));
        WINNOW_CO_CHECK(rejected->commit());
    }
    WINNOW_CO_CHECK(output.commit());
    co_await unmatched.save();
    if (!globals.quiet) {
        const auto elapsed = std::chrono::duration_cast<milliseconds>(runtime.clock.steady() - started);
        print_summary(command, upload, job, identity.why_not, elapsed);
    }
    co_return Result<>{};
}

awaitable<int> verify_main(Runtime& runtime, Config& config, const Globals& globals, const VerifyCommand& command)
{
    Interruption interruption{runtime};
    const auto done = co_await verify(runtime, config, globals, command, interruption);
    if (done)
        co_return 0;
    const int code = fail(done.error());
    co_return interruption.happened() ? interruption.exit_code() : code;
}

void print_verdict(const std::string& address, const VerdictRecord& v)
{
    std::string text =
        address + ": " + std::string(to_string(v.verdict)) + " (" + std::string(to_string(v.reason)) + ")";
    char risk[48];
    std::snprintf(risk, sizeof risk, ", bounce risk %.0f %%", v.p_bounce * 100);
    text += risk;
    if (!v.provider.empty())
        text += ", provider " + v.provider;
    for (std::string_view flag : v.flags.names())
        text += ", " + std::string(flag);
    const std::size_t columns = columns_of(STDOUT_FILENO);
    Summary evidence{columns};
    if (!v.suggestion.empty())
        evidence.words("did you mean " + v.suggestion + "?");
    for (const Evidence& e : v.evidence) {
        std::string step = std::string(to_string(e.kind)) + ": " + e.asked;
        if (!e.of.empty())
            step += " of " + e.of;
        step += " -> " + e.answer;
        if (!e.rule.empty())
            step += " [" + e.rule + "]";
        evidence.words(step, 4);
    }
    std::fputs((folded(text, columns, 2) + evidence.text()).c_str(), stdout);
}

/// The guard's word, not the domain's: a lab lifts it.
bool refused_as_private(const VerdictRecord& v)
{
    return v.reason == Reason::no_connect && std::any_of(v.evidence.begin(), v.evidence.end(), [](const Evidence& e) {
               return e.rule == "route.refused_target" && e.answer.find("public internet") != std::string::npos;
           });
}

awaitable<int> check_main(Runtime& runtime, Config& config, const Globals& globals, std::vector<std::string> addresses,
                          milliseconds deadline)
{
    auto store = LocalStore::open(runtime, config, globals, NewData::refused, false);
    if (!store)
        co_return fail(store.error());
    UnmatchedKeeper unmatched{runtime, *store->engine};
    co_await unmatched.load();
    const Identity identity = co_await settle_identity(runtime, config);
    verifier::Verifier verifier{services(runtime, *store->engine), config.verifier};
    bool all_good = true, all_probed = true, guarded = false;
    if (const std::string lab = lab_settings(config); !lab.empty() && !globals.quiet)
        say(lab);
    for (const std::string& address : addresses) {
        const VerdictRecord verdict = co_await verifier.check(workspace, address, deadline);
        all_good = all_good && verdict.verdict != Verdict::undeliverable;
        all_probed = all_probed && verdict.reason != Reason::not_probed;
        guarded = guarded || refused_as_private(verdict);
        if (globals.json)
            std::printf("%s\n", dump_json(verifier::verdict_to_json(address, verdict, true)).c_str());
        else
            print_verdict(address, verdict);
    }
    co_await unmatched.save();
    if (guarded && !globals.quiet)
        say("mail hosts on loopback or private addresses were not asked; in a lab, --allow-private lets them be");
    if (!all_probed && !identity.why_not.empty() && !globals.quiet)
        say("mailboxes were not probed: " + identity.why_not);
    co_return all_good ? 0 : 3;
}

/// How the file is read; nothing is stored and nobody is asked, so that it needs no configuration.
Result<> preview(const Globals& globals, const VerifyCommand& command)
{
    WINNOW_TRY(auto input, InputFile::open(command.input));
    const storage::AddressDigester digester{storage::EngineKeys::fixed("dry run")};
    verifier::ListPreviewer previewer{digester, upload_options(command)};
    for (;;) {
        WINNOW_TRY(auto piece, input.read());
        if (piece.empty())
            break;
        WINNOW_CHECK(previewer.feed(std::move(piece)));
    }
    WINNOW_TRY(const auto found, previewer.finish());
    show(globals, api::to_json(found), preview_text);
    return {};
}

}  // namespace

int run_verify(const Globals& globals, const VerifyCommand& command)
{
    if (command.dry_run) {
        const auto shown = preview(globals, command);
        return shown ? 0 : fail(shown.error());
    }
    auto config = configured(globals);
    if (!config)
        return 78;
    if (const auto applied = apply(command.probe, *config); !applied)
        return fail(applied.error());
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    auto runtime = Runtime::make(*config, *log);
    if (!runtime)
        return fail_setup(runtime.error());
    return run_to_end(**runtime, verify_main(**runtime, *config, globals, command));
}

int run_check(const Globals& globals, const CheckCommand& command)
{
    auto config = configured(globals);
    if (!config)
        return 78;
    if (const auto applied = apply(command.probe, *config); !applied)
        return fail(applied.error());
    milliseconds deadline{30'000};
    if (!command.deadline.empty()) {
        const auto given = parse_duration(command.deadline);
        if (!given)
            return fail(given.error());
        deadline = *given;
    }
    std::vector<std::string> addresses;
    for (const std::string& given : command.addresses)
        addresses.emplace_back(address_in_cell(given));
    if (addresses.empty() || (addresses.size() == 1 && addresses.front() == "-"))
        addresses = addresses_from_input();
    if (addresses.empty())
        return fail({Errc::invalid_argument, "no address given"});
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    auto runtime = Runtime::make(*config, *log);
    if (!runtime)
        return fail_setup(runtime.error());
    return run_to_end(**runtime, check_main(**runtime, *config, globals, std::move(addresses), deadline));
}

}  // namespace winnow::app
