#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/engine.hpp"
#include "verifier/recompute.hpp"

namespace winnow::verifier {

/// What a change of the rules does, or would do, to the stored verdicts of a workspace.
struct RecomputeSummary {
    struct Sample {
        std::string subject;  ///< the address where its evidence names it, else the domain, else its digest
        Reason from, to;
        std::string answer, rule;  ///< of the last reply that is read differently; empty when none is
    };
    bool dry_run = true;
    std::uint64_t verdicts = 0;  ///< that were looked at
    std::uint64_t reread = 0;    ///< same reason, but by other rules
    std::uint64_t written = 0;
    std::uint64_t overtaken = 0;  ///< verified anew meanwhile: not written
    std::map<std::pair<Reason, Reason>, std::uint64_t> changes;
    std::vector<Sample> samples;  ///< a few of each change

    std::uint64_t changed() const;
};

/// Reads the evidence of every stored verdict of the workspace by the rules of today and, unless `dry_run`, stores what
/// follows. The cached verdicts only, which the gate asks: results of lists stay as they were found. Does not hold the
/// executor for long; a reload meanwhile does not change the rules half way.
boost::asio::awaitable<Result<RecomputeSummary>> recompute_verdicts(storage::Engine& engine, Rules rules,
                                                                    std::string workspace, bool dry_run);

}  // namespace winnow::verifier
