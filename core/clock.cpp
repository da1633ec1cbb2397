#include "core/clock.hpp"

namespace winnow {

TimePoint SystemClock::now() const noexcept
{
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

SteadyPoint SystemClock::steady() const noexcept
{
    return std::chrono::steady_clock::now();
}

}  // namespace winnow
