#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "storage/records.hpp"

namespace winnow::verifier {

/// Some rows of a list, by what is known about them: one of the verdicts, and one of the reasons, and at least one of
/// the flags, and one of the providers. What is empty is not asked for.
struct Segment {
    std::vector<Verdict> verdicts;
    std::vector<Reason> reasons;
    Flags flags;
    std::vector<std::string> providers;  ///< "" = the provider is not known

    bool everything() const noexcept;
    /// A row without a result is in no segment but that of everything.
    bool has(const storage::RowResult* result) const;
};

/// The word for rows whose provider is not known.
constexpr std::string_view no_provider = "none";

/// Adds the words of a request, separated by commas. Errc::invalid_argument for an unknown one, with a sentence without
/// its subject that names the nearest: `does not know "riski"; did you mean "risky"?`
Result<> add_verdicts(Segment& segment, std::string_view words);
Result<> add_reasons(Segment& segment, std::string_view words);
Result<> add_flags(Segment& segment, std::string_view words);
/// `known`: the names that a provider may have, beside no_provider.
Result<> add_providers(Segment& segment, std::string_view words, std::span<const std::string> known);

}  // namespace winnow::verifier
