#include "core/egress_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/rng.hpp"

namespace winnow {
namespace {

using namespace std::chrono_literals;

constexpr SteadyPoint start{1h};

EgressOptions probing()
{
    EgressOptions options;
    options.is_large = [](std::string_view name) { return name == "google"; };
    return options;
}

struct EgressBudgetTest : testing::Test {
    EgressBudget budget{probing()};
    EgressTarget small{"192.0.2.1", "", "mx.small.test"};
    EgressTarget large{"192.0.2.1", "google", "mx.google.test"};
    SteadyPoint now = start;
};

TEST_F(EgressBudgetTest, ASmallSiteGetsOneConnectionThenAPauseAfterItsEnd)
{
    EXPECT_EQ(budget.next_connection(small, now), now);
    auto first = budget.open(small, now);
    ASSERT_TRUE(first);
    EXPECT_EQ(budget.next_connection(small, now), SteadyPoint::max());
    EXPECT_FALSE(budget.open(small, now));

    now += 10s;
    first->close(now);
    EXPECT_EQ(budget.next_connection(small, now), now + 30s);
    EXPECT_FALSE(budget.open(small, now + 29s));
    EXPECT_TRUE(budget.open(small, now + 30s));
}

TEST_F(EgressBudgetTest, ASmallSiteGetsFiveRcptsPerConnectionASecondApart)
{
    auto connection = budget.open(small, now);
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(connection->spent());
        const SteadyPoint at = connection->next_rcpt(now);
        EXPECT_EQ(at, i == 0 ? now : now + 1s);
        now = at;
        connection->count_rcpt(now);
    }
    EXPECT_TRUE(connection->spent());
    EXPECT_EQ(connection->rcpts(), 5);
    EXPECT_EQ(connection->next_rcpt(now + 1h), SteadyPoint::max());
}

TEST_F(EgressBudgetTest, SitesAndSourcesDoNotShareALimit)
{
    auto one = budget.open(small, now);
    EgressTarget other_site = small, other_source = small;
    other_site.site = "mx.other.test";
    other_source.source = "192.0.2.2";
    EXPECT_TRUE(budget.open(other_site, now));
    EXPECT_TRUE(budget.open(other_source, now));
    EXPECT_FALSE(budget.open(small, now));
}

TEST_F(EgressBudgetTest, ALargeOperatorIsOneHoweverManySitesItHas)
{
    std::vector<EgressBudget::Connection> connections;
    for (int i = 0; i < 4; ++i) {
        EgressTarget tenant = large;
        tenant.site = "mx" + std::to_string(i) + ".google.test";
        auto connection = budget.open(tenant, now);
        ASSERT_TRUE(connection) << i;
        connections.push_back(std::move(*connection));
    }
    EXPECT_FALSE(budget.open(large, now));
    connections.back().close(now);
    EXPECT_EQ(budget.next_connection(large, now), now);  // no pause between its connections
}

TEST_F(EgressBudgetTest, AConnectionThatGoesOutOfScopeIsClosed)
{
    {
        auto connection = budget.open(small, now);
        EgressBudget::Connection moved = std::move(*connection);
        connection.reset();
        moved.count_rcpt(now + 5s);
        EXPECT_EQ(budget.next_connection(small, now + 5s), SteadyPoint::max());
    }
    EXPECT_EQ(budget.next_connection(small, now), now + 35s);  // from the last time it was seen
}

TEST_F(EgressBudgetTest, AssigningOverAConnectionEndsTheOldOne)
{
    EgressTarget other = small;
    other.site = "mx.other.test";
    auto a = budget.open(small, now);
    auto b = budget.open(other, now);
    *a = std::move(*b);
    EXPECT_EQ(budget.next_connection(small, now), now + 30s);
    EXPECT_EQ(budget.next_connection(other, now), SteadyPoint::max());
    a->close(now);
    a->close(now);  // once is enough
    EXPECT_EQ(budget.next_connection(other, now), now + 30s);
}

/// Sends as fast as the budget lets it, on as many connections as it gets, until `end`. Returns the times of the RCPTs.
std::vector<SteadyPoint> send_greedily(EgressBudget& budget, const EgressTarget& target, SteadyPoint from,
                                       SteadyPoint end)
{
    std::vector<SteadyPoint> sent;
    std::vector<EgressBudget::Connection> connections;
    for (SteadyPoint now = from; now < end;) {
        SteadyPoint next = end;
        std::erase_if(connections, [](const auto& c) { return c.spent(); });
        while (auto connection = budget.open(target, now))
            connections.push_back(std::move(*connection));
        for (auto& connection : connections) {
            if (connection.next_rcpt(now) <= now) {
                connection.count_rcpt(now);
                sent.push_back(now);
            }
            if (!connection.spent())
                next = std::min(next, connection.next_rcpt(now));
        }
        const bool any_spent = std::any_of(connections.begin(), connections.end(), [](auto& c) { return c.spent(); });
        if (any_spent)
            continue;
        next = std::min(next, budget.next_connection(target, now));
        EXPECT_GT(next, now) << "the budget says 'now' but grants nothing";
        now = std::max(next, now + 1ns);
    }
    return sent;
}

std::size_t most_in_an_hour(const std::vector<SteadyPoint>& times)
{
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
        while (times[last] - times[first] >= 1h)
            ++first;
        most = std::max(most, last - first + 1);
    }
    return most;
}

TEST_F(EgressBudgetTest, NoHourHoldsMoreThanTheHourlyRateAndItIsUsed)
{
    const auto sent = send_greedily(budget, large, now, now + 3h);
    EXPECT_LE(most_in_an_hour(sent), 2000u);
    EXPECT_GE(most_in_an_hour(sent), 1980u);
}

TEST_F(EgressBudgetTest, TheRateIsHalvedAboveTenPercentUnknownUsersAndComesBack)
{
    for (int i = 0; i < 100; ++i)
        budget.record_rcpt(large, i % 10 == 0, now);
    EXPECT_FALSE(budget.halved(large, now));  // exactly ten percent
    budget.record_rcpt(large, true, now);
    EXPECT_TRUE(budget.halved(large, now));
    const auto slow = send_greedily(budget, large, now, now + 50min);
    EXPECT_LE(slow.size(), 1000u * 50 / 60 + 17);
    EXPECT_GE(slow.size(), 1000u * 50 / 60 - 17);

    EXPECT_FALSE(budget.halved(large, now + 1h + 5min));  // those answers are an hour old
    const auto fast = send_greedily(budget, large, now + 2h, now + 3h);
    EXPECT_GT(fast.size(), 1900u);
}

TEST_F(EgressBudgetTest, AFewAnswersSayNothingAboutTheList)
{
    for (int i = 0; i < 49; ++i)
        budget.record_rcpt(large, true, now);
    EXPECT_FALSE(budget.halved(large, now));
    budget.record_rcpt(large, false, now);
    EXPECT_TRUE(budget.halved(large, now));
}

TEST_F(EgressBudgetTest, SmallSitesHaveNoHourlyRateToHalve)
{
    for (int i = 0; i < 100; ++i)
        budget.record_rcpt(small, true, now);
    EXPECT_FALSE(budget.halved(small, now));
}

TEST_F(EgressBudgetTest, TheEstimateIsWhatAGreedySenderNeeds)
{
    for (const std::uint64_t rcpts : {1u, 5u, 6u, 10u, 11u, 103u}) {
        EgressBudget fresh(probing());
        auto sent = send_greedily(fresh, small, now, now + 5h);
        ASSERT_GE(sent.size(), rcpts);
        EXPECT_EQ(fresh.estimate(small, rcpts), sent[rcpts - 1] - now) << rcpts;
    }
    EXPECT_EQ(budget.estimate(small, 0), 0ms);
    const auto sent = send_greedily(budget, large, now, now + 3h);
    const std::chrono::duration<double> seen = sent[4999] - now, estimated = budget.estimate(large, 5000);
    EXPECT_NEAR(seen / estimated, 1.0, 0.02);
}

TEST_F(EgressBudgetTest, WithoutLimitsEverythingGoesAtOnce)
{
    EgressOptions lifted;
    lifted.site = {};
    EgressBudget lab(lifted);
    std::vector<EgressBudget::Connection> connections;
    for (int i = 0; i < 100; ++i)
        connections.push_back(std::move(*lab.open(small, now)));
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(connections[0].next_rcpt(now), now);
        connections[0].count_rcpt(now);
    }
    EXPECT_FALSE(connections[0].spent());
    EXPECT_EQ(lab.estimate(small, 1'000'000), 0ms);
}

TEST_F(EgressBudgetTest, AccountsWithNothingToRememberAreDropped)
{
    EgressTarget target = small;
    for (int i = 0; i < 10'000; ++i) {
        target.site = "mx" + std::to_string(i) + ".test";
        ASSERT_TRUE(budget.open(target, now));
        now += 1s;
    }
    EXPECT_LT(budget.accounts(), 1100u);
}

/// Random opens, RCPTs and closes at random times, always asking first: the manners hold whatever the order.
TEST_F(EgressBudgetTest, RandomDriversNeverBreakTheManners)
{
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SeededRng rng(seed);
        EgressBudget b(probing());
        struct Live {
            EgressBudget::Connection connection;
            std::vector<SteadyPoint> rcpts;
        };
        std::vector<Live> live;
        std::optional<SteadyPoint> last_end;
        SteadyPoint t = start;
        for (int step = 0; step < 2000; ++step) {
            t += milliseconds{rng.below(3000)};
            if (rng.below(4) == 0) {
                if (auto connection = b.open(small, t)) {
                    ASSERT_TRUE(live.empty()) << "seed " << seed;
                    ASSERT_TRUE(!last_end || t - *last_end >= 30s) << "seed " << seed;
                    live.push_back({std::move(*connection), {}});
                }
            } else if (!live.empty() && rng.below(20) == 0) {
                live.back().connection.close(t);
                live.clear();
                last_end = t;
            } else if (!live.empty() && live[0].connection.next_rcpt(t) <= t) {
                auto& [connection, rcpts] = live[0];
                connection.count_rcpt(t);
                ASSERT_TRUE(rcpts.empty() || t - rcpts.back() >= 1s) << "seed " << seed;
                rcpts.push_back(t);
                ASSERT_LE(rcpts.size(), 5u) << "seed " << seed;
            }
        }
    }
}

}  // namespace
}  // namespace winnow
