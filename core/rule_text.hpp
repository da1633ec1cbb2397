#pragma once

#include <string>
#include <string_view>

namespace winnow {

/// What a built-in rule says, in one sentence for people: of evidence ("route.null_mx", "budget:not_reached") and of
/// readings without a row ("code:5xx"). Empty for ids that are none of them, as those of rows in data/replies.tsv.
std::string rule_text(std::string_view id);

}  // namespace winnow
