#include "core/error.hpp"

#include <boost/asio/error.hpp>
#include <stdexcept>

#include "core/result.hpp"

namespace winnow {
namespace {

struct Row {
    Errc code;
    const char* text;
    Disposition disposition;
};

constexpr Row rows[] = {
    {Errc::invalid_argument, "invalid argument", Disposition::permanent},
    {Errc::not_found, "not found", Disposition::permanent},
    {Errc::already_exists, "already exists", Disposition::permanent},
    {Errc::conflict, "conflict", Disposition::permanent},
    {Errc::permission_denied, "permission denied", Disposition::permanent},
    {Errc::limit_exceeded, "limit exceeded", Disposition::permanent},
    {Errc::corrupt, "corrupt data", Disposition::permanent},
    {Errc::io_error, "input/output error", Disposition::unknown},
    {Errc::disk_full, "no space left on device", Disposition::transient},
    {Errc::locked, "locked by another process", Disposition::transient},
    {Errc::newer_format, "written by a newer version", Disposition::permanent},
    {Errc::unavailable, "not available now", Disposition::transient},
    {Errc::timed_out, "timed out", Disposition::transient},
    {Errc::cancelled, "cancelled", Disposition::transient},
    {Errc::protocol, "protocol error", Disposition::unknown},
    {Errc::refused_target, "target address refused", Disposition::permanent},
    {Errc::unsupported, "not supported", Disposition::permanent},
    {Errc::internal, "internal error", Disposition::unknown},
};

class WinnowCategory final : public ErrorCategory {
public:
    const char* name() const noexcept override { return "winnow"; }
    std::string message(int value) const override
    {
        for (const Row& row : rows)
            if (static_cast<int>(row.code) == value)
                return row.text;
        return "unknown error";
    }
    Disposition disposition(int value) const noexcept override
    {
        for (const Row& row : rows)
            if (static_cast<int>(row.code) == value)
                return row.disposition;
        return Disposition::unknown;
    }
};

bool transient_system_error(const boost::system::error_code& code) noexcept
{
    namespace errc = boost::system::errc;
    for (auto condition : {errc::connection_refused, errc::connection_reset, errc::connection_aborted, errc::timed_out,
                           errc::host_unreachable, errc::network_unreachable, errc::network_down, errc::broken_pipe,
                           errc::no_buffer_space, errc::too_many_files_open, errc::not_enough_memory, errc::interrupted,
                           errc::resource_unavailable_try_again, errc::operation_canceled, errc::no_space_on_device})
        if (code == condition)
            return true;
    return false;
}

}  // namespace

const ErrorCategory& winnow_category() noexcept
{
    static const WinnowCategory category;
    return category;
}

boost::system::error_code make_error_code(Errc e) noexcept
{
    return {static_cast<int>(e), winnow_category()};
}

Disposition disposition(const boost::system::error_code& code) noexcept
{
    if (const auto* own = dynamic_cast<const ErrorCategory*>(&code.category()))
        return own->disposition(code.value());
    if (transient_system_error(code) || code == boost::asio::error::eof)
        return Disposition::transient;
    return Disposition::unknown;
}

std::string Error::message() const
{
    if (!code)
        return context;
    const std::string what = code.message();
    if (context.empty())
        return what;
    // A context that already ends with the system's own words does not repeat them.
    if (context.find(what) != std::string::npos)
        return context;
    return context + " (" + what + ")";
}

void throw_exception_from_error(const Error& error, const boost::source_location&)
{
    throw std::runtime_error(error.message());
}

}  // namespace winnow
