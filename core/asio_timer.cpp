#include "core/asio_timer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>

namespace winnow {
namespace {

namespace asio = boost::asio;
namespace intrusive = boost::intrusive;

using Hook = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>>;

}  // namespace

/// Shared with the timers, because a coroutine frame (and the timer in it) may be destroyed after the source.
struct AsioTimerSource::State {
    class Item final : public Timer, public Hook {
    public:
        Item(const asio::any_io_executor& executor, const Clock& clock, std::shared_ptr<State> state)
            : timer_(executor), clock_(clock), state_(std::move(state))
        {
        }

        asio::awaitable<Wake> wait_until(SteadyPoint deadline) override
        {
            if (state_->stopped)
                co_return Wake::cancelled;
            if (woken_) {
                woken_ = false;
                co_return Wake::woken;
            }
            timer_.expires_after(deadline - clock_.steady());
            waiting_ = true;
            const auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
            waiting_ = false;
            if (state_->stopped)
                co_return Wake::cancelled;
            // A wake that came while the expiry was already on its way must not be lost: it wins.
            if (woken_) {
                woken_ = false;
                co_return Wake::woken;
            }
            if (error)
                co_return Wake::cancelled;
            co_return Wake::expired;
        }

        void wake() override
        {
            woken_ = true;
            if (waiting_)
                timer_.cancel();
        }

        void cancel() { timer_.cancel(); }

    private:
        asio::steady_timer timer_;
        const Clock& clock_;
        std::shared_ptr<State> state_;
        bool waiting_ = false;
        bool woken_ = false;
    };

    bool stopped = false;
    intrusive::list<Item, intrusive::constant_time_size<false>> timers;
};

AsioTimerSource::AsioTimerSource(boost::asio::any_io_executor executor, const Clock& clock)
    : executor_(std::move(executor)), clock_(clock), state_(std::make_shared<State>())
{
}

AsioTimerSource::~AsioTimerSource() = default;

std::unique_ptr<Timer> AsioTimerSource::make()
{
    auto timer = std::make_unique<State::Item>(executor_, clock_, state_);
    state_->timers.push_back(*timer);
    return timer;
}

void AsioTimerSource::stop()
{
    state_->stopped = true;
    for (State::Item& timer : state_->timers)
        timer.cancel();
}

}  // namespace winnow
