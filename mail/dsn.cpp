#include "mail/dsn.hpp"

#include "core/duration.hpp"
#include "mail/encoding.hpp"
#include "mail/headers.hpp"
#include "mail/message.hpp"

namespace winnow::mail {
namespace {

constexpr std::size_t max_returned_header = 64 * 1024;

/// Printable ASCII on one line, for text that a peer chose.
std::string one_line(std::string_view text)
{
    std::string out(text.substr(0, 2000));
    for (auto& c : out)
        if (c < ' ' || c >= '\x7f')
            c = c == '\r' || c == '\n' || c == '\t' ? ' ' : '?';
    return out;
}

std::string_view heading(DsnAction action)
{
    switch (action) {
        case DsnAction::failed:
            return "could not be delivered, and no further attempt will be made";
        case DsnAction::delayed:
            return "has not been delivered yet; delivery will be attempted again";
        case DsnAction::delivered:
            return "was delivered";
        case DsnAction::relayed:
            return "was handed to a host that sends no delivery notifications";
        case DsnAction::expanded:
            return "was delivered to a list or alias";
    }
    return {};
}

std::string_view subject(const std::vector<DsnRecipient>& recipients)
{
    bool delayed = false;
    for (const auto& r : recipients) {
        if (r.action == DsnAction::failed)
            return "Undelivered Mail Returned to Sender";
        delayed = delayed || r.action == DsnAction::delayed;
    }
    return delayed ? "Delayed Mail (still being retried)" : "Successful Mail Delivery Report";
}

std::string human_part(const DsnDraft& draft)
{
    std::string out = "This is the mail system at host " + draft.reporting_mta + ".\r\n";
    for (const auto& r : draft.recipients) {
        out += "\r\nYour message to\r\n\r\n    <" + r.final_recipient + ">\r\n\r\n" + std::string(heading(r.action)) +
               ".\r\n";
        if (!r.diagnostic.empty()) {
            const auto who = r.remote_mta.empty() ? std::string("The mail system") : "The host " + r.remote_mta;
            out += who + " said:\r\n\r\n    " + one_line(r.diagnostic) + "\r\n";
        }
    }
    return out;
}

std::string status_part(const DsnDraft& draft)
{
    std::string out = "Reporting-MTA: dns; " + draft.reporting_mta + "\r\n";
    if (!draft.envelope_id.empty())
        out += "Original-Envelope-Id: " + draft.envelope_id + "\r\n";
    if (draft.arrival_date)
        out += "Arrival-Date: " + format_rfc5322_date(*draft.arrival_date) + "\r\n";
    for (const auto& r : draft.recipients) {
        out += "\r\n";
        if (!r.original_recipient.empty())
            out += "Original-Recipient: " + r.original_recipient + "\r\n";
        out += std::string("Final-Recipient: ") + (is_ascii(r.final_recipient) ? "rfc822; " : "utf-8; ") +
               r.final_recipient + "\r\nAction: " + std::string(to_string(r.action)) + "\r\nStatus: " + r.status +
               "\r\n";
        if (!r.remote_mta.empty())
            out += "Remote-MTA: dns; " + r.remote_mta + "\r\n";
        if (!r.diagnostic.empty())
            out += fold_field("Diagnostic-Code", "smtp; " + one_line(r.diagnostic));
        if (r.last_attempt)
            out += "Last-Attempt-Date: " + format_rfc5322_date(*r.last_attempt) + "\r\n";
        if (r.will_retry_until && r.action == DsnAction::delayed)
            out += "Will-Retry-Until: " + format_rfc5322_date(*r.will_retry_until) + "\r\n";
    }
    return out;
}

Result<> check(const DsnDraft& draft)
{
    if (draft.to.empty() || draft.reporting_mta.empty() || draft.recipients.empty())
        return Error(Errc::invalid_argument,
                     "a delivery status notification needs a reverse-path to go to, a reporting "
                     "host and at least one recipient");
    WINNOW_CHECK(check_header_value("reporting_mta", draft.reporting_mta));
    WINNOW_CHECK(check_header_value("to", draft.to));
    WINNOW_CHECK(check_header_value("message_id", draft.message_id));
    WINNOW_CHECK(check_header_value("envelope_id", draft.envelope_id));
    for (const auto& r : draft.recipients) {
        WINNOW_CHECK(check_header_value("original_recipient", r.original_recipient));
        WINNOW_CHECK(check_header_value("final_recipient", r.final_recipient));
        WINNOW_CHECK(check_header_value("status", r.status));
        WINNOW_CHECK(check_header_value("remote_mta", r.remote_mta));
    }
    return {};
}

}  // namespace

std::string_view to_string(DsnAction action) noexcept
{
    switch (action) {
        case DsnAction::failed:
            return "failed";
        case DsnAction::delayed:
            return "delayed";
        case DsnAction::delivered:
            return "delivered";
        case DsnAction::relayed:
            return "relayed";
        case DsnAction::expanded:
            return "expanded";
    }
    return "failed";
}

Result<std::string> write_dsn(const DsnDraft& draft)
{
    WINNOW_CHECK(check(draft));
    const auto human = human_part(draft);
    const auto status = status_part(draft);
    const auto head = std::string_view(draft.original).substr(0, HeaderBlock::read(draft.original).body_offset());
    const auto returned = to_crlf(head.substr(0, max_returned_header));
    // The returned header is foreign text: it must not be able to end the part that it stands in.
    std::string boundary = "=_winnow-report";
    while (returned.find(boundary) != std::string::npos || status.find(boundary) != std::string::npos ||
           human.find(boundary) != std::string::npos)
        boundary += '+';

    const auto part = [&](std::string_view type, std::string_view body) {
        return "--" + boundary + "\r\nContent-Type: " + std::string(type) +
               "\r\nContent-Transfer-Encoding: " + (is_ascii(body) ? "7bit" : "8bit") + "\r\n\r\n" + std::string(body) +
               "\r\n";
    };
    const bool global = !is_ascii(status);
    std::string out = "Date: " + format_rfc5322_date(draft.date) + "\r\n";
    out += "From: Mail Delivery System <MAILER-DAEMON@" + draft.reporting_mta + ">\r\n";
    out += "To: <" + draft.to + ">\r\n";
    out += "Subject: " + std::string(subject(draft.recipients)) + "\r\n";
    out += "Message-ID: <" + draft.message_id + ">\r\n";
    out += "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n";
    out += "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"" + boundary + "\"\r\n\r\n";
    out += part(is_ascii(human) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8", human);
    out += part(global ? "message/global-delivery-status" : "message/delivery-status", status);
    out += part(global ? "message/global-headers" : "text/rfc822-headers", returned);
    return out + "--" + boundary + "--\r\n";
}

}  // namespace winnow::mail
