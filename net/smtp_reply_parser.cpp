#include "net/smtp_reply_parser.hpp"

#include <algorithm>

#include "net/smtp_error.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_sent_line = 512;  // RFC 5321 section 4.5.3.1.5, with code and CRLF

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// False when no continuation can make `start` the start of a reply line.
bool may_be_reply(std::string_view start) noexcept
{
    if (!start.empty() && (start[0] < '2' || start[0] > '5'))
        return false;
    for (std::size_t i = 1; i < start.size() && i < 3; ++i)
        if (!is_digit(start[i]))
            return false;
    return start.size() < 4 || start[3] == ' ' || start[3] == '-' || start[3] == '\r' || start[3] == '\n';
}

/// The beginning of `line`, for a person; the peer may be anything.
std::string shown(std::string_view line)
{
    const SmtpReply cleaned = SmtpReply::make(0, line.substr(0, 40));
    return cleaned.lines.empty() ? std::string() : cleaned.lines.front();
}

Error malformed(std::string_view line)
{
    return Error{SmtpErrc::malformed_reply, "received \"" + shown(line) + '"'};
}

}  // namespace

void SmtpReplyParser::feed(std::string_view bytes)
{
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    buffer_ += bytes;
}

void SmtpReplyParser::clear()
{
    *this = SmtpReplyParser();
}

Result<std::optional<SmtpReply>> SmtpReplyParser::next()
{
    for (;;) {
        const std::size_t end = buffer_.find('\n', scanned_);
        const std::string_view unread = std::string_view(buffer_).substr(begin_);
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            if (!may_be_reply(unread))
                return malformed(unread);
            if (unread.size() > max_line + 1)
                return Error{SmtpErrc::reply_too_long, "a line of more than 2048 octets"};
            return std::nullopt;
        }
        std::string_view line = unread.substr(0, end - begin_);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        WINNOW_TRY(const bool last, take_line(line));
        begin_ = scanned_ = end + 1;
        if (last)
            return std::exchange(reply_, SmtpReply{});
    }
}

/// Adds a line to the reply; true when it is the last one.
Result<bool> SmtpReplyParser::take_line(std::string_view line)
{
    if (line.size() < 3 || !may_be_reply(line))
        return malformed(line);
    if (line.size() > max_line)
        return Error{SmtpErrc::reply_too_long, "a line of more than 2048 octets"};
    if (reply_.lines.size() == max_lines)
        return Error{SmtpErrc::reply_too_long, "a reply of more than 500 lines"};
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (!reply_.lines.empty() && code != reply_.code)
        return Error{SmtpErrc::malformed_reply,
                     "lines of one reply say " + std::to_string(reply_.code) + " and " + std::to_string(code)};
    SmtpReply piece = SmtpReply::make(code, line.size() > 4 ? line.substr(4) : std::string_view());
    reply_.code = code;
    if (!reply_.enhanced.present())
        reply_.enhanced = piece.enhanced;
    reply_.lines.push_back(piece.lines.empty() ? std::string() : std::move(piece.lines.front()));
    return line.size() == 3 || line[3] != '-';
}

std::string format_reply(const SmtpReply& reply)
{
    const std::string status = reply.enhanced.to_string();
    const std::string code = std::to_string(reply.code);
    const std::vector<std::string> no_text{std::string()};
    const auto& lines = reply.lines.empty() ? no_text : reply.lines;
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string line = code + (i + 1 < lines.size() ? '-' : ' ');
        if (!status.empty() && !parse_enhanced_status(lines[i]))
            line += status + ' ';
        line += lines[i];
        std::replace_if(
            line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
        line.resize(std::min(line.size(), max_sent_line - 2));
        out += line + "\r\n";
    }
    return out;
}

}  // namespace winnow::net
