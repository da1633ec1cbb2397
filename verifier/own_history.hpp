#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/provider_table.hpp"
#include "core/verdict.hpp"
#include "storage/records.hpp"
#include "verifier/lists.hpp"

/// What became of our own mail to an address. A receiver that took a message said as much as one that said yes to RCPT:
/// how much that is depends on what its domain does with mailboxes that do not exist. Pure functions.
namespace winnow::verifier {

/// How long after a delivery a bounce of it may still come. Receivers that accept first and look later send most of
/// them within minutes, those that pass mail on when they have given up: that is after one to three days nearly
/// everywhere (RFC 5321 section 4.5.4.1 names four to five; who waits so long tells the sender of a delay before).
inline constexpr milliseconds bounce_window = std::chrono::hours{72};

/// What a domain does with mail for mailboxes that it does not have, as far as that is known without asking.
enum class Sorting : std::uint8_t {
    unknown = 1,
    refuses_strangers,  ///< it says no to RCPT: a yes is about the mailbox
    takes_everybody,    ///< also where it throws them out later
};

struct DomainHabit {
    Sorting sorting = Sorting::unknown;
    std::vector<Evidence> steps;  ///< how that is known
};

/// Of a domain with a history: by the answer of its last catch-all test while that is younger than `catch_all_ttl`, by
/// being a large mailbox provider's own, or by the class of the provider whose mail host took our message. For which MX
/// set the test was made is not looked at: nobody asks the DNS here.
DomainHabit habit_of(const std::string& domain, const std::vector<Evidence>& history,
                     const std::optional<storage::CatchAllRecord>& tested, milliseconds catch_all_ttl,
                     const AddressLists& lists, const ProviderTable& providers, TimePoint now);

/// What the history says, the step that says it, and since when it holds.
struct OutcomeFact {
    Reason reason;
    const Evidence* by;
    TimePoint at;
    /// How a delivery, or a return whose words are not about the mailbox, was read; empty for words that are. Names a
    /// rule of core/rule_text.hpp.
    std::string_view rule;
    /// Nobody knows what the delivery is worth before the domain was tested: `risky` at most, and better is to ask.
    bool untested = false;

    TimePoint holds_until() const { return at + default_ttl(reason); }
};

/// Of own deliveries and reports, newest first; nothing when they say nothing that is still valid.
std::optional<OutcomeFact> read_outcomes(const std::vector<Evidence>& history, Sorting domain, TimePoint now);

/// What a delivery says while nothing is known of the domain.
OutcomeFact untested_fact(const Evidence& delivery);

/// Puts the fact into a verdict: its step, how the domain's habit is known when that counts, the rule, the conclusion.
void conclude_by_outcome(VerdictRecord& verdict, const OutcomeFact& fact, const DomainHabit& habit);

/// A verdict that read_outcomes() gave for want of a test of the domain: made anew whenever it is wanted.
bool is_untested(const VerdictRecord& verdict);

}  // namespace winnow::verifier
