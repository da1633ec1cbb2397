#include <algorithm>
#include <array>

#include "core/unicode.hpp"
#include "mail/report.hpp"
#include "mail/report_class.hpp"
#include "relay/submission.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t max_recipients = 10;

/// Feedback that is a person's word about the mail. The others are praise (not-spam) or about our domain and our
/// content (auth-failure, dmarc, virus).
bool is_complaint(std::string_view type)
{
    static constexpr std::array<std::string_view, 4> types{"abuse", "fraud", "miscategorized", "other"};
    return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_opt_out(std::string_view type)
{
    return type == "opt-out" || type == "opt-out-list";
}

/// A delay is no end, and success no failure.
bool says_failed(const mail::ReportedRecipient& recipient)
{
    return recipient.action.empty() || recipient.action == "failed";
}

std::optional<storage::RecordReport> read_complaint(const mail::Report& report)
{
    const std::string type = report.feedback ? report.feedback->feedback_type : "abuse";
    if (!is_complaint(type) && !is_opt_out(type))
        return std::nullopt;
    storage::RecordReport record;
    record.fact = is_opt_out(type) ? LaterFact::unsubscribe : LaterFact::complaint;
    record.klass = is_opt_out(type) ? ReplyClass::unsubscribe : ReplyClass::complaint;
    record.clear = true;
    record.detail = "feedback-type: " + type;
    record.rule = "arf:" + type;
    return record;
}

std::optional<storage::RecordReport> read_bounce(const mail::Report& report, const Services& services)
{
    if (report.recipients.empty() || !says_failed(report.recipients.front()))
        return std::nullopt;
    const mail::ReportedRecipient& recipient = report.recipients.front();
    const Classified meaning = mail::classify_report(report, 0, services.replies, &services.providers);
    if (meaning.klass == ReplyClass::delivered || meaning.klass == ReplyClass::not_a_bounce)
        return std::nullopt;
    storage::RecordReport record;
    record.fact = LaterFact::async_bounce;
    record.klass = meaning.klass;
    record.clear = meaning.clear;
    record.final_ = meaning.final_;
    record.rule = meaning.rule;
    record.detail = recipient.diagnostic.empty() ? recipient.status : recipient.diagnostic;
    if (const Provider* provider = services.providers.find(recipient.remote_mta))
        record.provider = provider->name;
    return record;
}

/// What a report says happened to its message; nothing for delays, automatic replies and mail that is no report.
std::optional<storage::RecordReport> read_fact(const mail::Report& report, const Services& services)
{
    switch (report.kind) {
        case mail::ReportKind::arf:
            return read_complaint(report);
        case mail::ReportKind::dsn:
            return read_bounce(report, services);
        default:
            return std::nullopt;
    }
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
        if (!is_ours(command.recipient))
            co_return SmtpReply::make(550, "5.7.1 only bounces and reports of this system are taken here");
        recipients_.push_back(std::move(command.recipient));
        co_return SmtpReply::make(250, "2.1.5 recipient ok");
    }

    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo& session, std::string message) override
    {
        const mail::Report report = mail::read_report(message);
        const TimePoint now = services_.engine.now();
        const Finding finding = find(report, now);
        services_.metrics
            .counter("winnow_reports_total", "Bounces, complaints and other mail to return paths.",
                     {{"kind", to_string(report.kind)}, {"token", finding.ref ? "valid" : "none"}})
            .add();
        storage::OpList ops;
        if (finding.fact) {
            ops.ops.emplace_back(*finding.fact);
        } else {
            auto note = co_await note_of(report, finding.ref, session.peer.ip, now);
            ops.ops.emplace_back(storage::AppendEvent{std::move(note)});
        }
        on_reset();
        const auto stored = co_await services_.engine.commit(std::move(ops));
        // A message that is gone leaves nothing to act on.
        if (stored || stored.error().code == Errc::not_found)
            co_return SmtpReply::make(250, "2.0.0 taken");
        services_.log.error("report.commit_failed", {{"why", stored.error().message()}});
        co_return SmtpReply::make(451, "4.3.0 cannot store the report now, try again later");
    }

    void on_reset() override { recipients_.clear(); }

private:
    struct Finding {
        std::optional<MessageRef> ref;  ///< named by a valid token
        std::optional<storage::RecordReport> fact;
    };

    /// Everybody's postmaster (RFC 5321 section 4.5.1), and whatever is at our domains.
    bool is_ours(const std::string& recipient) const
    {
        const auto at = recipient.rfind('@');
        if (at == std::string::npos)
            return to_lower_ascii(recipient) == "postmaster";
        const auto ascii = to_ascii_domain(recipient.substr(at + 1));
        return ascii && (*ascii == options_.bounce_domain || *ascii == options_.hostname);
    }

    Finding find(const mail::Report& report, TimePoint now) const
    {
        Finding finding;
        finding.ref = named_by(report, now);
        if (finding.ref) {
            finding.fact = read_fact(report, services_);
        } else if (report.kind == mail::ReportKind::not_a_bounce) {
            for (const std::string& recipient : recipients_)
                if (const auto ref = read_unsubscribe_address(services_.keys, options_, recipient, now)) {
                    finding.ref = ref;
                    finding.fact = storage::RecordReport{};
                    finding.fact->fact = LaterFact::unsubscribe;
                    finding.fact->klass = ReplyClass::unsubscribe;
                    finding.fact->clear = true;
                    finding.fact->rule = "mail:unsubscribe";
                    finding.fact->detail = "unsubscribed by mail";
                    break;
                }
        }
        if (finding.fact) {
            finding.fact->ref = *finding.ref;
            finding.fact->at = now;
        }
        return finding;
    }

    /// The message that a valid token names: in the recipient, or in what came back of the original (complaints whose
    /// recipient was blacked out).
    std::optional<MessageRef> named_by(const mail::Report& report, TimePoint now) const
    {
        for (const std::string& recipient : recipients_)
            if (const auto ref = read_return_path(services_.keys, options_, recipient, now))
                return ref;
        if (report.kind != mail::ReportKind::arf && report.kind != mail::ReportKind::dsn)
            return std::nullopt;
        if (report.feedback)
            if (const auto ref = named_in(report.feedback->original_mail_from, now))
                return ref;
        for (const std::string_view field : {"Return-Path", "List-Unsubscribe"})
            if (const auto ref = named_in(report.original.get(field), now))
                return ref;
        return std::nullopt;
    }

    /// The first of our keyed addresses in the value of a field.
    std::optional<MessageRef> named_in(std::string_view text, TimePoint now) const
    {
        constexpr std::string_view between = "<>,;:? \t";
        while (!text.empty()) {
            const auto end = std::min(text.find_first_of(between), text.size());
            const std::string_view word = text.substr(0, end);
            if (const auto ref = read_return_path(services_.keys, options_, word, now))
                return ref;
            if (const auto ref = read_unsubscribe_address(services_.keys, options_, word, now))
                return ref;
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return std::nullopt;
    }

    /// What does not act annotates: seen, counted, and that is all.
    awaitable<storage::EventRecord> note_of(const mail::Report& report, std::optional<MessageRef> ref, std::string peer,
                                            TimePoint now) const
    {
        storage::EventRecord event;
        event.at = now;
        event.workspace = "default";
        event.type = ref ? "report.ignored" : "report.unverified";
        event.detail = std::string(to_string(report.kind)) + " from " + peer;
        if (!ref)
            co_return event;
        const auto message = co_await services_.engine.get_message(*ref);
        if (message && *message) {
            event.workspace = (*message)->workspace;
            event.message_id = (*message)->id;
            event.campaign = (*message)->campaign;
            event.list_id = (*message)->list_id;
        }
        co_return event;
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
