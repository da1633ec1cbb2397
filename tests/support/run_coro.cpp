#include "tests/support/run_coro.hpp"

#include <boost/asio/co_spawn.hpp>
#include <stdexcept>
#include <vector>

namespace winnow::test::detail {
namespace {

void start(boost::asio::io_context& io, boost::asio::awaitable<void> story, std::shared_ptr<End> end)
{
    boost::asio::co_spawn(io, std::move(story), [end = std::move(end)](std::exception_ptr failure) {
        end->failure = failure;
        end->ended = true;
    });
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

}  // namespace

End::~End() = default;

std::shared_ptr<End> own(End* fresh)
{
    return std::shared_ptr<End>(fresh);
}

void End::check() const
{
    if (failure)
        std::rethrow_exception(failure);
    if (!ended)
        throw std::runtime_error("the coroutine waits for something that never comes");
}

void drive(boost::asio::io_context& io, boost::asio::awaitable<void> story, const std::shared_ptr<End>& end,
           std::chrono::seconds patience)
{
    start(io, std::move(story), end);
    if (io.stopped())
        io.restart();
    for (std::size_t step = 0; !end->ended && step < VirtualTimers::default_limit; ++step)
        if (io.run_one_for(patience) == 0)
            break;
}

void drive(boost::asio::awaitable<void> story, const std::shared_ptr<End>& end, std::chrono::seconds patience)
{
    // Contexts of hung coroutines live until the end of the program: a timer or fake of the failed test may still hold
    // a coroutine of theirs.
    static std::vector<std::unique_ptr<boost::asio::io_context>> hung;
    auto io = std::make_unique<boost::asio::io_context>(1);
    drive(*io, std::move(story), end, patience);
    if (!end->ended)
        hung.push_back(std::move(io));
}

void drive(boost::asio::io_context& io, VirtualTimers& timers, boost::asio::awaitable<void> story,
           const std::shared_ptr<End>& end, std::size_t limit)
{
    start(io, std::move(story), end);
    std::size_t done = 0;
    while (!end->ended) {
        if (io.stopped())
            io.restart();
        // One handler at a time: background coroutines get no further than the story needs.
        const bool moved = io.poll_one() != 0;
        if (!moved && !timers.jump())
            break;
        if (++done > limit)
            throw std::runtime_error("the coroutine does not end: step limit passed");
    }
}

void drive(VirtualTimers& timers, boost::asio::awaitable<void> story, const std::shared_ptr<End>& end)
{
    boost::asio::io_context io(1);
    Abandon abandon{timers, io};
    drive(io, timers, std::move(story), end, VirtualTimers::default_limit);
}

}  // namespace winnow::test::detail
