#include "core/duration.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>

namespace winnow {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr Unit units[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

struct SizeUnit {
    std::string_view name;
    unsigned shift;
};

constexpr SizeUnit size_units[] = {{"TB", 40}, {"GB", 30}, {"MB", 20}, {"KB", 10}, {"B", 0}};

constexpr const char* weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// Digits at the start of `text`, which is shortened by them. Nothing without digits or on overflow.
std::optional<std::uint64_t> take_digits(std::string_view& text) noexcept
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::string_view take_letters(std::string_view& text) noexcept
{
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length]))
        ++length;
    const std::string_view letters = text.substr(0, length);
    text.remove_prefix(length);
    return letters;
}

Error not_a_duration(std::string_view text)
{
    return {Errc::invalid_argument, "'" + std::string(text) +
                                        "' is not a duration: write a number with a unit (d, h, m, s or ms), "
                                        "for example 15m, 1h30m or 250ms"};
}

Error not_a_time(std::string_view text)
{
    return {Errc::invalid_argument,
            "'" + std::string(text) + "' is not a time: write RFC 3339, for example 2026-01-02T03:04:05Z"};
}

Error not_a_size(std::string_view text)
{
    return {Errc::invalid_argument,
            "'" + std::string(text) +
                "' is not a size: write a number of bytes or a number with KB, MB, GB or TB, for example 10MB"};
}

bool same_letters(std::string_view a, std::string_view upper) noexcept
{
    if (a.size() != upper.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if ((a[i] >= 'a' && a[i] <= 'z' ? static_cast<char>(a[i] - 'a' + 'A') : a[i]) != upper[i])
            return false;
    return true;
}

struct Civil {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<milliseconds> time;
    std::chrono::weekday weekday;
};

Civil civil(TimePoint t)
{
    const auto day = std::chrono::floor<std::chrono::days>(t);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss<milliseconds>{t - day}, std::chrono::weekday{day}};
}

/// Reads fixed-width fields one after the other; once something does not fit, everything after is refused too.
class FieldReader {
public:
    explicit FieldReader(std::string_view text) : rest_(text) {}

    int number(std::size_t width, int least, int most)
    {
        int value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            if (i >= rest_.size() || !is_digit(rest_[i]))
                return fail();
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(width);
        return value < least || value > most ? fail() : value;
    }
    /// One character out of `set`; NUL when it is another one.
    char one_of(std::string_view set)
    {
        if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) {
            fail();
            return '\0';
        }
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    /// Milliseconds of an optional ".123456".
    int fraction()
    {
        if (!rest_.starts_with('.'))
            return 0;
        rest_.remove_prefix(1);
        int value = 0;
        std::size_t digits = 0;
        for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits)
            if (digits < 3)
                value = value * 10 + (rest_[digits] - '0');
        if (digits == 0)
            return fail();
        rest_.remove_prefix(digits);
        for (; digits < 3; ++digits)
            value *= 10;
        return value;
    }
    bool finished() const noexcept { return good_ && rest_.empty(); }

private:
    int fail()
    {
        good_ = false;
        rest_ = {};
        return 0;
    }
    std::string_view rest_;
    bool good_ = true;
};

}  // namespace

Result<milliseconds> parse_duration(std::string_view text)
{
    std::string_view rest = text;
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    if (text.empty())
        return not_a_duration(text);
    while (!rest.empty()) {
        const auto number = take_digits(rest);
        const std::string_view name = take_letters(rest);
        if (!number)
            return not_a_duration(text);
        while (next_unit < std::size(units) && units[next_unit].name != name)
            ++next_unit;
        if (next_unit == std::size(units))
            return not_a_duration(text);
        const std::int64_t unit = units[next_unit++].milliseconds;
        const std::int64_t room = std::numeric_limits<std::int64_t>::max() - total;
        if (*number > static_cast<std::uint64_t>(room / unit))
            return Error{Errc::invalid_argument, "'" + std::string(text) + "' is too long a duration"};
        total += static_cast<std::int64_t>(*number) * unit;
    }
    return milliseconds{total};
}

std::string format_duration(milliseconds d)
{
    if (d == milliseconds::zero())
        return "0s";
    // Unsigned, because the most negative value has no positive counterpart.
    auto left = static_cast<std::uint64_t>(d.count());
    std::string out;
    if (d < milliseconds::zero()) {
        out = "-";
        left = 0 - left;
    }
    for (const Unit& unit : units) {
        const auto size = static_cast<std::uint64_t>(unit.milliseconds);
        if (left >= size)
            out += std::to_string(left / size) + std::string(unit.name);
        left %= size;
    }
    return out;
}

std::string format_time(TimePoint t)
{
    const Civil c = civil(t);
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(c.date.year()),
                  static_cast<unsigned>(c.date.month()), static_cast<unsigned>(c.date.day()),
                  static_cast<int>(c.time.hours().count()), static_cast<int>(c.time.minutes().count()),
                  static_cast<int>(c.time.seconds().count()), static_cast<int>(c.time.subseconds().count()));
    return out.data();
}

Result<TimePoint> parse_time(std::string_view text)
{
    FieldReader in(text);
    const int year = in.number(4, 0, 9999);
    in.one_of("-");
    const int month = in.number(2, 1, 12);
    in.one_of("-");
    const int day = in.number(2, 1, 31);
    in.one_of("Tt ");
    const int hour = in.number(2, 0, 23);
    in.one_of(":");
    const int minute = in.number(2, 0, 59);
    in.one_of(":");
    const int second = in.number(2, 0, 60);  // 60: a leap second, read as the first instant after it
    const int fraction = in.fraction();
    const char zone = in.one_of("Zz+-");
    milliseconds offset{0};
    if (zone == '+' || zone == '-') {
        offset = std::chrono::hours{in.number(2, 0, 23)};
        in.one_of(":");
        offset += std::chrono::minutes{in.number(2, 0, 59)};
        if (zone == '-')
            offset = -offset;
    }
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!in.finished() || !date.ok())
        return not_a_time(text);
    return TimePoint{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           std::chrono::seconds{second} + milliseconds{fraction} - offset;
}

Result<TimePoint> parse_date_or_time(std::string_view text)
{
    constexpr std::size_t date_length = 10;
    auto time = parse_time(std::string(text) + (text.size() == date_length ? "T00:00:00Z" : ""));
    if (!time)
        return Error{Errc::invalid_argument,
                     "'" + std::string(text) + "' is neither a date (2026-01-31) nor a time (2026-01-31T12:00:00Z)"};
    return time;
}

std::string format_rfc5322_date(TimePoint t)
{
    const Civil c = civil(t);
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", weekdays[c.weekday.c_encoding()],
                  static_cast<unsigned>(c.date.day()), months[static_cast<unsigned>(c.date.month()) - 1],
                  static_cast<int>(c.date.year()), static_cast<int>(c.time.hours().count()),
                  static_cast<int>(c.time.minutes().count()), static_cast<int>(c.time.seconds().count()));
    return out.data();
}

Result<std::uint64_t> parse_size(std::string_view text)
{
    std::string_view rest = text;
    const auto number = take_digits(rest);
    if (!number)
        return not_a_size(text);
    if (rest.empty())
        return *number;
    for (const SizeUnit& unit : size_units) {
        if (!same_letters(rest, unit.name))
            continue;
        if (*number > (std::numeric_limits<std::uint64_t>::max() >> unit.shift))
            return Error{Errc::invalid_argument, "'" + std::string(text) + "' is too large a size"};
        return *number << unit.shift;
    }
    return not_a_size(text);
}

std::string format_size(std::uint64_t bytes)
{
    for (const SizeUnit& unit : size_units)
        if (bytes != 0 && (bytes & ((std::uint64_t{1} << unit.shift) - 1)) == 0)
            return std::to_string(bytes >> unit.shift) + std::string(unit.name);
    return "0B";
}

}  // namespace winnow
