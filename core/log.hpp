#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace winnow {

enum class LogLevel { debug, info, warn, error };

struct LogField {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double, bool> value;
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    template <class Int>
    requires std::is_integral_v<Int> LogField(std::string_view k, Int v) : key(k), value(static_cast<std::int64_t>(v))
    {
    }
};

/// One JSON object per line: ts, level, event, then the fields (of two with one key, the first counts). Addresses never
/// go in as they are: use redact(). Thread-safe; lines never interleave; a full queue drops and counts lines rather
/// than block.
class Log {
public:
    virtual ~Log() = default;
    virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;
    /// Lines lost to a full queue so far. The log itself says so too, in a line "log_lines_dropped".
    virtual std::uint64_t dropped() const { return 0; }

    void debug(std::string_view event, std::initializer_list<LogField> f = {}) { write(LogLevel::debug, event, f); }
    void info(std::string_view event, std::initializer_list<LogField> f = {}) { write(LogLevel::info, event, f); }
    void warn(std::string_view event, std::initializer_list<LogField> f = {}) { write(LogLevel::warn, event, f); }
    void error(std::string_view event, std::initializer_list<LogField> f = {}) { write(LogLevel::error, event, f); }
};

class Clock;

/// Discards. For tests and library use.
Log& null_log();
/// JSON lines to standard error through a bounded asynchronous queue (spdlog). The destructor writes what is queued.
std::unique_ptr<Log> make_stderr_log(LogLevel least, const Clock& clock);
/// The same into `sink`, which is called on the log's own thread with one line and its LF. `capacity` is in lines.
std::unique_ptr<Log> make_async_log(LogLevel least, const Clock& clock, std::function<void(std::string_view)> sink,
                                    std::size_t capacity);
/// JSON lines handed to `sink` on the calling thread, without LF, of every level. For tests.
std::unique_ptr<Log> make_callback_log(void (*sink)(std::string_view line, void* arg), void* arg, const Clock& clock);

/// "j***@example.com": keeps the domain and the first character. A text without '@' keeps its first character only.
std::string redact(std::string_view address);

}  // namespace winnow
