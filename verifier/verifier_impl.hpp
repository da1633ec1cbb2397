#pragma once

#include "verifier/pipeline.hpp"

namespace winnow::verifier {

/// Shared by Verifier and VerificationJobs: one set of budgets for all.
struct Verifier::Impl : std::enable_shared_from_this<Verifier::Impl> {
    Impl(Services s, VerifierOptions o) : services(s), options(std::move(o)), pipeline(services, options) {}

    /// An interactive check: shared by the one who waits for it and by what goes on after the deadline.
    struct Check {
        std::string workspace;
        std::string text;
        std::unique_ptr<Timer> timer;
        std::optional<VerdictRecord> verdict;
    };
    /// Runs a check to its end and stores the verdict.
    awaitable<void> begin(std::shared_ptr<Check> check, SteadyPoint until);
    awaitable<void> keep(std::shared_ptr<Check> check, Conclusion conclusion);
    void spawn(awaitable<void> story);

    Services services;
    VerifierOptions options;
    Pipeline pipeline;
};

}  // namespace winnow::verifier
