#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mail/headers.hpp"

/// Foreign MIME messages, read tolerantly (GMime behind it).
namespace winnow::mail {

struct MimeLimits {
    std::size_t max_bytes = 8u << 20;  ///< what follows is not read
    int max_depth = 10;                ///< of nested multiparts and messages; deeper parts are left out
    std::size_t max_parts = 200;
    std::size_t max_text = 1u << 20;  ///< of one decoded body
};

struct MimePart {
    HeaderBlock headers;
    std::string type;         ///< lower case, "text/plain"; "text/plain" when absent
    std::string report_type;  ///< parameter of multipart/report, lower case
    /// Of a leaf: transfer encoding undone; text in UTF-8 whatever was declared, malformed octets replaced. Empty for
    /// containers.
    std::string body;
    std::vector<MimePart> children;  ///< of a multipart; of message/rfc822 the one message
};

/// Never fails: what cannot be understood becomes text. Thread-safe.
MimePart read_mime(std::string_view raw, const MimeLimits& limits = {});

/// RFC 2047 encoded-words in a header value decoded to valid UTF-8; unknown charsets and broken words stay as they are.
std::string decode_header(std::string_view value);

}  // namespace winnow::mail
