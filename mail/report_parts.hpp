#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/report.hpp"

/// The pieces that read_report() is made of. Not for other rooms.
namespace winnow::mail {

/// Fields of message/delivery-status, or of a text that holds the same fields. True when it named a recipient.
bool read_status_fields(std::string_view text, Report& report);

/// Fields of message/feedback-report.
Feedback read_feedback(std::string_view text);

/// An Amazon SES bounce or complaint notification in JSON at the start of `text`. False, and nothing read, when it is
/// none.
bool read_ses_notification(std::string_view text, Report& report);

/// The human part of a bounce, parted from the returned message in it.
struct BounceText {
    std::string report;    ///< what the mail system says
    std::string original;  ///< the returned message or its header; empty when the text holds none
};
BounceText split_bounce_text(std::string_view text);

/// Recipients and diagnostics from prose. `not_recipients`: addresses that the text may mention but that did not fail
/// (the original sender, the mail system itself).
std::vector<ReportedRecipient> read_bounce_text(std::string_view report,
                                                const std::vector<std::string>& not_recipients);

/// Which command the first refusal in an SMTP transcript answers (">>> DATA", "<<< 550 no").
std::optional<Stage> transcript_stage(std::string_view text);

// Small readers shared by the above.

/// "a@b" from `<a@b>`, `rfc822; a@b`, `"Name" <a@b> (comment)`; the trimmed text when it holds no address.
std::string address_in(std::string_view text);
/// All addresses in a text, in order, each once.
std::vector<std::string> addresses_in(std::string_view text);
/// First enhanced status code of class 4 or 5 (2 when `any_class`), empty when there is none.
std::string find_status(std::string_view text, bool any_class = false);
/// Enhanced status code right behind an SMTP reply code of the same class: a server's own words.
std::string find_remote_status(std::string_view text);
/// First SMTP reply code 4xx or 5xx, 0 when there is none; a leading 554 yields to a code inside.
int find_reply_code(std::string_view text);
/// White space runs become one space; control characters go; at most `limit` octets of valid UTF-8.
std::string one_line(std::string_view text, std::size_t limit = 2000);
bool contains_any(std::string_view text, const std::vector<std::string_view>& phrases);

}  // namespace winnow::mail
