#pragma once

#include "core/clock.hpp"

namespace winnow {

/// Permits at a steady rate with a bounded burst. Starts full. A value; the caller passes the time, which must not
/// go back (an earlier instant counts as the last one seen).
class TokenBucket {
public:
    /// `per_second` > 0; `burst` >= 1 is what may be taken at once after a pause.
    TokenBucket(double per_second, double burst, SteadyPoint now);

    /// Takes `count` permits and returns true, or takes none.
    bool take(SteadyPoint now, double count = 1.0);
    /// The earliest instant at which take(count) succeeds if nobody else takes: `now` or later;
    /// SteadyPoint::max() when `count` exceeds the burst.
    SteadyPoint next(SteadyPoint now, double count = 1.0) const;
    /// Changes the rate from `now` on; permits beyond the new burst are lost.
    void set_rate(double per_second, double burst, SteadyPoint now);

    double available(SteadyPoint now) const noexcept;

private:
    double per_second_;
    double burst_;
    double tokens_;
    SteadyPoint at_;
};

}  // namespace winnow
