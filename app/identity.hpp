#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "app/runtime.hpp"

namespace winnow::app {

/// Settles whether mailboxes may be probed (design section 6): yes when targets are private (labs), or when EHLO name,
/// MAIL FROM and FCrDNS of every source check out. Sets config.verifier.identity_checked; returns why not, with the
/// cure, or an empty text.
boost::asio::awaitable<std::string> settle_identity(Runtime& runtime, Config& config);

}  // namespace winnow::app
