#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"
#include "net/smtp_error.hpp"
#include "net/smtp_reply_parser.hpp"
#include "net/stream.hpp"

namespace winnow::net {

using winnow::SmtpReply;

/// As RFC 5321 section 4.5.3.2 from MAIL on, shorter before; each limits one reply (data_block: one write).
struct SmtpTimeouts {
    milliseconds banner{60'000};
    milliseconds ehlo{60'000};
    milliseconds starttls{60'000};
    milliseconds auth{60'000};
    milliseconds mail{300'000};
    milliseconds rcpt{300'000};
    milliseconds data{120'000};
    milliseconds data_block{180'000};
    milliseconds end_of_data{600'000};
    milliseconds quit{5'000};
};

struct SmtpCapabilities {
    bool esmtp = false;
    bool starttls = false;
    bool pipelining = false;
    bool eight_bit_mime = false;
    bool smtputf8 = false;
    bool enhanced_status = false;
    bool dsn = false;
    bool chunking = false;
    bool size = false;
    std::uint64_t size_limit = 0;   ///< 0 = not stated
    std::vector<std::string> auth;  ///< mechanisms, upper case
};

struct MailParams {
    std::uint64_t size = 0;  ///< 0 = not sent; sent only when the peer offers SIZE
    bool eight_bit = false;  ///< BODY=8BITMIME when offered
    bool smtputf8 = false;   ///< required by the address or headers; the caller has checked that it is offered
    std::string ret;         ///< "FULL" | "HDRS", when DSN is offered
    std::string envid;       ///< xtext-encoded by us
};

struct RcptParams {
    std::string notify;  ///< "NEVER" or a list of SUCCESS,FAILURE,DELAY
    std::string orcpt;   ///< "rfc822;a@b", encoded by us
};

/// Result of a pipelined transaction.
struct SmtpTransaction {
    SmtpReply mail;
    std::vector<SmtpReply> rcpts;  ///< in the order given; code 0 when not reached
    SmtpReply data;                ///< to DATA; code 0 when no recipient was accepted
    SmtpReply end_of_data;         ///< code 0 when the message was not sent
};

/// What came of asking about one recipient: the reply that settled it, to which command, or why there is none.
struct SmtpQuestion {
    enum class Command : std::uint8_t { reset, mail, rcpt };
    Command at = Command::mail;
    Result<SmtpReply> reply;
};

using SharedText = std::shared_ptr<const std::string>;

/// The client side of one SMTP connection over a Stream it does not own. A reply of any code is a value; an Error is a
/// failure to get one (SmtpErrc, Errc::timed_out, system errors), after which the connection is useless. No reply is
/// handed out while another one lies behind it unasked; only the reply to the final dot stands whatever follows, since
/// to doubt it would be to send the message twice.
class SmtpClient {
public:
    explicit SmtpClient(Stream& stream, SmtpTimeouts timeouts = {}) : stream_(stream), timeouts_(timeouts) {}

    awaitable<Result<SmtpReply>> greeting();
    /// EHLO, then HELO when EHLO gets a 5xx. Fills capabilities().
    awaitable<Result<SmtpReply>> ehlo(std::string name);
    /// STARTTLS and the handshake. On 220 capabilities are forgotten: EHLO again. Plaintext behind the 220 is an attack
    /// or a broken server: SmtpErrc::starttls_injection, and none of it is ever read as a reply.
    awaitable<Result<SmtpReply>> starttls(TlsClientOptions options);
    /// AUTH PLAIN, or LOGIN when only that is offered. Refuses on a stream that is not encrypted and verified unless
    /// `insecure_ok`.
    awaitable<Result<SmtpReply>> auth(std::string user, std::string password, bool insecure_ok);
    // The short forms are plain functions: g++ 12.2 destroys a default argument of aggregate type inside a co_await
    // expression twice.
    awaitable<Result<SmtpReply>> mail(std::string reverse_path, MailParams params);
    awaitable<Result<SmtpReply>> mail(std::string reverse_path);
    awaitable<Result<SmtpReply>> rcpt(std::string recipient, RcptParams params);
    awaitable<Result<SmtpReply>> rcpt(std::string recipient);
    awaitable<Result<SmtpReply>> rset();
    /// RSET when `reset`, MAIL and RCPT, in one write when PIPELINING is offered (RFC 2920), else one by one. Ends at
    /// the first refusal; refusals that follow from it are read and dropped. The deadlines count from each reply on.
    /// Errc::protocol as for command(), and no answer, when more than the replies to these commands has come.
    awaitable<SmtpQuestion> ask(bool reset, std::string reverse_path, MailParams params, std::string recipient);
    awaitable<Result<SmtpReply>> noop();
    /// DATA, then the message with line ends canonicalised to CRLF and dots stuffed, then the final dot.
    /// Returns the reply to DATA when that is not 354, else the one to the dot; `stage` tells which.
    awaitable<Result<SmtpReply>> data(std::string message, winnow::Stage* stage = nullptr);
    /// MAIL, RCPTs and DATA, in one write when PIPELINING is offered (RFC 2920), else one by one.
    awaitable<Result<SmtpTransaction>> transaction(std::string reverse_path, MailParams params,
                                                   std::vector<std::string> recipients, std::string message,
                                                   RcptParams rcpt_params);
    /// The same with a message that others send too (not null); let go as soon as it is written.
    awaitable<Result<SmtpTransaction>> transaction(std::string reverse_path, MailParams params,
                                                   std::vector<std::string> recipients, SharedText message,
                                                   RcptParams rcpt_params);
    awaitable<Result<SmtpTransaction>> transaction(std::string reverse_path, MailParams params,
                                                   std::vector<std::string> recipients, std::string message);
    /// QUIT, waits shortly for the reply, closes the stream and never fails. Sent also where replies are out of step.
    awaitable<void> quit();
    /// One command line without CRLF, one reply. Errc::invalid_argument when the line holds CR, LF or NUL.
    /// Errc::protocol when the server says more than it was asked, before the command or with the reply to it: then
    /// some reply was counted for the wrong command, and nobody can tell which. 421 at its end is the answer instead.
    awaitable<Result<SmtpReply>> command(std::string line, milliseconds timeout);

    const SmtpCapabilities& capabilities() const noexcept { return capabilities_; }
    Stream& stream() noexcept { return stream_; }

private:
    awaitable<Result<SmtpReply>> exchange(std::string bytes, milliseconds timeout, std::string what);
    awaitable<Result<SmtpReply>> exchange_in_step(std::string bytes, milliseconds timeout, std::string what);
    awaitable<Result<SmtpReply>> read_reply(milliseconds timeout, std::string what);
    awaitable<Result<SmtpReply>> read_on(std::string what);
    Result<std::optional<SmtpReply>> before(const std::string& what);
    Result<SmtpReply> in_step(Result<SmtpReply> last, const std::string& what);
    Error out_of_step(const std::string& what);
    struct Step {
        SmtpQuestion::Command command;
        std::string line;
        milliseconds timeout;
    };
    Result<std::vector<Step>> steps_of(bool reset, const std::string& reverse_path, const MailParams& params,
                                       const std::string& recipient) const;
    awaitable<SmtpQuestion> ask_one_by_one(std::vector<Step> steps);
    awaitable<SmtpQuestion> ask_at_once(std::vector<Step> steps);
    awaitable<Result<SmtpReply>> login(std::string user, std::string password);
    awaitable<Result<>> send_message(SharedText message);
    awaitable<Result<SmtpReply>> finish_message(SharedText message);
    awaitable<Result<SmtpTransaction>> one_by_one(SmtpTransaction outcome, std::vector<std::string> commands,
                                                  SharedText message);
    awaitable<Result<SmtpTransaction>> pipelined(SmtpTransaction outcome, std::vector<std::string> commands,
                                                 SharedText message);
    awaitable<Result<SmtpTransaction>> end_pipeline(SmtpTransaction outcome, SharedText message);
    Result<std::string> mail_command(const std::string& reverse_path, const MailParams& params) const;
    Result<std::string> rcpt_command(const std::string& recipient, const RcptParams& params) const;

    Stream& stream_;
    SmtpTimeouts timeouts_;
    SmtpCapabilities capabilities_;
    SmtpReplyParser replies_;
    bool out_of_step_ = false;  ///< the server has said more than it was asked: nothing it says now is an answer
};

/// CRLF line ends everywhere (bare CR and bare LF become CRLF), NUL dropped, dots stuffed, CRLF . CRLF at the end.
std::string encode_data(std::string_view message);

}  // namespace winnow::net
