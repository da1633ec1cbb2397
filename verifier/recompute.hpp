#pragma once

#include <optional>

#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "core/verdict.hpp"
#include "verifier/lists.hpp"

/// A verdict from its stored evidence: what was found out once is read again by the rules of today, without asking
/// anybody. Pure functions.
namespace winnow::verifier {

/// What reads evidence. All three outlive whoever holds this.
struct Rules {
    const ReplyClassifier& replies;
    const ProviderTable& providers;
    const AddressLists& lists;
};

/// Reads what a mail server said in a step once more: its class and rule are those of today. Steps that quote no reply
/// stay as they are, also deliveries and reports: what was frozen in a mass event must stay without a class.
Evidence reread(const Evidence& step, const Rules& rules);

/// What the steps say, in their order; nothing when none of them decides (trouble of our own). `flags` are those that
/// stand beside: catch_all_unknown is a test whose outcome no step shows.
std::optional<Reason> reason_of_evidence(const std::vector<Evidence>& evidence, Flags flags, const Rules& rules);

/// The same verdict by the rules of today: class and rule of each step, and what follows from them, counted from the
/// time that it was checked. Where nothing decides, the reason stays.
VerdictRecord recompute(const VerdictRecord& stored, const Rules& rules);

}  // namespace winnow::verifier
