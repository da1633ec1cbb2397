#pragma once

#include "verifier/check_table.hpp"
#include "verifier/pipeline.hpp"

namespace winnow::verifier {

/// Shared by Verifier and VerificationJobs: one set of budgets for all.
struct Verifier::Impl : std::enable_shared_from_this<Verifier::Impl> {
    Impl(Services s, VerifierOptions o);

    using Check = OpenCheck;
    /// Starts a check whose mailbox is not asked about when its turn comes after `until`.
    std::shared_ptr<Check> start(std::string workspace, std::string text, SteadyPoint until);
    /// Runs a check to its end and stores the verdict.
    awaitable<void> begin(std::shared_ptr<Check> check, SteadyPoint until);
    awaitable<void> keep(std::shared_ptr<Check> check, Conclusion conclusion);
    /// A verdict that was found out just now. A failure is logged.
    awaitable<void> store(std::string workspace, std::string text, const Conclusion& conclusion);
    /// Until it is settled, at most until then.
    awaitable<void> wait(std::shared_ptr<Check> check, SteadyPoint until);
    /// Settles it then with what is known, when it is not: nothing is asked for it any more.
    awaitable<void> end_at(std::shared_ptr<Check> check, SteadyPoint until);
    void settle(Check& check, VerdictRecord verdict);
    /// Finds out what is known without the mail host, for one who will not have the verdict in time.
    awaitable<void> look(std::shared_ptr<Check> check);
    CheckState state_of(const Check& check) const;
    void spawn(awaitable<void> story);

    Services services;
    VerifierOptions options;
    Pipeline pipeline;
    CheckTable checks;
    std::size_t checks_open = 0;  ///< begun and not settled
};

}  // namespace winnow::verifier
