#include "tests/support/virtual_timers.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

namespace winnow::test {

namespace asio = boost::asio;

/// Shared with the timers, which live in coroutine frames and may be destroyed later.
struct VirtualTimers::State {
    using Key = std::pair<SteadyPoint, std::uint64_t>;  // deadline, then order of setting
    using Completion = std::function<void(Wake)>;       // posts the coroutine's resumption to its executor

    class Item final : public Timer {
    public:
        Item(const Clock& clock, std::shared_ptr<State> state) : clock_(clock), state_(std::move(state)) {}
        ~Item() override { state_->waits.erase(key_); }

        asio::awaitable<Wake> wait_until(SteadyPoint deadline) override
        {
            if (state_->stopped)
                co_return Wake::cancelled;
            if (woken_) {
                woken_ = false;
                co_return Wake::woken;
            }
            auto initiate = [this, deadline](auto handler) {
                auto shared = std::make_shared<decltype(handler)>(std::move(handler));
                Completion complete = [shared = std::move(shared)](Wake wake) {
                    const auto executor = asio::get_associated_executor(*shared);
                    asio::post(executor, [shared, wake] { std::move (*shared)(wake); });
                };
                set(deadline, std::move(complete));
            };
            const Wake wake = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Wake)>(
                std::move(initiate), asio::use_awaitable);
            // A wake that came between the expiry and this line must not be lost: it wins.
            if (std::exchange(woken_, false) && wake == Wake::expired)
                co_return Wake::woken;
            co_return wake;
        }

        void wake() override
        {
            if (!state_->finish(key_, Wake::woken))
                woken_ = true;
        }

    private:
        void set(SteadyPoint deadline, Completion complete)
        {
            key_ = {deadline, state_->next_order++};
            state_->waits.emplace(key_, std::move(complete));
            if (deadline <= clock_.steady())
                state_->finish(key_, Wake::expired);
        }

        const Clock& clock_;
        std::shared_ptr<State> state_;
        Key key_{};
        bool woken_ = false;
    };

    bool finish(const Key& key, Wake wake)
    {
        auto node = waits.extract(key);
        if (node.empty())
            return false;
        node.mapped()(wake);
        return true;
    }

    bool stopped = false;
    std::uint64_t next_order = 1;  // 0 is the key of a timer that was never set
    std::map<Key, Completion> waits;
};

VirtualTimers::VirtualTimers(ManualClock& clock) : clock_(clock), state_(std::make_shared<State>()) {}

VirtualTimers::~VirtualTimers()
{
    abandon();
}

std::unique_ptr<Timer> VirtualTimers::make()
{
    return std::make_unique<State::Item>(clock_, state_);
}

std::size_t VirtualTimers::waiting() const noexcept
{
    return state_->waits.size();
}

SteadyPoint VirtualTimers::next_deadline() const noexcept
{
    return state_->waits.empty() ? SteadyPoint::max() : state_->waits.begin()->first.first;
}

bool VirtualTimers::jump()
{
    const SteadyPoint next = next_deadline();
    if (next == SteadyPoint::max())
        return false;
    clock_.advance_to(next);
    while (next_deadline() <= clock_.steady())
        state_->finish(State::Key{state_->waits.begin()->first}, Wake::expired);
    return true;
}

std::size_t VirtualTimers::poll(boost::asio::io_context& io, std::size_t limit)
{
    std::size_t done = 0;
    if (io.stopped())
        io.restart();
    while (io.poll_one() != 0)
        if (++done > limit)
            throw std::runtime_error("coroutines keep each other busy for ever: handler limit passed");
    return done;
}

void VirtualTimers::run_until_idle(boost::asio::io_context& io, std::size_t limit)
{
    std::size_t done = 0;
    do {
        done += poll(io, limit - done);
        if (++done > limit)
            throw std::runtime_error("timers are set again for ever: step limit passed");
    } while (jump());
}

void VirtualTimers::run_for(boost::asio::io_context& io, std::chrono::nanoseconds duration, std::size_t limit)
{
    const SteadyPoint end = clock_.steady() + duration;
    std::size_t done = poll(io, limit);
    while (next_deadline() <= end && jump()) {
        done += poll(io, limit - done);
        if (++done > limit)
            throw std::runtime_error("timers are set again for ever: step limit passed");
    }
    clock_.advance_to(end);
}

void VirtualTimers::stop()
{
    state_->stopped = true;
    while (!state_->waits.empty())
        state_->finish(State::Key{state_->waits.begin()->first}, Wake::cancelled);
}

void VirtualTimers::abandon()
{
    // Dropping a completion posts the unwinding of its coroutine to that coroutine's executor.
    std::map<State::Key, State::Completion> dropped;
    dropped.swap(state_->waits);
}

}  // namespace winnow::test
