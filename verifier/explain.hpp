#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/gate.hpp"
#include "storage/engine.hpp"
#include "verifier/own_history.hpp"
#include "verifier/precheck.hpp"
#include "verifier/recompute.hpp"

namespace winnow::verifier {

/// A rule that some step cites, in words.
struct RuleText {
    std::string id;
    std::string text;    ///< of a row: its columns; of a rule of our own: a sentence
    std::string source;  ///< of a row: where it comes from; else empty
};

/// Everything that is known of an address, and what follows from it.
struct Explanation {
    std::string given;  ///< as written
    ParsedAddress parsed;
    DomainRemarks domain;  ///< what the lists say of its domain
    RoleMark role = RoleMark::none;
    std::vector<storage::SuppressionHit> suppressed_by;
    std::vector<storage::SuppressionEntry> suppressions;
    std::vector<Evidence> history;                   ///< own deliveries and reports, newest first
    std::optional<OutcomeFact> fact;                 ///< what they say while it is valid; `by` points into `history`
    std::optional<VerdictRecord> verdict;            ///< the stored one
    std::optional<VerdictRecord> by_rules_of_today;  ///< the same evidence read again, when it says something else
    GateAnswer campaign, campaign_with_risky, transactional;
    std::string next;             ///< what would be done if it were to be verified now, one sentence
    std::vector<RuleText> rules;  ///< those that history, suppressions and verdict cite, each once

    Explanation() = default;
    Explanation(Explanation&&) noexcept = default;
    Explanation& operator=(Explanation&&) noexcept = default;
};

/// What explain() stands on beside the store.
struct ExplainSettings {
    Rules rules;
    std::string dns_only = {};  ///< why mailboxes are not asked; empty = they are, or it is not known here
    milliseconds catch_all_ttl = VerifierOptions{}.catch_all_ttl;
};

/// The whole reasoning about an address, from what is stored: nobody is asked. `address` may be none.
awaitable<Result<Explanation>> explain(storage::Engine& engine, ExplainSettings settings, std::string workspace,
                                       std::string address);

}  // namespace winnow::verifier
