#pragma once

#include <optional>
#include <string>

#include "net/smtp_client.hpp"

namespace winnow::net {

/// How we present ourselves to a server that we have just connected to.
struct SmtpOpening {
    std::string ehlo_name;
    bool use_tls = true;   ///< STARTTLS where it is offered
    TlsClientOptions tls;  ///< for that
};

/// How the opening ended: open, refused in words, or broken.
struct SmtpOpened {
    Stage stage = Stage::banner;     ///< of the last command: banner, ehlo or starttls
    std::optional<SmtpReply> reply;  ///< the last one; none when we failed to get it
    Error error;                     ///< then, why

    bool open() const noexcept { return reply && reply->positive(); }
    /// STARTTLS was begun and not ended: whether the same host is worth a try in clear is the caller's to say.
    bool broke_in_starttls() const noexcept { return stage == Stage::starttls && !reply; }
};

/// Banner, EHLO, STARTTLS where it is offered and wanted, and EHLO again (RFC 3207 section 4.2): up to the point where
/// MAIL may go. A refused STARTTLS leaves the connection as it is, in clear and open, but for 421, which announces its
/// end. Sends no QUIT: a server that refused in words is still there to be told.
awaitable<SmtpOpened> open_dialogue(SmtpClient& smtp, SmtpOpening how);

}  // namespace winnow::net
