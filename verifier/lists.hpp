#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "verifier/string_set.hpp"

namespace winnow::verifier {

/// Is this local part a function ("sales") rather than a person? `strong` ones are reserved by RFC 2142 or the mail
/// system itself; `weak` ones are customary and may be a person's ("office").
enum class RoleMark : std::uint8_t { none, weak, strong };

/// Where a list came from, for `winnow data status`.
struct ListStatus {
    std::string name;     ///< "disposable"
    std::string source;   ///< package or "winnow"
    std::string version;  ///< the package's
    std::size_t count = 0;
};

/// What is known about domains and local parts without asking anyone. Domains are A-labels in lower case. Immutable,
/// hence safe to share between threads, but for replace(); about 4 MB with the full lists.
class AddressLists {
public:
    /// Reads disposable, disposable_weak, free, role, tld and popular.txt, which scripts/fetch-lists makes.
    /// Errc::not_found names the missing file and the cure, Errc::corrupt an empty or malformed one.
    static Result<AddressLists> load(const std::string& dir);
    /// A few hundred well-known entries, so that the program starts without the files; complete() is false.
    static AddressLists built_in();

    /// The precise list: the address is thrown away soon. Matches the domain and its parents down to the registrable
    /// domain. A popular provider never matches, whatever the lists say.
    bool is_disposable(std::string_view domain) const;
    /// The wide list, which has false positives: a remark, never a reason.
    bool is_disposable_weak(std::string_view domain) const;
    /// Anybody can get an address there for nothing.
    bool is_free(std::string_view domain) const noexcept;
    bool is_popular(std::string_view domain) const noexcept { return popular_.contains(domain); }
    /// Of a local part, whatever its case, with or without a subaddress tag.
    RoleMark role(std::string_view local) const;
    /// The last label is a top-level domain of IANA's list. True for all when there is no list: not knowing a name does
    /// not make it wrong.
    bool knows_tld(std::string_view domain) const noexcept;

    /// Domains of large mailbox providers, sorted: what a mistyped domain was meant to be.
    std::vector<std::string_view> popular_domains() const;

    /// Every delegated top-level domain, sorted; empty when there is no list.
    std::vector<std::string_view> top_level_domains() const;

    /// Answers by the entries of `other` from now on; views that were given out are void. One thread.
    void replace(AddressLists other);
    /// Counts the replacements: who remembers an answer forgets it when this has changed.
    std::uint32_t generation() const noexcept { return generation_; }

    bool complete() const noexcept { return complete_; }
    const std::vector<ListStatus>& status() const noexcept { return status_; }
    std::size_t memory() const noexcept;

private:
    AddressLists() = default;
    struct Source;
    Result<> take(const Source& source);
    Result<> take_roles(std::string_view text);
    bool matches(const StringSet& set, std::string_view domain) const;

    StringSet disposable_, disposable_weak_, free_, role_strong_, role_weak_, tld_, popular_;
    std::vector<ListStatus> status_;
    bool complete_ = false;
    std::uint32_t generation_ = 0;
};

}  // namespace winnow::verifier
