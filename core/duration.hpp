#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace winnow {

/// "250ms", "90s", "15m", "1h30m", "2d": a unit is required. Errc::invalid_argument names the cure.
Result<milliseconds> parse_duration(std::string_view text);
/// The shortest exact form that parse_duration reads: 5m30s, 250ms, 2d.
std::string format_duration(milliseconds d);
/// RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z.
std::string format_time(TimePoint t);
Result<TimePoint> parse_time(std::string_view text);
/// RFC 5322 date-time in UTC, for Date and Received fields.
std::string format_rfc5322_date(TimePoint t);
/// "64KB", "10MB", "2GB" (powers of 1024), or a plain number of bytes.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace winnow
