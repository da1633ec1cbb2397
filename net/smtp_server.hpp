#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/memory_budget.hpp"
#include "core/smtp_reply.hpp"
#include "core/timer.hpp"
#include "net/smtp_drain.hpp"
#include "net/stream.hpp"

namespace winnow::net {

using winnow::SmtpReply;

struct MailCommand {
    std::string reverse_path;  ///< without angle brackets; empty for <>
    std::uint64_t size = 0;
    bool eight_bit = false;
    bool smtputf8 = false;
    std::string ret;
    std::string envid;  ///< decoded xtext
};

struct RcptCommand {
    std::string recipient;  ///< without angle brackets; "postmaster" alone is allowed (RFC 5321 section 4.5.1)
    std::string notify;
    std::string orcpt;  ///< "rfc822;a+b@c", xtext decoded; may be another address than the recipient
};

struct SmtpSessionInfo {
    Endpoint peer;
    Endpoint local;
    std::string helo;
    bool esmtp = false;
    bool encrypted = false;
    std::string user;  ///< authenticated identity; empty
};

/// What a server does with a session. One object per session; calls come in protocol order, on the session's coroutine.
/// A reply of code 421 ends the session after it is sent.
class SmtpHandler {
public:
    virtual ~SmtpHandler() = default;
    /// The greeting; 220 goes on. Without text it is the host name and the banner text. After a refusal every command
    /// but QUIT gets a 503 (RFC 5321 section 3.1).
    virtual awaitable<SmtpReply> on_connect(const SmtpSessionInfo& session) = 0;
    /// Default: 250. The first line of a positive reply is followed by the server's keywords; further lines are
    /// keywords of the handler's own.
    virtual awaitable<SmtpReply> on_ehlo(const SmtpSessionInfo& session);
    /// 235 when the password is right; default 535. The reply is delayed by the server on failure, and the third
    /// failure ends the session.
    virtual awaitable<SmtpReply> on_auth(const SmtpSessionInfo& session, std::string user, std::string password);
    virtual awaitable<SmtpReply> on_mail(const SmtpSessionInfo& session, MailCommand command) = 0;
    virtual awaitable<SmtpReply> on_rcpt(const SmtpSessionInfo& session, RcptCommand command) = 0;
    /// Before 354, when at least one recipient was accepted; default 354.
    virtual awaitable<SmtpReply> on_data(const SmtpSessionInfo& session);
    /// The whole message: CRLF line ends, dots unstuffed, no final dot. Its reply answers the dot.
    virtual awaitable<SmtpReply> on_message(const SmtpSessionInfo& session, std::string message) = 0;
    virtual void on_reset() {}  ///< RSET, EHLO, end of a transaction
};

/// What becomes of a CR or LF that is not part of a CR LF, and of NUL. `normalise`: they become CR LF, NUL is dropped;
/// they never end DATA. `reject`: the message gets a 550.
enum class BareNewline { normalise, reject };

struct SmtpServerOptions {
    std::string hostname = "localhost";
    std::string banner_text = "ESMTP";
    std::uint64_t max_message_size = 26'214'400;  ///< 25 MiB; advertised as SIZE, enforced while reading
    /// For the bodies of all sessions together, from the first octet to the reply: 452 4.3.1 beyond. Null = unlimited.
    std::shared_ptr<MemoryBudget> message_memory;
    int max_recipients = 1000;  ///< 452 4.5.3 beyond
    int max_errors = 10;        ///< broken rules of the protocol, then 421; what the handler refuses does not count
    int max_commands = 100'000;
    /// The same until EHLO or HELO, and for TLS from the start: who has nothing to say holds a session no longer. RFC
    /// 5321 section 4.5.3.2.7 asks for five minutes between the commands of who has.
    milliseconds hello_timeout{30'000};
    milliseconds command_timeout{300'000};  ///< from the reply to the end of the next line
    milliseconds data_timeout{600'000};     ///< for each 64 KB of a message, so that drops of bytes hold no session
    bool pipelining = true;
    bool smtputf8 = true;
    bool dsn = true;
    bool auth = false;  ///< offer AUTH PLAIN LOGIN
    bool auth_requires_tls = true;
    bool require_auth = false;              ///< 530 5.7.0 to MAIL before AUTH
    std::shared_ptr<TlsServerContext> tls;  ///< STARTTLS is offered when set
    bool implicit_tls = false;              ///< handshake before the greeting
    BareNewline bare_newline = BareNewline::normalise;
    std::shared_ptr<SmtpDrain> drain;  ///< null = sessions go on until their clients or the stream end them
    milliseconds reply_delay{0};       ///< before each reply; the sandbox's --rtt and slow hosts
};

/// Runs one session to its end. Only CR LF . CR LF ends DATA; commands pipelined where RFC 2920 forbids it are refused;
/// HTTP verbs and binary first bytes are dropped; plaintext behind STARTTLS is discarded. Closes the stream. An
/// exception of the handler ends the session with 421.
awaitable<void> serve_smtp(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers);

}  // namespace winnow::net
