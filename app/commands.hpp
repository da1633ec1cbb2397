#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"

/// The commands of the program, one function each; cli.cpp fills the structs. Each returns the process's exit code, as
/// docs/cli.md lists them. Data goes to standard output, all else to standard error.
namespace winnow::app {

class Runtime;

struct Globals {
    std::string config_path;  ///< winnow.toml; empty = defaults and environment
    bool json = false;
    bool quiet = false;
    std::string server;        ///< http://HOST:PORT of a running winnow
    std::string api_key_file;  ///< else $WINNOW_API_KEY
    std::string data_dir;      ///< overrides the configuration
};

/// Flags that a lab or a user without a configuration sets on the command line.
struct ProbeFlags {
    std::string dns;    ///< HOST:PORT
    int smtp_port = 0;  ///< 0 = as configured
    bool allow_private = false;
    std::string ca_file;
    bool fast = false;  ///< lifts manners; only with allow_private
    std::string helo, mail_from, source;
};

/// Words that choose rows; several of one kind in one text are separated by commas.
struct SegmentFlags {
    std::vector<std::string> verdicts, reasons, flags, providers;
};

struct VerifyCommand {
    std::string input = "-";
    std::string output = "-";
    std::string rejected;  ///< file for the rows that nobody can be mailed by; empty = none
    bool dry_run = false;  ///< only show how the file is read
    SegmentFlags segment;  ///< the rows that are written
    std::string column;
    std::string header;    ///< yes, no; empty = found out
    std::string deadline;  ///< empty = as configured
    bool spreadsheet_safe = false;
    bool plan = false;  ///< only tell what would be done
    ProbeFlags probe;
};

struct CheckCommand {
    std::vector<std::string> addresses;  ///< empty or "-": one a line from standard input
    std::string deadline;
    ProbeFlags probe;
};

struct DemoCommand {
    bool once = false;
    std::string contacts;  ///< empty = docs/examples/contacts.csv
    std::string data_dir;  ///< empty = a fresh temporary folder, removed at the end
    int rtt_ms = 0;
};

struct SandboxCommand {
    std::string listen_dns = "127.0.0.1:5353";
    int smtp_port = 2526;
    int rtt_ms = 0;
    bool in_clear = false;  ///< no STARTTLS is offered
    std::string bounce_to;  ///< HOST:PORT of a bounce listener
    int make_list = 0;      ///< N addresses; 0 = serve
    int domains = 100;
    std::string output = "-";
    std::string truth;
    unsigned long long seed = 1;
    int greylist_seconds = 60;
    bool every_kind = false;
    std::string patience;  ///< of the verifier that the list is for; empty = without end
    std::string mail_log;  ///< empty = none
};

struct KeyCreateCommand {
    std::string name;
    std::string workspace = "default";
    long long probes_per_day = 10'000;
    std::vector<std::string> from;  ///< domains that its mail may be from; empty = any
};

struct AddressCommand {
    std::vector<std::string> addresses;  ///< empty or "-": one a line from standard input
    bool ndjson = false;                 ///< {"id","address"} from standard input, a line for a line
};

struct RecomputeCommand {
    bool dry_run = false;
};

struct RepliesUnmatchedCommand {
    int limit = 100;
};

int run_verify(const Globals& globals, const VerifyCommand& command);
int run_check(const Globals& globals, const CheckCommand& command);
int run_serve(const Globals& globals);
int run_demo(const Globals& globals, const DemoCommand& command);
int run_sandbox(const Globals& globals, const SandboxCommand& command);
int run_address(const Globals& globals, const AddressCommand& command);
int run_replies_classify(const Globals& globals);
int run_replies_test(const Globals& globals, const std::string& path);
int run_replies_unmatched(const Globals& globals, const RepliesUnmatchedCommand& command);
int run_data_status(const Globals& globals);
int run_explain(const Globals& globals, const std::string& address);
int run_verdicts_recompute(const Globals& globals, const RecomputeCommand& command);
int run_key_create(const Globals& globals, const KeyCreateCommand& command);

int run_config_check(const Globals& globals);
int run_config_show(const Globals& globals, bool effective);
int run_config_defaults(const Globals& globals, bool markdown);

// Against a running server, or (suppression, queue) a data directory that no server holds: commands_client.cpp.
struct ListUploadCommand {
    std::string file, name, source, collected_at, consent_basis, column, header, deadline;
    bool no_verify = false;
    bool wait = false;
    bool dry_run = false;
};
struct ListExportCommand {
    std::string id, output = "-", format;  ///< format: empty = as it was uploaded
    SegmentFlags segment;
    bool spreadsheet_safe = false;
};
struct ListPlanCommand {
    std::string id, deadline;
};
struct ListEstimateCommand {
    std::string id, time;
    int rows = 200;
};
struct CampaignCreateCommand {
    std::string list_id, name, from, subject, text_file, html_file, hold = "24h";
    std::vector<std::string> headers;  ///< "Name: value"
    bool include_risky = false, start = false, no_verify_held = false;
};
struct SuppressionCommand {
    std::vector<std::string> addresses;
    std::string domain, reason = "manual", scope = "workspace", list_id, note;
    std::string file = "-", format = "csv", column;
    std::string rows_reason;  ///< import: of rows that name none; empty = by the file
    bool dry_run = false;     ///< import: count, store nothing
    bool yes = false;         ///< remove: also what a person said, without asking
};
struct SuppressionListCommand {
    std::string domain, reason, scope, list_id, since;  ///< empty = any
};
int run_list_list(const Globals& globals);
int run_list_upload(const Globals& globals, const ListUploadCommand& command);
int run_list_status(const Globals& globals, const std::string& id);
int run_list_plan(const Globals& globals, const ListPlanCommand& command);
int run_list_estimate(const Globals& globals, const ListEstimateCommand& command);
int run_list_rejected(const Globals& globals, const ListExportCommand& command);
int run_list_export(const Globals& globals, const ListExportCommand& command);
struct JobPauseCommand {
    std::string id, note;
};
int run_job_status(const Globals& globals, const std::string& id);
int run_job_pause(const Globals& globals, const JobPauseCommand& command);
int run_job_resume(const Globals& globals, const std::string& id);
int run_job_cancel(const Globals& globals, const std::string& id);
int run_campaign_create(const Globals& globals, const CampaignCreateCommand& command);
int run_campaign_start(const Globals& globals, const std::string& id);
int run_campaign_list(const Globals& globals);
int run_campaign_cancel(const Globals& globals, const std::string& id);
int run_campaign_status(const Globals& globals, const std::string& id);
int run_suppression_add(const Globals& globals, const SuppressionCommand& command);
int run_suppression_remove(const Globals& globals, const SuppressionCommand& command);
int run_suppression_check(const Globals& globals, const SuppressionCommand& command);
int run_suppression_list(const Globals& globals, const SuppressionListCommand& command);
int run_suppression_import(const Globals& globals, const SuppressionCommand& command);
int run_suppression_export(const Globals& globals, const SuppressionCommand& command);
int run_queue_summary(const Globals& globals);

/// `--since`: a duration before `now` ("7d"), a day (2026-11-01, its beginning in UTC), or an RFC 3339 time.
Result<TimePoint> since_of(const std::string& given, TimePoint now);

/// What a command was asked to show, on standard output: one JSON object with --json, else what `as_text` makes of it
/// for so many columns.
void show(const Globals& globals, const nlohmann::json& answer,
          const std::function<std::string(const nlohmann::json&, std::size_t columns)>& as_text);

/// Exit code of an error.
int exit_code(const Error& error) noexcept;
/// "winnow: <message>" on standard error; returns exit_code(error).
int fail(const Error& error);
/// The same for a command whose input is its configuration: a wrong argument came from there, hence 78.
int fail_start(const Error& error);
/// The same for what Runtime::make reads: a table that is not there, or is wrong, was named by the configuration too.
int fail_setup(const Error& error);
/// Addresses from standard input, one a line, as address_in_cell finds them; blank lines are passed over.
std::vector<std::string> addresses_from_input();
/// Ends the process without running destructors: for when coroutines that cannot be waited for still use what those
/// would destroy. The store is closed or safe to lose (acknowledged means synced). Prints `why`.
[[noreturn]] void leave_at_once(int code, const char* why);
/// The configuration that `globals` names, with its overrides. A configuration error is printed and gives nothing; exit
/// with 78. With --data-dir and no key_file setting the key is where key_file_of (app/data_dir.hpp) says.
std::optional<Config> configured(const Globals& globals);
/// Puts the flags over the configuration. Errc::invalid_argument names the flag.
Result<> apply(const ProbeFlags& flags, Config& config);

}  // namespace winnow::app
