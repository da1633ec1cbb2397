#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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

/// Evidence before probe, fewest probes per decision. Runs on one executor; not thread-safe.
class Verifier {
public:
    Verifier(Services services, VerifierOptions options);
    ~Verifier();

    /// The whole way for one address: suppression, syntax, lists, own history, cached verdict, DNS, probe, catch-all.
    /// Answers within `deadline`; what is not known then is `unknown` with its reason. Stores the verdict, also one
    /// that comes after the deadline.
    awaitable<VerdictRecord> check(std::string workspace, std::string address, milliseconds deadline);

    /// What stored evidence says, now. Never probes, never asks DNS. `text` may be invalid: then syntax_invalid.
    awaitable<Result<VerdictRecord>> risk(std::string workspace, std::string address);

    const VerifierOptions& options() const noexcept;
    /// Why only DNS is used, with the cure; empty when probing is allowed.
    std::string dns_only_reason() const;
    /// The probe identity holds now: mailboxes are asked from the next address on.
    void allow_probing();
    /// Why nothing can be found out: no DNS server has answered a single question yet. One sentence with the servers
    /// and the cure; empty when one has, or when nobody was asked.
    std::string dns_never_answered() const;

private:
    friend class JobRun;
    friend class VerificationJobs;
    struct Impl;
    std::shared_ptr<Impl> impl_;  ///< shared with what is under way
};

}  // namespace winnow::verifier
