#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "verifier/dns_watch.hpp"
#include "verifier/precheck.hpp"
#include "verifier/prober.hpp"
#include "verifier/self_test.hpp"

namespace winnow::verifier {

/// One address to be verified, and what an earlier try left behind.
struct Question {
    std::string workspace;
    std::string list_id;                 ///< whose suppressions are told too; may be empty
    std::string text;                    ///< the address as written
    bool use_cache = true;               ///< a stored verdict that is still valid is an answer
    SteadyPoint deadline{};              ///< not asked after this
    std::shared_ptr<const Asker> asker;  ///< for withdraw(); null = nobody withdraws it
    bool policies = false;               ///< what the domain publishes (SPF, DMARC, MTA-STS) is evidence too
    /// Greylist retry: the triplet that was asked to come back. Empty = as it comes.
    std::string only_mx, source, reverse_path;
};

struct Conclusion {
    VerdictRecord verdict;
    std::optional<storage::H16> digest;  ///< of the address, when it was worked out
    /// Who forbids mail to it; nothing when that was not asked just now.
    std::optional<std::vector<storage::SuppressionHit>> suppressed;
    ReplyClass klass = ReplyClass::unknown;  ///< of the last answer, for the retry ladder
    std::string mx, source;                  ///< where it was asked; empty when nobody was
    milliseconds retry_hint{0};
    bool stranger_put_off = false;  ///< see ProbeTask
    bool cached = false;            ///< the verdict was stored already
    bool final = false;             ///< asking again would only hear the same: our own guard refused the target
    /// It is us: no DNS server answers at all, or the self-test found us not fit to ask. Says nothing about the address
    /// and is not stored.
    bool unfit = false;
};

/// A question and who waits for the answer.
struct Request {
    Question question;
    std::function<void(Conclusion)> done;  ///< called exactly once, on the executor
};

/// The way of an address to its verdict, shared by the interactive check and by jobs: precheck, DNS, mailbox probe.
/// Lives on one executor.
class Pipeline {
public:
    Pipeline(Services services, const VerifierOptions& options);

    /// Returns when each request is decided, waits for what DNS says of its domain, or is queued for probing. The store
    /// is read once for all of them. They share a workspace and a list.
    awaitable<void> begin(std::vector<Request> requests);
    awaitable<void> begin(Question question, std::function<void(Conclusion)> done);
    /// Domains that are being looked up. begin() does not limit them: who hands out many questions does.
    std::size_t looking_up() const noexcept { return lookups_.size(); }
    std::size_t probing() const noexcept { return prober_.pending(); }
    std::size_t sites() const noexcept { return prober_.sites(); }
    /// No SMTP command is begun for the asker's questions any more; those not answered yet are concluded as not_probed,
    /// some of them later.
    void withdraw(Asker& asker);
    void abandon() { prober_.abandon(); }
    awaitable<void> drain()
    {
        draining_ = true;
        return prober_.drain();
    }
    /// Why mailboxes are not asked; empty = they are.
    std::string dns_only_reason() const;
    const DnsWatch& dns() const noexcept { return dns_; }
    /// What the lists say of domains, as rows and checks are told.
    ListedDomains& listed() noexcept { return listed_; }
    const ProberHealth& health() const noexcept { return self_test_.health(); }
    /// Why nothing can be found out at the moment, in a sentence with the cure; empty = it can.
    const std::string& unfit() const noexcept;
    /// Looks whether that is over.
    awaitable<void> look_at_ourselves();
    /// Begins a round of the self-test when it is time.
    void begin_self_test() { self_test_.look(); }

private:
    /// What a domain publishes; shared with those whose verdict is to tell it.
    struct Policies {
        std::vector<Evidence> steps;
        bool known = false;
    };
    struct KnownDomain {
        std::shared_ptr<const DomainFacts> facts;
        SteadyPoint until;
        std::shared_ptr<Policies> policies;  ///< null = nobody has asked
    };
    struct Waiting {
        Request request;
        Precheck check;
    };
    /// One domain, and all who ask about it meanwhile. The coroutine that asks owns it.
    struct LookUp {
        std::string domain;
        std::vector<Waiting> waiting;
    };
    struct Untested {
        Waiting asked;
        std::shared_ptr<const DomainFacts> facts;
    };
    /// Whose mail host did not answer, while that may be our fault.
    struct Doubted {
        Conclusion answer;
        std::shared_ptr<const Asker> asker;
        std::function<void(Conclusion)> done;
        SteadyPoint listens_until{};  ///< whether others are met meanwhile
    };

    void go_on(Request request, Precheck check);
    void await_facts(Request request, Precheck check);
    awaitable<void> look_up(std::shared_ptr<LookUp> of);
    std::shared_ptr<const DomainFacts> known_facts(const std::string& domain) const;
    void remember(const std::string& domain, std::shared_ptr<const DomainFacts> facts);
    void answered(LookUp& of, const std::shared_ptr<const DomainFacts>& facts, bool unfit);
    void with_facts(Waiting asked, std::shared_ptr<const DomainFacts> facts, bool unfit);
    void conclude_unasked(Waiting asked, const DomainFacts& facts, bool unfit);
    void await_self_test(Waiting asked, std::shared_ptr<const DomainFacts> facts);
    awaitable<void> until_tested(std::shared_ptr<std::vector<Untested>> who);
    void ask(Waiting asked, std::shared_ptr<const DomainFacts> facts);
    static awaitable<void> look_up_policies(net::Resolver& dns, std::string domain, const Clock& clock,
                                            std::shared_ptr<Policies> into);
    static awaitable<void> conclude_with_policies(TimerSource& timers, std::shared_ptr<const Policies> policies,
                                                  Conclusion conclusion, std::function<void(Conclusion)> done);
    std::function<void(Conclusion)> with_policies(const std::string& domain, std::function<void(Conclusion)> done);
    void probe(Question question, Precheck check, std::shared_ptr<const DomainFacts> facts,
               std::function<void(Conclusion)> done);
    void heard_nobody(Doubted silence);
    awaitable<void> until_believed(std::shared_ptr<std::vector<Doubted>> who);
    bool is_doubtful(const Doubted& silence) const;
    void conclude_silence(Doubted silence, bool believed);

    net::Resolver& upstream_;  ///< of dns_
    DnsWatch dns_;
    Services services_;  ///< asks the DNS through dns_
    const VerifierOptions& options_;
    ListedDomains listed_;
    SelfTest self_test_;
    Prober prober_;
    std::unordered_map<std::string, KnownDomain> domains_;  ///< as long as DNS says
    std::unordered_map<std::string, std::weak_ptr<LookUp>> lookups_;
    std::weak_ptr<std::vector<Untested>> untested_;  ///< wait for the end of the first self-test
    std::weak_ptr<std::vector<Doubted>> doubted_;    ///< wait for a round of it
    bool draining_ = false;
};

}  // namespace winnow::verifier
