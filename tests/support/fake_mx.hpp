#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "net/smtp_server.hpp"

namespace winnow::test {

/// What a FakeMx was told, call by call.
struct ReceivedMessage {
    net::MailCommand mail;
    std::vector<net::RcptCommand> rcpts;
    std::string content;
    std::string user;
    bool encrypted = false;
};

/// A receiver for tests: says yes to everything unless a reply is set, and keeps what it accepted. Serve it with
/// net::serve_smtp over any stream; one object may serve several sessions, one after another.
class FakeMx : public net::SmtpHandler {
public:
    using Reply = SmtpReply;

    Reply greeting = Reply::make(220, "mx.example.test ESMTP");
    Reply mail_reply = Reply::make(250, "2.1.0 Ok");
    Reply data_reply = Reply::make(354, "go");
    Reply message_reply = Reply::make(250, "2.0.0 Queued");
    std::function<Reply(const std::string& recipient)> rcpt_reply;  ///< empty: 250 for all
    std::function<void()> on_each_call;                             ///< may throw
    std::string password = "secret";                                ///< of any user

    std::vector<ReceivedMessage> messages;
    std::vector<std::string> calls;  ///< "connect", "ehlo NAME", "auth USER", "mail PATH", "rcpt PATH", ...

    net::awaitable<Reply> on_connect(const net::SmtpSessionInfo&) override
    {
        note("connect");
        co_return greeting;
    }
    net::awaitable<Reply> on_ehlo(const net::SmtpSessionInfo& session) override
    {
        note("ehlo " + session.helo);
        co_return Reply::make(250, "mx.example.test");
    }
    net::awaitable<Reply> on_auth(const net::SmtpSessionInfo&, std::string user, std::string given) override
    {
        note("auth " + user);
        co_return given == password ? Reply::make(235, "2.7.0 Welcome") : Reply::make(535, "5.7.8 No");
    }
    net::awaitable<Reply> on_mail(const net::SmtpSessionInfo& session, net::MailCommand command) override
    {
        note("mail " + command.reverse_path);
        current_ = {};
        current_.mail = std::move(command);
        current_.user = session.user;
        current_.encrypted = session.encrypted;
        co_return mail_reply;
    }
    net::awaitable<Reply> on_rcpt(const net::SmtpSessionInfo&, net::RcptCommand command) override
    {
        note("rcpt " + command.recipient);
        Reply reply = rcpt_reply ? rcpt_reply(command.recipient) : Reply::make(250, "2.1.5 Ok");
        if (reply.positive())
            current_.rcpts.push_back(std::move(command));
        co_return reply;
    }
    net::awaitable<Reply> on_data(const net::SmtpSessionInfo&) override
    {
        note("data");
        co_return data_reply;
    }
    net::awaitable<Reply> on_message(const net::SmtpSessionInfo&, std::string message) override
    {
        note("message");
        current_.content = std::move(message);
        if (message_reply.positive())
            messages.push_back(current_);
        co_return message_reply;
    }
    void on_reset() override { calls.emplace_back("reset"); }

private:
    void note(std::string call)
    {
        calls.push_back(std::move(call));
        if (on_each_call)
            on_each_call();
    }

    ReceivedMessage current_;
};

}  // namespace winnow::test
