#include <vector>

#include "mail/headers.hpp"
#include "mail/report.hpp"
#include "relay/submission.hpp"

namespace winnow::relay {
namespace {

constexpr int max_recipients = 10;

/// What a report says happened to the message, as the op that makes it so; nothing for delays, automatic replies and
/// mail that is no report.
std::optional<storage::RecordReport> act_on(const mail::Report& report, MessageRef ref, const ReplyClassifier& replies,
                                            TimePoint now)
{
    storage::RecordReport record;
    record.ref = ref;
    record.at = now;
    if (report.kind == mail::ReportKind::arf) {
        // not-spam is praise; auth-failure (RFC 6591) is about our DNS, not about the recipient's wish.
        const std::string type = report.feedback ? report.feedback->feedback_type : "abuse";
        if (type == "not-spam" || type == "auth-failure")
            return std::nullopt;
        record.fact = type == "opt-out" ? LaterFact::unsubscribe : LaterFact::complaint;
        record.klass = type == "opt-out" ? ReplyClass::unsubscribe : ReplyClass::complaint;
        record.clear = true;
        record.detail = "feedback-type: " + type;
        record.rule = "arf:" + type;
        return record;
    }
    if (report.kind != mail::ReportKind::dsn || report.recipients.empty())
        return std::nullopt;
    const mail::ReportedRecipient& recipient = report.recipients.front();
    if (recipient.action == "delayed" || recipient.action == "delivered" || recipient.action == "relayed" ||
        recipient.action == "expanded")
        return std::nullopt;
    record.fact = LaterFact::async_bounce;
    const std::string diagnostic = recipient.diagnostic.empty() ? recipient.status : recipient.diagnostic;
    ReplyContext context;
    context.stage = Stage::rcpt;
    const bool has_status = !recipient.status.empty() && diagnostic.find(recipient.status) == std::string::npos;
    const Classified meaning =
        replies.classify_text(has_status ? recipient.status + " " + diagnostic : diagnostic, context);
    record.klass = meaning.klass;
    record.clear = meaning.clear;
    record.final_ = meaning.final_;
    record.rule = meaning.rule;
    record.detail = diagnostic;
    return record;
}

class BounceSession final : public net::SmtpHandler {
public:
    BounceSession(Services services, const RelayOptions& options) : services_(services), options_(options) {}

    net::awaitable<SmtpReply> on_connect(const net::SmtpSessionInfo&) override
    {
        co_return SmtpReply::make(220, options_.hostname + " winnow ESMTP");
    }

    net::awaitable<SmtpReply> on_mail(const net::SmtpSessionInfo&, net::MailCommand) override
    {
        on_reset();
        co_return SmtpReply::make(250, "2.1.0 sender ok");
    }

    net::awaitable<SmtpReply> on_rcpt(const net::SmtpSessionInfo&, net::RcptCommand command) override
    {
        if (recipients_.size() >= max_recipients)
            co_return SmtpReply::make(452, "4.5.3 too many recipients");
        // A forged or expired token is taken like any other: a refusal would tell a guesser which ones are right, and
        // the report may name the message in another way.
        const auto at = command.recipient.rfind('@');
        const bool ours = at != std::string::npos && is_ours(command.recipient.substr(at + 1));
        if (!ours)
            co_return SmtpReply::make(550, "5.7.1 only bounces and reports of this system are taken here");
        recipients_.push_back(std::move(command.recipient));
        co_return SmtpReply::make(250, "2.1.5 recipient ok");
    }

    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo& session, std::string message) override
    {
        const mail::Report report = mail::read_report(message);
        const TimePoint now = services_.engine.now();
        const std::optional<MessageRef> ref = named_by(report, now);
        services_.metrics
            .counter("winnow_reports_total", "Bounces, complaints and other mail to return paths.",
                     {{"kind", to_string(report.kind)}, {"token", ref ? "valid" : "none"}})
            .add();
        storage::OpList ops;
        const auto record = ref ? act_on(report, *ref, services_.replies, now) : std::nullopt;
        if (record)
            ops.ops.emplace_back(*record);
        else
            ops.ops.emplace_back(storage::AppendEvent{note_of(report, ref.has_value(), session, now)});
        on_reset();
        const auto stored = co_await services_.engine.commit(std::move(ops));
        if (stored)
            co_return SmtpReply::make(250, "2.0.0 taken");
        if (stored.error().code == Errc::not_found)
            co_return SmtpReply::make(250, "2.0.0 taken");  // the message is gone: nothing is left to act on
        services_.log.error("report.commit_failed", {{"why", stored.error().message()}});
        co_return SmtpReply::make(451, "4.3.0 cannot store the report now, try again later");
    }

    void on_reset() override { recipients_.clear(); }

private:
    bool is_ours(const std::string& domain) const
    {
        const auto ascii = to_ascii_domain(domain);
        return ascii && (*ascii == options_.bounce_domain || *ascii == options_.hostname);
    }

    /// The message that a valid token names: in the recipient, or in what came back of the original (redacted
    /// complaints).
    std::optional<MessageRef> named_by(const mail::Report& report, TimePoint now) const
    {
        for (const std::string& recipient : recipients_)
            if (const auto ref = read_return_path(services_.keys, options_, recipient, now))
                return ref;
        std::vector<std::string> candidates;
        candidates.emplace_back(report.original.get("Return-Path"));
        if (report.feedback)
            candidates.push_back(report.feedback->original_mail_from);
        for (std::string candidate : candidates) {
            const auto open = candidate.find('<');
            const auto close = candidate.rfind('>');
            if (open != std::string::npos && close != std::string::npos && close > open)
                candidate = candidate.substr(open + 1, close - open - 1);
            if (const auto ref = read_return_path(services_.keys, options_, candidate, now))
                return ref;
        }
        return std::nullopt;
    }

    /// A report without a valid token annotates: seen, counted, never acted upon.
    storage::EventRecord note_of(const mail::Report& report, bool token, const net::SmtpSessionInfo& session,
                                 TimePoint now) const
    {
        storage::EventRecord event;
        event.at = now;
        event.workspace = "default";
        event.type = token ? "report.ignored" : "report.unverified";
        event.detail = std::string(to_string(report.kind)) + " from " + session.peer.ip;
        return event;
    }

    Services services_;
    const RelayOptions& options_;
    std::vector<std::string> recipients_;
};

}  // namespace

std::unique_ptr<net::SmtpHandler> make_bounce_session(Services services, const RelayOptions& options)
{
    return std::make_unique<BounceSession>(services, options);
}

}  // namespace winnow::relay
