#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/record_codec.hpp"

/// A suppression value is a join of facts, one per reason: adding is a merge, in any order and any number of times, and
/// a reason that expired hides nothing of the others.
namespace winnow::storage {

SuppressionFacts join(const SuppressionFacts& a, const SuppressionFacts& b);

/// The store's merge operator. Total: unreadable bytes go into `damaged` of the result.
std::string merge_suppression_values(std::optional<std::string_view> existing, std::string_view operand);

/// The strongest fact that has not expired at `now`; null when none is left.
const SuppressionFacts::Fact* strongest(const SuppressionFacts& facts, TimePoint now);

}  // namespace winnow::storage
