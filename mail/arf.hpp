#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

/// Abuse reports (RFC 5965, RFC 6591 for auth-failure), writing. For reading see mail/report.hpp.
namespace winnow::mail {

struct ArfDraft {
    std::string feedback_type = "abuse";  ///< abuse, fraud, virus, not-spam, opt-out, other ...
    std::string user_agent = "winnow";
    std::string from;        ///< address of the reporter
    std::string to;          ///< where reports about this sender go
    std::string message_id;  ///< of the report, without angle brackets
    TimePoint date{};
    std::optional<TimePoint> arrival_date;  ///< of the reported message
    std::string source_ip;
    std::string original_mail_from;             ///< envelope reverse-path; empty = left out
    std::vector<std::string> original_rcpt_to;  ///< empty when the reporter redacts
    std::string reporting_mta;
    std::string original;      ///< the reported message
    bool header_only = false;  ///< return its header only (text/rfc822-headers)
};

/// A multipart/report; report-type=feedback-report. Errc::invalid_argument when a value holds CR, LF or NUL, or `to` is
/// empty.
Result<std::string> write_arf(const ArfDraft& draft);

}  // namespace winnow::mail
