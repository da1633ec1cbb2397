#include "net/smtp_line_buffer.hpp"

namespace winnow::net {

void SmtpLineBuffer::feed(std::string_view bytes)
{
    bytes_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    bytes_ += bytes;
}

std::optional<SmtpLineBuffer::Line> SmtpLineBuffer::next(std::size_t limit)
{
    const std::size_t end = bytes_.find('\n', scanned_);
    if (end == std::string::npos) {
        if (skipping_ || bytes_.size() - begin_ > limit + 1) {  // + 1: a CR whose LF is still to come
            skipping_ = true;
            bytes_.clear();
            begin_ = 0;
        }
        scanned_ = bytes_.size();
        return std::nullopt;
    }
    std::string_view text = std::string_view(bytes_).substr(begin_, end - begin_);
    Line line;
    line.bare = !text.ends_with('\r');
    if (!line.bare)
        text.remove_suffix(1);
    line.too_long = skipping_ || text.size() > limit;
    if (!line.too_long)
        line.text = std::string(text);
    skipping_ = false;
    begin_ = scanned_ = end + 1;
    return line;
}

std::string SmtpLineBuffer::take()
{
    std::string out(rest());
    clear();
    return out;
}

void SmtpLineBuffer::clear()
{
    *this = SmtpLineBuffer();
}

}  // namespace winnow::net
