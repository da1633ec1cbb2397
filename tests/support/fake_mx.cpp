#include "tests/support/fake_mx.hpp"

#include <utility>

namespace winnow::test {

using net::SmtpSessionInfo;

FakeMx::FakeMx() = default;
FakeMx::~FakeMx() = default;

net::awaitable<SmtpReply> FakeMx::on_connect(const SmtpSessionInfo&)
{
    note("connect");
    co_return greeting;
}

net::awaitable<SmtpReply> FakeMx::on_ehlo(const SmtpSessionInfo& session)
{
    note("ehlo " + session.helo);
    co_return Reply::make(250, "mx.example.test");
}

net::awaitable<SmtpReply> FakeMx::on_auth(const SmtpSessionInfo&, std::string user, std::string given)
{
    note("auth " + user);
    co_return given == password ? Reply::make(235, "2.7.0 Welcome") : Reply::make(535, "5.7.8 No");
}

net::awaitable<SmtpReply> FakeMx::on_mail(const SmtpSessionInfo& session, net::MailCommand command)
{
    note("mail " + command.reverse_path);
    current_ = {};
    current_.mail = std::move(command);
    current_.user = session.user;
    current_.encrypted = session.encrypted;
    co_return mail_reply;
}

net::awaitable<SmtpReply> FakeMx::on_rcpt(const SmtpSessionInfo&, net::RcptCommand command)
{
    note("rcpt " + command.recipient);
    Reply reply = rcpt_reply ? rcpt_reply(command.recipient) : Reply::make(250, "2.1.5 Ok");
    if (reply.positive())
        current_.rcpts.push_back(std::move(command));
    co_return reply;
}

net::awaitable<SmtpReply> FakeMx::on_data(const SmtpSessionInfo&)
{
    note("data");
    co_return data_reply;
}

net::awaitable<SmtpReply> FakeMx::on_message(const SmtpSessionInfo&, std::string message)
{
    note("message");
    current_.content = std::move(message);
    if (message_reply.positive())
        messages.push_back(current_);
    co_return message_reply;
}

void FakeMx::on_reset()
{
    calls.emplace_back("reset");
}

void FakeMx::note(std::string call)
{
    calls.push_back(std::move(call));
    if (on_each_call)
        on_each_call();
}

}  // namespace winnow::test
