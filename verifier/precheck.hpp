#pragma once

#include <optional>
#include <string>

#include "core/address.hpp"
#include "core/typo.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// What is known of an address without asking anybody: syntax, lists, own history, the cached verdict, suppressions.
struct Precheck {
    Address address;
    VerdictRecord verdict;  ///< flags, suggestion and the evidence so far
    bool decided = false;   ///< the verdict stands: nothing needs to be asked
    bool cached = false;    ///< it is the stored one
    bool has_history = false;
};

/// Design section 6, the steps before DNS. `use_cache` false asks again even when a verdict is stored.
awaitable<Precheck> precheck(Services services, const TypoAdvisor& typos, std::string workspace, std::string text,
                             bool use_cache);

/// An evidence step of our own rules.
Evidence own_step(EvidenceKind kind, std::string asked, std::string answer, std::string rule, TimePoint at);

}  // namespace winnow::verifier
