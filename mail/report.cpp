#include "mail/report.hpp"

#include <algorithm>

#include "core/reply_diagnostic.hpp"
#include "core/unicode.hpp"
#include "mail/encoding.hpp"
#include "mail/report_parts.hpp"

namespace winnow::mail {
namespace {

/// What was found while walking the parts; pointers into the tree.
struct Parts {
    std::vector<const MimePart*> status;    ///< message/delivery-status
    std::vector<const MimePart*> feedback;  ///< message/feedback-report
    std::vector<const MimePart*> texts;     ///< readable, in order
    const MimePart* original = nullptr;     ///< message/rfc822 or text/rfc822-headers
};

void collect(const MimePart& part, Parts& out)
{
    if (part.type == "message/delivery-status" || part.type == "message/global-delivery-status")
        out.status.push_back(&part);
    else if (part.type == "message/feedback-report")
        out.feedback.push_back(&part);
    else if (part.type == "message/rfc822" || part.type == "message/global" || part.type == "text/rfc822-headers" ||
             part.type == "message/global-headers" || part.type == "message/rfc822-headers")
        out.original = out.original == nullptr ? &part : out.original;
    else if (part.type == "text/plain" || part.type == "text/html")
        out.texts.push_back(&part);
    // What is inside the returned message is not about the message: it may be a bounce itself.
    if (part.type.starts_with("multipart/"))
        for (const auto& child : part.children)
            collect(child, out);
}

HeaderBlock original_header(const MimePart& part)
{
    if (!part.children.empty())
        return part.children.front().headers;
    return HeaderBlock::read(part.body);
}

std::string strip_brackets(std::string_view id)
{
    const auto open = id.find('<');
    if (open == std::string_view::npos)
        return std::string(id);
    const auto close = id.find('>', open);
    return std::string(id.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
}

/// Text of an HTML part: tags become spaces, so that words stay apart.
std::string without_tags(std::string_view html)
{
    std::string out;
    bool tag = false;
    for (std::size_t i = 0; i < html.size(); ++i) {
        const char c = html[i];
        if (c == '<') {
            tag = true;
            const auto name = to_lower_ascii(html.substr(i + 1, 2));
            out += name == "br" || name == "p>" || name == "/p" || name == "/t" || name == "di" ? '\n' : ' ';
        } else if (c == '>') {
            tag = false;
        } else if (!tag) {
            out += c;
        }
    }
    return out;
}

bool from_mail_system(const HeaderBlock& head)
{
    const auto from = to_lower_ascii(head.get("From"));
    return contains_any(from, {"mailer-daemon", "mailer_daemon", "postmaster", "mail delivery", "mail-daemon",
                               "post_master", "mail administrator", "system administrator", "mailerdaemon"}) ||
           head.has("X-Failed-Recipients");
}

bool has_null_return_path(const HeaderBlock& head)
{
    const auto path = to_lower_ascii(head.get("Return-Path"));
    return path == "<>" || path.starts_with("<mailer-daemon");
}

bool text_tells_failure(std::string_view text)
{
    return contains_any(to_lower_ascii(text.substr(0, 4000)),
                        {"not be delivered", "unable to deliver", "not delivered", "delivery failed", "undeliverable",
                         "failed permanently", "delivery has failed", "did not reach", "could not deliver",
                         "failed to deliver", "couldn't be delivered", "wasn't delivered", "delivery failure",
                         "invalid user address", "returned to sender"});
}

bool subject_tells_failure(const HeaderBlock& head)
{
    const auto subject = to_lower_ascii(decode_header(head.get("Subject")));
    return contains_any(subject, {"undeliver",
                                  "delivery fail",
                                  "delivery status",
                                  "failure notice",
                                  "returned mail",
                                  "returned to sender",
                                  "delivery notification",
                                  "delivery problem",
                                  "delivery error",
                                  "mail failure",
                                  "could not be delivered",
                                  "not deliver",
                                  "delivery has failed",
                                  "failed delivery",
                                  "mail system error",
                                  "delivery failed",
                                  "mail delivery",
                                  "non-delivery",
                                  "nondeliver",
                                  "delivery report",
                                  "delayed mail",
                                  "delivery delayed",
                                  "bounce",
                                  "message delayed",
                                  "delivery temporarily",
                                  "permanent delivery",
                                  "warning: message",
                                  "undelivered"});
}

/// RFC 3834, and what is older than it.
bool is_auto_reply(const HeaderBlock& head)
{
    const auto submitted = to_lower_ascii(head.get("Auto-Submitted"));
    if (submitted.starts_with("auto-replied") || submitted.starts_with("auto-notified"))
        return true;
    if (head.has("X-Autoreply") || head.has("X-Autorespond") || head.has("X-Auto-Response-Suppress") ||
        head.has("X-Vacation") || to_lower_ascii(head.get("X-Autogenerated")) == "reply" ||
        to_lower_ascii(head.get("Precedence")) == "auto_reply")
        return true;
    const auto subject = to_lower_ascii(decode_header(head.get("Subject")));
    for (const std::string_view start :
         {"auto:", "auto reply", "autoreply", "auto-reply", "automatic reply", "out of office", "out of the office",
          "away from", "on vacation", "vacation:", "absence", "abwesend", "automatische antwort", "respuesta autom",
          "r\xc3\xa9ponse automatique", "away until", "i am away", "automatisch antwoord", "risposta automatica"})
        if (subject.starts_with(start))
            return true;
    return contains_any(subject, {"out of office", "auto-reply", "autoreply", "automatic reply", "vacation reply"});
}

/// The report's own parties, which prose mentions but which did not fail.
std::vector<std::string> bystanders(const HeaderBlock& head, const HeaderBlock& original)
{
    std::vector<std::string> out;
    const auto add = [&](std::string_view field) {
        for (auto& address : addresses_in(field))
            out.push_back(std::move(address));
    };
    add(head.get("From"));
    add(head.get("To"));
    add(head.get("Message-ID"));
    add(original.get("Return-Path"));
    add(original.get("From"));
    return out;
}

std::string readable(const Parts& parts)
{
    for (const auto* text : parts.texts)
        if (text->type == "text/plain" && text->body.find_first_not_of(" \t\r\n") != std::string::npos)
            return text->body;
    for (const auto* text : parts.texts)
        if (text->type == "text/html")
            return without_tags(text->body);
    return {};
}

void set_original(Report& report, HeaderBlock header)
{
    report.original = std::move(header);
    report.original_message_id = to_valid_utf8(strip_brackets(report.original.get("Message-ID")));
}

void read_complaint(const Parts& parts, Report& report)
{
    report.kind = ReportKind::arf;
    report.structured = true;
    auto feedback = read_feedback(parts.feedback.front()->body);
    for (const auto& address : feedback.original_rcpt_to) {
        ReportedRecipient r;
        r.final_recipient = address;
        report.recipients.push_back(std::move(r));
    }
    report.envelope_id = feedback.envelope_id;
    report.reporting_mta = feedback.reporting_mta;
    report.arrival_date = feedback.arrival_date;
    if (report.original_message_id.empty())
        report.original_message_id = strip_brackets(feedback.fields.get("message-id"));
    report.feedback = std::move(feedback);
}

/// Complaint feeds that predate RFC 5965, and unsubscribe mail sent by a mail program on behalf of its user.
bool read_loose_complaint(const HeaderBlock& head, Report& report)
{
    Feedback feedback;
    std::string recipient;
    const auto subject = to_lower_ascii(head.get("Subject"));
    if (report.original.has("X-HmXmrOriginalRecipient") ||
        subject.find("complaint about message") != std::string::npos) {
        feedback.feedback_type = "abuse";
        recipient = address_in(report.original.get("X-HmXmrOriginalRecipient"));
    } else if (head.has("X-Apple-Unsubscribe")) {
        feedback.feedback_type = "opt-out";
        recipient = address_in(head.get("From"));
    } else {
        return false;
    }
    if (recipient.find('@') == std::string::npos)
        recipient = address_in(report.original.get("To"));
    report.kind = ReportKind::arf;
    if (recipient.find('@') != std::string::npos) {
        feedback.original_rcpt_to.push_back(recipient);
        ReportedRecipient r;
        r.final_recipient = recipient;
        report.recipients.push_back(std::move(r));
    }
    report.feedback = std::move(feedback);
    return true;
}

/// Only a token can tell whose complaint it is when the address was removed or replaced.
void mark_redaction(Report& report)
{
    auto& feedback = *report.feedback;
    feedback.redacted =
        std::none_of(feedback.original_rcpt_to.begin(), feedback.original_rcpt_to.end(), [](const auto& a) {
            const auto local = to_lower_ascii(a.substr(0, a.find('@')));
            return a.find('@') != std::string::npos && !contains_any(local, {"redacted", "hashed", "xxx"});
        });
}

/// Where the fields are silent, the prose of the same bounce may speak.
void complete_from_text(Report& report, const std::vector<ReportedRecipient>& told)
{
    for (auto& r : report.recipients) {
        const auto match = std::find_if(told.begin(), told.end(), [&](const auto& t) {
            return to_lower_ascii(t.final_recipient) == to_lower_ascii(r.final_recipient);
        });
        const ReportedRecipient* source = match != told.end() ? &*match : nullptr;
        if (source == nullptr && told.size() == 1 && report.recipients.size() == 1)
            source = &told.front();
        if (source == nullptr)
            continue;
        // Some systems put an exit status or a lone word where the reply belongs.
        if (r.diagnostic.find(' ') == std::string::npos)
            r.diagnostic = source->diagnostic;
        r.stage = source->stage;
        if (r.reply_code == 0)
            r.reply_code = source->reply_code;
        if (r.status.empty())
            r.status = source->status;
    }
}

/// The remote server's own status wins over the one that the reporting system made of it; a vague one (x.0.0) yields to
/// any in the text.
void settle_status(ReportedRecipient& r)
{
    const auto remote = find_remote_status(r.diagnostic);
    const auto inside = find_status(r.diagnostic);
    const bool vague = r.status.empty() || r.status.ends_with(".0.0");
    if (!remote.empty() && !remote.ends_with(".0.0"))
        r.status = remote;
    else if (vague && !inside.empty())
        r.status = inside;
}

/// Whether a message without status fields may be read as a bounce at all: prose mentions addresses for many reasons.
bool may_be_bounce(const HeaderBlock& head, std::string_view text, bool returns_message)
{
    const bool told = subject_tells_failure(head) || text_tells_failure(text);
    // A person's vacation notice also comes with the null reverse-path, and mentions addresses.
    if (is_auto_reply(head) && !from_mail_system(head) && !told)
        return false;
    return subject_tells_failure(head) || from_mail_system(head) ||
           (told && (has_null_return_path(head) || returns_message));
}

std::vector<ReportedRecipient> recipients_in_prose(const HeaderBlock& head, const HeaderBlock& original,
                                                   std::string_view text)
{
    auto others = bystanders(head, original);
    auto told = read_bounce_text(text, others);
    if (!told.empty())
        return told;
    // Mail to oneself bounces too.
    const auto addressed = addresses_in(original.get("To"));
    std::erase_if(others, [&](const auto& other) {
        return std::find(addressed.begin(), addressed.end(), other) != addressed.end();
    });
    return read_bounce_text(text, others);
}

/// When the text names nobody: whom the system names in the header, or whom the message went to.
std::vector<ReportedRecipient> recipients_in_headers(const HeaderBlock& head, const HeaderBlock& original,
                                                     std::string_view text)
{
    auto named = addresses_in(head.get("X-Failed-Recipients"));
    if (named.empty() && subject_tells_failure(head) && from_mail_system(head)) {
        named = addresses_in(original.get("To"));
        if (named.size() != 1)
            named.clear();
    }
    std::vector<ReportedRecipient> out;
    for (auto& address : named) {
        ReportedRecipient r;
        r.final_recipient = std::move(address);
        r.diagnostic = one_line(text, 1000);
        r.reply_code = find_reply_code(r.diagnostic);
        out.push_back(std::move(r));
    }
    return out;
}

void settle_stages(Report& report, std::string_view text)
{
    std::optional<Stage> told;
    // A transcript of several recipients tells of each command which one failed first, not whose.
    if (report.recipients.size() == 1) {
        told = read_diagnostic(text).stage;
        if (!told)
            told = transcript_stage(text);
    }
    for (auto& r : report.recipients) {
        if (const auto own = read_diagnostic(r.diagnostic).stage)
            r.stage = own;
        else if (!r.stage)
            r.stage = told;
    }
}

void read_bounce(const HeaderBlock& head, const Parts& parts, Report& report)
{
    for (const auto* status : parts.status)
        report.structured = read_status_fields(status->body, report) || report.structured;

    const auto text = split_bounce_text(readable(parts));
    if (report.original.fields().empty() && !text.original.empty())
        set_original(report, HeaderBlock::read(text.original));
    if (!report.structured) {
        if (!may_be_bounce(head, text.report, !report.original.fields().empty()))
            return;
        for (const auto* part : parts.texts)
            if (to_lower_ascii(part->body).find("final-recipient:") != std::string::npos)
                report.structured = read_status_fields(part->body, report) || report.structured;
    }

    auto told = recipients_in_prose(head, report.original, text.report);
    if (report.structured)
        complete_from_text(report, told);
    else
        report.recipients = std::move(told);
    if (report.recipients.empty())
        report.recipients = recipients_in_headers(head, report.original, text.report);
    for (auto& r : report.recipients)
        settle_status(r);
    settle_stages(report, text.report);
    report.text = one_line(text.report, 4000);
    if (!report.recipients.empty())
        report.kind = ReportKind::dsn;
}

}  // namespace

std::string_view to_string(ReportKind kind) noexcept
{
    switch (kind) {
        case ReportKind::dsn:
            return "dsn";
        case ReportKind::arf:
            return "arf";
        case ReportKind::auto_reply:
            return "auto_reply";
        case ReportKind::not_a_bounce:
            return "not_a_bounce";
    }
    return "not_a_bounce";
}

Report read_report(std::string_view raw, const MimeLimits& limits)
{
    const auto message = read_mime(raw, limits);
    Parts parts;
    collect(message, parts);
    Report report;
    if (parts.original != nullptr)
        set_original(report, original_header(*parts.original));
    if (!parts.feedback.empty()) {
        read_complaint(parts, report);
        mark_redaction(report);
        return report;
    }
    if (read_loose_complaint(message.headers, report)) {
        mark_redaction(report);
        return report;
    }
    if (const auto text = readable(parts);
        text.find("notificationType") != std::string::npos || text.find("eventType") != std::string::npos) {
        if (read_ses_notification(text, report)) {
            if (report.feedback)
                mark_redaction(report);
            return report;
        }
    }
    read_bounce(message.headers, parts, report);
    if (report.kind == ReportKind::not_a_bounce && is_auto_reply(message.headers))
        report.kind = ReportKind::auto_reply;
    return report;
}

}  // namespace winnow::mail
