#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace winnow::net {

/// Finds the end of a message behind DATA and removes the stuffed dots (RFC 5321 section 4.5.2), without I/O.
///
/// A line starts only behind CR LF: nothing else can end the message, and a dot elsewhere is text. A bare CR, a bare LF
/// and NUL are counted; in the message they become CR LF and nothing, so that it can be passed on.
class SmtpDataReader {
public:
    /// `limit` in octets of the message; 0 = none.
    explicit SmtpDataReader(std::uint64_t limit) : limit_(limit) {}

    /// Takes octets up to the end of the message; returns how many: all of them unless done().
    std::size_t feed(std::string_view bytes);
    bool done() const noexcept { return state_ == State::done; }
    /// Past the limit nothing is kept, but the end is still found.
    bool too_big() const noexcept { return too_big_; }
    /// A CR or LF that is not part of a CR LF, or a NUL, was seen.
    bool irregular() const noexcept { return irregular_; }
    std::uint64_t octets() const noexcept { return octets_; }  ///< taken so far
    /// Memory that the message takes so far.
    std::uint64_t kept() const noexcept { return message_.capacity(); }
    /// Nothing is kept from now on, but the end is still found.
    void give_up() noexcept;
    bool given_up() const noexcept { return given_up_; }
    std::string take_message();

private:
    enum class State : std::uint8_t {
        line_start,
        dot,     // CR LF .
        dot_cr,  // CR LF . CR
        text,
        cr,
        done
    };

    void step(char c);
    void text(char c);
    void bare_newline();
    void put(std::string_view bytes);

    std::uint64_t limit_;
    std::uint64_t octets_ = 0;
    std::string message_;
    State state_ = State::line_start;  // the CR LF of the DATA command is behind us
    bool too_big_ = false;
    bool given_up_ = false;
    bool irregular_ = false;
};

}  // namespace winnow::net
