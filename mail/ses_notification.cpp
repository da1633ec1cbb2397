#include <nlohmann/json.hpp>

#include "core/ndjson.hpp"
#include "core/unicode.hpp"
#include "mail/report_parts.hpp"

/// Amazon SES tells of bounces and complaints in JSON; subscribed by mail, a notification arrives as the text of a
/// message. Members are those of the SES developer guide, "Amazon SNS notification contents".
namespace winnow::mail {
namespace {

using nlohmann::json;

/// The JSON object at the start of a text that may go on after it; empty when there is none. Lines that a relay broke
/// with "!" LF SP (as old Sendmails do at 990 octets) are joined again.
std::string leading_object(std::string_view text)
{
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos || text[start] != '{')
        return {};
    std::string out;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = start; i < text.size(); ++i) {
        const char c = text[i];
        const auto rest = text.substr(i);
        if (rest.starts_with("!\n ") || rest.starts_with("!\r\n ")) {
            i += rest[1] == '\r' ? 3 : 2;
            continue;
        }
        out += c;
        if (quoted && c == '\\' && i + 1 < text.size())
            out += text[++i];
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '{')
            ++depth;
        else if (!quoted && c == '}' && --depth == 0)
            return out;
    }
    return {};
}

std::string text_of(const json& object, const char* name)
{
    if (!object.is_object())
        return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? one_line(found->get<std::string>()) : std::string();
}

const json& member(const json& object, const char* name)
{
    static const json nothing;
    if (!object.is_object())
        return nothing;
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

std::string without_type(std::string text)
{
    const auto semicolon = text.find("; ");
    return semicolon != std::string::npos && semicolon <= 6 ? text.substr(semicolon + 2) : text;
}

void read_bounced(const json& bounce, Report& report)
{
    report.kind = ReportKind::dsn;
    report.reporting_mta = without_type(text_of(bounce, "reportingMTA"));
    report.arrival_date = text_of(bounce, "timestamp");
    for (const auto& each : member(bounce, "bouncedRecipients")) {
        ReportedRecipient r;
        r.final_recipient = address_in(text_of(each, "emailAddress"));
        r.action = to_lower_ascii(text_of(each, "action"));
        r.status = find_status(text_of(each, "status"), true);
        r.diagnostic = without_type(text_of(each, "diagnosticCode"));
        // Without a remote answer only the type is told: "Permanent" "OnAccountSuppressionList".
        if (r.diagnostic.empty())
            r.diagnostic = one_line(text_of(bounce, "bounceType") + ' ' + text_of(bounce, "bounceSubType"));
        r.reply_code = find_reply_code(r.diagnostic);
        report.recipients.push_back(std::move(r));
    }
}

void read_complained(const json& complaint, Report& report)
{
    report.kind = ReportKind::arf;
    Feedback feedback;
    feedback.feedback_type = to_lower_ascii(text_of(complaint, "complaintFeedbackType"));
    if (feedback.feedback_type.empty())
        feedback.feedback_type = "abuse";
    feedback.user_agent = text_of(complaint, "userAgent");
    feedback.arrival_date = text_of(complaint, "arrivalDate");
    for (const auto& each : member(complaint, "complainedRecipients")) {
        ReportedRecipient r;
        r.final_recipient = address_in(text_of(each, "emailAddress"));
        feedback.original_rcpt_to.push_back(r.final_recipient);
        report.recipients.push_back(std::move(r));
    }
    report.feedback = std::move(feedback);
}

void read_mail(const json& mail, Report& report)
{
    std::vector<HeaderField> fields;
    for (const auto& each : member(mail, "headers"))
        fields.push_back({text_of(each, "name"), text_of(each, "value")});
    if (const auto source = text_of(mail, "source"); !source.empty())
        fields.push_back({"Return-Path", '<' + source + '>'});
    report.original = HeaderBlock(std::move(fields));
}

}  // namespace

bool read_ses_notification(std::string_view text, Report& report)
{
    auto parsed = parse_json(leading_object(text));
    if (!parsed)
        return false;
    // SNS wraps the notification as a string, unless "raw message delivery" is on.
    if (const auto& message = member(*parsed, "Message"); message.is_string())
        parsed = parse_json(message.get<std::string>());
    if (!parsed)
        return false;
    auto type = text_of(*parsed, "notificationType");
    if (type.empty())
        type = text_of(*parsed, "eventType");
    Report made;
    if (type == "Bounce")
        read_bounced(member(*parsed, "bounce"), made);
    else if (type == "Complaint")
        read_complained(member(*parsed, "complaint"), made);
    if (made.recipients.empty())
        return false;
    read_mail(member(*parsed, "mail"), made);
    made.structured = true;
    report = std::move(made);
    return true;
}

}  // namespace winnow::mail
