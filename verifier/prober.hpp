#pragma once

#include <functional>
#include <memory>
#include <string>

#include "verifier/domain_probe.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// An address whose mailbox is to be asked about.
struct ProbeTask {
    Address address;
    VerdictRecord verdict;   ///< flags and evidence so far; concluded when done is called
    std::string only_mx;     ///< greylist retry: the MX that asked for it; empty = any
    SteadyPoint deadline{};  ///< not asked after this: unknown/not_probed
    /// Called once, on the executor, with the concluded verdict and where it was asked.
    std::function<void(ProbeTask)> done;
    // Filled by the prober, for the durable retry with the same triplet:
    std::string asked_mx, asked_source;
    milliseconds retry_hint{0};  ///< what the server asked for; 0 = nothing
    ReplyClass klass = ReplyClass::unknown;
};

/// Asks mail hosts about mailboxes, under the manners of the options: connections per site, RCPTs per connection,
/// pauses, and for large operators their own connections and hourly budget. Several addresses share a connection; a
/// domain's catch-all answer is found once and shared. Not thread-safe: lives on one executor.
class Prober {
public:
    Prober(Services services, const VerifierOptions& options);
    ~Prober();

    /// Queues a task for its site; `facts.route.status` is ok. Returns at once.
    void submit(ProbeTask task, const DomainFacts& facts);
    /// Tasks that are queued or being asked.
    std::size_t pending() const noexcept;
    /// Concludes what is queued as not_probed and ends after the dialogues under way.
    awaitable<void> drain();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// A local part that nobody has: pronounceable, 13 syllables of consonant and vowel (86 bits), from the run's
/// randomness.
std::string unlikely_local_part(Rng& rng);

}  // namespace winnow::verifier
