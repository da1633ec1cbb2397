#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "core/timer.hpp"

namespace winnow {

/// Timers on one executor (one io_context of one core). Make one source per core.
class AsioTimerSource final : public TimerSource {
public:
    AsioTimerSource(boost::asio::any_io_executor executor, const Clock& clock) : executor_(executor), clock_(clock) {}
    const Clock& clock() const noexcept override { return clock_; }
    std::unique_ptr<Timer> make() override;

private:
    boost::asio::any_io_executor executor_;
    const Clock& clock_;
};

}  // namespace winnow
