#include "sandbox/spawn.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>

namespace winnow::sandbox {

void spawn(const boost::asio::any_io_executor& executor, Log& log, std::string_view what,
           boost::asio::awaitable<void> work)
{
    boost::asio::co_spawn(executor, std::move(work), [&log, what](std::exception_ptr failure) {
        if (!failure)
            return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& e) {
            log.error("sandbox.failed", {{"what", what}, {"error", e.what()}});
        } catch (...) {
            log.error("sandbox.failed", {{"what", what}});
        }
    });
}

}  // namespace winnow::sandbox
