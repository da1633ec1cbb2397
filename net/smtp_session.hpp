#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "net/smtp_command.hpp"
#include "net/smtp_data_reader.hpp"
#include "net/smtp_line_buffer.hpp"
#include "net/smtp_server.hpp"

namespace winnow::net {

struct SmtpCredentials {
    std::string user;
    std::string password;
};

/// One session of serve_smtp, for its whole length. The protocol's state is here; what lines and messages are is in the
/// parsers, what is accepted in the handler.
class SmtpSession {
public:
    SmtpSession(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers);

    awaitable<void> run();
    /// After an exception of the handler.
    awaitable<void> apologise();

private:
    // smtp_session.cpp
    awaitable<bool> open();
    awaitable<void> handle(SmtpLineBuffer::Line line);
    awaitable<void> dispatch(SmtpCommand command);
    awaitable<void> hello(std::string name, bool esmtp);
    awaitable<void> start_tls(std::string argument);
    // smtp_session_auth.cpp
    awaitable<void> authenticate(std::string argument);
    awaitable<std::optional<std::string>> challenge(std::string text);
    awaitable<std::optional<SmtpCredentials>> ask_credentials(std::string argument);
    // smtp_session_mail.cpp
    awaitable<void> mail(std::string argument);
    awaitable<void> rcpt(std::string argument);
    awaitable<void> data(std::string argument);
    awaitable<bool> receive(SmtpDataReader& reader, MemoryBudget::Share& share);
    awaitable<void> finish_message(SmtpDataReader& reader);

    // smtp_session.cpp: replies and lines
    awaitable<void> say(SmtpReply reply);
    awaitable<void> violate(SmtpReply reply);
    awaitable<void> hang_up(SmtpReply reply);
    awaitable<bool> flush();  // false when the session is over
    awaitable<std::optional<SmtpLineBuffer::Line>> read_line(std::size_t limit);
    awaitable<void> linger();

    SmtpReply capabilities(const SmtpReply& from_handler) const;
    SmtpSyntax syntax() const;
    bool draining() const noexcept { return options_.drain && options_.drain->begun(); }
    void end_transaction();

    Stream& stream_;
    SmtpHandler& handler_;
    const SmtpServerOptions& options_;
    TimerSource& timers_;

    SmtpSessionInfo session_;
    SmtpLineBuffer input_;
    std::string output_;  // replies to a pipelined group go out together (RFC 2920 section 3.2)
    std::array<char, 16'384> space_;

    bool refused_ = false;  // the greeting was no: only QUIT is left
    bool ended_ = false;
    bool linger_ = false;  // we hang up on a client that may still be sending
    bool first_read_ = true;
    int errors_ = 0;
    int commands_ = 0;
    int auth_failures_ = 0;
    bool in_mail_ = false;
    bool utf8_ = false;
    int recipients_ = 0;
};

/// 503: the command is right, but not now.
SmtpReply bad_sequence(std::string_view what);
/// Control characters other than the tab, which have no place in a command or a name.
bool has_control(std::string_view text) noexcept;

}  // namespace winnow::net
