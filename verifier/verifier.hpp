#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/breaker.hpp"
#include "core/metrics.hpp"
#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "core/timer.hpp"
#include "net/resolver.hpp"
#include "net/stream.hpp"
#include "storage/engine.hpp"
#include "verifier/lists.hpp"
#include "verifier/options.hpp"

namespace winnow::verifier {

template <class T>
using awaitable = boost::asio::awaitable<T>;

/// What the verifier stands on. References outlive it; wired in `app`.
struct Services {
    storage::Engine& engine;
    net::Resolver& resolver;
    net::Connector& connector;
    TimerSource& timers;
    const Clock& clock;
    Rng& rng;
    Log& log;
    Metrics& metrics;
    const ReplyClassifier& replies;
    const ProviderTable& providers;
    const AddressLists& lists;
    boost::asio::any_io_executor executor;  ///< where everything of the verifier runs
    Breakers* breakers = nullptr;           ///< shared with sending from the same addresses; null = its own
};

/// How far an interactive check has come.
struct CheckState {
    std::string address;    ///< as written
    std::string id;         ///< for find_check(); empty when it was settled in time
    bool settled = false;   ///< else the verdict is unknown/timeout with the evidence so far, and is not stored
    VerdictRecord verdict;  ///< with the evidence
};

enum class ProberState : std::uint8_t {
    untested = 1,  ///< no round of the self-test has ended yet
    healthy,
    degraded,   ///< some of our source addresses rest, others ask
    unhealthy,  ///< nothing can be found out at the moment: jobs wait, checks are not_probed
    dns_only,   ///< no mailbox is ever asked, by configuration or for want of an identity
};
std::string_view to_string(ProberState) noexcept;

struct ProberReport {
    ProberState state = ProberState::untested;
    std::string reason;  ///< with the cure; empty when there is nothing to do
    TimePoint since{};   ///< of what the self-test found; 0 = it found nothing (yet)
};

/// Evidence before probe, fewest probes per decision. Runs on one executor; not thread-safe.
class Verifier {
public:
    Verifier(Services services, VerifierOptions options);
    ~Verifier();

    /// The whole way for one address: suppression, syntax, lists, own history, cached verdict, DNS, probe, catch-all.
    /// Answers within `deadline`; what is not known then is `unknown` with its reason and the evidence so far. No
    /// mailbox is asked after that. Stores the verdict, also one that comes after the deadline.
    awaitable<VerdictRecord> check(std::string workspace, std::string address, milliseconds deadline);
    /// The same for a caller that comes back: the check goes on after `deadline` (at least 0) as long as
    /// options().interactive says, and find_check() tells what became of it. Errc::unavailable when too many are on
    /// their way.
    awaitable<Result<CheckState>> begin_check(std::string workspace, std::string address, milliseconds deadline);
    /// Nothing when it was settled too long ago, or before the last start, or by another workspace.
    std::optional<CheckState> find_check(const std::string& workspace, const std::string& id);
    /// How long a settled check is found.
    static constexpr milliseconds check_memory = std::chrono::minutes{10};

    /// What stored evidence says, now. Never probes, never asks DNS. `text` may be invalid: then syntax_invalid.
    awaitable<Result<VerdictRecord>> risk(std::string workspace, std::string address);

    const VerifierOptions& options() const noexcept;
    /// The names that VerdictRecord::provider may have, by the provider table of today.
    std::vector<std::string> provider_names() const;
    /// Why only DNS is used, with the cure; empty when probing is allowed.
    std::string dns_only_reason() const;
    /// The probe identity holds now: mailboxes are asked from the next address on.
    void allow_probing();
    /// Why nothing can be found out, from the start: no DNS server has answered a single question yet, or no round of
    /// the self-test has passed. One sentence with the cure; empty when one has, or when nobody was asked.
    std::string never_fit() const;
    /// Begins a round of the self-test when it is time, also while nobody asks for anything. Does not wait for it.
    void look_at_ourselves();
    /// Why mailboxes are not asked about at the moment, though they may be; empty = they are.
    std::string unfit() const;
    /// For those who watch this process.
    ProberReport prober() const;

private:
    friend class EstimateRun;
    friend class JobRun;
    friend class VerificationJobs;
    struct Impl;
    std::shared_ptr<Impl> impl_;  ///< shared with what is under way
};

}  // namespace winnow::verifier
