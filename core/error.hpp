#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <string>

namespace winnow {

/// What a caller may expect from doing the same again. Unknown is never read as permanent.
enum class Disposition { transient, permanent, unknown };

/// Failures that any room can have. A room with finer causes has its own enum (for example net::SmtpErrc).
enum class Errc {
    invalid_argument = 1,  ///< the caller's input is wrong; the context names the field and the cure
    not_found,
    already_exists,
    conflict,           ///< compare-and-set failed, epoch is over, idempotency key used with another body
    permission_denied,  ///< the file, the port or the API key does not allow it
    limit_exceeded,     ///< a size, depth or count cap of ours
    corrupt,            ///< stored bytes do not pass their checksum or do not parse
    io_error,           ///< read, write or sync failed
    disk_full,
    locked,        ///< another process holds the data directory
    newer_format,  ///< the data directory was written by a newer winnow
    unavailable,   ///< not now: starting, draining, read-only, overloaded, unreachable
    timed_out,
    cancelled,
    protocol,        ///< the peer broke its protocol
    refused_target,  ///< the target address is loopback, private, link-local or our own
    unsupported,
    internal,  ///< a broken assumption of ours
};

/// Base of winnow's categories: adds the disposition to each value.
class ErrorCategory : public boost::system::error_category {
public:
    virtual Disposition disposition(int value) const noexcept = 0;
};

const ErrorCategory& winnow_category() noexcept;
boost::system::error_code make_error_code(Errc e) noexcept;

/// Transient, permanent or unknown, for codes of winnow's categories, of the system and of Asio. Retry code asks only
/// this.
Disposition disposition(const boost::system::error_code& code) noexcept;

/// Our failure to get or keep an answer (a remote 550 is an answer, hence a value). `context` is one sentence for a
/// person: what was attempted, on what, and where possible the cure. It holds no secret; it may hold an address only in
/// the CLI.
struct Error {
    boost::system::error_code code;
    std::string context;

    Error() = default;
    Error(boost::system::error_code c, std::string what = {}) : code(c), context(std::move(what)) {}
    Error(Errc e, std::string what = {}) : code(make_error_code(e)), context(std::move(what)) {}

    Disposition disposition() const noexcept { return winnow::disposition(code); }
    /// "context (code message)", for logs and the CLI.
    std::string message() const;
};

}  // namespace winnow

template <>
struct boost::system::is_error_code_enum<winnow::Errc> : std::true_type {
};
