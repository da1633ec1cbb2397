#pragma once

#include <string>
#include <string_view>

namespace winnow::net {

/// A message as it goes behind DATA (RFC 5321 section 4.5.2), piece by piece: first every line end becomes CR LF, then
/// dots are stuffed, so that no sequence in the message can pass for the end of the data at any next hop. NUL, which
/// some hosts drop and thereby make one, is dropped here.
class SmtpDataEncoder {
public:
    std::string encode(std::string_view piece);
    /// The last line end, if the message lacks it, and the final dot.
    std::string finish();

private:
    bool line_start_ = true;
    bool carriage_return_ = false;  // seen, and its line end written; a LF right behind it belongs to it
};

}  // namespace winnow::net
