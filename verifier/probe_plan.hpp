#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "verifier/options.hpp"

/// What a verification will ask and how long manners make that take: pure, from counts of addresses per mail site.
namespace winnow::verifier {

/// Addresses to be asked about at one site (MX set).
struct PlannedSite {
    std::string operator_name;    ///< empty when nobody known runs it
    bool large = false;           ///< the operator's own manners hold, over all its sites
    std::uint64_t addresses = 0;  ///< each is asked once
    std::uint64_t domains = 0;    ///< recipient domains among them
    std::uint64_t untested = 0;   ///< of these, domains of which it is not known whether they accept everything
};

/// The sites of one operator, or all sites of nobody known together.
struct PlannedGroup {
    std::string operator_name;  ///< empty = no known operator
    bool large = false;
    std::uint64_t sites = 0, domains = 0, addresses = 0;
    std::uint64_t rcpts = 0;        ///< of the addresses, and one for each untested domain
    std::uint64_t connections = 0;  ///< used to the full
    milliseconds eta{0};            ///< of its slowest site; of a large operator: of all its sites
    std::uint64_t not_reached = 0;  ///< addresses whose turn comes after the deadline
};

struct ProbePlan {
    std::vector<PlannedGroup> groups;  ///< most addresses first
    std::uint64_t addresses = 0, rcpts = 0, connections = 0, not_reached = 0;
    milliseconds eta{0};  ///< of everything
};

/// As if nothing else went to these sites, all from one source address, and every reply took `reply_time`. Greylisting
/// and refusals come on top: they are the receivers' to decide.
ProbePlan plan_probes(const std::vector<PlannedSite>& sites, const Manners& manners, milliseconds deadline,
                      milliseconds reply_time);

}  // namespace winnow::verifier
