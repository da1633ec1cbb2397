#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "verifier/dns_watch.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober.hpp"

namespace winnow::verifier {

/// One address to be verified, and what an earlier try left behind.
struct Question {
    std::string workspace;
    std::string text;                    ///< the address as written
    bool use_cache = true;               ///< a stored verdict that is still valid is an answer
    SteadyPoint deadline{};              ///< not asked after this
    std::shared_ptr<const Asker> asker;  ///< for withdraw(); null = nobody withdraws it
    /// Greylist retry: the triplet that was asked to come back. Empty = as it comes.
    std::string only_mx, source, reverse_path;
};

struct Conclusion {
    VerdictRecord verdict;
    ReplyClass klass = ReplyClass::unknown;  ///< of the last answer, for the retry ladder
    std::string mx, source;                  ///< where it was asked; empty when nobody was
    milliseconds retry_hint{0};
    bool cached = false;  ///< the verdict was stored already
    bool final = false;   ///< asking again would only hear the same: our own guard refused the target
    bool no_dns = false;  ///< dns_failure because no DNS server answers us at all: says nothing about the domain
};

/// The way of an address to its verdict, shared by the interactive check and by jobs: precheck, DNS, mailbox probe.
/// Lives on one executor.
class Pipeline {
public:
    Pipeline(Services services, const VerifierOptions& options);

    /// Calls `done` exactly once, on the executor, now or later. Returns when the address is decided or queued for
    /// probing.
    awaitable<void> begin(Question question, std::function<void(Conclusion)> done);
    std::size_t probing() const noexcept { return prober_.pending(); }
    std::size_t sites() const noexcept { return prober_.sites(); }
    /// No SMTP command is begun for the asker's questions any more; those not answered yet are concluded as not_probed,
    /// some of them later.
    void withdraw(Asker& asker);
    void abandon() { prober_.abandon(); }
    awaitable<void> drain() { return prober_.drain(); }
    /// Why mailboxes are not asked; empty = they are.
    std::string dns_only_reason() const;
    const DnsWatch& dns() const noexcept { return dns_; }
    /// False when no DNS server answers; dns().outage() is up to date then.
    awaitable<bool> dns_answers() { return dns_.answers(); }

private:
    struct KnownDomain {
        std::shared_ptr<const DomainFacts> facts;
        SteadyPoint until;
    };

    awaitable<std::shared_ptr<const DomainFacts>> facts_of(std::string domain);
    void probe(Question question, Precheck check, std::shared_ptr<const DomainFacts> facts,
               std::function<void(Conclusion)> done);

    DnsWatch dns_;
    Services services_;  ///< asks the DNS through dns_
    const VerifierOptions& options_;
    ListedDomains listed_;
    Prober prober_;
    std::map<std::string, KnownDomain> domains_;  ///< with a mail route, as long as DNS says
};

}  // namespace winnow::verifier
