#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "app/runtime.hpp"
#include "verifier/verifier.hpp"

namespace winnow::app {

/// May mailboxes be probed?
struct Identity {
    std::string why_not;   ///< with the cure; empty = they may
    bool passing = false;  ///< only the DNS did not answer: worth asking again
};

/// Settles whether mailboxes may be probed (docs/verification.md): yes when targets are private (labs), or when EHLO
/// name, MAIL FROM and FCrDNS of every source check out. A DNS that answers some questions and not others is asked a
/// second time, past the cache. The outcome is in config.verifier too.
boost::asio::awaitable<Identity> settle_identity(Runtime& runtime, Config& config);

/// Goes on asking for a server that began without a probe identity because the DNS did not answer, and lets the
/// verifier probe when it holds. Runtime and verifier outlive it.
class IdentityWatch {
public:
    /// Does nothing unless `at_start` is passing.
    IdentityWatch(Runtime& runtime, const Config& config, verifier::Verifier& verifier, const Identity& at_start);
    ~IdentityWatch();
    IdentityWatch(const IdentityWatch&) = delete;
    IdentityWatch& operator=(const IdentityWatch&) = delete;

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with the coroutine, which outlives the watch by one wait
};

}  // namespace winnow::app
