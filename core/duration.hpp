#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace winnow {

/// "250ms", "90s", "15m", "1h30m", "2d": a unit is required. Errc::invalid_argument names the cure.
/// Units d, h, m, s, ms, each once, largest first.
Result<milliseconds> parse_duration(std::string_view text);
/// The exact form in the largest units, as parse_duration reads it: 5m30s, 250ms, 2d, 0s.
std::string format_duration(milliseconds d);
/// RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z.
std::string format_time(TimePoint t);
/// RFC 3339 date-time with any offset; finer fractions than milliseconds are cut off.
Result<TimePoint> parse_time(std::string_view text);
/// The same, or an RFC 3339 full-date (2026-01-31), which is read as its first instant in UTC.
Result<TimePoint> parse_date_or_time(std::string_view text);
/// RFC 5322 date-time in UTC, for Date and Received fields.
std::string format_rfc5322_date(TimePoint t);
/// "64KB", "10MB", "2GB" (powers of 1024), or a plain number of bytes.
Result<std::uint64_t> parse_size(std::string_view text);
/// The exact form in the largest unit that divides it: 64KB, 1536B, 0B.
std::string format_size(std::uint64_t bytes);

}  // namespace winnow
