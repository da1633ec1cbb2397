#include <algorithm>
#include <array>

#include "core/unicode.hpp"
#include "mail/report.hpp"
#include "mail/report_class.hpp"
#include "relay/contact_mail.hpp"
#include "relay/daily_limit.hpp"
#include "relay/mass_events.hpp"
#include "relay/submission.hpp"
#include "storage/late_refusals.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t max_recipients = 10;
// Events stay for good, and anyone may send what becomes one; winnow_reports_total counts the others too.
constexpr std::int64_t unverified_per_day = 1'000;
constexpr std::int64_t notes_per_message = 20;        ///< a day, by who holds its token: its recipient, mostly
constexpr std::string_view feedback_mailbox = "fbl";  ///< where feedback loops send complaints

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

/// Whether two addresses are one recipient; nothing when the reported one is no address (a bare local name).
std::optional<bool> same_recipient(const std::string& reported, const std::string& ours)
{
    const ParsedAddress theirs = parse_address(reported);
    if (!theirs.valid)
        return std::nullopt;
    const ParsedAddress mine = parse_address(ours);
    return mine.valid && canonical_v1(theirs.address) == canonical_v1(mine.address);
}

/// Which of the report's recipients is the message's: the one that is named, by its final or its original address; else
/// one without an address, since the token alone tells whose mail came back. Nothing when all are somebody else: the
/// mail was sent on, and where it failed is no word about our recipient.
std::optional<std::size_t> index_of(const mail::Report& report, const std::string& recipient)
{
    std::optional<std::size_t> nameless;
    for (std::size_t i = 0; i < report.recipients.size(); ++i) {
        const auto final = same_recipient(report.recipients[i].final_recipient, recipient);
        const auto original = same_recipient(report.recipients[i].original_recipient, recipient);
        if (final.value_or(false) || original.value_or(false))
            return i;
        if (!final && !original && !nameless)
            nameless = i;
    }
    return nameless;
}

/// A failure of somebody that we did not write to.
std::optional<storage::RecordReport> note_of_another(const mail::Report& report)
{
    if (std::none_of(report.recipients.begin(), report.recipients.end(), says_failed))
        return std::nullopt;
    storage::RecordReport record;
    record.fact = LaterFact::async_bounce;
    record.evidence_only = true;
    record.rule = "report:another-recipient";
    record.detail = "the report names no recipient of this message: the mail was sent on to somebody else";
    return record;
}

std::optional<storage::RecordReport> read_bounce(const mail::Report& report, const std::string& whose,
                                                 const Services& services)
{
    if (report.recipients.empty())
        return std::nullopt;
    const auto index = index_of(report, whose);
    if (!index)
        return note_of_another(report);
    const mail::ReportedRecipient& recipient = report.recipients[*index];
    if (!says_failed(recipient))
        return std::nullopt;
    const Classified meaning = mail::classify_report(report, *index, services.replies, &services.providers);
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
std::optional<storage::RecordReport> read_fact(const mail::Report& report, const storage::MessageRecord& message,
                                               const Services& services)
{
    switch (report.kind) {
        case mail::ReportKind::arf:
            return read_complaint(report);
        case mail::ReportKind::dsn:
            return read_bounce(report, message.recipient, services);
        default:
            return std::nullopt;
    }
}

/// A mail host took the message, and then the mailbox did not exist; told for the first time.
bool refused_late(const storage::RecordReport& fact, const storage::MessageRecord& message)
{
    const auto& told = message.later;
    return fact.fact == LaterFact::async_bounce && fact.klass == ReplyClass::mailbox_unknown && !fact.frozen &&
           !fact.evidence_only && std::find(told.begin(), told.end(), LaterFact::async_bounce) == told.end();
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
        switch (kind_of(command.recipient)) {
            case Kind::stranger:
                co_return SmtpReply::make(550, "5.7.1 only bounces and reports of this system are taken here");
            case Kind::nobody:
                co_return SmtpReply::make(550, "5.1.1 no such mailbox here");
            case Kind::contact:
                for_us_ = true;
                break;
            case Kind::report:
                break;
        }
        recipients_.push_back(std::move(command.recipient));
        co_return SmtpReply::make(250, "2.1.5 recipient ok");
    }

    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo& session, std::string message) override
    {
        const mail::Report report = mail::read_report(message);
        const TimePoint now = services_.engine.now();
        auto found = co_await find(report, now);
        if (!found) {
            on_reset();
            co_return not_now(found.error());
        }
        const Finding& finding = *found;
        services_.metrics
            .counter("winnow_reports_total", "Bounces, complaints and other mail to return paths.",
                     {{"kind", to_string(report.kind)}, {"token", finding.ref ? "valid" : "none"}})
            .add();
        storage::OpList ops;
        std::string site;
        bool undo_offered = false;
        bool may_suppress = false;
        bool dispensable = false;
        if (finding.fact) {
            storage::RecordReport fact = *finding.fact;
            dispensable = fact.evidence_only;
            if (dispensable)
                ops.ops.emplace_back(one_note(finding, now));
            if (services_.mass_events && !fact.evidence_only) {
                auto weighed = co_await services_.mass_events->weigh_report(finding.message, fact);
                fact.frozen = weighed.frozen;
                site = services_.mass_events->site_of(finding.message);
                undo_offered = !weighed.undo.ops.empty();
                ops = std::move(weighed.undo);
                may_suppress = !fact.frozen && MassEvents::is_death(fact.klass);
            }
            if (refused_late(fact, finding.message))
                ops.ops.emplace_back(storage::late_refusal(finding.message.domain, now));
            ops.ops.emplace_back(std::move(fact));
        } else if (for_us_) {
            ContactMail contact{message, make_ulid(now, services_.rng), session.peer.ip, now};
            keep_contact_mail(ops, contact);
        } else {
            dispensable = true;
            ops.ops.emplace_back(one_note(finding, now));
            auto note = note_of(report, finding, session.peer.ip, now);
            ops.ops.emplace_back(storage::AppendEvent{std::move(note)});
        }
        on_reset();
        const auto stored = co_await services_.engine.commit(std::move(ops));
        if (undo_offered)
            services_.mass_events->undone(site, stored.has_value());
        if (stored && may_suppress)
            co_await undo_overtaken(std::move(site), *finding.ref);
        // A message that is gone leaves nothing to act on, and of notes there were enough today.
        if (stored || stored.error().code == Errc::not_found ||
            (dispensable && stored.error().code == Errc::limit_exceeded))
            co_return SmtpReply::make(250, "2.0.0 taken");
        co_return not_now(stored.error());
    }

    void on_reset() override
    {
        recipients_.clear();
        for_us_ = false;
    }

private:
    enum class Kind {
        stranger,  ///< at somebody else's domain
        nobody,    ///< at ours, but no mailbox
        contact,   ///< a person reads it
        report,    ///< winnow does
    };
    struct Finding {
        std::optional<MessageRef> ref;   ///< named by a valid token
        storage::MessageRecord message;  ///< which that names; without an id when it is gone
        std::optional<storage::RecordReport> fact;
    };

    SmtpReply not_now(const Error& error) const
    {
        services_.log.error("report.commit_failed", {{"why", error.message()}});
        if (error.code == Errc::limit_exceeded || error.code == Errc::disk_full)
            return SmtpReply::make(452, "4.3.1 out of storage, try again later");
        return SmtpReply::make(451, "4.3.0 cannot store the report now, try again later");
    }

    /// A freeze that began while the report was on its way to the disk.
    awaitable<void> undo_overtaken(std::string site, MessageRef ref)
    {
        storage::OpList undo;
        services_.mass_events->overtaken(site, ref, undo);
        if (undo.ops.empty())
            co_return;
        const auto done = co_await services_.engine.commit(std::move(undo));
        if (!done)
            services_.log.error("report.undo_failed", {{"why", done.error().message()}});
    }

    Kind kind_of(const std::string& recipient) const
    {
        // Without a domain too (RFC 5321 section 4.5.1).
        if (to_lower_ascii(recipient) == "postmaster")
            return Kind::contact;
        // A forged or expired token is taken like any other: a refusal would tell a guesser which ones are right, and
        // the report may name the message in another way.
        if (looks_keyed(options_, recipient))
            return Kind::report;
        const ParsedAddress parsed = parse_address(recipient);
        const Address& address = parsed.address;
        if (!parsed.valid || (address.domain != to_lower_ascii(options_.bounce_domain) &&
                              address.domain != to_lower_ascii(options_.hostname)))
            return Kind::stranger;
        if (is_contact(address))
            return Kind::contact;
        return to_lower_ascii(address.local) == feedback_mailbox ? Kind::report : Kind::nobody;
    }

    awaitable<Result<Finding>> find(mail::Report report, TimePoint now) const
    {
        Finding finding;
        finding.ref = named_by(report, now);
        if (!finding.ref) {
            WINNOW_CO_TRY(finding.ref, co_await named_by_credit(now));
        }
        const bool of_bounce = finding.ref.has_value();
        if (!finding.ref && report.kind == mail::ReportKind::not_a_bounce)
            finding.ref = unsubscribed(now);
        if (!finding.ref)
            co_return finding;
        WINNOW_CO_TRY(auto message, co_await services_.engine.get_message(*finding.ref));
        if (!message)
            co_return finding;
        finding.message = std::move(*message);
        finding.fact = of_bounce ? read_fact(report, finding.message, services_) : unsubscribe_fact();
        if (finding.fact) {
            finding.fact->ref = *finding.ref;
            finding.fact->at = now;
        }
        co_return finding;
    }

    /// The message that left under the path which a probe had shown.
    awaitable<Result<std::optional<MessageRef>>> named_by_credit(TimePoint now) const
    {
        std::optional<MessageRef> ref;
        for (const std::string& recipient : recipients_) {
            const std::string key = credit_key(services_.keys, options_, recipient, now);
            if (key.empty())
                continue;
            WINNOW_CO_TRY(const auto named, co_await services_.engine.get_value(key));
            const auto slash = named ? named->find('/') : std::string::npos;
            if (slash == std::string::npos)
                continue;
            WINNOW_CO_TRY(const auto message,
                          co_await services_.engine.find_message(named->substr(0, slash), named->substr(slash + 1)));
            if (message)
                ref = message->ref;
        }
        co_return ref;
    }

    std::optional<MessageRef> unsubscribed(TimePoint now) const
    {
        for (const std::string& recipient : recipients_)
            if (const auto ref = read_unsubscribe_address(services_.keys, options_, recipient, now))
                return ref;
        return std::nullopt;
    }

    static storage::RecordReport unsubscribe_fact()
    {
        storage::RecordReport fact;
        fact.fact = LaterFact::unsubscribe;
        fact.klass = ReplyClass::unsubscribe;
        fact.clear = true;
        fact.rule = "mail:unsubscribe";
        fact.detail = "unsubscribed by mail";
        return fact;
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

    /// For the commit of what only annotates.
    static storage::AddCounter one_note(const Finding& finding, TimePoint now)
    {
        if (finding.message.id.empty())
            return one_of_a_day("unverified-reports", unverified_per_day, now);
        return one_of_a_day("notes/" + finding.message.workspace + '/' + finding.message.id, notes_per_message, now);
    }

    /// What does not act annotates: seen, counted, and that is all.
    static storage::EventRecord note_of(const mail::Report& report, const Finding& finding, const std::string& peer,
                                        TimePoint now)
    {
        storage::EventRecord event;
        event.at = now;
        event.workspace = finding.message.id.empty() ? "default" : finding.message.workspace;
        event.type = finding.ref ? "report.ignored" : "report.unverified";
        event.detail = std::string(to_string(report.kind)) + " from " + peer;
        event.message_id = finding.message.id;
        event.campaign = finding.message.campaign;
        event.list_id = finding.message.list_id;
        return event;
    }

    Services services_;
    const RelayOptions& options_;
    std::vector<std::string> recipients_;
    bool for_us_ = false;  ///< a person is among them
};

}  // namespace

std::unique_ptr<net::SmtpHandler> make_bounce_session(Services services, const RelayOptions& options)
{
    return std::make_unique<BounceSession>(services, options);
}

}  // namespace winnow::relay
