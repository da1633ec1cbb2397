#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

/// Delivery status notifications (RFC 3461-3464), writing. For reading see mail/report.hpp.
namespace winnow::mail {

enum class DsnAction : std::uint8_t { failed = 1, delayed, delivered, relayed, expanded };
std::string_view to_string(DsnAction action) noexcept;

struct DsnRecipient {
    std::string original_recipient;  ///< as in ORCPT: "rfc822;a@example.com"; empty = not given
    std::string final_recipient;     ///< address
    DsnAction action = DsnAction::failed;
    std::string status = "5.0.0";  ///< RFC 3463
    std::string remote_mta;        ///< host name; empty when no remote host was involved
    std::string diagnostic;        ///< the remote reply, "550 5.1.1 No such user"; empty when there was none
    std::optional<TimePoint> last_attempt;
    std::optional<TimePoint> will_retry_until;  ///< delayed only
};

struct DsnDraft {
    std::string reporting_mta;  ///< our host name
    std::string to;             ///< the reverse-path that the notification goes to; never empty (no DSN about a DSN)
    std::string message_id;     ///< of the notification, without angle brackets
    TimePoint date{};
    std::optional<TimePoint> arrival_date;
    std::string envelope_id;  ///< ENVID, decoded; empty = none
    std::vector<DsnRecipient> recipients;
    std::string original;  ///< the message or its header: only the header is returned (RET=HDRS)
};

/// A multipart/report from MAILER-DAEMON: human part, message/delivery-status, text/rfc822-headers. To be sent with the
/// null reverse-path. Errc::invalid_argument when `to`, `reporting_mta` or `recipients` is empty or a value holds CR,
/// LF or NUL (diagnostics are cleaned instead: they come from a peer).
Result<std::string> write_dsn(const DsnDraft& draft);

}  // namespace winnow::mail
