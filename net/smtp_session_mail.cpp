// MAIL, RCPT, DATA.
#include <span>
#include <variant>

#include "net/smtp_session.hpp"

namespace winnow::net {
namespace {

constexpr std::uint64_t data_progress = 64 * 1024;
constexpr std::uint64_t least_room = 64 * 1024;  ///< of the memory for messages, before another one is begun

SmtpReply out_of_memory()
{
    return SmtpReply::make(452, "4.3.1 Too much mail is being received, try again later");
}

/// What a client may send behind a message without waiting: RFC 2920 allows any command there, but a second transaction
/// that rides on the first one's end is how smuggled mail looks, and no client in use needs it.
bool is_parting(std::string_view rest) noexcept
{
    const auto end = rest.find('\n');
    if (end != std::string_view::npos && end + 1 != rest.size())
        return false;
    std::string word(rest.substr(0, 4));
    for (char& c : word)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return std::string_view("QUIT").starts_with(word) || std::string_view("RSET").starts_with(word);
}

}  // namespace

SmtpSyntax SmtpSession::syntax() const
{
    SmtpSyntax syntax;
    syntax.smtputf8 = in_mail_ ? utf8_ : options_.smtputf8 && session_.esmtp;
    syntax.dsn = options_.dsn && session_.esmtp;
    syntax.auth = options_.auth && session_.esmtp;
    syntax.max_size = options_.max_message_size;
    return syntax;
}

awaitable<void> SmtpSession::mail(std::string argument)
{
    if (session_.helo.empty() || in_mail_) {
        co_await violate(bad_sequence(in_mail_ ? "Nested MAIL" : "Send EHLO first"));
        co_return;
    }
    if (options_.require_auth && session_.user.empty()) {
        co_await violate(SmtpReply::make(530, "5.7.0 Authentication required"));
        co_return;
    }
    auto parsed = parse_mail(argument, syntax());
    if (auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        co_await violate(std::move(*refusal));
        co_return;
    }
    MailCommand& command = std::get<MailCommand>(parsed);
    const bool utf8 = command.smtputf8;
    SmtpReply reply = co_await handler_.on_mail(session_, std::move(command));
    in_mail_ = reply.positive();
    utf8_ = in_mail_ && utf8;
    co_await say(std::move(reply));
}

awaitable<void> SmtpSession::rcpt(std::string argument)
{
    if (!in_mail_) {
        co_await violate(bad_sequence("Send MAIL first"));
        co_return;
    }
    if (recipients_ >= options_.max_recipients) {
        co_await say(SmtpReply::make(452, "4.5.3 Too many recipients"));
        co_return;
    }
    auto parsed = parse_rcpt(argument, syntax());
    if (auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        co_await violate(std::move(*refusal));
        co_return;
    }
    RcptCommand& command = std::get<RcptCommand>(parsed);
    SmtpReply reply = co_await handler_.on_rcpt(session_, std::move(command));
    if (reply.positive())
        ++recipients_;
    co_await say(std::move(reply));
}

awaitable<void> SmtpSession::data(std::string argument)
{
    if (!argument.empty()) {
        co_await violate(SmtpReply::make(501, "5.5.4 Syntax: DATA"));
        co_return;
    }
    if (!in_mail_) {
        co_await violate(bad_sequence("Send MAIL first"));
        co_return;
    }
    if (recipients_ == 0) {
        // Not a violation: a pipelining client sends DATA before it knows.
        co_await say(SmtpReply::make(554, "5.5.1 No valid recipients"));
        co_return;
    }
    MemoryBudget* const budget = options_.message_memory.get();
    if (budget && !budget->has_room(least_room)) {
        co_await say(out_of_memory());
        end_transaction();
        co_return;
    }
    SmtpReply go_ahead = co_await handler_.on_data(session_);
    const bool go = go_ahead.code == 354;
    co_await say(std::move(go_ahead));
    if (!go) {
        end_transaction();
        co_return;
    }
    SmtpDataReader reader(options_.max_message_size);
    MemoryBudget::Share share(budget);
    const bool whole = co_await receive(reader, share);
    if (whole)
        co_await finish_message(reader);
}

/// Reads up to the end of the message; false when the session is over before it.
awaitable<bool> SmtpSession::receive(SmtpDataReader& reader, MemoryBudget::Share& share)
{
    const bool flushed = co_await flush();
    if (!flushed)
        co_return false;
    stream_.expires_after(options_.data_timeout);
    std::uint64_t renewed = 0;
    const std::span<char> space(space_);
    while (!reader.done()) {
        const Result<std::size_t> received = co_await stream_.read_some(space);
        if (!received) {
            ended_ = true;
            co_return false;
        }
        const std::string_view bytes(space_.data(), *received);
        input_.feed(bytes.substr(reader.feed(bytes)));
        if (!share.resize(reader.kept())) {
            reader.give_up();
            (void)share.resize(0);
        }
        if (reader.given_up() && reader.octets() > options_.max_message_size) {
            co_await hang_up(SmtpReply::make(421, "4.3.1 Too much mail is being received, try again later"));
            co_return false;
        }
        if (reader.octets() - renewed >= data_progress) {
            renewed = reader.octets();
            stream_.expires_after(options_.data_timeout);
        }
        if (reader.too_big() && reader.octets() / 2 > options_.max_message_size) {
            // It will not end soon: refuse without waiting for it.
            co_await hang_up(SmtpReply::make(552, "5.3.4 Message too big"));
            co_return false;
        }
    }
    co_return true;
}

awaitable<void> SmtpSession::finish_message(SmtpDataReader& reader)
{
    SmtpReply reply;
    if (reader.given_up())
        reply = out_of_memory();
    else if (reader.too_big())
        reply = SmtpReply::make(552,
                                "5.3.4 Message size exceeds the limit of " + std::to_string(options_.max_message_size));
    else if (reader.irregular() && options_.bare_newline == BareNewline::reject)
        reply = SmtpReply::make(550, "5.6.0 Lines end with CR LF; bare CR, bare LF and NUL are not accepted");
    else
        reply = co_await handler_.on_message(session_, reader.take_message());
    end_transaction();
    co_await say(std::move(reply));
    if (!ended_ && !input_.empty() && !is_parting(input_.rest()))
        co_await hang_up(SmtpReply::make(421, "4.5.0 Commands were sent before their turn"));
}

}  // namespace winnow::net
