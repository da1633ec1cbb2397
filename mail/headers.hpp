#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

/// The head of a message, read and extended without looking at its body.
namespace winnow::mail {

struct HeaderField {
    std::string name;   ///< as written
    std::string value;  ///< unfolded (each fold becomes its white space), trimmed, not decoded
};

struct HeaderLimits {
    std::size_t max_fields = 1'000;
    std::size_t max_bytes = 256 * 1024;
};

/// Header fields in order. Names compare without case.
class HeaderBlock {
public:
    HeaderBlock() = default;
    explicit HeaderBlock(std::vector<HeaderField> fields) : fields_(std::move(fields)) {}

    /// Reads up to the empty line. Never fails: CRLF or LF line ends, an mbox "From " line in front is skipped ("From
    /// :" is a field, RFC 5322 section 4.5), the first line that is no header field starts the body, what lies past the
    /// limits is left out.
    static HeaderBlock read(std::string_view message, HeaderLimits limits = {});

    /// Value of the first field of this name; empty when there is none.
    std::string_view get(std::string_view name) const noexcept;
    bool has(std::string_view name) const noexcept;
    std::size_t count(std::string_view name) const noexcept;
    const std::vector<HeaderField>& fields() const noexcept { return fields_; }

    /// Offset of the first octet of the body in the text that was read.
    std::size_t body_offset() const noexcept { return body_offset_; }
    /// A line that is neither a field nor the continuation of one ended the header, where others may read on.
    bool cut_short() const noexcept { return cut_short_; }

private:
    std::vector<HeaderField> fields_;
    std::size_t body_offset_ = 0;
    bool cut_short_ = false;
};

/// The mbox line that read() skips: empty when the text does not begin with one. Without its line end.
std::string_view mbox_line(std::string_view message) noexcept;

/// Received fields, for loop detection: RFC 5321 section 6.3 wants at least 100 to be let through.
std::size_t count_received(std::string_view message);

/// One hop, RFC 5321 section 4.4. Values that the peer chose are cleaned of everything that could end the field.
struct ReceivedTrace {
    std::string helo;
    std::string peer_ip;
    std::string by;
    std::string protocol = "ESMTP";  ///< ESMTPS, ESMTPSA ... (RFC 3848)
    std::string id;
    std::string recipient;  ///< only when there is exactly one: the others would be disclosed to it
    TimePoint at{};
};
/// "Received: ..." folded, with its CRLF.
std::string received_field(const ReceivedTrace& trace);

/// RFC 6409 section 8: the Date and Message-ID fields that the message lacks, each with its CRLF; empty when it has
/// both. `message_id` without angle brackets.
std::string missing_fields(std::string_view message, TimePoint date, std::string_view message_id);

/// `fields` (complete lines) in front of the message; adds the empty line that a message without any header needs.
std::string with_fields(std::string_view fields, std::string_view message);

}  // namespace winnow::mail
