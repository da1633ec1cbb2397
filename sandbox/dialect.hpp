#pragma once

#include <string_view>

#include "core/smtp_reply.hpp"
#include "sandbox/behaviour.hpp"

/// Refusals in the words of the big server programs and providers, so that a reply classifier meets here what it meets
/// outside.
namespace winnow::sandbox {

SmtpReply unknown_reply(Dialect dialect, std::string_view recipient);
SmtpReply disabled_reply(Dialect dialect, std::string_view recipient);
/// 552 `for_good`, else 452.
SmtpReply full_reply(Dialect dialect, std::string_view recipient, bool for_good);
/// 450 or 451, with the wait in the text where the dialect tells it, in whole units of a second, a minute or an hour.
SmtpReply greylist_reply(Dialect dialect, std::string_view recipient, std::chrono::seconds left,
                         std::chrono::seconds unit = std::chrono::seconds{1});
SmtpReply blocked_reply(Dialect dialect, std::string_view client_ip);

}  // namespace winnow::sandbox
