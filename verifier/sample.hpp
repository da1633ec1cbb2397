#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "core/rng.hpp"

/// Drawing from a list, and what a drawing says about the whole. Pure.
namespace winnow::verifier {

/// The numbers 1 to `count` in random order, each once; memory grows with what was drawn, not with `count`.
class RandomOrder {
public:
    RandomOrder(std::uint64_t count, Rng& rng) : count_(count), rng_(rng) {}
    /// Nothing when all were drawn.
    std::optional<std::uint64_t> next();

private:
    std::uint64_t count_;
    std::uint64_t drawn_ = 0;
    Rng& rng_;
    std::unordered_map<std::uint64_t, std::uint64_t> moved_;  ///< place -> number, where it is not its own
};

struct ShareEstimate {
    double share = 0.0;
    double low = 0.0, high = 1.0;  ///< 90 % interval
};

/// Share of the whole, of `population`, from `hits` among `drawn` of it without replacement: Wilson's interval with the
/// correction for a finite population. Who has drawn all knows the share; who has drawn nothing knows nothing.
ShareEstimate estimate_share(std::uint64_t hits, std::uint64_t drawn, std::uint64_t population);

}  // namespace winnow::verifier
