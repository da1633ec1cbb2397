#include "sandbox/list_maker.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/address.hpp"

namespace winnow::sandbox {
namespace {

std::vector<ListRow> make(ListOptions options)
{
    ListMaker maker(options);
    std::vector<ListRow> out;
    while (auto row = maker.next())
        out.push_back(*std::move(row));
    return out;
}

TEST(ListMaker, MakesDistinctUsableAddressesWithTheirTruth)
{
    ListOptions options;
    options.addresses = 3'000;
    options.domains = 200;
    std::set<std::string> seen, domains;
    std::map<Reason, int> reasons;
    for (const auto& row : make(options)) {
        EXPECT_TRUE(parse_address(row.address).usable) << row.address;
        EXPECT_TRUE(seen.insert(row.address).second) << row.address;
        domains.insert(row.address.substr(row.address.find('@') + 1));
        EXPECT_EQ(row.truth.reason, expectation_of(row.address).reason);
        ++reasons[row.truth.reason];
    }
    EXPECT_EQ(seen.size(), 3'000u);
    EXPECT_GT(domains.size(), 190u);
    // Most of a list is fine, and every common fault occurs.
    EXPECT_GT(reasons[Reason::accepted], 1'800);
    for (const auto reason : {Reason::mailbox_not_found, Reason::catch_all, Reason::domain_not_found,
                              Reason::mailbox_full, Reason::mailbox_disabled, Reason::domain_no_mail})
        EXPECT_GT(reasons[reason], 10) << to_string(reason);
}

TEST(ListMaker, TheSameSeedGivesTheSameList)
{
    ListOptions options;
    options.addresses = 200;
    const auto line = [](const std::vector<ListRow>& rows) {
        std::string out;
        for (const auto& row : rows)
            out += truth_line(row);
        return out;
    };
    const auto first = line(make(options));
    EXPECT_EQ(first, line(make(options)));
    options.seed = 2;
    EXPECT_NE(first, line(make(options)));
}

TEST(ListMaker, OneDomainIsAPlainOne)
{
    ListOptions options;
    options.addresses = 5;
    options.domains = 0;
    for (const auto& row : make(options))
        EXPECT_TRUE(row.address.ends_with("@d1.deliverable.test")) << row.address;
}

TEST(ListMaker, AListOfEveryKindHasEachOfThemInEqualShares)
{
    ListOptions options;
    options.every_kind = true;
    options.domains = 2;
    options.addresses = 4'000;
    options.patience = std::chrono::seconds{30};
    std::set<std::string> seen, zones;
    std::map<Verdict, int> verdicts;
    for (const auto& row : make(options)) {
        EXPECT_TRUE(seen.insert(row.address).second) << row.address;
        EXPECT_EQ(row.address.find_first_of(",\"\r\n"), std::string::npos) << row.address;
        EXPECT_EQ(row.truth.reason, expectation_of(row.address, options.patience).reason);
        ++verdicts[verdict_of(row.truth.reason)];
        const auto domain = row.address.substr(row.address.find('@') + 1);
        zones.insert(domain.starts_with('d') ? domain.substr(domain.find('.') + 1) : domain);
    }
    EXPECT_EQ(seen.size(), 4'000u);
    EXPECT_GT(zones.size(), 100u);
    for (const auto& apex : apex_domains())
        EXPECT_TRUE(zones.count(apex) == 1 || apex == "slow.test" || apex.starts_with("greylist-")) << apex;
    for (const auto verdict : {Verdict::deliverable, Verdict::undeliverable, Verdict::risky, Verdict::unknown})
        EXPECT_GT(verdicts[verdict], 300) << to_string(verdict);
}

TEST(ListMaker, TruthLinesNeedNoQuotes)
{
    EXPECT_EQ(truth_line({"a@b.test", {Reason::catch_all, Outcome::delivered}}),
              "a@b.test,risky,catch_all,delivered\n");
    EXPECT_EQ(truth_header(), "address,verdict,reason,outcome\n");
}

}  // namespace
}  // namespace winnow::sandbox
