#include "net/smtp_data_reader.hpp"

#include <algorithm>
#include <utility>

namespace winnow::net {

std::size_t SmtpDataReader::feed(std::string_view bytes)
{
    std::size_t at = 0;
    while (at < bytes.size() && !done()) {
        if (state_ == State::text) {
            // Most of a message is here: take it by the run, not by the octet.
            const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
            const auto end =
                std::find_if(begin, bytes.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
            put(std::string_view(begin, end));
            at += static_cast<std::size_t>(end - begin);
            if (end == bytes.end())
                break;
        }
        step(bytes[at]);
        ++at;
    }
    octets_ += at;
    return at;
}

void SmtpDataReader::step(char c)
{
    switch (state_) {
        case State::line_start:
            if (c == '.')
                state_ = State::dot;
            else
                text(c);
            return;
        case State::dot:
            if (c == '\r') {
                state_ = State::dot_cr;
                return;
            }
            // A dot before text is a stuffed one; alone before a bare LF it is the text.
            if (c == '\n')
                put(".");
            text(c);
            return;
        case State::dot_cr:
            if (c == '\n') {
                state_ = State::done;
                return;
            }
            put(".");
            bare_newline();
            text(c);
            return;
        case State::cr:
            if (c == '\n') {
                put("\r\n");
                state_ = State::line_start;
                return;
            }
            bare_newline();
            text(c);
            return;
        case State::text:
            text(c);
            return;
        case State::done:
            return;
    }
}

/// An octet that is not at the start of a line.
void SmtpDataReader::text(char c)
{
    state_ = State::text;
    if (c == '\r')
        state_ = State::cr;
    else if (c == '\n')
        bare_newline();
    else if (c == '\0')
        irregular_ = true;
    else
        put(std::string_view(&c, 1));
}

void SmtpDataReader::bare_newline()
{
    irregular_ = true;
    put("\r\n");
}

void SmtpDataReader::put(std::string_view bytes)
{
    if (too_big_ || given_up_)
        return;
    if (limit_ != 0 && message_.size() + bytes.size() > limit_) {
        too_big_ = true;
        std::string().swap(message_);
        return;
    }
    message_ += bytes;
}

void SmtpDataReader::give_up() noexcept
{
    given_up_ = true;
    std::string().swap(message_);
}

std::string SmtpDataReader::take_message()
{
    return std::exchange(message_, {});
}

}  // namespace winnow::net
