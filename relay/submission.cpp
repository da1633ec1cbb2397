#include "relay/submission.hpp"

#include <algorithm>

#include "core/unicode.hpp"
#include "mail/headers.hpp"
#include "relay/contact_mail.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t max_received = 100;  ///< RFC 5321 section 6.3: a loop, not a long way

bool has_eight_bit(std::string_view text)
{
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

struct AcceptedRecipient {
    Address address;
    net::RcptCommand command;
    bool hold = false;
    std::string hold_reason;
};

class SubmissionSession final : public net::SmtpHandler {
public:
    SubmissionSession(Services services, const RelayOptions& options, const Credentials& credentials)
        : services_(services), options_(options), credentials_(credentials)
    {
    }

    net::awaitable<SmtpReply> on_connect(const net::SmtpSessionInfo& session) override
    {
        submitter_ = credentials_.from_network(session.peer.ip);  // a listed network needs no AUTH
        co_return SmtpReply::make(220, options_.hostname + " winnow ESMTP");
    }

    net::awaitable<SmtpReply> on_auth(const net::SmtpSessionInfo&, std::string user, std::string password) override
    {
        auto found = credentials_.authenticate(user, password);
        if (!found)
            co_return SmtpReply::make(535,
                                      "5.7.8 authentication failed: use user \"apikey\" and an API key as password");
        submitter_ = std::move(found);
        co_return SmtpReply::make(235, "2.7.0 authenticated");
    }

    net::awaitable<SmtpReply> on_mail(const net::SmtpSessionInfo&, net::MailCommand command) override
    {
        on_reset();
        // Only known clients send; anyone may write to postmaster and abuse, which on_rcpt enforces.
        if (!command.reverse_path.empty()) {
            const ParsedAddress parsed = parse_address(command.reverse_path);
            if (!parsed.valid)
                co_return SmtpReply::make(553, "5.1.7 reverse-path is not a valid address: " + parsed.detail);
            if (submitter_ && !submitter_->from.allows(command.reverse_path))
                co_return SmtpReply::make(550, "5.7.1 this credential may not send as that address; it may use " +
                                                   submitter_->from.to_string());
        }
        mail_ = std::move(command);
        co_return SmtpReply::make(250, "2.1.0 sender ok");
    }

    net::awaitable<SmtpReply> on_rcpt(const net::SmtpSessionInfo&, net::RcptCommand command) override
    {
        const bool bare_postmaster = to_lower_ascii(command.recipient) == "postmaster";
        const ParsedAddress parsed =
            parse_address(bare_postmaster ? "postmaster@" + options_.hostname : command.recipient);
        if (!submitter_ && !(bare_postmaster || own_contact(parsed)))
            co_return SmtpReply::make(530, "5.7.0 authentication required");
        if (!parsed.valid)
            co_return SmtpReply::make(553, "5.1.3 recipient address is not valid: " + parsed.detail);
        if (bare_postmaster || own_contact(parsed)) {
            for_us_ = true;
            co_return SmtpReply::make(250, "2.1.5 recipient ok");
        }

        AdmissionQuestion question;
        question.workspace = submitter_->workspace;
        question.recipient = parsed.address;
        question.policy.mail_class = MailClass::transactional;
        const auto answer = co_await services_.admission.ask(question);
        if (!answer) {
            services_.log.error("submission.gate_failed", {{"why", answer.error().message()}});
            co_return SmtpReply::make(451,
                                      "4.3.0 cannot tell now whether this recipient may be mailed, try again later");
        }
        services_.metrics
            .counter("winnow_submission_recipients_total", "Recipients of submitted mail by gate decision.",
                     {{"decision", to_string(answer->decision)}})
            .add();
        if (answer->decision == GateDecision::refuse)
            co_return answer->reply;
        const bool again = std::any_of(recipients_.begin(), recipients_.end(),
                                       [&parsed](const AcceptedRecipient& r) { return r.address == parsed.address; });
        if (again)
            co_return SmtpReply::make(250, "2.1.5 recipient ok");  // named twice, mailed once
        AcceptedRecipient accepted;
        accepted.address = parsed.address;
        accepted.command = std::move(command);
        accepted.hold = answer->decision == GateDecision::hold;
        accepted.hold_reason = answer->reason;
        recipients_.push_back(std::move(accepted));
        co_return SmtpReply::make(250, "2.1.5 recipient ok");
    }

    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo& session, std::string message) override
    {
        if (mail::count_received(message) >= max_received)
            co_return SmtpReply::make(554, "5.4.6 mail loop: too many Received fields");
        if (!recipients_.empty()) {
            const std::string refused = refused_author(message, submitter_->from);
            if (!refused.empty()) {
                on_reset();
                co_return SmtpReply::make(550, "5.7.1 " + refused);
            }
        }
        const TimePoint now = services_.engine.now();
        const std::string queue_id = make_ulid(now, services_.rng);
        storage::OpList ops;
        if (for_us_)
            keep_contact_mail(ops, {message, queue_id, session.peer.ip, now, !submitter_});
        if (!recipients_.empty())
            queue(ops, session, std::move(message), queue_id, now);
        const auto stored = co_await services_.engine.commit(std::move(ops));
        on_reset();
        if (!stored) {
            services_.log.error("submission.commit_failed", {{"why", stored.error().message()}});
            const bool full = stored.error().code == Errc::disk_full || stored.error().code == Errc::limit_exceeded;
            co_return SmtpReply::make(full ? 452 : 451, full ? "4.3.1 out of storage, try again later"
                                                             : "4.3.0 cannot store the message now, try again later");
        }
        co_return SmtpReply::make(250, "2.0.0 queued as " + queue_id);
    }

    void on_reset() override
    {
        mail_ = {};
        recipients_.clear();
        for_us_ = false;
        utf8_header_ = false;
    }

private:
    bool own_contact(const ParsedAddress& parsed) const
    {
        return parsed.valid && parsed.address.domain == to_lower_ascii(options_.hostname) && is_contact(parsed.address);
    }

    /// One body, one message for each recipient.
    void queue(storage::OpList& ops, const net::SmtpSessionInfo& session, std::string message,
               const std::string& queue_id, TimePoint now)
    {
        // A client that did not declare BODY=8BITMIME may send octets all the same; the next hop is told the truth.
        mail_.eight_bit = mail_.eight_bit || has_eight_bit(message);
        // Some clients declare SMTPUTF8 always; a next hop without it is told only what is really needed.
        const auto body = mail::HeaderBlock::read(message).body_offset();
        utf8_header_ = mail_.smtputf8 && has_eight_bit(std::string_view(message).substr(0, body));
        const std::string body_id = "m/" + queue_id;
        ops.ops.emplace_back(storage::PutBody{body_id, complete(session, std::move(message), queue_id, now)});
        for (const AcceptedRecipient& recipient : recipients_)
            ops.ops.emplace_back(message_for(recipient, body_id, now));
    }

    /// Received in front, Date and Message-ID where they lack (RFC 6409 section 8).
    std::string complete(const net::SmtpSessionInfo& session, std::string message, const std::string& queue_id,
                         TimePoint now) const
    {
        mail::ReceivedTrace trace;
        trace.helo = session.helo;
        trace.peer_ip = session.peer.ip;
        trace.by = options_.hostname;
        trace.protocol = std::string(session.esmtp ? "ESMTP" : "SMTP") + (session.encrypted ? "S" : "") +
                         (session.user.empty() ? "" : "A");
        trace.id = queue_id;
        if (recipients_.size() == 1)
            trace.recipient = recipients_.front().address.to_string();
        trace.at = now;
        const std::string fields =
            mail::received_field(trace) + mail::missing_fields(message, now, queue_id + "@" + options_.hostname);
        return mail::with_fields(fields, message);
    }

    storage::Enqueue message_for(const AcceptedRecipient& recipient, const std::string& body_id, TimePoint now) const
    {
        storage::MessageRecord message;
        message.id = make_ulid(now, services_.rng);
        message.workspace = submitter_->workspace;
        message.mail_class = MailClass::transactional;
        message.recipient = recipient.address.to_string();
        message.domain = recipient.address.domain;
        message.reverse_path = mail_.reverse_path;
        message.body_id = body_id;
        message.smtputf8 =
            utf8_header_ || recipient.address.eai || (mail_.smtputf8 && has_eight_bit(mail_.reverse_path));
        message.eight_bit = mail_.eight_bit;
        message.dsn_notify = recipient.command.notify;
        message.dsn_orcpt = recipient.command.orcpt;
        message.dsn_envid = mail_.envid;
        message.dsn_ret = mail_.ret;
        message.submitter = submitter_->id;
        message.state = recipient.hold ? MessageState::held : MessageState::queued;
        message.held_reason = recipient.hold ? recipient.hold_reason : "";
        message.accepted = now;
        message.due = now;
        message.expires = now + options_.expiry_transactional;
        return {std::move(message)};
    }

    Services services_;
    const RelayOptions& options_;
    const Credentials& credentials_;
    std::optional<Submitter> submitter_;
    net::MailCommand mail_;
    std::vector<AcceptedRecipient> recipients_;
    bool for_us_ = false;
    bool utf8_header_ = false;
};

}  // namespace

std::unique_ptr<net::SmtpHandler> make_submission_session(Services services, const RelayOptions& options,
                                                          const Credentials& credentials)
{
    return std::make_unique<SubmissionSession>(services, options, credentials);
}

}  // namespace winnow::relay
