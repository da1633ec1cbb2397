#pragma once

#include <functional>
#include <string>
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

    FakeMx();
    ~FakeMx() override;

    Reply greeting = Reply::make(220, "mx.example.test ESMTP");
    Reply mail_reply = Reply::make(250, "2.1.0 Ok");
    Reply data_reply = Reply::make(354, "go");
    Reply message_reply = Reply::make(250, "2.0.0 Queued");
    std::function<Reply(const std::string& recipient)> rcpt_reply;  ///< empty: 250 for all
    std::function<void()> on_each_call;                             ///< may throw
    std::string password = "secret";                                ///< of any user

    std::vector<ReceivedMessage> messages;
    std::vector<std::string> calls;  ///< "connect", "ehlo NAME", "auth USER", "mail PATH", "rcpt PATH", ...

    net::awaitable<Reply> on_connect(const net::SmtpSessionInfo& session) override;
    net::awaitable<Reply> on_ehlo(const net::SmtpSessionInfo& session) override;
    net::awaitable<Reply> on_auth(const net::SmtpSessionInfo& session, std::string user, std::string given) override;
    net::awaitable<Reply> on_mail(const net::SmtpSessionInfo& session, net::MailCommand command) override;
    net::awaitable<Reply> on_rcpt(const net::SmtpSessionInfo& session, net::RcptCommand command) override;
    net::awaitable<Reply> on_data(const net::SmtpSessionInfo& session) override;
    net::awaitable<Reply> on_message(const net::SmtpSessionInfo& session, std::string message) override;
    void on_reset() override;

private:
    void note(std::string call);

    ReceivedMessage current_;
};

}  // namespace winnow::test
