#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "core/timer.hpp"

namespace winnow {

/// Timers on one executor (one io_context of one core). Make one source per core. Deadlines are read on `clock`'s
/// steady time. A timer may be destroyed after its source, but not used any more.
class AsioTimerSource final : public TimerSource {
public:
    AsioTimerSource(boost::asio::any_io_executor executor, const Clock& clock);
    ~AsioTimerSource() override;
    const Clock& clock() const noexcept override { return clock_; }
    std::unique_ptr<Timer> make() override;

    /// Shutting down: every present and future wait ends with Wake::cancelled. On the executor's thread.
    void stop();

private:
    struct State;
    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    std::shared_ptr<State> state_;
};

}  // namespace winnow
