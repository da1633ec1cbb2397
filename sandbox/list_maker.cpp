#include "sandbox/list_maker.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace winnow::sandbox {
namespace {

// Short names, so that with a number they stay below what looks_random() takes for a random local part.
constexpr std::array<std::string_view, 24> first_names{
    "ada",  "ben",  "carla", "david", "elena", "femi", "grace", "hugo", "ines", "jan",  "kemal", "lena",
    "mina", "noah", "olga",  "pavel", "rosa",  "sven", "tara",  "umar", "vera", "will", "yara",  "zoe"};
constexpr std::array<std::string_view, 16> last_names{"adler",  "brown", "costa", "diaz",  "evans", "fischer",
                                                      "garcia", "haas",  "ito",   "jones", "kaya",  "li",
                                                      "meyer",  "novak", "okoye", "petrov"};

struct Share {
    std::string_view zone;
    unsigned weight;
};
constexpr std::array<Share, 13> shares{{{"deliverable.test", 720},
                                        {"catchall.test", 90},
                                        {"nxdomain.test", 35},
                                        {"greylist", 35},
                                        {"nullmx.test", 10},
                                        {"nomx.test", 15},
                                        {"full.test", 15},
                                        {"disabled.test", 15},
                                        {"ipblock.test", 10},
                                        {"servfail.test", 5},
                                        {"accept-then-bounce.test", 15},
                                        {"complaint.test", 10},
                                        {"slow.test", 10}}};
constexpr unsigned total_weight = 985;

std::string_view zone_for(std::uint64_t draw)
{
    for (const auto& share : shares) {
        if (draw < share.weight)
            return share.zone;
        draw -= share.weight;
    }
    return shares.front().zone;
}

/// Zones below which domains are made, with a leading dot, and domains that stand for themselves.
std::vector<std::string> every_kind_of(const ListOptions& options)
{
    std::vector<std::string> out;
    for (const auto& apex : apex_domains()) {
        const bool waits = apex.starts_with("greylist-");
        if (!waits && (options.slow || apex != "slow.test"))
            out.push_back('.' + apex);
    }
    out.push_back(".greylist-" + std::to_string(options.greylist_seconds) + "s.test");
    for (const auto* longer : {".greylist-3m.test", ".greylist-2h.test", ".b\u00fccher.deliverable.test"})
        out.emplace_back(longer);
    for (const auto& domain : emulated_domains())
        out.push_back(domain);
    return out;
}

/// Nobody's address: each breaks one rule of RFC 5321, or is of no use on the internet.
std::string odd_address(std::uint64_t draw, const std::string& number)
{
    switch (draw) {
        case 0:
            return "ada" + number + "@[127.77.1.1]";
        case 1:
            return "ada.." + number + "@d1.deliverable.test";
        case 2:
            return "ada" + number;
        case 3:
            return "ada" + number + "@d1-.deliverable.test";
        case 4:
            return "ada" + number + "@intranet";
        default:
            return "ada" + number + "@d1..deliverable.test";
    }
}
constexpr std::uint64_t odd_kinds = 6;

}  // namespace

ListMaker::ListMaker(ListOptions options) : options_(options), rng_(options.seed)
{
    options_.domains = std::max(1, options_.domains);
    if (options_.every_kind)
        kinds_ = every_kind_of(options_);
}

std::string ListMaker::domain(std::uint64_t number) const
{
    // The first domain is a plain one, whatever the seed: a list of one domain should be of use.
    auto zone = shares.front().zone;
    if (number > 0)
        zone = zone_for(name_hash(std::to_string(options_.seed) + '/' + std::to_string(number)) % total_weight);
    if (zone == "slow.test" && !options_.slow)
        zone = shares.front().zone;
    const auto apex =
        zone == "greylist" ? "greylist-" + std::to_string(options_.greylist_seconds) + "s.test" : std::string(zone);
    return "d" + std::to_string(number + 1) + '.' + apex;
}

std::string ListMaker::usual_address(const std::string& number)
{
    const auto at = domain(rng_.below(static_cast<std::uint64_t>(options_.domains)));
    const auto& last = last_names[rng_.below(last_names.size())];
    const auto draw = rng_.below(1000);
    std::string local;
    if (draw < 80)
        local = "unknown-" + std::string(last) + number;
    else if (draw < 90)
        local = "full-" + std::string(last) + number;
    else if (draw < 100)
        local = "disabled-" + std::string(last) + number;
    else
        local = std::string(first_names[rng_.below(first_names.size())]) + '.' + std::string(last) + number;
    return local + '@' + at;
}

std::string ListMaker::address_of_each_kind(const std::string& number)
{
    const auto turn = (made_ - 1) % (kinds_.size() + 1);
    if (turn == kinds_.size())
        return odd_address(rng_.below(odd_kinds), number);
    auto at = kinds_[turn];
    if (at.starts_with('.'))
        at = 'd' + std::to_string(1 + rng_.below(static_cast<std::uint64_t>(options_.domains))) + at;
    const std::string last(last_names[rng_.below(last_names.size())]);
    const std::string first(first_names[rng_.below(first_names.size())]);
    switch (rng_.below(10)) {
        case 0:
        case 1:
            return "unknown-" + last + number + '@' + at;
        case 2:
            return "full-" + last + number + '@' + at;
        case 3:
            return "disabled-" + last + number + '@' + at;
        case 4:
            return first + '.' + last + number + "+news@" + at;
        case 5:
            return "j\u00fcrgen." + last + number + '@' + at;
        default:
            return first + '.' + last + number + '@' + at;
    }
}

std::optional<ListRow> ListMaker::next()
{
    if (made_ >= options_.addresses)
        return std::nullopt;
    const auto number = std::to_string(++made_);
    ListRow row;
    row.address = options_.every_kind ? address_of_each_kind(number) : usual_address(number);
    row.truth = expectation_of(row.address, options_.patience);
    return row;
}

std::string truth_header()
{
    return "address,verdict,reason,outcome\n";
}

std::string truth_line(const ListRow& row)
{
    return row.address + ',' + std::string(to_string(verdict_of(row.truth.reason))) + ',' +
           std::string(to_string(row.truth.reason)) + ',' + std::string(to_string(row.truth.outcome)) + '\n';
}

}  // namespace winnow::sandbox
