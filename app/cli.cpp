// The command line: one translation unit, because CLI11 is heavy.
#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "app/commands.hpp"
#include "app/version.hpp"
#include "core/edit_distance.hpp"

namespace winnow::app {
namespace {

constexpr const char* examples = R"(
examples:
  winnow verify contacts.csv -o out.csv      verify a list with no server running
  winnow check jane@example.com --json       one address, with every step of the evidence
  winnow serve --config winnow.toml          HTTP API, SMTP submission and relay
  winnow demo                                everything at once against a sandbox internet

exit codes: 0 ok, 1 failed, 2 usage, 69 unavailable, 77 not permitted, 78 configuration)";

/// What the parsed line asks for; set by the chosen subcommand's callback.
using Chosen = std::function<int()>;

void add_probe_flags(CLI::App& app, ProbeFlags& flags)
{
    app.add_option("--helo", flags.helo, "EHLO name of the probes (its PTR and A records must match the source)");
    app.add_option("--mail-from", flags.mail_from,
                   "MAIL FROM of the probes; the domain must accept mail and its SPF pass");
    app.add_option("--source", flags.source, "local IP address to probe from");
    app.add_option("--dns", flags.dns, "DNS server as HOST:PORT");
    app.add_option("--smtp-port", flags.smtp_port, "port of the mail servers, for labs")->check(CLI::Range(1, 65535));
    app.add_flag("--allow-private", flags.allow_private, "allow loopback and private targets, for labs");
    app.add_option("--ca-file", flags.ca_file, "PEM file of trusted certificates");
    app.add_flag("--fast", flags.fast, "lift the probing manners; only with --allow-private");
}

void add_verify(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<VerifyCommand>();
    auto* sub = app.add_subcommand("verify", "verify a contact list file; no server needed");
    sub->add_option("FILE", command->input, "CSV, TSV or TXT file; - is standard input")->required();
    sub->add_option("-o,--output", command->output, "where the rows go; - is standard output");
    sub->add_option("--column", command->column, "e-mail column, by header name or number from 1");
    sub->add_option("--deadline", command->deadline, "how long greylisted and deferred rows may take (default 2h)");
    sub->add_flag("--spreadsheet-safe", command->spreadsheet_safe,
                  "disarm cells that a spreadsheet would run as a formula");
    add_probe_flags(*sub, command->probe);
    sub->callback(
        [&globals, &chosen, command] { chosen = [&globals, command] { return run_verify(globals, *command); }; });
}

void add_check(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<CheckCommand>();
    auto* sub = app.add_subcommand("check", "check single addresses and show the evidence");
    sub->add_option("ADDRESS", command->addresses, "addresses; none or - reads one a line from standard input");
    sub->add_option("--deadline", command->deadline, "how long one answer may take (default 30s)");
    add_probe_flags(*sub, command->probe);
    sub->callback(
        [&globals, &chosen, command] { chosen = [&globals, command] { return run_check(globals, *command); }; });
}

void add_serve(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* sub = app.add_subcommand("serve", "run the gateway: HTTP API, SMTP submission, relay");
    sub->callback([&globals, &chosen] { chosen = [&globals] { return run_serve(globals); }; });
}

void add_demo(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<DemoCommand>();
    auto* sub =
        app.add_subcommand("demo", "a gateway and a sandbox internet on loopback: list, verdicts, campaign, bounces");
    sub->add_flag("--once", command->once, "exit after the summary");
    sub->add_option("--contacts", command->contacts, "contact list (default: docs/examples/contacts.csv)");
    sub->add_option("--demo-dir", command->data_dir, "keep the data in this folder");
    sub->add_option("--rtt", command->rtt_ms, "delay of each sandbox reply in milliseconds")
        ->check(CLI::Range(0, 10000));
    sub->callback(
        [&globals, &chosen, command] { chosen = [&globals, command] { return run_demo(globals, *command); }; });
}

void add_sandbox(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto command = std::make_shared<SandboxCommand>();
    auto* sub = app.add_subcommand(
        "sandbox", "serve a fake internet (DNS and SMTP) on loopback, or make a list with a truth file");
    sub->add_option("--dns-listen", command->listen_dns, "HOST:PORT of the DNS server");
    sub->add_option("--smtp-port", command->smtp_port, "port of the SMTP receivers (127.x.y.z)")
        ->check(CLI::Range(0, 65535));
    sub->add_option("--rtt", command->rtt_ms, "delay of each SMTP reply in milliseconds")->check(CLI::Range(0, 10000));
    sub->add_option("--bounce-to", command->bounce_to, "HOST:PORT that takes the bounces and complaints");
    sub->add_option("--make-list", command->make_list, "make N addresses instead of serving")
        ->check(CLI::Range(1, 100000000));
    sub->add_option("--domains", command->domains, "over D domains")->check(CLI::Range(1, 10000000));
    sub->add_option("-o,--output", command->output, "the list; - is standard output");
    sub->add_option("--truth", command->truth, "the truth file");
    sub->add_option("--seed", command->seed, "seed of the list");
    sub->add_option("--greylist-seconds", command->greylist_seconds, "wait of the list's greylisting domains")
        ->check(CLI::Range(1, 86400));
    sub->add_option("--mail-log", command->mail_log, "file that gets one JSON line for each message taken");
    sub->callback(
        [&globals, &chosen, command] { chosen = [&globals, command] { return run_sandbox(globals, *command); }; });
}

void add_list(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* list = app.add_subcommand("list", "lists on a running server")->require_subcommand(1);
    auto upload = std::make_shared<ListUploadCommand>();
    auto* sub = list->add_subcommand("upload", "upload a contact list and verify it");
    sub->add_option("FILE", upload->file, "CSV file; - is standard input")->required();
    sub->add_option("--name", upload->name, "name of the list (default: the file's)");
    sub->add_option("--source", upload->source, "where the contacts come from");
    sub->add_option("--collected-at", upload->collected_at, "when they were collected");
    sub->add_option("--consent-basis", upload->consent_basis, "on what basis they may be mailed");
    sub->add_option("--column", upload->column, "e-mail column, by header name or number from 1");
    sub->add_option("--deadline", upload->deadline, "how long greylisted and deferred rows may take");
    sub->add_flag("--no-verify", upload->no_verify, "only store the list");
    sub->add_flag("--wait", upload->wait, "return when every row has its verdict");
    sub->callback(
        [&globals, &chosen, upload] { chosen = [&globals, upload] { return run_list_upload(globals, *upload); }; });

    auto id = std::make_shared<std::string>();
    sub = list->add_subcommand("status", "rows, verdicts and progress of a list");
    sub->add_option("ID", *id, "list id")->required();
    sub->callback([&globals, &chosen, id] { chosen = [&globals, id] { return run_list_status(globals, *id); }; });

    auto download = std::make_shared<ListExportCommand>();
    sub = list->add_subcommand("export", "the rows with their verdicts");
    sub->add_option("ID", download->id, "list id")->required();
    sub->add_option("-o,--output", download->output, "where the rows go; - is standard output");
    sub->add_option("--format", download->format, "csv or ndjson")->check(CLI::IsMember({"csv", "ndjson"}));
    sub->add_option("--verdict", download->verdict, "only rows of this verdict")
        ->check(CLI::IsMember({"deliverable", "undeliverable", "risky", "unknown"}));
    sub->add_flag("--spreadsheet-safe", download->spreadsheet_safe,
                  "disarm cells that a spreadsheet would run as a formula");
    sub->callback([&globals, &chosen, download] {
        chosen = [&globals, download] { return run_list_export(globals, *download); };
    });
}

void add_campaign(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* campaign = app.add_subcommand("campaign", "campaigns on a running server")->require_subcommand(1);
    auto create = std::make_shared<CampaignCreateCommand>();
    auto* sub = campaign->add_subcommand("create", "a campaign to the clean recipients of a list");
    sub->add_option("LIST", create->list_id, "list id")->required();
    sub->add_option("--name", create->name, "name of the campaign");
    sub->add_option("--from", create->from, "From mailbox, e.g. 'News <news@example.com>'")->required();
    sub->add_option("--subject", create->subject, "Subject; {{column}} is replaced")->required();
    sub->add_option("--text", create->text_file, "file with the text body; {{column}} is replaced")->required();
    sub->add_option("--html", create->html_file, "file with the HTML body");
    sub->add_option("--hold", create->hold, "how long rows without a verdict are held (default 24h)");
    sub->add_flag("--include-risky", create->include_risky, "send to risky rows too");
    sub->add_flag("--start", create->start, "start at once");
    sub->callback(
        [&globals, &chosen, create] { chosen = [&globals, create] { return run_campaign_create(globals, *create); }; });

    auto id = std::make_shared<std::string>();
    sub = campaign->add_subcommand("start", "start a campaign");
    sub->add_option("ID", *id, "campaign id")->required();
    sub->callback([&globals, &chosen, id] { chosen = [&globals, id] { return run_campaign_start(globals, *id); }; });
    sub = campaign->add_subcommand("status", "what became of its messages, and what was held or refused and why");
    sub->add_option("ID", *id, "campaign id")->required();
    sub->callback([&globals, &chosen, id] { chosen = [&globals, id] { return run_campaign_status(globals, *id); }; });
}

void add_suppression(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* suppression =
        app.add_subcommand("suppression", "who is not mailed, and why; --server or --data-dir")->require_subcommand(1);
    auto command = std::make_shared<SuppressionCommand>();
    const auto scoped = [command](CLI::App* sub) {
        sub->add_option("ADDRESS", command->addresses, "addresses");
        sub->add_option("--domain", command->domain, "a whole domain");
        sub->add_option("--scope", command->scope, "global, workspace or list")
            ->check(CLI::IsMember({"global", "workspace", "list"}));
        sub->add_option("--list", command->list_id, "list id, for scope list");
        sub->add_option("--note", command->note, "why, for the audit trail");
    };
    const std::vector<std::string> reasons{"bounce", "complaint", "unsubscribe", "manual", "invalid", "trap"};

    auto* sub = suppression->add_subcommand("add", "never mail these");
    scoped(sub);
    sub->add_option("--reason", command->reason, "why")->check(CLI::IsMember(reasons));
    sub->callback([&globals, &chosen, command] {
        chosen = [&globals, command] { return run_suppression_add(globals, *command); };
    });
    sub = suppression->add_subcommand("remove", "lift these, one by one");
    scoped(sub);
    sub->callback([&globals, &chosen, command] {
        chosen = [&globals, command] { return run_suppression_remove(globals, *command); };
    });
    sub = suppression->add_subcommand("check", "whether these may be mailed");
    scoped(sub);
    sub->callback([&globals, &chosen, command] {
        chosen = [&globals, command] { return run_suppression_check(globals, *command); };
    });
    sub = suppression->add_subcommand("import", "add the addresses of a CSV or TXT file");
    sub->add_option("FILE", command->file, "file; - is standard input")->required();
    sub->add_option("--reason", command->reason, "why, for rows that do not say")->check(CLI::IsMember(reasons));
    sub->add_option("--scope", command->scope, "global, workspace or list")
        ->check(CLI::IsMember({"global", "workspace", "list"}));
    sub->add_option("--list", command->list_id, "list id, for scope list");
    sub->callback([&globals, &chosen, command] {
        chosen = [&globals, command] { return run_suppression_import(globals, *command); };
    });
    sub = suppression->add_subcommand("export", "all entries, from a consistent snapshot");
    sub->add_option("-o,--output", command->file, "file; - is standard output");
    sub->add_option("--format", command->format, "csv, ndjson or txt")->check(CLI::IsMember({"csv", "ndjson", "txt"}));
    sub->callback([&globals, &chosen, command] {
        chosen = [&globals, command] { return run_suppression_export(globals, *command); };
    });
}

void add_others(CLI::App& app, const Globals& globals, Chosen& chosen)
{
    auto* queue =
        app.add_subcommand("queue", "the queue of a running server or a data directory")->require_subcommand(1);
    queue->add_subcommand("summary", "what waits, and why")->callback([&globals, &chosen] {
        chosen = [&globals] { return run_queue_summary(globals); };
    });

    auto* config = app.add_subcommand("config", "check and show the configuration");
    auto defaults = std::make_shared<bool>(false);
    auto markdown = std::make_shared<bool>(false);
    config->add_flag("--defaults", *defaults, "print every setting with its default");
    config->add_flag("--markdown", *markdown, "with --defaults: as docs/configuration.md");
    config->add_subcommand("check", "is the configuration valid? exit code 78 if not")->callback([&globals, &chosen] {
        chosen = [&globals] { return run_config_check(globals); };
    });
    auto effective = std::make_shared<bool>(false);
    auto* show = config->add_subcommand("show", "the settings of the file");
    show->add_flag("--effective", *effective, "every setting, with where it comes from");
    show->callback([&globals, &chosen, effective] {
        chosen = [&globals, effective] { return run_config_show(globals, *effective); };
    });
    config->callback([&globals, &chosen, config, defaults, markdown] {
        if (!config->get_subcommands().empty())
            return;
        if (!*defaults)
            throw CLI::CallForHelp();
        chosen = [&globals, markdown] { return run_config_defaults(globals, *markdown); };
    });

    auto* key = app.add_subcommand("key", "API keys")->require_subcommand(1);
    auto create = std::make_shared<KeyCreateCommand>();
    auto* sub = key->add_subcommand("create", "make a key; its text is shown once");
    sub->add_option("--name", create->name, "whose key it is")->required();
    sub->add_option("--workspace", create->workspace, "workspace of the key");
    sub->add_option("--probes-per-day", create->probes_per_day, "most RCPT probes a day")
        ->check(CLI::Range(0LL, 1'000'000'000LL));
    sub->add_option("--from", create->from, "domain that its mail may be from, subdomains included; repeatable")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    sub->callback(
        [&globals, &chosen, create] { chosen = [&globals, create] { return run_key_create(globals, *create); }; });
}

/// The command that most resembles `word`, or nothing.
std::string nearest_command(CLI::App& app, const std::string& word)
{
    std::string nearest;
    std::size_t best = 3;  // edits; more is another word
    for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
        const std::size_t distance = edit_distance(word, command->get_name(), best);
        if (distance < best) {
            best = distance;
            nearest = command->get_name();
        }
    }
    return nearest;
}

/// One sentence with the way to the help of the command that was meant.
int usage_error(CLI::App& app, const CLI::ParseError& e)
{
    CLI::App* command = &app;
    std::string name = "winnow";
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        name += " " + command->get_name();
    }
    const std::vector<std::string> left = app.remaining(true);
    std::string what = e.what();
    if (!left.empty() && left.front().front() != '-' && command->get_require_subcommand_min() > 0) {
        what = "there is no command '" + left.front() + "'";
        const std::string meant = nearest_command(*command, left.front());
        if (!meant.empty())
            what += "; did you mean '" + meant + "'?";
    }
    std::fprintf(stderr, "winnow: %s (%s --help tells more)\n", what.c_str(), name.c_str());
    return 2;
}

}  // namespace

int run_command_line(int argc, char** argv)
{
    CLI::App app{"winnow: verifies contact lists and sends only to the addresses that will accept mail"};
    app.footer(examples);
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("winnow ") + version);
    app.fallthrough();
    app.option_defaults()->always_capture_default(false);

    Globals globals;
    app.add_option("--config", globals.config_path, "configuration file (TOML)");
    app.add_option("--server", globals.server, "http://HOST:PORT of a running winnow");
    app.add_option("--api-key-file", globals.api_key_file, "file with the API key (else $WINNOW_API_KEY)");
    app.add_option("--data-dir", globals.data_dir, "data directory, where no server runs on it");
    app.add_flag("--json", globals.json, "machine-readable output");
    app.add_flag("-q,--quiet", globals.quiet, "no progress, no summary");

    Chosen chosen;
    add_verify(app, globals, chosen);
    add_check(app, globals, chosen);
    add_serve(app, globals, chosen);
    add_demo(app, globals, chosen);
    add_list(app, globals, chosen);
    add_campaign(app, globals, chosen);
    add_suppression(app, globals, chosen);
    add_sandbox(app, globals, chosen);
    add_others(app, globals, chosen);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        // Help and version come this way too; CLI11 exits with 100 and more for usage errors, ours is 2.
        return e.get_exit_code() == 0 ? app.exit(e) : usage_error(app, e);
    }
    return chosen ? chosen() : 2;
}

}  // namespace winnow::app
