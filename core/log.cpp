#include "core/log.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/duration.hpp"

namespace winnow {
namespace {

std::string_view to_string(LogLevel level) noexcept
{
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
    }
    return "error";
}

/// Without LF. Never throws on bytes that are not UTF-8 (replies of servers): they become U+FFFD.
std::string json_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields, TimePoint now)
{
    nlohmann::ordered_json line;
    line["ts"] = format_time(now);
    line["level"] = to_string(level);
    line["event"] = event;
    for (const LogField& field : fields)
        std::visit([&](const auto& value) { line.emplace(field.key, value); }, field.value);
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class NullLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

class CallbackLog final : public Log {
public:
    CallbackLog(void (*sink)(std::string_view, void*), void* arg, const Clock& clock)
        : sink_(sink), arg_(arg), clock_(clock)
    {
    }
    void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override
    {
        const std::string line = json_line(level, event, fields, clock_.now());
        const std::lock_guard lock(mutex_);
        sink_(line, arg_);
    }

private:
    void (*sink_)(std::string_view, void*);
    void* arg_;
    const Clock& clock_;
    std::mutex mutex_;
};

/// Runs on the pool's one thread, hence needs no lock of its own.
class FunctionSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    FunctionSink(std::function<void(std::string_view)> write, spdlog::details::thread_pool& pool, const Clock& clock)
        : write_(std::move(write)), pool_(pool), clock_(clock)
    {
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override
    {
        report_drops();
        spdlog::memory_buf_t line;
        base_sink::formatter_->format(message, line);
        write_({line.data(), line.size()});
    }
    void flush_() override {}

private:
    void report_drops()
    {
        const std::uint64_t dropped = pool_.overrun_counter();
        if (dropped == reported_)
            return;
        write_(json_line(LogLevel::warn, "log_lines_dropped", {{"count", dropped - reported_}}, clock_.now()) + '\n');
        reported_ = dropped;
    }

    std::function<void(std::string_view)> write_;
    spdlog::details::thread_pool& pool_;
    const Clock& clock_;
    std::uint64_t reported_ = 0;
};

/// spdlog brings the bounded queue and the thread; the line is ours (its JSON patterns do not escape quotes).
class AsyncLog final : public Log {
public:
    AsyncLog(LogLevel least, const Clock& clock, std::function<void(std::string_view)> sink, std::size_t capacity)
        : least_(least),
          clock_(clock),
          pool_(std::make_shared<spdlog::details::thread_pool>(capacity, 1)),
          logger_(std::make_shared<spdlog::async_logger>("winnow",
                                                         std::make_shared<FunctionSink>(std::move(sink), *pool_, clock),
                                                         pool_, spdlog::async_overflow_policy::overrun_oldest))
    {
        logger_->set_pattern("%v");
        logger_->set_level(spdlog::level::trace);
    }
    ~AsyncLog() override
    {
        // The pool's destructor drains the queue and joins; the queued messages keep the logger and sink alive.
        logger_.reset();
        pool_.reset();
    }

    void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override
    {
        if (level < least_)
            return;
        const std::string line = json_line(level, event, fields, clock_.now());
        logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    }
    std::uint64_t dropped() const override { return pool_->overrun_counter(); }

private:
    LogLevel least_;
    const Clock& clock_;
    std::shared_ptr<spdlog::details::thread_pool> pool_;
    std::shared_ptr<spdlog::async_logger> logger_;
};

constexpr std::size_t stderr_capacity = 8192;  // lines; at some 200 bytes each, under 2 MB

void write_to_stderr(std::string_view line)
{
    while (!line.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
        if (written < 0 && errno == EINTR)
            continue;
        // Nobody is left to be told that standard error is gone.
        if (written <= 0)
            return;
        line.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

Log& null_log()
{
    static NullLog log;
    return log;
}

std::unique_ptr<Log> make_async_log(LogLevel least, const Clock& clock, std::function<void(std::string_view)> sink,
                                    std::size_t capacity)
{
    return std::make_unique<AsyncLog>(least, clock, std::move(sink), capacity);
}

std::unique_ptr<Log> make_stderr_log(LogLevel least, const Clock& clock)
{
    return make_async_log(least, clock, write_to_stderr, stderr_capacity);
}

std::unique_ptr<Log> make_callback_log(void (*sink)(std::string_view line, void* arg), void* arg, const Clock& clock)
{
    return std::make_unique<CallbackLog>(sink, arg, clock);
}

std::string redact(std::string_view address)
{
    const auto at = address.rfind('@');
    const std::string_view local = address.substr(0, at);
    std::size_t kept = local.empty() ? 0 : 1;
    // A whole character: continuation bytes of UTF-8 belong to the first.
    while (kept > 0 && kept < local.size() && (static_cast<unsigned char>(local[kept]) & 0xc0) == 0x80)
        ++kept;
    std::string out(local.substr(0, kept));
    out += "***";
    if (at != std::string_view::npos)
        out += address.substr(at);
    return out;
}

}  // namespace winnow
