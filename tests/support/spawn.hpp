#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

/// co_spawn for tests, compiled once: each use of Asio's own is as much work for the compiler as a whole test.
namespace winnow::test {

/// Runs in the background; an exception of it is nobody's business.
void spawn(boost::asio::io_context& io, boost::asio::awaitable<void> story);
/// An exception of it comes out of the io_context.
void spawn_or_throw(boost::asio::io_context& io, boost::asio::awaitable<void> story);
void spawn(boost::asio::io_context& io, boost::asio::awaitable<void> story,
           std::function<void(std::exception_ptr)> ended);

namespace detail {
template <class T>
boost::asio::awaitable<void> hand_over(boost::asio::awaitable<T> story, std::function<void(T)> take)
{
    T value = co_await std::move(story);
    take(std::move(value));
}
}  // namespace detail

/// Gives what the story returns to `take`; an exception of it comes out of the io_context.
template <class T>
void spawn_then(boost::asio::io_context& io, boost::asio::awaitable<T> story,
                std::type_identity_t<std::function<void(T)>> take)
{
    spawn_or_throw(io, detail::hand_over<T>(std::move(story), std::move(take)));
}

}  // namespace winnow::test
