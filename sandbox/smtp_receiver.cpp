#include "sandbox/smtp_receiver.hpp"

#include "sandbox/behaviour.hpp"
#include "sandbox/dialect.hpp"

namespace winnow::sandbox {

using net::awaitable;
using net::SmtpSessionInfo;

awaitable<SmtpReply> SmtpReceiver::on_connect(const SmtpSessionInfo& session)
{
    const bool blocked = role_of_address(session.local.ip).blocks;
    services_.log.connection(blocked);
    if (blocked)
        co_return blocked_reply(Dialect::postfix, session.peer.ip);
    co_return SmtpReply::make(220, "mx.sandbox.test ESMTP winnow sandbox");
}

awaitable<SmtpReply> SmtpReceiver::on_mail(const SmtpSessionInfo&, net::MailCommand command)
{
    reverse_path_ = std::move(command.reverse_path);
    recipients_.clear();
    co_return SmtpReply::make(250, "2.1.0 Ok");
}

SmtpReply SmtpReceiver::rcpt_reply(const std::string& client_ip, const std::string& recipient)
{
    const auto at = recipient.rfind('@');
    if (at == std::string::npos)
        return SmtpReply::make(550, "5.1.3 Bad destination mailbox address syntax");
    const auto local = recipient.substr(0, at);
    const auto domain = recipient.substr(at + 1);
    const auto behaviour = behaviour_of(domain);
    if (!behaviour.receives())
        return SmtpReply::make(550, "5.7.1 <" + recipient + ">: Relay access denied");
    if (behaviour.kind == Kind::ipblock)
        return blocked_reply(behaviour.dialect, client_ip);
    const auto mailbox = mailbox_of(behaviour, local);
    // Who does not exist is told so at once: the order that Postfix's documentation recommends, cheaper for both sides.
    if (behaviour.kind == Kind::greylist && mailbox != Mailbox::unknown) {
        const auto left = services_.greylist.left(client_ip, reverse_path_, recipient, behaviour.greylist,
                                                  services_.timers.clock().steady());
        if (left)
            return greylist_reply(behaviour.dialect, recipient, *left);
    }
    switch (mailbox) {
        case Mailbox::unknown:
            return unknown_reply(behaviour.dialect, recipient);
        case Mailbox::disabled:
            return disabled_reply(behaviour.dialect, recipient);
        case Mailbox::full:
            return full_reply(behaviour.dialect, recipient, full_for_good(local, domain));
        case Mailbox::exists:
            break;
    }
    return SmtpReply::make(250, "2.1.5 Ok");
}

awaitable<SmtpReply> SmtpReceiver::on_rcpt(const SmtpSessionInfo& session, net::RcptCommand command)
{
    auto reply = rcpt_reply(session.peer.ip, command.recipient);
    services_.log.rcpt(command.recipient, reply.positive());
    if (reply.positive())
        recipients_.push_back(std::move(command.recipient));
    co_return reply;
}

awaitable<SmtpReply> SmtpReceiver::on_message(const SmtpSessionInfo& session, std::string message)
{
    ReceivedMessage taken;
    taken.reverse_path = reverse_path_;
    taken.recipients = recipients_;
    taken.content = std::move(message);
    taken.client_ip = session.peer.ip;
    taken.helo = session.helo;
    taken.encrypted = session.encrypted;
    for (const auto& recipient : taken.recipients) {
        const auto kind = behaviour_of(recipient.substr(recipient.rfind('@') + 1)).kind;
        if (kind == Kind::accept_then_bounce)
            services_.reports.bounce(taken, recipient);
        else if (kind == Kind::complaint)
            services_.reports.complain(taken, recipient);
    }
    services_.log.message(std::move(taken));
    co_return SmtpReply::make(250, "2.0.0 Ok: queued in the sandbox");
}

void SmtpReceiver::on_reset()
{
    reverse_path_.clear();
    recipients_.clear();
}

}  // namespace winnow::sandbox
