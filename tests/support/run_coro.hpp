#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "tests/support/virtual_timers.hpp"

/// Running a coroutine to its end from a test. An exception of the coroutine is rethrown; one that cannot
/// end fails the test with std::runtime_error instead of blocking it.
namespace winnow::test {
namespace detail {

/// How the coroutine under test ended. What drives it keeps this as long as it lives, for it may be left hanging on the
/// caller's context.
struct End {
    virtual ~End();

    std::exception_ptr failure;
    bool ended = false;

    /// Rethrows what the coroutine threw, and throws when it has not ended.
    void check() const;
};

/// Holds no default-constructed T: a default Result<T> reads as success.
template <class T>
struct Outcome final : End {
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    std::optional<Value> value;

    T take()
    {
        check();
        if constexpr (!std::is_void_v<T>)
            return std::move(*value);
    }
};

template <class T>
boost::asio::awaitable<void> store(boost::asio::awaitable<T> story, Outcome<T>& outcome)
{
    if constexpr (std::is_void_v<T>)
        co_await std::move(story);
    else
        outcome.value.emplace(co_await std::move(story));
}

// Not templates: what these make of Asio and the standard library is compiled once and not in each test.
std::shared_ptr<End> own(End* fresh);
void drive(boost::asio::io_context& io, boost::asio::awaitable<void> story, const std::shared_ptr<End>& end,
           std::chrono::seconds patience);
void drive(boost::asio::io_context& io, VirtualTimers& timers, boost::asio::awaitable<void> story,
           const std::shared_ptr<End>& end, std::size_t limit);
void drive(boost::asio::awaitable<void> story, const std::shared_ptr<End>& end, std::chrono::seconds patience);
void drive(VirtualTimers& timers, boost::asio::awaitable<void> story, const std::shared_ptr<End>& end);

}  // namespace detail

/// On the caller's context with real time: for sockets on the loopback interface. A wait of more than `patience` for
/// the next event is a hang.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> story,
      std::chrono::seconds patience = std::chrono::seconds{5})
{
    auto* const outcome = new detail::Outcome<T>;
    const auto end = detail::own(outcome);
    detail::drive(io, detail::store(std::move(story), *outcome), end, patience);
    return outcome->take();
}

/// The same on a context of its own.
template <class T>
T run(boost::asio::awaitable<T> story, std::chrono::seconds patience = std::chrono::seconds{5})
{
    auto* const outcome = new detail::Outcome<T>;
    const auto end = detail::own(outcome);
    detail::drive(detail::store(std::move(story), *outcome), end, patience);
    return outcome->take();
}

/// On the caller's context with virtual time, which jumps whenever nothing else can happen.
template <class T>
T run(boost::asio::io_context& io, VirtualTimers& timers, boost::asio::awaitable<T> story,
      std::size_t limit = VirtualTimers::default_limit)
{
    auto* const outcome = new detail::Outcome<T>;
    const auto end = detail::own(outcome);
    detail::drive(io, timers, detail::store(std::move(story), *outcome), end, limit);
    return outcome->take();
}

/// The same on a context of its own.
template <class T>
T run(VirtualTimers& timers, boost::asio::awaitable<T> story)
{
    auto* const outcome = new detail::Outcome<T>;
    const auto end = detail::own(outcome);
    detail::drive(timers, detail::store(std::move(story), *outcome), end);
    return outcome->take();
}

}  // namespace winnow::test
