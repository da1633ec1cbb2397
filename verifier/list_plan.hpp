#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "storage/records.hpp"
#include "verifier/probe_plan.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// Bounds of the looking itself.
struct PlanLimits {
    milliseconds time{60'000};            ///< then the plan is made of what is known
    std::size_t most_domains = 200'000;   ///< that are told apart
    std::size_t most_looked_up = 20'000;  ///< that DNS is asked about, those with most addresses first
    int lookups_at_once = 64;
};

/// What a verification of a list would do if it started now.
struct ListPlan {
    storage::ListRecord list;
    std::string dns_only;      ///< why no mailbox is asked about, with the cure; empty = they are
    milliseconds deadline{};   ///< of the verification
    std::uint64_t seen = 0;    ///< unique addresses that were looked at; fewer than the list has when time was short
    std::uint64_t cached = 0;  ///< have a verdict that still holds
    std::map<std::string, std::uint64_t> cached_by_operator;  ///< those whose operator is known
    std::map<Reason, std::uint64_t> decided;                  ///< without a mail host: syntax, lists, history, DNS
    std::uint64_t domains = 0;                                ///< of the addresses that are left
    std::uint64_t domains_looked_up = 0;  ///< the others are planned as if each had its own mail host
    std::uint64_t left_out = 0;           ///< addresses of more domains than are told apart: not in `probes`
    ProbePlan probes;
    /// Unique addresses of the list.
    std::uint64_t addresses() const noexcept { return list.rows - list.duplicates - list.malformed; }
};

/// Reads the list's rows and what is stored about them, and asks DNS about their domains. Asks no mail host and stores
/// nothing. Errc::not_found without such a list, invalid_argument while its upload is not finished.
/// `options` and what `services` names outlive the lookups, which may end later than this: `alive` is kept until then.
awaitable<Result<ListPlan>> plan_list(Services services, const VerifierOptions& options,
                                      std::shared_ptr<const void> alive, std::string workspace, std::string list_id,
                                      milliseconds deadline, PlanLimits limits);

}  // namespace winnow::verifier
