#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/breaker.hpp"
#include "core/egress_budget.hpp"
#include "verifier/mailbox_probe.hpp"
#include "verifier/prober.hpp"

/// The parts of the prober: who may connect when (prober.cpp), what is said on a connection (probe_worker.cpp), and
/// what an answer means at its domain (probe_catch_all.cpp, probe_edge.cpp).
namespace winnow::verifier {

struct Prober::Impl : std::enable_shared_from_this<Prober::Impl> {
    Impl(Services s, VerifierOptions o, SelfTest t);

    /// One connection's life, from its place in the budget to QUIT.
    struct Worker {
        ProbeSite& site;
        std::optional<EgressBudget::Connection> slot;  ///< the connection's place in the budget
        std::unique_ptr<ProbeSession> session;         ///< null until it is open
        std::optional<ProbeTask> task;                 ///< the one in hand
        std::uint64_t connection = 0;                  ///< number of the session, unique in this process
    };
    enum class Next { go_on, hang_up };

    Services services;
    const VerifierOptions options;
    SelfTest self_test;
    EgressBudget budget;
    Breakers own_breakers;
    Breakers& breakers;
    Metrics::Counter& rcpts_sent;
    Metrics::Counter& connections_made;
    Metrics::Counter& breakers_tripped;

    std::map<std::string, std::unique_ptr<ProbeSite>> sites;  ///< by MX set and source
    std::multimap<SteadyPoint, ProbeSite*> later;             ///< sites that may connect at that time
    std::map<std::string, std::deque<ProbeSite*>> crowded;    ///< by large operator: until a connection ends
    std::deque<ProbeSite*> no_room;                           ///< all of this process's connections are in use
    std::unique_ptr<Timer> alarm;
    bool clock_runs = false;
    SteadyPoint first_deadline = SteadyPoint::max();  ///< no task expires earlier
    std::multimap<SteadyPoint, ProbeSite*> memories;  ///< sites without work, each once: to be forgotten then
    std::size_t pending = 0;
    int workers = 0;
    std::uint64_t last_connection = 0;
    bool draining = false;

    // --- prober.cpp
    void submit(ProbeTask task, std::shared_ptr<const DomainFacts> facts);
    ProbeSite& site_for(const ProbeTask& task, std::shared_ptr<const DomainFacts> facts);
    std::string source_for(const ProbeTask& task, const std::string& site) const;
    EgressTarget target_of(const ProbeSite& site) const;
    Breakers::Subject subject_of(const ProbeSite& site) const;
    void schedule(ProbeSite& site);
    void start_worker(ProbeSite& site, EgressBudget::Connection slot);
    void worker_ended(ProbeSite& site);
    void wake_waiting(std::deque<ProbeSite*>& queue);
    void wait_until(ProbeSite& site, SteadyPoint at);
    void start_clock();
    awaitable<void> clock();
    void expire();
    void forget_later(ProbeSite& site);
    void forget_past();
    bool blocked(const ProbeSite& site) const;
    void block(const ProbeSite& by);
    void finish(ProbeTask task);
    void leave_unprobed(ProbeTask task, std::string_view why);
    void refuse_blocked(ProbeTask task);
    void stand_down();
    void give_back_unfit(ProbeSite& site, ProbeTask task);
    void ask_from_elsewhere(ProbeSite& site, ProbeTask task);
    void give_up(ProbeSite& site, ProbeTask task, std::string_view why);
    static bool unwanted(ProbeSite& site, const ProbeTask& task);
    void take_back(ProbeSite& site, ProbeTask task);

    // --- probe_worker.cpp
    awaitable<void> work(ProbeSite& site, EgressBudget::Connection slot);
    awaitable<Next> serve(Worker& worker);
    awaitable<bool> open(Worker& worker);
    void count_connection(ProbeSite& site, const ProbeTask& task);
    awaitable<bool> wait_for_slot(Worker& worker, SteadyPoint deadline);
    awaitable<bool> pace(Worker& worker);
    Next not_asked(Worker& worker, const ProbeAnswer& answer);
    awaitable<Next> answered(Worker& worker, const ProbeAnswer& answer);
    void hold_back(Worker& worker);
    bool let_go(Worker& worker);
    bool ask_again(Worker& worker, const ProbeAnswer& answer);
    bool learn_one_each(Worker& worker, const ProbeAnswer& answer);
    void doubt_answers(Worker& worker, const ProbeAnswer& answer);
    void take_answer(ProbeTask& task, const ProbeAnswer& answer);
    void fail_site(ProbeSite& site, const ProbeAnswer& answer);
    void throttle(ProbeSite& site, const ProbeAnswer& answer);
    void note_outcome(ProbeSite& site, const std::string& domain, const ProbeAnswer& answer);

    // --- probe_catch_all.cpp
    bool is_free_mail(const ProbeSite& site, const std::string& domain) const;
    bool is_fresh(const ProbeSite& site, const storage::CatchAllRecord& known) const;
    awaitable<void> learn(ProbeSite& site, ProbeTask task);
    void send_stranger(ProbeSite& site, const ProbeDomain& domain, std::string address, const ProbeTask& like);
    awaitable<void> stranger_answered(ProbeSite& site, ProbeTask stranger, const ProbeAnswer& answer);
    awaitable<std::optional<Evidence>> refuses_later(const ProbeSite& site, std::string domain);
    bool judge_by_class(const ProbeSite& site, VerdictRecord& verdict) const;
    void end_errand(ProbeDomain& domain, const ProbeTask& errand);
    void end_settling(ProbeDomain& domain);
    void conclude_accepted(const ProbeDomain& domain, ProbeTask& task);

    // --- probe_edge.cpp
    bool accepted_lately(const ProbeDomain& domain) const;
    void note_accepted(ProbeSite& site, const std::string& name);
    void edge_refused(ProbeSite& site, ProbeTask task);
    awaitable<void> settle_edge(ProbeSite& site, std::string name);
    awaitable<void> settle_edges(ProbeSite& site);
    void end_idle_edges(ProbeSite& site);
    void postmaster_answered(ProbeSite& site, const ProbeTask& errand, const ProbeAnswer& answer);
    void end_edge(ProbeDomain& domain, std::optional<Evidence> proof);
};

}  // namespace winnow::verifier
