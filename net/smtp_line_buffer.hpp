#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace winnow::net {

/// Command lines out of a stream of bytes, without I/O. An overlong line costs no memory: it is skipped to its end.
class SmtpLineBuffer {
public:
    struct Line {
        std::string text;  ///< without its line end; empty when too long
        bool too_long = false;
        bool bare = false;  ///< ended by LF alone
    };

    void feed(std::string_view bytes);
    /// The next line of at most `limit` octets; nothing when its end has not come yet.
    std::optional<Line> next(std::size_t limit);
    /// True when nothing is left behind the lines returned.
    bool empty() const noexcept { return begin_ == bytes_.size() && !skipping_; }
    std::string_view rest() const noexcept { return std::string_view(bytes_).substr(begin_); }
    /// Hands out what is left: the octets are no longer lines.
    std::string take();
    void clear();

private:
    std::string bytes_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;  // no line end before here
    bool skipping_ = false;    // inside a line that is too long
};

}  // namespace winnow::net
