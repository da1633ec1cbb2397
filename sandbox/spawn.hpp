#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "core/log.hpp"

namespace winnow::sandbox {

/// Runs `work` on its own; an exception of it is logged as sandbox.failed with `what` and goes no further. `log`
/// outlives the work, `what` is a literal.
void spawn(const boost::asio::any_io_executor& executor, Log& log, std::string_view what,
           boost::asio::awaitable<void> work);

}  // namespace winnow::sandbox
