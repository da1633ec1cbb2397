#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "sandbox/behaviour.hpp"

namespace winnow::sandbox {

struct ListOptions {
    std::uint64_t addresses = 1'000;
    int domains = 100;  ///< mail domains that they are spread over; at least 1
    std::uint64_t seed = 1;
    int greylist_seconds = 60;  ///< of the greylisting domains
    bool slow = false;          ///< include *.slow.test, which costs any checker time
    /// Every kind of domain and mailbox in equal shares, odd addresses too, instead of a real list's mix. `domains` are
    /// then those of each kind.
    bool every_kind = false;
    std::chrono::seconds patience = std::chrono::days{1};  ///< see expectation_of
};

struct ListRow {
    std::string address;
    Expectation truth;
};

/// Makes a list of distinct addresses of the sandbox one by one, so that ten million need no memory. The mix is that of
/// a neglected list: about 70 % fine, the rest spread over every behaviour. The same options give the same list.
class ListMaker {
public:
    explicit ListMaker(ListOptions options);
    /// Nothing after the last one.
    std::optional<ListRow> next();

private:
    /// Name of the domain with this number; computed, not kept, so that ten million need no memory either.
    std::string domain(std::uint64_t number) const;
    std::string usual_address(const std::string& number);
    std::string address_of_each_kind(const std::string& number);

    ListOptions options_;
    SeededRng rng_;
    std::vector<std::string> kinds_;  ///< zones and whole domains, for every_kind
    std::uint64_t made_ = 0;
};

/// "address,verdict,reason,outcome" and its lines, for truth files; none needs CSV quotes. With line feed.
std::string truth_header();
std::string truth_line(const ListRow& row);

}  // namespace winnow::sandbox
