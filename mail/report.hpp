#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/vocabulary.hpp"
#include "mail/headers.hpp"
#include "mail/mime.hpp"

/// What comes back about sent mail: delivery status notifications (RFC 3464, and the many bounces that are older or
/// looser), abuse reports (RFC 5965) and automatic replies (RFC 3834). Reading only says what a message claims; whether
/// it may act is decided by the keyed token in the return path (winnow::read_verp).
namespace winnow::mail {

enum class ReportKind : std::uint8_t { dsn = 1, arf, auto_reply, not_a_bounce };
std::string_view to_string(ReportKind kind) noexcept;

/// One recipient's fate. Valid UTF-8; empty = the report does not say.
struct ReportedRecipient {
    std::string final_recipient;     ///< address without brackets
    std::string original_recipient;  ///< address as the sender wrote it (ORCPT)
    std::string action;              ///< failed, delayed, delivered, relayed, expanded; lower case
    std::string status;              ///< "5.1.1"
    int reply_code = 0;              ///< SMTP code in the diagnostic; 0 when there is none
    std::string diagnostic;          ///< one line, at most 2,000 octets, type prefix ("smtp;") removed
    std::string remote_mta;          ///< host name
    std::optional<Stage> stage;      ///< which command the remote server answered, where the report tells
};

/// The fields of message/feedback-report.
struct Feedback {
    std::string feedback_type;  ///< abuse, fraud, virus, not-spam, auth-failure, opt-out, other ...; lower case
    std::string user_agent;
    std::string source_ip;
    std::string original_mail_from;             ///< address without brackets
    std::vector<std::string> original_rcpt_to;  ///< addresses without brackets
    std::vector<std::string> reported_domains;
    std::vector<std::string> reported_uris;
    std::string arrival_date;  ///< as written
    std::string envelope_id;
    std::string reporting_mta;
    HeaderBlock fields;  ///< all of them, for what is rarer (Auth-Failure, DKIM-*, Authentication-Results, Incidents)
    bool redacted = false;  ///< no usable recipient address: only a token in the message's own fields can tell whose
};

struct Report {
    ReportKind kind = ReportKind::not_a_bounce;
    std::vector<ReportedRecipient> recipients;  ///< in order of appearance
    std::string reporting_mta;
    std::string envelope_id;           ///< Original-Envelope-Id
    std::string arrival_date;          ///< as written
    std::optional<Feedback> feedback;  ///< arf only
    /// Header of the message that the report is about, as far as it came back; its Return-Path, Message-ID and
    /// List-Unsubscribe may hold a token.
    HeaderBlock original;
    std::string original_message_id;  ///< without angle brackets
    std::string text;                 ///< dsn: what the mail system says to people, one line, at most 4,000 octets
    bool structured = false;          ///< from RFC 3464 or RFC 5965 fields, not from prose
};

/// Never fails and never throws; a message that is none of these is not_a_bounce.
Report read_report(std::string_view raw, const MimeLimits& limits = {});

}  // namespace winnow::mail
