#pragma once

#include <boost/system/error_code.hpp>

namespace winnow::net {

enum class SmtpErrc {
    malformed_reply = 1,  ///< line is not `NNN[ -]text` (RFC 5321 section 4.2)
    reply_too_long,       ///< more than 2048 octets in a line or 500 lines
    unexpected_eof,       ///< peer closed before the end of a reply
    not_smtp,             ///< the first bytes are another protocol
    starttls_injection,   ///< plaintext arrived after the reply to STARTTLS
    tls_failed,           ///< handshake failed; the context holds OpenSSL's reason
    tls_unverified,       ///< the certificate does not prove the name
};

boost::system::error_code make_error_code(SmtpErrc e) noexcept;

}  // namespace winnow::net

template <>
struct boost::system::is_error_code_enum<winnow::net::SmtpErrc> : std::true_type {
};
