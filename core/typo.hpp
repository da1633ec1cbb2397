#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace winnow {

/// Proposes the domain that somebody probably meant: "gmial.com" -> "gmail.com", "example.con" -> "example.com". A
/// proposal never decides anything, so it errs on the side of silence. Immutable after construction; thread-safe.
class TypoAdvisor {
public:
    /// `popular`: mailbox providers, the commonest first (ties go to the earlier one); all of them are taken to be
    /// right as they stand. `tlds`: every delegated top-level name as A-label; empty = names are never called wrong for
    /// their top-level name.
    TypoAdvisor(std::vector<std::string> popular, const std::vector<std::string>& tlds);

    /// `domain`: A-labels, any case. Nothing when it is fine, unknown or ambiguous.
    std::optional<std::string> suggest(std::string_view domain) const;

private:
    struct Popular {
        std::string domain;
        std::string name;  // first label
        std::string rest;  // the others
    };

    bool is_known_tld(std::string_view tld) const;
    double rest_cost(std::string_view typed, std::string_view meant) const;
    std::optional<std::string> without_dot(std::string_view label) const;
    std::optional<std::string> near_popular(std::string_view domain) const;
    std::optional<std::string> near_tld(std::string_view domain) const;

    std::vector<Popular> popular_;
    std::unordered_set<std::string> domains_;
    std::unordered_set<std::string> tlds_;
};

/// Cost of the cheapest way to mistype `meant` as `typed`: 1 for a letter too many, too few or wrong; less for what
/// fingers do (neighbouring keys 0.7, two letters swapped 0.7, a doubled letter 0.6). Stops counting beyond `most`.
double typing_cost(std::string_view typed, std::string_view meant, double most = 2.0);

}  // namespace winnow
