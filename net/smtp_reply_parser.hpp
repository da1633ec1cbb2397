#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/smtp_reply.hpp"

namespace winnow::net {

/// Replies out of a stream of bytes (RFC 5321 section 4.2), without I/O.
///
/// Liberal where it costs nothing: a bare LF ends a line, the text may be missing or hold any bytes. Strict where a
/// guess could blame an address: the code is 200..599, and all lines of a reply carry the same one.
class SmtpReplyParser {
public:
    static constexpr std::size_t max_line = 2048;  ///< octets, without the line end; RFC 5321 asks for 512
    static constexpr std::size_t max_lines = 500;

    /// Received bytes, split anywhere.
    void feed(std::string_view bytes);
    /// The next whole reply; nothing when bytes are missing. SmtpErrc::malformed_reply (as soon as it shows) or
    /// reply_too_long; then the connection is useless.
    Result<std::optional<SmtpReply>> next();
    /// True when everything fed has been returned.
    bool idle() const noexcept { return begin_ == buffer_.size() && reply_.lines.empty(); }
    /// Forgets everything fed (start of TLS).
    void clear();

private:
    Result<bool> take_line(std::string_view line);

    std::string buffer_;
    std::size_t begin_ = 0;    // of the current line
    std::size_t scanned_ = 0;  // no line end before here
    SmtpReply reply_;          // lines so far
};

/// A reply as a server sends it: CRLF line ends, control characters replaced by '?', long lines cut to RFC 5321's 512
/// octets; an enhanced status that its lines lack is put before each.
std::string format_reply(const SmtpReply& reply);

}  // namespace winnow::net
