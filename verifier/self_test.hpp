#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "verifier/prober_health.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// Where a connection to port 25 shows that egress works, when targets are public and none are configured: the mail
/// hosts of three operators that do not fail together.
extern const std::vector<std::string> well_known_mail_hosts;

/// One round: egress of each source to the first target that answers with a banner, the probe identity, the block
/// lists; a finding for each item and source. What the options do not ask for, or what cannot hold in a lab, is left
/// out. `egress_seen`: sources from which probing has shown it; nobody is connected to from there.
awaitable<std::vector<SelfTestFinding>> run_self_test(Services services, VerifierOptions options,
                                                      std::set<std::string> egress_seen);

/// The self-test of one prober: rounds when they are due, one at a time. Costs nothing until a mailbox is to be asked
/// about. A handle: copies share the state. Runs on the executor of the services.
class SelfTest {
public:
    SelfTest(Services services, const VerifierOptions& options);

    /// Begins a round when one is due. True = the very first has not ended: nobody is asked before it has.
    bool look();
    /// Waits for the end of the round under way, at most so long; nothing under way = not at all. False at shut-down.
    awaitable<bool> wait(milliseconds most);
    /// Whether the silence that a connection from `source` met may be ours: then it is no answer yet.
    bool doubts(const std::string& source) const;
    /// Looks into such doubts, at most so long: begins a round as soon as one may be made and waits for its end. False
    /// at shut-down.
    awaitable<bool> look_into_it(milliseconds most);

    ProberHealth& health() noexcept;
    const ProberHealth& health() const noexcept;
    /// ProberHealth::reason().
    const std::string& reason() const noexcept { return health().reason(); }
    /// Called when a round finds that we, or some of our sources, are not fit any more. Empty = nobody is told.
    void on_unfit(std::function<void()> told);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace winnow::verifier
