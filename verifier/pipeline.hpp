#pragma once

#include <functional>
#include <string>

#include "core/typo.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober.hpp"

namespace winnow::verifier {

/// One address to be verified, and what an earlier try left behind.
struct Question {
    std::string workspace;
    std::string text;        ///< the address as written
    bool use_cache = true;   ///< a stored verdict that is still valid is an answer
    SteadyPoint deadline{};  ///< not asked after this
    std::string only_mx;     ///< greylist retry: the MX that asked for it
};

struct Conclusion {
    VerdictRecord verdict;
    ReplyClass klass = ReplyClass::unknown;  ///< of the last answer, for the retry ladder
    std::string mx, source;                  ///< where it was asked; empty when nobody was
    milliseconds retry_hint{0};
};

/// The way of an address (design section 6), shared by the interactive check and by jobs: precheck, DNS, mailbox probe.
/// Lives on one executor.
class Pipeline {
public:
    Pipeline(Services services, const VerifierOptions& options);

    /// Calls `done` exactly once, on the executor, now or later. Returns when the address is decided or queued for
    /// probing.
    awaitable<void> begin(Question question, std::function<void(Conclusion)> done);
    std::size_t probing() const noexcept { return prober_.pending(); }
    awaitable<void> drain() { return prober_.drain(); }
    /// Why mailboxes are not asked; empty = they are.
    std::string dns_only_reason() const;

private:
    Services services_;
    const VerifierOptions& options_;
    TypoAdvisor typos_;
    Prober prober_;
};

}  // namespace winnow::verifier
