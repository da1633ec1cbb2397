#pragma once

#include <memory>
#include <string>

#include "verifier/domain_probe.hpp"
#include "verifier/probe_site.hpp"
#include "verifier/self_test.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// Asks mail hosts about mailboxes, under the manners of the options: connections per site, RCPTs per connection,
/// pauses, and for large operators their own connections and hourly budget. Several addresses share a connection; a
/// domain's catch-all answer is found once and shared. Breakers stop it where our address is refused, and a self-test
/// that fails everywhere: what waits is given back as not_probed then. Not thread-safe: lives on one executor. Drain it
/// before what it stands on goes away.
class Prober {
public:
    Prober(Services services, VerifierOptions options, SelfTest self_test);
    ~Prober();

    /// Queues a task for its site; `facts->route.status` is ok. Returns at once; `done` may be called before that.
    void submit(ProbeTask task, std::shared_ptr<const DomainFacts> facts);
    /// Tasks that are queued or being asked.
    std::size_t pending() const noexcept;
    /// Concludes the tasks of an asker as not_probed, those that wait for a catch-all test included. A command that was
    /// sent already still gets its answer; none follows it. The asker is marked as withdrawn before.
    void withdraw(const Asker& asker);
    /// Sites with work, or with something to remember. For tests of what is forgotten.
    std::size_t sites() const noexcept;
    /// Forgets what is queued without telling who asked: the owner is gone, as in a crash. Nothing is asked any more.
    void abandon();
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
