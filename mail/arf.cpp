#include "mail/arf.hpp"

#include "core/duration.hpp"
#include "mail/encoding.hpp"
#include "mail/headers.hpp"
#include "mail/message.hpp"

namespace winnow::mail {
namespace {

Result<> check(const ArfDraft& draft)
{
    if (draft.to.empty())
        return Error(Errc::invalid_argument, "to: an abuse report needs a receiver");
    WINNOW_CHECK(check_header_value("feedback_type", draft.feedback_type));
    WINNOW_CHECK(check_header_value("user_agent", draft.user_agent));
    WINNOW_CHECK(check_header_value("from", draft.from));
    WINNOW_CHECK(check_header_value("to", draft.to));
    WINNOW_CHECK(check_header_value("message_id", draft.message_id));
    WINNOW_CHECK(check_header_value("source_ip", draft.source_ip));
    WINNOW_CHECK(check_header_value("original_mail_from", draft.original_mail_from));
    WINNOW_CHECK(check_header_value("reporting_mta", draft.reporting_mta));
    for (const auto& recipient : draft.original_rcpt_to) {
        WINNOW_CHECK(check_header_value("original_rcpt_to", recipient));
    }
    return {};
}

std::string feedback_part(const ArfDraft& draft)
{
    std::string out =
        "Feedback-Type: " + draft.feedback_type + "\r\nUser-Agent: " + draft.user_agent + "\r\nVersion: 1\r\n";
    if (!draft.original_mail_from.empty())
        out += "Original-Mail-From: <" + draft.original_mail_from + ">\r\n";
    for (const auto& recipient : draft.original_rcpt_to)
        out += "Original-Rcpt-To: <" + recipient + ">\r\n";
    if (draft.arrival_date)
        out += "Arrival-Date: " + format_rfc5322_date(*draft.arrival_date) + "\r\n";
    if (!draft.reporting_mta.empty())
        out += "Reporting-MTA: dns; " + draft.reporting_mta + "\r\n";
    if (!draft.source_ip.empty())
        out += "Source-IP: " + draft.source_ip + "\r\n";
    return out;
}

}  // namespace

Result<std::string> write_arf(const ArfDraft& draft)
{
    WINNOW_CHECK(check(draft));
    const auto feedback = feedback_part(draft);
    std::string_view original = draft.original;
    if (draft.header_only)
        original = original.substr(0, HeaderBlock::read(original).body_offset());
    const auto reported = to_crlf(original);
    std::string boundary = "=_winnow-feedback";
    while (reported.find(boundary) != std::string::npos || feedback.find(boundary) != std::string::npos)
        boundary += '+';
    const auto part = [&](std::string_view type, std::string_view body) {
        return "--" + boundary + "\r\nContent-Type: " + std::string(type) +
               "\r\nContent-Transfer-Encoding: " + (is_ascii(body) ? "7bit" : "8bit") + "\r\n\r\n" + std::string(body) +
               "\r\n";
    };
    std::string out = "Date: " + format_rfc5322_date(draft.date) + "\r\n";
    out += "From: <" + draft.from + ">\r\nTo: <" + draft.to + ">\r\n";
    out += "Subject: Abuse report about a message\r\nMessage-ID: <" + draft.message_id + ">\r\n";
    out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
    out += "Content-Type: multipart/report; report-type=feedback-report;\r\n\tboundary=\"" + boundary + "\"\r\n\r\n";
    out += part("text/plain; charset=us-ascii",
                "This is a report in the form of RFC 5965 about a message that a recipient did not want.\r\n");
    out += part("message/feedback-report", feedback);
    out += part(draft.header_only ? "text/rfc822-headers" : "message/rfc822", reported);
    return out + "--" + boundary + "--\r\n";
}

}  // namespace winnow::mail
