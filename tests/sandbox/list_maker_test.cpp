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

TEST(ListMaker, TruthLinesNeedNoQuotes)
{
    EXPECT_EQ(truth_line({"a@b.test", {Reason::catch_all, Outcome::delivered}}),
              "a@b.test,risky,catch_all,delivered\n");
    EXPECT_EQ(truth_header(), "address,verdict,reason,outcome\n");
}

}  // namespace
}  // namespace winnow::sandbox
