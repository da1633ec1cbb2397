#include "sandbox/report_sender.hpp"

#include <cstdint>

#include "mail/arf.hpp"
#include "mail/dsn.hpp"
#include "mail/headers.hpp"
#include "net/smtp_client.hpp"
#include "sandbox/spawn.hpp"

namespace winnow::sandbox {

namespace asio = boost::asio;
using net::awaitable;

namespace {

constexpr std::string_view reporter = "reports.sandbox.test";

struct Report {
    std::string reverse_path;  ///< empty for DSNs
    std::string recipient;
    std::string content;
    bool complaint = false;
};

}  // namespace

struct ReportSender::State {
    asio::any_io_executor executor;
    TimerSource& timers;
    net::Connector& connector;
    ReceiverLog& seen;
    Log& log;
    Options options;
    std::uint64_t serial = 0;
    bool stopped = false;

    std::string next_id(std::string_view what)
    {
        return std::string(what) + '-' + std::to_string(to_unix_ms(timers.clock().now())) + '-' +
               std::to_string(++serial) + '@' + std::string(reporter);
    }

    /// True when the listener took the report or refused it for good; false to try again.
    static awaitable<bool> attempt(std::shared_ptr<State> state, std::shared_ptr<const Report> report);
    static awaitable<void> send(std::shared_ptr<State> state, std::shared_ptr<const Report> report);
    static void spawn(const std::shared_ptr<State>& state, Report report)
    {
        auto shared = std::make_shared<const Report>(std::move(report));
        sandbox::spawn(state->executor, state->log, "report", send(state, std::move(shared)));
    }
};

awaitable<bool> ReportSender::State::attempt(std::shared_ptr<State> state, std::shared_ptr<const Report> report)
{
    net::ConnectOptions connect;
    connect.timeout = milliseconds{5'000};
    auto stream = co_await state->connector.connect(*state->options.bounce_to, connect);
    if (!stream)
        co_return false;
    net::SmtpClient smtp(**stream);
    const auto greeting = co_await smtp.greeting();
    if (!greeting || !greeting->positive())
        co_return false;
    const auto ehlo = co_await smtp.ehlo(std::string(reporter));
    if (!ehlo || !ehlo->positive())
        co_return false;
    const auto mail = co_await smtp.mail(report->reverse_path);
    if (!mail || !mail->positive())
        co_return false;
    const auto rcpt = co_await smtp.rcpt(report->recipient);
    if (!rcpt || rcpt->transient())
        co_return false;
    bool taken = rcpt->positive();
    if (taken) {
        const auto done = co_await smtp.data(report->content);
        if (!done || done->transient())
            co_return false;
        taken = done->positive();
    }
    co_await smtp.quit();
    if (!taken)
        state->seen.report_failed();
    else if (report->complaint)
        state->seen.complaint_sent();
    else
        state->seen.dsn_sent();
    co_return true;
}

awaitable<void> ReportSender::State::send(std::shared_ptr<State> state, std::shared_ptr<const Report> report)
{
    for (int i = 0; i < state->options.tries && !state->stopped; ++i) {
        co_await sleep_for(state->timers, state->options.delay);
        if (state->stopped)
            co_return;
        const bool settled = co_await attempt(state, report);
        if (settled)
            co_return;
    }
    state->seen.report_failed();
}

ReportSender::ReportSender(asio::any_io_executor executor, TimerSource& timers, net::Connector& connector,
                           ReceiverLog& seen, Log& log, Options options)
    : state_(new State{std::move(executor), timers, connector, seen, log, std::move(options)})
{
}

ReportSender::~ReportSender()
{
    stop();
}

void ReportSender::set_bounce_to(net::Endpoint to)
{
    state_->options.bounce_to = std::move(to);
}

void ReportSender::stop()
{
    state_->stopped = true;
}

void ReportSender::bounce(const ReceivedMessage& message, const std::string& recipient)
{
    if (message.reverse_path.empty())
        return;
    if (!state_->options.bounce_to) {
        state_->seen.report_failed();
        return;
    }
    const auto now = state_->timers.clock().now();
    mail::DsnRecipient failed;
    failed.final_recipient = recipient;
    failed.status = "5.1.1";
    failed.remote_mta = "store.sandbox.test";
    failed.diagnostic =
        "550 5.1.1 <" + recipient + ">: Recipient address rejected: User unknown in local recipient table";
    mail::DsnDraft draft;
    draft.reporting_mta = std::string(reporter);
    draft.to = message.reverse_path;
    draft.message_id = state_->next_id("dsn");
    draft.date = now;
    draft.arrival_date = now;
    draft.recipients.push_back(std::move(failed));
    draft.original = message.content;
    auto content = mail::write_dsn(draft);
    if (!content) {
        state_->seen.report_failed();
        return;
    }
    State::spawn(state_, {"", message.reverse_path, *std::move(content), false});
}

void ReportSender::complain(const ReceivedMessage& message, const std::string& recipient)
{
    const auto& to = state_->options.complaint_to.empty() ? message.reverse_path : state_->options.complaint_to;
    if (!state_->options.bounce_to || to.empty()) {
        state_->seen.report_failed();
        return;
    }
    const auto now = state_->timers.clock().now();
    mail::ArfDraft draft;
    draft.user_agent = "winnow-sandbox/1.0";
    draft.from = "complaints@" + std::string(reporter);
    draft.to = to;
    draft.message_id = state_->next_id("arf");
    draft.date = now;
    draft.arrival_date = now;
    draft.source_ip = message.client_ip;
    draft.original_mail_from = message.reverse_path;
    draft.original_rcpt_to = {recipient};
    draft.reporting_mta = std::string(reporter);
    // The mailbox holds what final delivery left there: with the Return-Path in front (RFC 5321 section 4.4).
    draft.original = mail::with_fields("Return-Path: <" + message.reverse_path + ">\r\n", message.content);
    auto content = mail::write_arf(draft);
    if (!content) {
        state_->seen.report_failed();
        return;
    }
    State::spawn(state_, {draft.from, to, *std::move(content), true});
}

}  // namespace winnow::sandbox
