#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow::relay {

/// Domains that a credential may send as. A domain stands for itself and everything below it: "example.com" lets
/// news.example.com in and notexample.com not. Empty = any domain.
class SenderDomains {
public:
    SenderDomains() = default;
    /// Domain names in any form, each kept once as an A-label. Errc::invalid_argument names the one that is none; a
    /// name without a dot is none, or "com" would let half the world in.
    static Result<SenderDomains> parse(const std::vector<std::string>& domains);

    bool any() const noexcept { return domains_.empty(); }
    /// False for what is not an address, unless any().
    bool allows(std::string_view address) const;
    const std::vector<std::string>& domains() const noexcept { return domains_; }
    /// "example.com, example.org" for error texts.
    std::string to_string() const;
    bool operator==(const SenderDomains&) const = default;

private:
    std::vector<std::string> domains_;
};

/// The addresses in the value of a From or Sender field (RFC 5322 section 3.4: mailboxes, groups, comments, quoted
/// names). Nothing when it cannot be read without doubt: readers must not see another author than we do. A bare address
/// in front of an address in brackets counts as an address.
std::optional<std::vector<std::string>> addresses_in(std::string_view field);

/// Why the head of `message` names an author outside of `allowed`, as the text of a 550 5.7.1; empty when it does not.
std::string refused_author(std::string_view message, const SenderDomains& allowed);

}  // namespace winnow::relay
