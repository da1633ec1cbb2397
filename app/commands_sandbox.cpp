// `winnow sandbox`: the fake internet, or a list with its truth.
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/commands.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "app/runtime.hpp"
#include "core/asio_timer.hpp"
#include "core/duration.hpp"
#include "core/ndjson.hpp"
#include "sandbox/list_maker.hpp"
#include "sandbox/sandbox.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr std::size_t piece_bytes = 64 * 1024;

Result<> make_list(const SandboxCommand& command)
{
    WINNOW_TRY(auto list, OutputFile::open(command.output));
    std::optional<OutputFile> truth;
    if (!command.truth.empty()) {
        WINNOW_TRY(auto file, OutputFile::open(command.truth));
        truth.emplace(std::move(file));
    }
    sandbox::ListOptions options;
    options.addresses = static_cast<std::uint64_t>(command.make_list);
    options.domains = command.domains;
    options.seed = command.seed;
    options.greylist_seconds = command.greylist_seconds;
    options.every_kind = command.every_kind;
    if (!command.patience.empty()) {
        const auto patience = parse_duration(command.patience);
        if (!patience)
            return Error{Errc::invalid_argument, "--patience " + command.patience + ": " + patience.error().context};
        options.patience = std::chrono::duration_cast<std::chrono::seconds>(*patience);
    }
    sandbox::ListMaker maker{options};
    std::string rows = "email\n", truths = sandbox::truth_header();
    while (auto row = maker.next()) {
        rows += row->address + "\n";
        truths += sandbox::truth_line(*row);
        if (rows.size() < piece_bytes)
            continue;
        WINNOW_CHECK(list.write(rows));
        if (truth) {
            WINNOW_CHECK(truth->write(truths));
        }
        rows.clear();
        truths.clear();
    }
    WINNOW_CHECK(list.write(rows));
    WINNOW_CHECK(list.commit());
    if (truth) {
        WINNOW_CHECK(truth->write(truths));
        WINNOW_CHECK(truth->commit());
    }
    return {};
}

/// One line a message, on its way to the disk before the sender is told that it was taken.
class MailLog {
public:
    static Result<std::shared_ptr<MailLog>> open(const std::string& path, const Clock& clock)
    {
        std::FILE* const file = std::fopen(path.c_str(), "ae");
        if (!file)
            return file_error(errno, "cannot write " + path);
        return std::shared_ptr<MailLog>{new MailLog(file, clock)};
    }
    MailLog(const MailLog&) = delete;
    MailLog& operator=(const MailLog&) = delete;
    ~MailLog() { std::fclose(file_); }

    void add(const sandbox::ReceivedMessage& message)
    {
        const nlohmann::json line{
            {"at", format_time(clock_.now())}, {"from", message.reverse_path}, {"to", message.recipients},
            {"client_ip", message.client_ip},  {"helo", message.helo},         {"encrypted", message.encrypted},
            {"content", message.content}};
        std::fprintf(file_, "%s\n", dump_json(line).c_str());
        std::fflush(file_);
    }

private:
    MailLog(std::FILE* file, const Clock& clock) : file_(file), clock_(clock) {}
    std::FILE* file_;
    const Clock& clock_;
};

awaitable<int> serve(boost::asio::io_context& io, TimerSource& timers, net::Connector& connector, Log& log,
                     const Globals& globals, sandbox::SandboxOptions options)
{
    boost::asio::signal_set signals{io, SIGTERM, SIGINT};
    auto started = sandbox::Sandbox::start(io.get_executor(), timers, connector, log, std::move(options));
    if (!started)
        co_return fail(started.error());
    sandbox::Sandbox& sandbox = **started;
    const std::string dns = sandbox.dns_endpoint().to_string();
    const std::string port = std::to_string(sandbox.smtp_port());
    if (globals.json) {
        std::printf("{\"dns\":\"%s\",\"smtp_port\":%s}\n", dns.c_str(), port.c_str());
    } else {
        std::printf("sandbox internet: DNS on %s, mail receivers on 127.77.x.y:%s\n\n", dns.c_str(), port.c_str());
        std::printf(
            "try it:\n  winnow check --dns %s --smtp-port %s --allow-private --fast \\\n"
            "      --helo probe.sandbox.test --mail-from probe@bounce.sandbox.test \\\n"
            "      ada@acme.deliverable.test unknown-1@acme.deliverable.test \\\n"
            "      bob@acme.catchall.test\n\n"
            "names and what they do: docs/sandbox.md. Ctrl-C ends it.\n",
            dns.c_str(), port.c_str());
    }
    std::fflush(stdout);
    (void)co_await signals.async_wait(boost::asio::use_awaitable);
    const auto totals = sandbox.totals();
    sandbox.stop();
    if (!globals.quiet)
        std::fprintf(stderr, "%s connections, %s RCPTs, %s messages, %s bounces and %s complaints sent\n",
                     with_commas(totals.connections).c_str(), with_commas(totals.rcpts).c_str(),
                     with_commas(totals.messages).c_str(), with_commas(totals.dsns_sent).c_str(),
                     with_commas(totals.complaints_sent).c_str());
    co_return 0;
}

}  // namespace

int run_sandbox(const Globals& globals, const SandboxCommand& command)
{
    if (command.make_list > 0) {
        const auto made = make_list(command);
        return made ? 0 : fail(made.error());
    }
    sandbox::SandboxOptions options;
    const auto dns = net::parse_endpoint(command.listen_dns, 5353);
    if (!dns)
        return fail(Error{Errc::invalid_argument, "--dns-listen " + command.listen_dns + " is not HOST:PORT"});
    options.dns = *dns;
    options.smtp_port = static_cast<std::uint16_t>(command.smtp_port);
    options.rtt = milliseconds{command.rtt_ms};
    options.starttls = !command.in_clear;
    if (!command.bounce_to.empty()) {
        const auto bounce = net::parse_endpoint(command.bounce_to, 25);
        if (!bounce)
            return fail(Error{Errc::invalid_argument, "--bounce-to " + command.bounce_to + " is not HOST:PORT"});
        options.bounce_to = *bounce;
    }
    const SystemClock clock;
    if (!command.mail_log.empty()) {
        auto mail_log = MailLog::open(command.mail_log, clock);
        if (!mail_log)
            return fail(mail_log.error());
        options.on_message = [log = *mail_log](const sandbox::ReceivedMessage& m) { log->add(m); };
    }
    const auto log = make_stderr_log(LogLevel::warn, clock);
    boost::asio::io_context io{1};
    AsioTimerSource timers{io.get_executor(), clock};
    const auto connector = net::make_tcp_connector(io.get_executor());
    return run_to_end(io, *log, serve(io, timers, *connector, *log, globals, std::move(options)));
}

}  // namespace winnow::app
