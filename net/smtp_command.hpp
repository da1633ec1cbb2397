#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "net/smtp_server.hpp"

/// What a server reads on a command line (RFC 5321 section 4.1, RFC 1870, 3461, 4954, 6152, 6531), without I/O.
namespace winnow::net {

enum class SmtpVerb : std::uint8_t {
    ehlo,
    helo,
    mail,
    rcpt,
    data,
    bdat,
    rset,
    noop,
    quit,
    starttls,
    auth,
    vrfy,
    expn,
    help,
    foreign,  ///< a request of another protocol: HTTP, SSH
    unknown
};

struct SmtpCommand {
    SmtpVerb verb = SmtpVerb::unknown;
    std::string argument;  ///< without surrounding spaces
};

/// `line` is without its line end. Verbs in any case.
SmtpCommand parse_command(std::string_view line);

/// What the session has offered or agreed on; other parameters are refused with 555.
struct SmtpSyntax {
    bool smtputf8 = false;  ///< MAIL: offered; RCPT: this transaction asked for it
    bool dsn = false;
    bool auth = false;
    std::uint64_t max_size = 0;  ///< octets; 0 = no limit
};

/// The command, or the reply that refuses it.
template <class Command>
using Parsed = std::variant<Command, SmtpReply>;

/// The argument of MAIL, from "FROM:" on. Strict, but for spaces between the colon and the path, which many clients
/// send. No source routes.
Parsed<MailCommand> parse_mail(std::string_view argument, const SmtpSyntax& syntax);
/// The argument of RCPT, from "TO:" on.
Parsed<RcptCommand> parse_rcpt(std::string_view argument, const SmtpSyntax& syntax);

}  // namespace winnow::net
