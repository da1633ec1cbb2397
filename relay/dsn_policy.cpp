#include "relay/dsn_policy.hpp"

#include <algorithm>

#include "core/address.hpp"
#include "core/smtp_reply.hpp"
#include "core/unicode.hpp"
#include "mail/dsn.hpp"
#include "mail/headers.hpp"
#include "relay/outcome.hpp"

namespace winnow::relay {
namespace {

std::string status_of(const storage::RecordAttempt& outcome)
{
    // "550 5.1.1 text": the reply's own enhanced status, else the generic one of its fate (RFC 3463).
    const std::string& reply = outcome.attempt.reply;
    const auto space = reply.find(' ');
    if (space != std::string::npos)
        if (const auto status = parse_enhanced_status(std::string_view(reply).substr(space + 1));
            status && status->klass == 5)
            return status->to_string();
    return outcome.state == MessageState::expired ? "5.4.7" : "5.0.0";
}

}  // namespace

bool owes_failure_notice(const storage::MessageRecord& message, MessageState state)
{
    const bool failed =
        state == MessageState::bounced || state == MessageState::expired || state == MessageState::dropped;
    if (!failed || message.submitter.empty() || message.reverse_path.empty() || !message.campaign.empty())
        return false;
    return message.dsn_notify.empty() || message.dsn_notify.find("FAILURE") != std::string::npos;
}

bool is_automatic(std::string_view original)
{
    const auto header = mail::HeaderBlock::read(original);
    return std::any_of(header.fields().begin(), header.fields().end(), [](const mail::HeaderField& field) {
        const std::string name = to_lower_ascii(field.name);
        const std::string word = to_lower_ascii(field.value.substr(0, field.value.find_first_of(" \t;(")));
        if (name == "auto-submitted")
            return word != "no";
        if (name == "precedence")
            return word == "bulk" || word == "junk" || word == "list";
        return name == "return-path" && word == "<>";
    });
}

std::optional<DsnMail> make_failure_dsn(const storage::MessageRecord& message, const storage::RecordAttempt& outcome,
                                        const std::string& original, const RelayOptions& options,
                                        const std::string& new_id, TimePoint now)
{
    if (!owes_failure_notice(message, outcome.state) || is_automatic(original))
        return std::nullopt;
    const ParsedAddress to = parse_address(message.reverse_path);
    if (!to.valid)
        return std::nullopt;

    mail::DsnDraft draft;
    draft.reporting_mta = options.hostname;
    draft.to = message.reverse_path;
    draft.message_id = new_id + "@" + options.hostname;
    draft.date = now;
    draft.arrival_date = message.accepted;
    draft.envelope_id = message.dsn_envid;
    draft.original = original;
    mail::DsnRecipient recipient;
    recipient.original_recipient = message.dsn_orcpt;
    recipient.final_recipient = message.recipient;
    recipient.status = status_of(outcome);
    recipient.remote_mta = mx_host(outcome.attempt.mx);
    recipient.diagnostic = outcome.attempt.reply;
    recipient.last_attempt = outcome.attempt.at;
    draft.recipients.push_back(std::move(recipient));
    auto text = mail::write_dsn(draft);
    if (!text)
        return std::nullopt;

    DsnMail dsn;
    dsn.body = {"m/" + new_id, std::move(*text)};
    storage::MessageRecord& notice = dsn.message.message;
    notice.id = new_id;
    notice.workspace = message.workspace;
    notice.mail_class = MailClass::transactional;
    notice.recipient = to.address.to_string();
    notice.domain = to.address.domain;
    notice.body_id = dsn.body.id;
    notice.smtputf8 = to.address.eai;
    notice.state = MessageState::queued;
    notice.accepted = now;
    notice.due = now;
    notice.expires = now + std::chrono::days{5};
    return dsn;
}

}  // namespace winnow::relay
