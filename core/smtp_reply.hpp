#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

/// Enhanced status code, RFC 3463: class.subject.detail. All zero when the reply has none.
struct EnhancedStatus {
    int klass = 0;    ///< 2, 4 or 5
    int subject = 0;  ///< 0..999
    int detail = 0;   ///< 0..999
    bool present() const noexcept { return klass != 0; }
    bool operator==(const EnhancedStatus&) const = default;
    std::string to_string() const;  ///< "5.1.1", empty when absent
};
/// Reads "5.1.1" at the start of `text`, followed by a space or the end.
std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text) noexcept;

/// What a server said: an answer, hence a value, also when it says no (RFC 5321 section 4.2). Text is kept as received
/// (any bytes; a tab becomes a space, other control characters '?'), without the code and without CRLF.
struct SmtpReply {
    int code = 0;             ///< 200..599, or 0 when there was no reply
    EnhancedStatus enhanced;  ///< from the first line that has one
    std::vector<std::string> lines;

    bool positive() const noexcept { return code >= 200 && code < 300; }
    bool intermediate() const noexcept { return code >= 300 && code < 400; }
    bool transient() const noexcept { return code >= 400 && code < 500; }
    bool permanent() const noexcept { return code >= 500 && code < 600; }
    /// Syntax, unknown commands and their order (RFC 5321 section 4.2.2): about what was said, not about whom.
    bool about_dialogue() const noexcept { return code >= 500 && code <= 504; }
    /// As an answer to RCPT (RFC 5321 section 4.3.2), a yes that its own status code does not take back.
    bool accepts_recipient() const noexcept
    {
        return code >= 250 && code <= 252 && enhanced.klass != 4 && enhanced.klass != 5;
    }
    /// All lines joined by one space, enhanced status removed from each.
    std::string text() const;
    /// "550 5.1.1 No such user", one line, for evidence and logs. Empty when there was no reply.
    std::string to_string() const;
    /// `text` without the code; LF or CRLF separates lines.
    static SmtpReply make(int code, std::string_view text);
};

}  // namespace winnow
