#include "tests/support/spawn.hpp"

#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace winnow::test {

void spawn(boost::asio::io_context& io, boost::asio::awaitable<void> story,
           std::function<void(std::exception_ptr)> ended)
{
    boost::asio::co_spawn(io, std::move(story), std::move(ended));
}

void spawn(boost::asio::io_context& io, boost::asio::awaitable<void> story)
{
    spawn(io, std::move(story), [](std::exception_ptr) {});
}

void spawn_or_throw(boost::asio::io_context& io, boost::asio::awaitable<void> story)
{
    spawn(io, std::move(story), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
}

}  // namespace winnow::test
