#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/mass_event_guard.hpp"
#include "relay/relay.hpp"

namespace winnow::relay {

/// The mass-event guard of core/ over what delivery and bounce intake learn: outcomes pass here before they are
/// committed. While a site is frozen its deaths are kept as evidence and suppress nobody; when a freeze begins, what
/// outcomes there led to since its first death is taken back (people's own words stay). Freezes are in the store, in
/// the commit that takes back; what is counted is of this process: a restart in the middle of an event counts from the
/// start.
///
/// Runs on one executor; not thread-safe.
class MassEvents {
public:
    MassEvents(storage::Engine& engine, Log& log, Metrics& metrics, MassEventOptions options = {});

    /// Freezes of earlier runs that are not over; once, before anything is weighed. What cannot be read is logged and
    /// forgotten, an error is the store's.
    awaitable<Result<>> restore();

    struct Weighed {
        bool frozen = false;   ///< for RecordAttempt::frozen and RecordReport::frozen
        storage::OpList undo;  ///< to be committed now, then undone(); empty unless a freeze began
    };
    /// The end of an attempt at a site (name of the MX set).
    awaitable<Weighed> weigh_attempt(std::string site, storage::MessageRecord message, storage::RecordAttempt record);
    /// A bounce that came later; its site is that of the message's last attempt.
    awaitable<Weighed> weigh_report(storage::MessageRecord message, storage::RecordReport report);

    /// How committing Weighed::undo went. What was not taken is offered again with the site's next outcome.
    void undone(const std::string& site, bool taken);

    /// Of an outcome that is committed by now and was not frozen: what takes it back when a freeze began while it was
    /// on its way. Adds to `undo`.
    void overtaken(const std::string& site, MessageRef message, storage::OpList& undo) const;
    std::string site_of(const storage::MessageRecord& message) const;
    bool frozen(std::string_view site) const;

    /// Whether an outcome counts against the address: what a mass event is made of.
    static bool is_death(ReplyClass klass) noexcept;

private:
    struct Death {
        TimePoint at{};
        MessageRef message;
        std::string workspace;
    };

    awaitable<Weighed> weigh(std::string site, storage::MessageRecord message, bool dead, TimePoint at);
    awaitable<std::optional<TimePoint>> last_good(std::string workspace, ParsedAddress recipient);
    void remember(const std::string& site, const storage::MessageRecord& message, TimePoint at);
    struct Owed {
        storage::OpList undo;
        bool offered = false;  ///< somebody is committing it
    };
    storage::OpList begin(const std::string& site, const MassEventGuard::Freeze& freeze);
    storage::PutValue kept_freezes(TimePoint now) const;
    void show(TimePoint now);

    storage::Engine& engine_;
    Log& log_;
    Metrics& metrics_;
    const MassEventOptions options_;
    MassEventGuard guard_;
    std::map<std::string, std::deque<Death>, std::less<>> deaths_;        ///< by site, within the window
    std::map<std::string, MassEventGuard::Freeze, std::less<>> freezes_;  ///< in force, by site
    std::map<std::string, Owed, std::less<>> owed_;                       ///< what is not taken back yet, by site
    std::map<std::string, std::string, std::less<>> sites_;               ///< by MX host
};

}  // namespace winnow::relay
