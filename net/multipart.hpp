#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

/// multipart/form-data (RFC 7578) in pieces: a 10 million row upload passes through without being held in memory.
namespace winnow::net {

struct MultipartPart {
    std::string name;                     ///< form field
    std::optional<std::string> filename;  ///< last path component only; present (maybe empty) for file fields
    std::string content_type;             ///< as sent, parameters included; empty when absent
};

struct MultipartEvent {
    enum class Kind {
        need_more,   ///< feed() more, or finish()
        part_begin,  ///< `part` is filled
        data,        ///< `data` is a piece of the current part, never empty
        part_end,
        done,  ///< the closing boundary was seen; what follows is ignored (epilogue)
    };
    Kind kind = Kind::need_more;
    MultipartPart part;
    std::string data;
};

struct MultipartLimits {
    std::size_t max_part_header = 8 * 1024;  ///< octets of one part's header section
    std::size_t max_parts = 100;
    std::size_t max_preamble = 16 * 1024;
};

/// The boundary parameter of a Content-Type field. Errc::invalid_argument when the type is not multipart/form-data or
/// the boundary is missing or not 1-70 characters of RFC 2046 section 5.1.1.
Result<std::string> multipart_boundary(std::string_view content_type);

/// The parser without I/O: feed octets, take events. Where the input is cut makes no difference to what comes out,
/// except to where `data` is cut. Holds at most what was fed since need_more plus one header section.
class MultipartParser {
public:
    explicit MultipartParser(std::string_view boundary, MultipartLimits limits = {});

    void feed(std::string_view octets);
    /// No more octets will come.
    void finish() noexcept { finished_ = true; }
    /// Errc::protocol for a malformed body or one that ends early, Errc::limit_exceeded past a limit; an error is
    /// final.
    Result<MultipartEvent> next();

private:
    enum class State { preamble, headers, data, done };
    /// What the octets behind "CRLF--boundary" make of it.
    enum class Tail { undecided, delimiter, closing, none };

    Result<MultipartEvent> need_more() const;
    Tail classify_tail(std::size_t& end) const;
    Tail find_delimiter(std::size_t& before, std::size_t& behind);
    void consume(std::size_t n);
    Result<MultipartEvent> next_preamble();
    Result<MultipartEvent> next_headers();
    Result<MultipartEvent> next_data();
    std::string_view rest() const noexcept { return std::string_view(buffer_).substr(at_); }

    std::string delimiter_;  ///< CR LF "--" boundary
    MultipartLimits limits_;
    std::string buffer_;
    std::size_t at_ = 0;    ///< start of what is not consumed in buffer_
    std::size_t scan_ = 0;  ///< offset from at_ of the next place where a delimiter may start
    std::size_t skipped_ = 0;
    std::size_t parts_ = 0;
    State state_ = State::preamble;
    bool blank_line_ = false;  ///< rest() starts with the blank line behind a header section
    bool finished_ = false;
};

/// The parser over a body that it does not own.
class MultipartReader {
public:
    MultipartReader(HttpBody& body, std::string_view boundary, MultipartLimits limits = {})
        : body_(body), parser_(boundary, limits)
    {
    }
    /// The next event; never need_more. After `done` the rest of the body has been read and dropped.
    awaitable<Result<MultipartEvent>> next();

private:
    HttpBody& body_;
    MultipartParser parser_;
};

}  // namespace winnow::net
