#pragma once

#include <optional>
#include <string_view>

#include "core/clock.hpp"

namespace winnow {

/// How long a server asks to wait: "try again in 5 minutes", "Greylisted for 300 seconds", "retry in 00:04:59", in the
/// common languages. Nothing when the text states no time, or states one that is not a wait ("100 messages in 60
/// minutes" without a word like "again" or "wait"). Not bounded: RetrySchedule bounds it (1 min .. 6 h by default).
std::optional<milliseconds> retry_hint(std::string_view text);

}  // namespace winnow
