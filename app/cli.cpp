// The command line: every command with its flags and examples. What is wrong with a line is told by cli_usage.cpp.
#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "app/cli_usage.hpp"
#include "app/commands.hpp"
#include "app/version.hpp"

namespace winnow::app {
namespace {

// Every page of help is at most 80 columns wide; tests/e2e/bad_input.py measures it.
constexpr std::size_t help_column = 28;

constexpr const char* root_footer = R"(examples:
  winnow demo                             everything at once, in a sandbox
  winnow verify contacts.csv -o out.csv   verify a list, without a server
  winnow check jane@example.com           one address, with the evidence
  winnow serve --config winnow.toml       HTTP API, submission and relay

winnow COMMAND --help shows the flags of a command and examples.

exit codes: 0 done, 1 failed, 2 wrong usage, 3 check or suppression check
found one, 69 not available now, 77 not permitted, 78 configuration is wrong,
130 ended by Ctrl-C (SIGINT), 143 ended by SIGTERM)";

/// What the parsed line asks for; set by the chosen subcommand's callback.
using Chosen = std::function<int()>;

/// Makes `run` what happens when `sub` is named.
template <class Command>
void on(CLI::App* sub, const Globals& globals, Chosen& chosen, std::shared_ptr<Command> command,
        int (*run)(const Globals&, const Command&))
{
    sub->callback(
        [&globals, &chosen, command, run] { chosen = [&globals, command, run] { return run(globals, *command); }; });
}

void on(CLI::App* sub, const Globals& globals, Chosen& chosen, int (*run)(const Globals&))
{
    sub->callback([&globals, &chosen, run] { chosen = [&globals, run] { return run(globals); }; });
}

/// Its own examples, and where the flags are that every command has.
void examples(CLI::App* sub, const std::string& lines)
{
    sub->footer("examples:\n" + lines + "\n--config, --json, -q and other flags of every command: winnow --help");
}

void add_probe_flags(CLI::App& app, ProbeFlags& flags)
{
    app.add_option("--helo", flags.helo, "EHLO name; PTR and address must match")->option_text("NAME");
    app.add_option("--mail-from", flags.mail_from, "MAIL FROM; must take mail, SPF must pass")->option_text("ADDRESS");
    app.add_option("--source", flags.source, "local IP address to probe from")->option_text("IP");
    app.add_option("--dns", flags.dns, "DNS server")->option_text("HOST:PORT");
    app.add_option("--smtp-port", flags.smtp_port, "port of the mail servers, for labs")
        ->option_text("PORT")
        ->check(CLI::Range(1, 65535));
    app.add_flag("--allow-private", flags.allow_private, "allow loopback and private targets, in labs");
    app.add_option("--ca-file", flags.ca_file, "PEM file of trusted certificates")->option_text("FILE");
    app.add_flag("--fast", flags.fast, "no probing manners; needs --allow-private");
}

void add_header_option(CLI::App& app, std::string& header)
{
    app.add_option("--header", header, "yes or no: does the first line name the columns?\n(default: it is found out)")
        ->option_text("ANSWER")
        ->check(CLI::IsMember({"yes", "no"}));
}

void add_segment_flags(CLI::App& app, SegmentFlags& flags)
{
    const auto words = [&app](const char* name, std::vector<std::string>& into, const char* what) {
        app.add_option(name, into, what)
            ->option_text("WORD,...")
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    words("--verdict", flags.verdicts, "only rows of these verdicts");
    words("--reason", flags.reasons, "only rows of these reasons");
    words("--flag", flags.flags, "only rows with one of these flags");
    words("--provider", flags.providers, "only rows at these providers; none: unknown");
}

void add_verify(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<VerifyCommand>();
    auto* sub = app.add_subcommand("verify", "verify a contact list; no server needed");
    sub->add_option("FILE", command->input, "CSV, TSV, TXT or NDJSON file, gzip or not;\n- is standard input")
        ->required();
    sub->add_option("-o,--output", command->output, "where the rows go (default: stdout)")->option_text("FILE");
    sub->add_option("--column", command->column, "e-mail column, by name or number from 1")->option_text("COLUMN");
    add_header_option(*sub, command->header);
    sub->add_option("--deadline", command->deadline, "for greylisted and deferred rows (2h)")->option_text("TIME");
    sub->add_flag("--spreadsheet-safe", command->spreadsheet_safe, "disarm cells that a spreadsheet would run");
    sub->add_option("--rejected", command->rejected, "where rows without a usable address go")->option_text("FILE");
    add_segment_flags(*sub, command->segment);
    sub->add_flag("--dry-run", command->dry_run, "show how the file is read, and verify nothing");
    sub->add_flag("--plan", command->plan, "only tell what would be asked, and the time");
    add_probe_flags(*sub, command->probe);
    examples(sub, R"(  winnow verify contacts.csv --plan --config winnow.toml
  winnow verify contacts.csv -o out.csv --config winnow.toml
  winnow verify contacts.csv -o out.csv --column E-Mail --deadline 30m
  winnow verify contacts.csv --dry-run
  cut -f3 crm.tsv | winnow verify - --json > out.ndjson
)");
    on(sub, globals, chosen, command, run_verify);
}

void add_check(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<CheckCommand>();
    auto* sub = app.add_subcommand("check", "check single addresses and show the evidence");
    sub->add_option("ADDRESS", command->addresses, "addresses; none or -: one a line from stdin");
    sub->add_option("--deadline", command->deadline, "how long one answer may take (30s)")->option_text("TIME");
    add_probe_flags(*sub, command->probe);
    examples(sub, R"(  winnow check jane@example.com joe@example.org --config winnow.toml
  winnow check --json < addresses.txt

exit code 3: one of the addresses is undeliverable
)");
    on(sub, globals, chosen, command, run_check);
}

void add_serve(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* sub = app.add_subcommand("serve", "run the gateway: HTTP API, submission, relay");
    examples(sub, R"(  winnow key create --name me --config winnow.toml
  winnow serve --config winnow.toml

SIGTERM and SIGINT end it in order. SIGHUP reads API keys, the reply table with
replies_extra, mx-providers.tsv and the address lists anew.
)");
    on(sub, globals, chosen, run_serve);
}

void add_demo(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<DemoCommand>();
    auto* sub = app.add_subcommand("demo", "gateway and sandbox at once: the whole loop");
    sub->add_flag("--once", command->once, "exit after the summary");
    sub->add_option("--contacts", command->contacts, "contact list (docs/examples/contacts.csv)")->option_text("FILE");
    sub->add_option("--demo-dir", command->data_dir, "keep the data in this folder")->option_text("DIR");
    sub->add_option("--rtt", command->rtt_ms, "delay of each sandbox reply")
        ->option_text("MS")
        ->check(CLI::Range(0, 10000));
    examples(sub, R"(  winnow demo                         then serves until Ctrl-C
  winnow demo --once --contacts my.csv
)");
    on(sub, globals, chosen, command, run_demo);
}

void add_sandbox(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<SandboxCommand>();
    auto* sub = app.add_subcommand("sandbox", "a fake internet on loopback, or a made list");
    sub->add_option("--dns-listen", command->listen_dns, "DNS server (127.0.0.1:5353)")->option_text("HOST:PORT");
    sub->add_option("--smtp-port", command->smtp_port, "port of the receivers 127.x.y.z (2526)")
        ->option_text("PORT")
        ->check(CLI::Range(0, 65535));
    sub->add_option("--rtt", command->rtt_ms, "delay of each SMTP reply")
        ->option_text("MS")
        ->check(CLI::Range(0, 10000));
    sub->add_flag("--no-starttls", command->in_clear, "receivers offer no TLS");
    sub->add_option("--bounce-to", command->bounce_to, "takes the bounces and complaints")->option_text("HOST:PORT");
    sub->add_option("--mail-log", command->mail_log, "one JSON line for each message taken")->option_text("FILE");
    sub->add_option("--make-list", command->make_list, "make N addresses instead of serving")
        ->option_text("N")
        ->check(CLI::Range(1, 100000000));
    sub->add_option("--domains", command->domains, "over D domains")->option_text("D")->check(CLI::Range(1, 10000000));
    sub->add_option("-o,--output", command->output, "the list (default: stdout)")->option_text("FILE");
    sub->add_option("--truth", command->truth, "what is true of each address")->option_text("FILE");
    sub->add_option("--seed", command->seed, "seed of the list")->option_text("N");
    sub->add_option("--greylist-seconds", command->greylist_seconds, "wait of its greylisting domains")
        ->option_text("N")
        ->check(CLI::Range(1, 86400));
    sub->add_flag("--every-kind", command->every_kind, "every kind of domain in equal shares");
    sub->add_option("--patience", command->patience, "what waits longer is told as unknown")->option_text("TIME");
    examples(sub, R"(  winnow sandbox --bounce-to 127.0.0.1:2530
  winnow sandbox --make-list 100000 -o list.csv --truth truth.csv
)");
    on(sub, globals, chosen, command, run_sandbox);
}

void add_list_rejected(CLI::App& list, const Globals& globals, Chosen& chosen)
{
    auto rejected = std::make_shared<ListExportCommand>();
    rejected->format = "csv";
    auto* sub = list.add_subcommand("rejected", "the rows without a usable address, and why");
    sub->add_option("ID", rejected->id, "list id, as upload prints it")->required();
    sub->add_option("-o,--output", rejected->output, "where they go (default: stdout)")->option_text("FILE");
    sub->add_option("--format", rejected->format, "csv or ndjson")
        ->option_text("FORMAT")
        ->check(CLI::IsMember({"csv", "ndjson"}));
    sub->add_flag("--spreadsheet-safe", rejected->spreadsheet_safe, "disarm cells that a spreadsheet would run");
    examples(sub, "  winnow list rejected ID -o rejected.csv\n\n--json changes nothing here: --format decides.\n");
    on(sub, globals, chosen, rejected, run_list_rejected);
}

void add_list(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* list = app.add_subcommand("list", "lists on a running server")->require_subcommand(1);
    examples(list, R"(  winnow list upload contacts.csv --wait
  winnow list status ID
  winnow list export ID -o clean.csv --verdict deliverable
)");
    auto upload = std::make_shared<ListUploadCommand>();
    auto* sub = list->add_subcommand("upload", "upload a contact list and verify it");
    sub->add_option("FILE", upload->file, "CSV, TSV, TXT or NDJSON file, gzip or not;\n- is standard input")
        ->required();
    sub->add_option("--name", upload->name, "name of the list (default: the file's)")->option_text("NAME");
    sub->add_option("--source", upload->source, "where the contacts come from")->option_text("TEXT");
    sub->add_option("--collected-at", upload->collected_at, "when they were collected (2026-01-31)")
        ->option_text("TIME");
    sub->add_option("--consent-basis", upload->consent_basis, "on what basis they may be mailed")->option_text("TEXT");
    sub->add_option("--column", upload->column, "e-mail column, by name or number from 1")->option_text("COLUMN");
    add_header_option(*sub, upload->header);
    sub->add_option("--deadline", upload->deadline, "for greylisted and deferred rows (2h)")->option_text("TIME");
    sub->add_flag("--no-verify", upload->no_verify, "only store the list");
    sub->add_flag("--dry-run", upload->dry_run, "show how the file is read, and store nothing");
    sub->add_flag("--wait", upload->wait, "return when every row has its verdict");
    examples(sub, R"(  winnow list upload contacts.csv --name spring --wait
  winnow list upload - --column 3 --source shop < crm.csv
)");
    on(sub, globals, chosen, upload, run_list_upload);

    sub = list->add_subcommand("list", "all lists, oldest first");
    examples(sub, "  winnow list list\n");
    on(sub, globals, chosen, run_list_list);

    auto id = std::make_shared<std::string>();
    sub = list->add_subcommand("status", "rows, verdicts and progress of a list");
    sub->add_option("ID", *id, "list id, as upload prints it")->required();
    examples(sub, "  winnow list status 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_list_status);

    auto plan = std::make_shared<ListPlanCommand>();
    sub = list->add_subcommand("plan", "what verifying a list would cost and take");
    sub->add_option("ID", plan->id, "list id, as upload prints it")->required();
    sub->add_option("--deadline", plan->deadline, "of that verification (2h)")->option_text("TIME");
    examples(sub, R"(  winnow list upload contacts.csv --no-verify -q
  winnow list plan 01JB2Z4X0H8Q6V3T5N7M9K1C2D --deadline 30m

DNS is asked, no mail server is.
)");
    on(sub, globals, chosen, plan, run_list_plan);

    auto estimate = std::make_shared<ListEstimateCommand>();
    sub = list->add_subcommand("estimate", "what a few verified rows say of the whole");
    sub->add_option("ID", estimate->id, "list id, as upload prints it")->required();
    sub->add_option("--rows", estimate->rows, "how many (200)")->option_text("N")->check(CLI::Range(1, 1'000));
    sub->add_option("--time", estimate->time, "longest wait for them (60s)")->option_text("TIME");
    examples(sub, "  winnow list estimate 01JB2Z4X0H8Q6V3T5N7M9K1C2D --rows 300 --time 2m\n");
    on(sub, globals, chosen, estimate, run_list_estimate);

    auto download = std::make_shared<ListExportCommand>();
    sub = list->add_subcommand("export", "the rows with their verdicts");
    sub->add_option("ID", download->id, "list id, as upload prints it")->required();
    sub->add_option("-o,--output", download->output, "where the rows go (default: stdout)")->option_text("FILE");
    sub->add_option("--format", download->format, "csv or ndjson (default: as it was uploaded)")
        ->option_text("FORMAT")
        ->check(CLI::IsMember({"csv", "ndjson"}));
    add_segment_flags(*sub, download->segment);
    sub->add_flag("--spreadsheet-safe", download->spreadsheet_safe, "disarm cells that a spreadsheet would run");
    examples(sub, R"(  winnow list export ID -o verified.csv
  winnow list export ID --format ndjson --verdict unknown,risky
  winnow list export ID --provider gmail --flag role

--json changes nothing here: --format decides.
)");
    on(sub, globals, chosen, download, run_list_export);
    add_list_rejected(*list, globals, chosen);
}

void add_job(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* job = app.add_subcommand("job", "verifications on a running server")->require_subcommand(1);
    examples(job, R"(  winnow job status ID
  winnow job pause ID --note 'until Monday'
  winnow job resume ID

winnow list status shows the id of a list's verification.
)");
    auto id = std::make_shared<std::string>();
    auto* sub = job->add_subcommand("status", "how far, how fast, at what cost");
    sub->add_option("ID", *id, "id of the verification")->required();
    examples(sub, "  winnow job status 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_job_status);
    auto pause = std::make_shared<JobPauseCommand>();
    sub = job->add_subcommand("pause", "ask nobody until resumed");
    sub->add_option("ID", pause->id, "id of the verification")->required();
    sub->add_option("--note", pause->note, "why, for those who look")->option_text("TEXT");
    examples(sub, "  winnow job pause 01JB2Z4X0H8Q6V3T5N7M9K1C2D --note 'until Monday'\n");
    on(sub, globals, chosen, pause, run_job_pause);
    sub = job->add_subcommand("resume", "go on; the pause is added to the deadline");
    sub->add_option("ID", *id, "id of the verification")->required();
    examples(sub, "  winnow job resume 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_job_resume);
    sub = job->add_subcommand("cancel", "end it; its verdicts stay");
    sub->add_option("ID", *id, "id of the verification")->required();
    examples(sub, "  winnow job cancel 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_job_cancel);
}

void add_campaign(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* campaign = app.add_subcommand("campaign", "campaigns on a running server")->require_subcommand(1);
    examples(campaign, R"(  winnow campaign create LIST --from 'Shop <shop@example.com>' \
      --subject 'Hello {{first_name}}' --text body.txt
  winnow campaign start ID
  winnow campaign status ID
)");
    auto create = std::make_shared<CampaignCreateCommand>();
    auto* sub = campaign->add_subcommand("create", "a campaign to the clean recipients of a list");
    sub->add_option("LIST", create->list_id, "list id, as list upload prints it")->required();
    sub->add_option("--name", create->name, "name of the campaign")->option_text("NAME");
    sub->add_option("--from", create->from, "From mailbox (required)")->option_text("MAILBOX")->required();
    sub->add_option("--subject", create->subject, "Subject (required)")->option_text("TEXT")->required();
    sub->add_option("--text", create->text_file, "text body")->option_text("FILE");
    sub->add_option("--html", create->html_file, "HTML body; one of both is needed")->option_text("FILE");
    sub->add_option("--header", create->headers, "a further header, 'NAME: VALUE'; repeatable")
        ->option_text("LINE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    sub->add_option("--hold", create->hold, "how long rows without a verdict wait (24h)")->option_text("TIME");
    sub->add_flag("--no-verify-held", create->no_verify_held, "start no verification for rows that wait");
    sub->add_flag("--include-risky", create->include_risky, "send to risky rows too");
    sub->add_flag("--start", create->start, "start at once");
    examples(sub, R"(  winnow campaign create LIST --from 'Shop <shop@example.com>' \
      --subject 'Hello {{first_name}}' --text body.txt --html body.html

{{column}} is replaced by the row's value, in subject, headers and bodies.
--header takes any but From, To, Cc, Bcc, Reply-To, Subject, Date, Message-ID
and those of MIME; a List-Unsubscribe stands in place of winnow's own.
)");
    on(sub, globals, chosen, create, run_campaign_create);

    auto id = std::make_shared<std::string>();
    sub = campaign->add_subcommand("start", "start a campaign");
    sub->add_option("ID", *id, "campaign id, as create prints it")->required();
    examples(sub, "  winnow campaign start 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_campaign_start);
    sub = campaign->add_subcommand("cancel", "send no more of it");
    sub->add_option("ID", *id, "campaign id, as create prints it")->required();
    examples(sub, "  winnow campaign cancel 01JB2Z4X0H8Q6V3T5N7M9K1C2D\n");
    on(sub, globals, chosen, id, run_campaign_cancel);
    sub = campaign->add_subcommand("list", "all campaigns, oldest first");
    examples(sub, "  winnow campaign list\n");
    on(sub, globals, chosen, run_campaign_list);
    sub = campaign->add_subcommand("status", "what became of its mail; what was held and why");
    sub->add_option("ID", *id, "campaign id, as create prints it")->required();
    examples(sub, "  winnow campaign status 01JB2Z4X0H8Q6V3T5N7M9K1C2D --json\n");
    on(sub, globals, chosen, id, run_campaign_status);
}

void add_suppression_scope(CLI::App* sub, SuppressionCommand& command)
{
    sub->add_option("--scope", command.scope, "global, workspace (default) or list")
        ->option_text("SCOPE")
        ->check(CLI::IsMember({"global", "workspace", "list"}));
    sub->add_option("--list", command.list_id, "list id, for scope list")->option_text("ID");
}

void add_suppression(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* suppression = app.add_subcommand("suppression", "who is not mailed, and why")->require_subcommand(1);
    examples(suppression, R"(  winnow suppression add jane@example.com --note 'asked by phone'
  winnow suppression check jane@example.com
  winnow suppression export -o suppressions.csv --data-dir /var/lib/winnow

Against a server (--server), or a folder that no server holds (--data-dir).
)");
    auto command = std::make_shared<SuppressionCommand>();
    const auto subjects = [command](CLI::App* sub) {
        sub->add_option("ADDRESS", command->addresses, "addresses");
        sub->add_option("--domain", command->domain, "a whole domain")->option_text("NAME");
        add_suppression_scope(sub, *command);
        sub->add_option("--note", command->note, "why, for the audit trail")->option_text("TEXT");
    };
    const auto reason = [command](CLI::App* sub) {
        sub->add_option("--reason", command->reason,
                        "manual (default), unsubscribe, complaint,\nbounce, invalid or trap")
            ->option_text("REASON")
            ->check(CLI::IsMember({"bounce", "complaint", "unsubscribe", "manual", "invalid", "trap"}));
    };

    auto* sub = suppression->add_subcommand("add", "never mail these");
    subjects(sub);
    reason(sub);
    examples(sub, R"(  winnow suppression add jane@example.com joe@example.org
  winnow suppression add --domain example.net --scope global
)");
    on(sub, globals, chosen, command, run_suppression_add);
    sub = suppression->add_subcommand("remove", "lift these, one by one");
    subjects(sub);
    sub->add_flag("--yes", command->yes, "also a complaint or unsubscribe, without asking");
    examples(sub, "  winnow suppression remove jane@example.com --note 'signed up again'\n");
    on(sub, globals, chosen, command, run_suppression_remove);
    sub = suppression->add_subcommand("check", "whether these may be mailed");
    subjects(sub);
    examples(sub, R"(  winnow suppression check jane@example.com joe@example.org

exit code 3: one of the addresses is suppressed
)");
    on(sub, globals, chosen, command, run_suppression_check);
    auto listing = std::make_shared<SuppressionListCommand>();
    sub = suppression->add_subcommand("list", "who is suppressed, one a line");
    sub->add_option("--domain", listing->domain, "only addresses there, and the domain itself")->option_text("NAME");
    sub->add_option("--reason", listing->reason, "only of this reason")
        ->option_text("REASON")
        ->check(CLI::IsMember({"bounce", "complaint", "unsubscribe", "manual", "invalid", "trap", "erased"}));
    sub->add_option("--scope", listing->scope, "only of scope global, workspace or list")
        ->option_text("SCOPE")
        ->check(CLI::IsMember({"global", "workspace", "list"}));
    sub->add_option("--list", listing->list_id, "only of this list")->option_text("ID");
    sub->add_option("--since", listing->since, "last heard of since: 7d, 2026-01-31, or RFC 3339")->option_text("TIME");
    examples(sub, R"(  winnow suppression list --reason complaint --since 7d
  winnow suppression list --domain example.com --since 2026-01-01
)");
    on(sub, globals, chosen, listing, run_suppression_list);
    sub = suppression->add_subcommand("import", "add the addresses of a file");
    sub->add_option("FILE", command->file, "CSV, TSV, TXT or NDJSON, gzip or not;\n- is standard input")->required();
    sub->add_option("--column", command->column, "e-mail column, by name or number from 1")->option_text("COLUMN");
    sub->add_option("--reason", command->rows_reason,
                    "of rows that name none (by the kind of a SendGrid\nexport, else manual); the file's own reason "
                    "column\nwins; words as of suppression add")
        ->option_text("REASON")
        ->check(CLI::IsMember({"bounce", "complaint", "unsubscribe", "manual", "invalid", "trap"}));
    add_suppression_scope(sub, *command);
    sub->add_flag("--dry-run", command->dry_run, "only count; store nothing");
    examples(sub, R"(  winnow suppression import unsubscribed.csv --reason unsubscribe
  winnow suppression import crm.csv --column E-Mail
)");
    on(sub, globals, chosen, command, run_suppression_import);
    sub = suppression->add_subcommand("export", "all entries, from a consistent snapshot");
    sub->add_option("-o,--output", command->file, "file (default: stdout)")->option_text("FILE");
    sub->add_option("--format", command->format, "csv, ndjson or txt")
        ->option_text("FORMAT")
        ->check(CLI::IsMember({"csv", "ndjson", "txt"}));
    examples(sub,
             "  winnow suppression export -o suppressions.csv\n\n--json changes nothing here: --format decides.\n");
    on(sub, globals, chosen, command, run_suppression_export);
}

void add_config(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* config = app.add_subcommand("config", "check and show the configuration");
    auto defaults = std::make_shared<bool>(false);
    auto markdown = std::make_shared<bool>(false);
    config->add_flag("--defaults", *defaults, "print every setting with its default");
    config->add_flag("--markdown", *markdown, "with --defaults: as docs/configuration.md");
    examples(config, R"(  winnow config --defaults > winnow.toml
  winnow config check --config winnow.toml
)");
    auto* check = config->add_subcommand("check", "is the configuration valid?");
    examples(check, R"(  winnow config check --config winnow.toml

exit code 78: it is not; every fault is printed
)");
    on(check, globals, chosen, run_config_check);
    auto effective = std::make_shared<bool>(false);
    auto* show = config->add_subcommand("show", "what differs from the defaults, and where");
    show->add_flag("--effective", *effective, "every setting, with where it comes from");
    examples(show, "  winnow config show --effective --config winnow.toml\n");
    show->callback([&globals, &chosen, effective] {
        chosen = [&globals, effective] { return run_config_show(globals, *effective); };
    });
    config->callback([&globals, &chosen, config, defaults, markdown] {
        if (!config->get_subcommands().empty())
            return;
        if (!*defaults)
            throw CLI::RequiredError::Subcommand(1);
        chosen = [&globals, markdown] { return run_config_defaults(globals, *markdown); };
    });
}

void add_offline(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<AddressCommand>();
    auto* sub = app.add_subcommand("address", "is this an address? no network");
    auto* given = sub->add_option("ADDRESS", command->addresses, "addresses; none or -: one a line from stdin")
                      ->option_text("...");
    sub->add_flag("--ndjson", command->ndjson, "answer each line of standard input")->excludes(given);
    examples(sub, R"(  winnow address jane@example.com 'ann lee'@example.com
  winnow address --ndjson < addresses.ndjson
)");
    on(sub, globals, chosen, command, run_address);

    auto* replies = app.add_subcommand("replies", "what mail servers' replies mean")->require_subcommand(1);
    examples(replies, R"(  winnow replies classify < replies.ndjson
  winnow replies test history.txt --config winnow.toml
  winnow replies unmatched
)");
    auto* classify = replies->add_subcommand("classify", "read each reply of standard input");
    examples(classify, R"(  echo '{"id": 1, "text": "550 5.1.1 no such user"}' | winnow replies classify
)");
    on(classify, globals, chosen, run_replies_classify);
    auto path = std::make_shared<std::string>();
    auto* test = replies->add_subcommand("test", "what rows of your own change in a history");
    test->add_option("FILE", *path, "replies, one a line; - is standard input")->required();
    examples(test, "  winnow replies test history.txt --config winnow.toml\n");
    on(test, globals, chosen, path, run_replies_test);

    auto unmatched = std::make_shared<RepliesUnmatchedCommand>();
    sub = replies->add_subcommand("unmatched", "replies that no row reads, to make rows from");
    sub->add_option("--limit", unmatched->limit, "the most frequent N (100)")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000));
    examples(sub, R"(  winnow replies unmatched
  winnow replies unmatched --data-dir /var/lib/winnow --json > history.ndjson
)");
    on(sub, globals, chosen, unmatched, run_replies_unmatched);

    auto* data = app.add_subcommand("data", "the lists and tables in use")->require_subcommand(1);
    examples(data, "  winnow data status\n");
    auto* status = data->add_subcommand("status", "entries, version and source of each");
    examples(status, "  winnow data status --json\n");
    on(status, globals, chosen, run_data_status);
}

void add_stored(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto address = std::make_shared<std::string>();
    auto* explain = app.add_subcommand("explain", "all that is known of an address, and why");
    explain->add_option("ADDRESS", *address, "the address")->required();
    examples(explain, R"(  winnow explain jane@example.com
  winnow explain jane@example.com --data-dir /var/lib/winnow

Nobody is asked. Against a server, or a folder that no server holds.
)");
    on(explain, globals, chosen, address, run_explain);

    auto* verdicts = app.add_subcommand("verdicts", "the stored verdicts")->require_subcommand(1);
    examples(verdicts, "  winnow verdicts recompute --dry-run\n");
    auto command = std::make_shared<RecomputeCommand>();
    auto* recompute = verdicts->add_subcommand("recompute", "their evidence by the rules of today");
    recompute->add_flag("--dry-run", command->dry_run, "only say what would change");
    examples(recompute, R"(  winnow verdicts recompute --dry-run
  winnow verdicts recompute --data-dir /var/lib/winnow

Nobody is asked. Against a server, or a folder that no server holds.
)");
    on(recompute, globals, chosen, command, run_verdicts_recompute);
}

void add_others(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* queue = app.add_subcommand("queue", "what waits to be sent")->require_subcommand(1);
    examples(queue, R"(  winnow queue summary
  winnow queue summary --data-dir /var/lib/winnow
)");
    auto* summary = queue->add_subcommand("summary", "what waits, and why");
    examples(summary, "  winnow queue summary --json\n");
    on(summary, globals, chosen, run_queue_summary);

    auto* key = app.add_subcommand("key", "API keys")->require_subcommand(1);
    examples(key, "  winnow key create --name me --config winnow.toml\n");
    auto create = std::make_shared<KeyCreateCommand>();
    auto* sub = key->add_subcommand("create", "make a key; its text is shown once");
    sub->add_option("--name", create->name, "whose key it is (required)")->option_text("NAME")->required();
    sub->add_option("--workspace", create->workspace, "workspace of the key")->option_text("NAME");
    sub->add_option("--probes-per-day", create->probes_per_day, "most RCPT probes a day (10,000)")
        ->option_text("N")
        ->check(CLI::Range(0LL, 1'000'000'000LL));
    sub->add_option("--from", create->from, "domain its mail may be from; repeatable")
        ->option_text("DOMAIN")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    examples(sub, R"(  export WINNOW_API_KEY=$(winnow key create --name me --config winnow.toml)

A running server takes it at its next start, or on SIGHUP.
)");
    on(sub, globals, chosen, create, run_key_create);
}

}  // namespace

int run_command_line(int argc, char** argv)
{
    CLI::App app{"verifies contact lists and mails only the addresses that will accept it", "winnow"};
    app.require_subcommand(1);
    // Set before the subcommands are added: they inherit all of it.
    app.set_help_flag("-h,--help", "this help");
    app.get_formatter()->column_width(help_column);
    app.get_formatter()->label("TEXT", "");
    app.get_formatter()->label("REQUIRED", "");
    app.fallthrough();
    app.option_defaults()->always_capture_default(false);
    app.set_version_flag("--version", std::string("winnow ") + version, "the version");

    Globals globals;
    app.add_option("--config", globals.config_path, "configuration (TOML)")->option_text("FILE");
    app.add_option("--server", globals.server, "a running winnow, http://HOST:PORT")->option_text("URL");
    app.add_option("--api-key-file", globals.api_key_file, "its API key (else $WINNOW_API_KEY)")->option_text("FILE");
    app.add_option("--data-dir", globals.data_dir, "data, where no server runs on it")->option_text("DIR");
    app.add_flag("--json", globals.json, "output for programs");
    app.add_flag("-q,--quiet", globals.quiet, "no progress, no summary");

    Chosen chosen;
    add_verify(app, globals, chosen);
    add_check(app, globals, chosen);
    add_serve(app, globals, chosen);
    add_demo(app, globals, chosen);
    add_list(app, globals, chosen);
    add_job(app, globals, chosen);
    add_campaign(app, globals, chosen);
    add_suppression(app, globals, chosen);
    add_stored(app, globals, chosen);
    add_sandbox(app, globals, chosen);
    add_offline(app, globals, chosen);
    add_config(app, globals, chosen);
    add_others(app, globals, chosen);
    app.footer(root_footer);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        // Help and version come this way too; CLI11 exits with 100 and more for usage errors, ours is 2.
        return e.get_exit_code() == 0 ? app.exit(e) : usage_error(app, e);
    }
    return chosen ? chosen() : 2;
}

}  // namespace winnow::app
