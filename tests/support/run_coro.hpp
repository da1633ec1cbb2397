#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/virtual_timers.hpp"

/// Running a coroutine to its end from a test. An exception of the coroutine is rethrown; one that cannot
/// end fails the test with std::runtime_error instead of blocking it.
namespace winnow::test {
namespace detail {

/// Outcome of the coroutine under test. Holds no default-constructed T: a default Result<T> reads as success. Shared
/// with the coroutine, which may be left hanging on the caller's context.
template <class T>
struct Outcome {
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    std::optional<Value> value;
    std::exception_ptr failure;
    bool ended = false;

    T take()
    {
        if (failure)
            std::rethrow_exception(failure);
        if (!ended)
            throw std::runtime_error("the coroutine waits for something that never comes");
        if constexpr (!std::is_void_v<T>)
            return std::move(*value);
    }
};

template <class T>
boost::asio::awaitable<void> store(boost::asio::awaitable<T> story, std::shared_ptr<Outcome<T>> outcome)
{
    if constexpr (std::is_void_v<T>)
        co_await std::move(story);
    else
        outcome->value.emplace(co_await std::move(story));
}

template <class T>
std::shared_ptr<Outcome<T>> start(boost::asio::io_context& io, boost::asio::awaitable<T> story)
{
    auto outcome = std::make_shared<Outcome<T>>();
    boost::asio::co_spawn(io, store(std::move(story), outcome), [outcome](std::exception_ptr failure) {
        outcome->failure = failure;
        outcome->ended = true;
    });
    return outcome;
}

template <class T>
void drive(boost::asio::io_context& io, const Outcome<T>& outcome, std::chrono::seconds patience)
{
    if (io.stopped())
        io.restart();
    for (std::size_t step = 0; !outcome.ended && step < VirtualTimers::default_limit; ++step)
        if (io.run_one_for(patience) == 0)
            break;
}

/// Contexts of hung coroutines live until the end of the program: a timer or fake of the failed test may still hold a
/// coroutine of theirs.
inline std::vector<std::unique_ptr<boost::asio::io_context>>& hung_contexts()
{
    static std::vector<std::unique_ptr<boost::asio::io_context>> contexts;
    return contexts;
}

/// Ends the waits of coroutines before the io_context that they run on goes away.
struct Abandon {
    VirtualTimers& timers;
    boost::asio::io_context& io;
    ~Abandon()
    {
        timers.abandon();
        if (io.stopped())
            io.restart();
        for (int i = 0; i < 1000 && io.poll_one() != 0; ++i) {}
    }
};

}  // namespace detail

/// On the caller's context with real time: for sockets on the loopback interface. A wait of more than `patience` for
/// the next event is a hang.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> story,
      std::chrono::seconds patience = std::chrono::seconds{5})
{
    const auto outcome = detail::start(io, std::move(story));
    detail::drive(io, *outcome, patience);
    return outcome->take();
}

/// The same on a context of its own.
template <class T>
T run(boost::asio::awaitable<T> story, std::chrono::seconds patience = std::chrono::seconds{5})
{
    auto io = std::make_unique<boost::asio::io_context>(1);
    const auto outcome = detail::start(*io, std::move(story));
    detail::drive(*io, *outcome, patience);
    if (!outcome->ended)
        detail::hung_contexts().push_back(std::move(io));
    return outcome->take();
}

/// On the caller's context with virtual time, which jumps whenever nothing else can happen.
template <class T>
T run(boost::asio::io_context& io, VirtualTimers& timers, boost::asio::awaitable<T> story,
      std::size_t limit = VirtualTimers::default_limit)
{
    const auto outcome = detail::start(io, std::move(story));
    std::size_t done = 0;
    while (!outcome->ended) {
        if (io.stopped())
            io.restart();
        // One handler at a time: background coroutines get no further than the story needs.
        const bool moved = io.poll_one() != 0;
        if (!moved && !timers.jump())
            break;
        if (++done > limit)
            throw std::runtime_error("the coroutine does not end: step limit passed");
    }
    return outcome->take();
}

/// The same on a context of its own.
template <class T>
T run(VirtualTimers& timers, boost::asio::awaitable<T> story)
{
    boost::asio::io_context io(1);
    detail::Abandon abandon{timers, io};
    return run(io, timers, std::move(story));
}

}  // namespace winnow::test
