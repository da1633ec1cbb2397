#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "verifier/sample.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

struct EstimateOptions {
    std::uint64_t rows = 200;   ///< to be drawn
    milliseconds time{60'000};  ///< then it is told what is known
};

/// What verifying a few rows of a list says about all of them.
struct ListEstimate {
    std::string list_id;
    std::uint64_t addresses = 0;   ///< unique ones of the list
    std::uint64_t drawn = 0;       ///< of them, at random
    std::uint64_t unfinished = 0;  ///< had no turn or no answer in time: part of no share
    std::uint64_t cached = 0;      ///< had a verdict that still holds
    std::uint64_t probed = 0;      ///< a mail host was asked about them
    std::uint64_t probes = 0;      ///< RCPT commands spent
    std::map<Reason, std::uint64_t> by_reason;

    std::uint64_t answered() const noexcept { return drawn - unfinished; }
    std::uint64_t sampled(Verdict verdict) const;
    ShareEstimate share(Verdict verdict) const { return estimate_share(sampled(verdict), answered(), addresses); }
};

}  // namespace winnow::verifier
