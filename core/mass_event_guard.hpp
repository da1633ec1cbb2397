#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace winnow {

struct MassEventOptions {
    std::size_t min_recipients = 20;
    double min_share = 0.20;  ///< of the known-good recipients with an outcome in the window
    milliseconds window = std::chrono::minutes{10};
    milliseconds known_good = std::chrono::days{90};  ///< accepted or delivered evidence no older than this counts
    milliseconds freeze = std::chrono::days{1};       ///< unless released by hand before
    std::size_t max_tracked = 20'000;                 ///< outcomes remembered per site; the oldest fall out
};

/// Notices that a receiver went wrong, not its recipients: many that took mail until lately are declared dead at one
/// site within minutes (a directory that is down, a migration). While a site is frozen no suppression is written there,
/// and what was written since `since` is to be lifted by the caller. The clock is passed in. Not thread-safe.
class MassEventGuard {
public:
    explicit MassEventGuard(MassEventOptions options = {}) : options_(options) {}

    struct Freeze {
        TimePoint since{};  ///< the first death of the event
        TimePoint until{};
        std::size_t dead = 0;        ///< distinct known-good recipients that turned dead
        std::size_t known_good = 0;  ///< distinct known-good recipients with an outcome in the window
    };

    /// Feeds one outcome. `recipient`: any stable hash. `last_good`: when the recipient last accepted or was delivered
    /// to, before this outcome; without recent good evidence the outcome does not count. `dead`: the outcome is a
    /// strike against the address. Returns the freeze when this outcome starts one.
    std::optional<Freeze> observe(std::string_view site, std::uint64_t recipient, std::optional<TimePoint> last_good,
                                  bool dead, TimePoint at);
    /// The freeze in force at `now`, if any.
    std::optional<Freeze> frozen(std::string_view site, TimePoint now) const;
    /// A freeze of an earlier run, from where it was kept.
    void restore(std::string_view site, const Freeze& freeze);
    /// By hand: the event is understood. Forgets the site's window too.
    void release(std::string_view site);
    /// Drops sites without recent outcomes and freezes that are over; call now and then.
    void forget_idle(TimePoint now);
    std::size_t sites() const noexcept { return sites_.size(); }

private:
    struct Seen {
        TimePoint at{};
        std::uint64_t recipient = 0;
        bool dead = false;
    };
    struct Site {
        std::deque<Seen> seen;
        std::optional<Freeze> freeze;
    };
    MassEventOptions options_;
    std::map<std::string, Site, std::less<>> sites_;
};

}  // namespace winnow
