#include "core/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace winnow {
namespace {

/// Permits are counted in floating point; what is missing by less than this is there.
constexpr double tolerance = 1e-9;

}  // namespace

TokenBucket::TokenBucket(double per_second, double burst, SteadyPoint now)
    : per_second_(per_second), burst_(burst), tokens_(burst), at_(now)
{
}

double TokenBucket::available(SteadyPoint now) const noexcept
{
    if (now <= at_)
        return tokens_;
    const double seconds = std::chrono::duration<double>(now - at_).count();
    return std::min(burst_, tokens_ + seconds * per_second_);
}

bool TokenBucket::take(SteadyPoint now, double count)
{
    const double have = available(now);
    if (have + tolerance < count)
        return false;
    tokens_ = std::max(0.0, have - count);
    at_ = std::max(at_, now);
    return true;
}

SteadyPoint TokenBucket::next(SteadyPoint now, double count) const
{
    if (count > burst_ + tolerance)
        return SteadyPoint::max();
    const double missing = count - available(now);
    if (missing <= tolerance)
        return now;
    // Rounded up, so that whoever comes back at that instant is not sent away again.
    const auto wait = std::chrono::nanoseconds{static_cast<std::int64_t>(std::ceil(missing / per_second_ * 1e9))};
    return std::max(now, at_) + wait;
}

void TokenBucket::set_rate(double per_second, double burst, SteadyPoint now)
{
    tokens_ = std::min(available(now), burst);
    at_ = std::max(at_, now);
    per_second_ = per_second;
    burst_ = burst;
}

}  // namespace winnow
