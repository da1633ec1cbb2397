#include "sandbox/smtp_receiver.hpp"

#include "sandbox/behaviour.hpp"
#include "sandbox/dialect.hpp"

namespace winnow::sandbox {

using net::awaitable;
using net::SmtpSessionInfo;

namespace {

constexpr std::size_t long_line = 1'000'000;    ///< octets
constexpr std::size_t endless_lines = 100'000;  ///< nobody reads so far
constexpr std::size_t verbose_lines = 500;

/// "550 5.1.1 <{to}>: unknown" as the reply to this recipient.
SmtpReply said(std::string_view words, const std::string& recipient)
{
    constexpr std::string_view place = "{to}";
    std::string text(words.substr(4));
    if (const auto at = text.find(place); at != std::string::npos)
        text.replace(at, place.size(), recipient);
    const int code = (words[0] - '0') * 100 + (words[1] - '0') * 10 + (words[2] - '0');
    return SmtpReply::make(code, text);
}

std::string endless_reply()
{
    std::string out;
    for (std::size_t i = 0; i < endless_lines; ++i)
        out += "250-and so on\r\n";
    return out;
}

SmtpReply at_length(SmtpReply reply)
{
    reply.lines.resize(verbose_lines, "and so on");
    return reply;
}

}  // namespace

/// Whether the script of these receivers has something else in mind for this moment.
bool SmtpReceiver::departs(Stage stage, const SmtpSessionInfo& session, const std::string& recipient)
{
    if (!script_ || script_->stage != stage)
        return false;
    const auto at = recipient.rfind('@');
    const auto mailbox = [&] { return mailbox_of(behaviour_of(recipient.substr(at + 1)), recipient.substr(0, at)); };
    switch (script_->when) {
        case When::never:
            return false;
        case When::always:
            return true;
        case When::in_clear:
            return !session.encrypted;
        case When::extended:
            return session.esmtp;
        case When::null_sender:
            return reverse_path_.empty();
        case When::members:
            return mailbox() == Mailbox::exists;
        case When::strangers:
            return mailbox() == Mailbox::unknown;
        case When::early_strangers:
            return mailbox() == Mailbox::unknown && is_early(session.peer.ip, recipient);
        case When::early:
            return is_early(session.peer.ip, recipient);
        case When::early_site:
            return is_early(session.peer.ip, recipient.substr(at));
        case When::after_one:
            return answered_ >= 1;
        case When::after_three:
            return answered_ >= 3;
    }
    return false;
}

bool SmtpReceiver::is_early(const std::string& client_ip, const std::string& recipient)
{
    const auto now = services_.timers.clock().steady();
    return services_.greylist.left(client_ip, reverse_path_, recipient, script_->wait, now).has_value();
}

/// What the script says or does instead of the usual reply.
SmtpReply SmtpReceiver::depart(const SmtpReply& usual, const std::string& recipient)
{
    switch (script_->act) {
        case Act::say:
            return said(script_->words, recipient);
        case Act::raw:
            wire_->replace_next(std::string(script_->words));
            break;
        case Act::verbose:
            return at_length(usual);
        case Act::long_line:
            wire_->replace_next("250 " + std::string(long_line, 'x') + "\r\n");
            break;
        case Act::endless:
            wire_->replace_next(endless_reply());
            break;
        case Act::hang_up:
            wire_->close();
            break;
    }
    // Nobody hears it: it keeps our side's state, in which a recipient without an answer is none.
    return script_->stage == Stage::rcpt ? SmtpReply::make(451, "4.3.0 Not taken") : usual;
}

awaitable<SmtpReply> SmtpReceiver::on_connect(const SmtpSessionInfo& session)
{
    const bool blocked = role_of_address(session.local.ip).blocks;
    services_.log.connection(blocked);
    if (blocked)
        co_return blocked_reply(Dialect::postfix, session.peer.ip);
    auto usual = SmtpReply::make(220, "mx.sandbox.test ESMTP winnow sandbox");
    co_return departs(Stage::banner, session) ? depart(usual) : std::move(usual);
}

awaitable<SmtpReply> SmtpReceiver::on_ehlo(const SmtpSessionInfo& session)
{
    auto usual = SmtpReply::make(250, "mx.sandbox.test");
    if (script_ && script_->tls == Tls::refused)
        usual.lines.emplace_back("STARTTLS");
    co_return departs(Stage::ehlo, session) ? depart(usual) : std::move(usual);
}

awaitable<SmtpReply> SmtpReceiver::on_mail(const SmtpSessionInfo& session, net::MailCommand command)
{
    reverse_path_ = std::move(command.reverse_path);
    recipients_.clear();
    auto usual = SmtpReply::make(250, "2.1.0 Ok");
    co_return departs(Stage::mail, session) ? depart(usual) : std::move(usual);
}

SmtpReply SmtpReceiver::usual_rcpt_reply(const std::string& client_ip, const std::string& recipient)
{
    const auto at = recipient.rfind('@');
    if (at == std::string::npos)
        return SmtpReply::make(550, "5.1.3 Bad destination mailbox address syntax");
    const auto local = recipient.substr(0, at);
    const auto domain = recipient.substr(at + 1);
    const auto behaviour = behaviour_of(domain);
    if (!behaviour.receives() || behaviour.script != script_)
        return SmtpReply::make(550, "5.7.1 <" + recipient + ">: Relay access denied");
    if (behaviour.kind == Kind::ipblock)
        return blocked_reply(behaviour.dialect, client_ip);
    const auto mailbox = mailbox_of(behaviour, local);
    // Who does not exist is told so at once: the order that Postfix's documentation recommends, cheaper for both sides.
    if (behaviour.kind == Kind::greylist && mailbox != Mailbox::unknown) {
        const auto left = services_.greylist.left(client_ip, reverse_path_, recipient, behaviour.greylist,
                                                  services_.timers.clock().steady());
        if (left)
            return greylist_reply(behaviour.dialect, recipient, *left, behaviour.greylist_unit);
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
    auto reply = usual_rcpt_reply(session.peer.ip, command.recipient);
    const bool ours = command.recipient.find('@') != std::string::npos;
    if (ours && departs(Stage::rcpt, session, command.recipient))
        reply = depart(reply, command.recipient);
    ++answered_;
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
        const auto at = recipient.rfind('@');
        const auto behaviour = behaviour_of(recipient.substr(at + 1));
        if (bounces_later(behaviour, recipient.substr(0, at)))
            services_.reports.bounce(taken, recipient);
        else if (behaviour.kind == Kind::complaint)
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
