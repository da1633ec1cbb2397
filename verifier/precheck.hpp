#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/address.hpp"
#include "core/typo.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// What the lists say of a domain, alone and by its likeness to a well-known one.
struct DomainRemarks {
    std::string listed;  ///< the name that disposable lists know: the registrable domain where there is one
    bool free_mail = false;
    bool disposable = false;
    bool disposable_weak = false;
    std::optional<std::string> meant;  ///< for a likely typo
};

/// Remarks of many addresses, which share few domains: each is looked up once, and anew when the lists were reloaded.
/// Not thread-safe.
class ListedDomains {
public:
    /// Without `typos` no domain is called a typo of another.
    ListedDomains(const AddressLists& lists, bool typos);
    const DomainRemarks& of(const std::string& domain);

private:
    void start_anew();

    const AddressLists& lists_;
    const bool with_typos_;
    std::uint32_t generation_ = 0;  ///< of the lists that `known_` is from
    std::optional<TypoAdvisor> typos_;
    std::unordered_map<std::string, DomainRemarks> known_;
};

/// What is known of an address without asking anybody: syntax, lists, own history, the cached verdict, suppressions.
struct Precheck {
    Address address;
    VerdictRecord verdict;  ///< flags, suggestion and the evidence so far
    bool decided = false;   ///< the verdict stands: nothing needs to be asked
    bool cached = false;    ///< it is the stored one
    /// The name under which the verdict is stored; nothing when the address is none.
    std::optional<storage::H16> digest;
    /// Who forbids mail to it at the moment; nothing when that was not asked or could not be found out.
    std::optional<std::vector<storage::SuppressionHit>> suppressed;
    bool accepted_before = false;  ///< a message of ours was delivered to it once, however long ago
    /// Such a message, while it counts and nobody knows yet whether the domain takes mail for anybody: where mailboxes
    /// cannot be asked it is all that there is, see conclude_untested().
    std::optional<Evidence> delivered;
    /// The domain took mail of ours lately: while its mail hosts work too, it is no typo of another.
    bool domain_has_history = false;
};

inline constexpr std::size_t history_depth = 20;  ///< outcomes of an address that are read

struct PrecheckOrder {
    std::string text;       ///< the address as written
    bool use_cache = true;  ///< false asks again even when a verdict is stored
};

/// Design section 6, the steps before DNS, for many addresses with one read of the store; in the order given. A
/// suppression of the list (empty = none) is told, but hinders no question.
awaitable<std::vector<Precheck>> precheck(Services services, const VerifierOptions& options, ListedDomains& domains,
                                          std::string workspace, std::string list_id,
                                          std::vector<PrecheckOrder> orders);
/// The same for one.
awaitable<Precheck> precheck(Services services, const VerifierOptions& options, ListedDomains& domains,
                             std::string workspace, std::string text, bool use_cache);

/// Of an address whose mailbox cannot be asked about, the message that was delivered to it is the answer. True = there
/// was one; it is `risky` and no more.
bool conclude_untested(Precheck& check);
/// Takes back the remark that the domain looks like another one.
void forget_typo(VerdictRecord& verdict);

/// An evidence step of our own rules.
Evidence own_step(EvidenceKind kind, std::string asked, std::string answer, std::string rule, TimePoint at);
/// Nobody is asked because the self-test failed; `why` is its reason.
Evidence unfit_step(const std::string& why, TimePoint at);

}  // namespace winnow::verifier
