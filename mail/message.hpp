#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "mail/headers.hpp"

/// Writing messages (RFC 5322, 2045-2047). The same draft always gives the same octets.
namespace winnow::mail {

struct Mailbox {
    std::string name;     ///< display name, UTF-8; may be empty
    std::string address;  ///< envelope form local@domain
};

struct Attachment {
    std::string filename;                           ///< UTF-8
    std::string type = "application/octet-stream";  ///< media type, without parameters
    std::string content;                            ///< octets
    std::string content_id;                         ///< without angle brackets; empty = none
    bool inline_ = false;
};

/// What a message says; compose() gives it its form.
struct Draft {
    Mailbox from;
    std::vector<Mailbox> to;
    std::vector<Mailbox> cc;
    std::vector<Mailbox> reply_to;
    std::string subject;  ///< UTF-8
    TimePoint date{};
    std::string message_id;  ///< without angle brackets: "01J...@example.com"
    std::string text;        ///< UTF-8, any line ends; at least one of text and html, which may be empty mail
    std::string html;        ///< UTF-8
    /// Further fields in order, values in UTF-8. The fields above and MIME-Version, Content-* are ours: refused here.
    std::vector<HeaderField> headers;
    std::vector<Attachment> attachments;
};

struct Composed {
    std::string message;    ///< CRLF line ends, 7-bit unless `smtputf8`
    bool smtputf8 = false;  ///< an address has a non-ASCII local part: the peer must offer SMTPUTF8 (RFC 6531)
};

/// Errc::invalid_argument naming the field when a header value holds CR, LF or NUL, a name is no field name, an address
/// cannot stand in a header, or a value has a word longer than RFC 5322's 998 octets.
Result<Composed> compose(const Draft& draft);

/// Errc::invalid_argument with "`field`: ..." when `value` could end the header field early.
Result<> check_header_value(std::string_view field, std::string_view value);
Result<> check_header_name(std::string_view name);

/// "name <address>" with the name encoded as it needs. `column` as in encode_phrase.
std::string format_mailbox(const Mailbox& mailbox, std::size_t column);

}  // namespace winnow::mail
