#include "core/retry_schedule.hpp"

#include <algorithm>

namespace winnow {

using namespace std::chrono_literals;

RetryOptions::RetryOptions()
    : general{5min, 15min, 30min, 1h, 2h, 4h},
      greylist{5min + 30s, 10min, 20min, 40min},
      mailbox_full{1h, 4h, 12h, 24h},
      dns{2min, 10min, 30min},
      policy_tls{30min, 2h, 6h}
{
}

std::string_view to_string(RetryLadder ladder) noexcept
{
    switch (ladder) {
        case RetryLadder::general:
            return "general";
        case RetryLadder::greylist:
            return "greylist";
        case RetryLadder::mailbox_full:
            return "mailbox_full";
        case RetryLadder::dns:
            return "dns";
        case RetryLadder::policy_tls:
            return "policy_tls";
    }
    return "";
}

RetryLadder ladder_of(ReplyClass klass) noexcept
{
    switch (klass) {
        case ReplyClass::greylisted:
            return RetryLadder::greylist;
        case ReplyClass::mailbox_full:
            return RetryLadder::mailbox_full;
        case ReplyClass::dns_failure:
            return RetryLadder::dns;
        case ReplyClass::tls:
        case ReplyClass::auth_failed:
            return RetryLadder::policy_tls;
        default:
            return RetryLadder::general;
    }
}

std::span<const milliseconds> RetrySchedule::steps(RetryLadder ladder) const noexcept
{
    switch (ladder) {
        case RetryLadder::greylist:
            return options_.greylist;
        case RetryLadder::mailbox_full:
            return options_.mailbox_full;
        case RetryLadder::dns:
            return options_.dns;
        case RetryLadder::policy_tls:
            return options_.policy_tls;
        case RetryLadder::general:
            break;
    }
    return options_.general;
}

milliseconds RetrySchedule::wait(RetryLadder ladder, int attempts) const
{
    const auto at = static_cast<std::size_t>(std::max(attempts, 1)) - 1;
    const auto own = steps(ladder);
    if (at < own.size())
        return own[at];
    // Quota and policy keep to their last step. The others go on where the general ladder would be by now.
    if (!own.empty() && (ladder == RetryLadder::mailbox_full || ladder == RetryLadder::policy_tls))
        return own.back();
    return at < options_.general.size() ? options_.general[at] : options_.general_then;
}

TimePoint RetrySchedule::next_attempt(ReplyClass klass, int attempts, TimePoint now, double jitter,
                                      std::optional<milliseconds> hint) const
{
    const RetryLadder ladder = ladder_of(klass);
    milliseconds delay = std::max(wait(ladder, attempts) / std::max(options_.speedup, 1), options_.min);
    bool only_later = ladder == RetryLadder::greylist;
    if (hint) {
        const milliseconds asked = std::clamp(*hint, options_.min, std::max(options_.hint_max, options_.min));
        const bool ladder_used_up = attempts > static_cast<int>(steps(ladder).size());
        delay = ladder_used_up ? std::max(asked, delay) : asked;
        only_later = true;
    }
    const double share = only_later ? options_.spread * (jitter + 1.0) / 2.0 : options_.spread * jitter;
    const auto extra = static_cast<milliseconds::rep>(static_cast<double>(delay.count()) * share);
    return now + std::max(delay + milliseconds{extra}, options_.min);
}

}  // namespace winnow
