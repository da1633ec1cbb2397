#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/verdict.hpp"
#include "storage/records.hpp"
#include "verifier/domain_probe.hpp"

namespace winnow::verifier {

/// How long the answers to a question are waited for, each and together.
struct Patience {
    milliseconds connect;
    milliseconds command;
    milliseconds probe;  ///< the opening of a connection, and each address's dialogue
};

/// Whoever hands out questions and may take them back. Shared by all of them.
struct Asker {
    bool withdrawn = false;  ///< set by withdraw() of the pipeline, never reset
    /// Somebody waits for the answer now: it is asked before the rows of lists, with this patience. None = it is a row
    /// of a list, with the patience of the options.
    std::optional<Patience> hurry;
    /// Connections that were made for its addresses; counted by the prober.
    mutable std::uint64_t connections = 0;
    /// Told each step of the dialogue about its addresses, as soon as it was heard. May be empty.
    std::function<void(const Evidence&)> heard;
    /// A domain's look-up has ended: there is room for more. May be empty.
    std::function<void()> progress;
};

/// An address whose mailbox is to be asked about.
struct ProbeTask {
    Address address;
    VerdictRecord verdict;               ///< flags and evidence so far; concluded when done is called
    SteadyPoint deadline{};              ///< not asked after this: unknown/not_probed
    std::shared_ptr<const Asker> asker;  ///< null = nobody withdraws it
    std::string only_mx;                 ///< greylist retry: the MX that asked for it; empty = any
    std::string source;                  ///< greylist retry: our address at that time; empty = any
    std::string reverse_path;            ///< greylist retry: MAIL FROM at that time; empty = the options' one
    bool accepted_before = false;        ///< our own messages were delivered to it once
    /// Called once, on the executor, with the concluded verdict and where it was asked.
    std::function<void(ProbeTask)> done;

    // Filled by the prober, for the durable retry with the same triplet:
    std::string asked_mx, asked_source;
    milliseconds retry_hint{0};  ///< what the server asked for; 0 = nothing
    ReplyClass klass = ReplyClass::unknown;
    bool stranger_put_off = false;  ///< accepted; whether that proves anything can be found out a little later

    // The prober's own:
    bool stranger = false;          ///< a question of our own about the domain: nobody waits for its verdict
    bool postmaster = false;        ///< a stranger that is none: whether the domain lets anybody in (probe_edge.cpp)
    bool edge = false;              ///< refused at the edge of its domain
    bool asked_again = false;       ///< the connection ended under the first question
    std::uint64_t answered_on = 0;  ///< the connection that its answer came over (Worker::connection); 0 = none

    bool hurried() const noexcept { return asker && asker->hurry; }
};

/// A recipient domain of a site.
struct ProbeDomain {
    std::string name;
    std::deque<ProbeTask> tasks;
    std::optional<storage::CatchAllRecord> catch_all;
    bool settling = false;                  ///< somebody finds out whether the domain is a catch-all
    bool forsaken = false;                  ///< while settling: all who waited for it were withdrawn
    storage::CatchAllRecord found;          ///< while settling: what is known so far
    std::vector<ProbeTask> parked;          ///< answered by their host; they wait for the end of settling
    std::optional<Evidence> refuses_later;  ///< why a yes to strangers is no catch-all

    std::optional<SteadyPoint> accepted;  ///< when a recipient was accepted last
    std::vector<ProbeTask> refused;       ///< at the edge; they wait for somebody to be let in
    bool asks_postmaster = false;         ///< that is being found out
};

/// What waits for one MX set, asked from one source address, and what is remembered of its hosts. A value without I/O;
/// the Prober's.
class ProbeSite {
public:
    ProbeSite(std::string id, std::string from) : name(std::move(id)), source(std::move(from)) {}
    ProbeSite(const ProbeSite&) = delete;
    ProbeSite& operator=(const ProbeSite&) = delete;

    const std::string name;                    ///< of the MX set
    const std::string source;                  ///< local address; empty = the system's choice
    std::shared_ptr<const DomainFacts> facts;  ///< of the domain that came last; all have the same hosts
    std::string operator_name;                 ///< empty = none known
    bool large = false;
    int workers = 0;                              ///< connections open or about to be
    bool waiting = false;                         ///< in one of the Prober's queues for a connection
    bool remembered = false;                      ///< without work, in the Prober's list of sites to be forgotten later
    SteadyPoint resume_at{};                      ///< the site told us to slow down
    SteadyPoint one_each_until{};                 ///< a second recipient on a connection confused a host of it
    std::map<std::string, SteadyPoint> in_clear;  ///< MX hosts whose TLS handshake failed: no TLS before that time

    struct DeadHost {
        SteadyPoint until;
        Error error;
    };
    std::map<std::string, DeadHost> dead;  ///< by IP address: not connected to before `until`

    ProbeDomain& domain(const std::string& name_of_domain);

    void push(ProbeTask task);
    /// Before all others of its kind: a question that was asked and not answered,
    /// a stranger.
    void push_front(ProbeTask task);
    /// The next one for a connection to `mx`, empty for one that is not open yet.
    /// Strangers first, then the hurried, greylist retries, and the domains in turn.
    std::optional<ProbeTask> take(const std::string& mx);
    std::size_t queued() const noexcept { return queued_; }

    /// Takes out the queued and, when asked, the parked tasks that `which` holds for.
    std::vector<ProbeTask> extract(const std::function<bool(const ProbeTask&)>& which, bool parked);
    /// Deadline of the first task to expire; max() when none waits.
    SteadyPoint earliest_deadline() const;
    /// No tasks, no connection, in no queue.
    bool without_work() const noexcept { return queued_ == 0 && workers == 0 && !waiting; }
    /// What is remembered of its hosts counts until then: a pause, hosts that do not answer, broken TLS.
    SteadyPoint remembered_until() const;
    /// Forgets what was found out about domains without work; it is in the store.
    void forget_domains();
    /// Domains with refusals at the edge that wait; looked for only while may_have_refused.
    std::vector<ProbeDomain*> with_refused();
    bool may_have_refused = false;
    std::size_t domains() const noexcept { return domains_.size(); }

private:
    std::map<std::string, ProbeDomain> domains_;
    std::deque<ProbeDomain*> ring_;                         ///< domains with tasks, each once
    std::map<std::string, std::deque<ProbeTask>> retries_;  ///< by MX
    std::deque<ProbeTask> hurried_;                         ///< somebody waits for these
    std::size_t queued_ = 0;
};

}  // namespace winnow::verifier
