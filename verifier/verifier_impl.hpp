#pragma once

#include "verifier/pipeline.hpp"

namespace winnow::verifier {

/// Shared by Verifier and VerificationJobs: one set of budgets for all.
struct Verifier::Impl {
    Impl(Services s, VerifierOptions o) : services(s), options(std::move(o)), pipeline(services, options) {}
    Services services;
    VerifierOptions options;
    Pipeline pipeline;
};

}  // namespace winnow::verifier
