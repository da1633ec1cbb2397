#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "net/resolver.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::net {
namespace {

using std::chrono::seconds;
using test::FakeResolver;

class CachingResolver : public testing::Test {
protected:
    explicit CachingResolver(DnsCacheOptions options = {})
    {
        auto fake = std::make_unique<FakeResolver>();
        upstream = fake.get();
        cache = make_caching_resolver(std::move(fake), clock, options);
    }

    DnsAnswer ask(std::string name, DnsType type, bool confirm = false)
    {
        QueryOptions options;
        options.confirm = confirm;
        return test::run(cache->query(std::move(name), type, options));
    }

    test::ManualClock clock;
    FakeResolver* upstream = nullptr;
    std::unique_ptr<Resolver> cache;
};

TEST_F(CachingResolver, AnAnswerIsKeptForItsTtlAndNotASecondLonger)
{
    upstream->zone("a.test. 120 A 192.0.2.1");
    EXPECT_FALSE(ask("a.test", DnsType::a).cached);
    clock.advance(seconds{119});
    const DnsAnswer kept = ask("A.Test.", DnsType::a);
    EXPECT_TRUE(kept.cached);
    EXPECT_EQ(kept.ttl, 1u);
    EXPECT_EQ(kept.status, DnsStatus::ok);
    clock.advance(seconds{1});
    EXPECT_FALSE(ask("a.test", DnsType::a).cached);
    EXPECT_EQ(upstream->total_queries(), 2u);
}

TEST_F(CachingResolver, TypesOfOneNameAreDifferentQuestions)
{
    upstream->zone("a.test. A 192.0.2.1\n a.test. AAAA 2001:db8::1");
    ask("a.test", DnsType::a);
    EXPECT_FALSE(ask("a.test", DnsType::aaaa).cached);
}

TEST_F(CachingResolver, TtlsAreHeldBetweenFloorAndCeiling)
{
    upstream->zone("short.test. 0 A 192.0.2.1\n long.test. 999999 A 192.0.2.1");
    EXPECT_EQ(ask("short.test", DnsType::a).ttl, 30u);
    EXPECT_EQ(ask("long.test", DnsType::a).ttl, 86'400u);
}

TEST_F(CachingResolver, NegativeAnswersFollowTheSoaUpToTheirOwnCeiling)
{
    upstream->set_negative_ttl(60);
    EXPECT_EQ(ask("gone.test", DnsType::mx).ttl, 60u);
    clock.advance(seconds{59});
    const DnsAnswer kept = ask("gone.test", DnsType::mx);
    EXPECT_TRUE(kept.cached);
    EXPECT_EQ(kept.status, DnsStatus::nxdomain);
    clock.advance(seconds{1});
    EXPECT_FALSE(ask("gone.test", DnsType::mx).cached);

    upstream->set_negative_ttl(86'400);
    EXPECT_EQ(ask("also-gone.test", DnsType::mx).ttl, 900u);
}

TEST_F(CachingResolver, FailuresAreRememberedShortly)
{
    upstream->zone("broken.test. SERVFAIL");
    EXPECT_EQ(ask("broken.test", DnsType::mx).status, DnsStatus::servfail);
    clock.advance(seconds{14});
    EXPECT_TRUE(ask("broken.test", DnsType::mx).cached);
    clock.advance(seconds{1});
    EXPECT_FALSE(ask("broken.test", DnsType::mx).cached);
}

TEST_F(CachingResolver, AConfirmationGoesPastTheCacheAndRefreshesIt)
{
    upstream->zone("back.test. NXDOMAIN");
    upstream->confirming().zone("back.test. MX 10 mx.back.test.");
    EXPECT_EQ(ask("back.test", DnsType::mx).status, DnsStatus::nxdomain);
    EXPECT_EQ(ask("back.test", DnsType::mx, true).status, DnsStatus::ok);
    EXPECT_EQ(upstream->confirmations(), 1u);
    const DnsAnswer now = ask("back.test", DnsType::mx);
    EXPECT_TRUE(now.cached);
    EXPECT_EQ(now.status, DnsStatus::ok);
}

TEST_F(CachingResolver, AFailedConfirmationLeavesTheKnownAnswer)
{
    upstream->zone("gone.test. NXDOMAIN");
    upstream->confirming().zone("gone.test. TIMEOUT");
    ask("gone.test", DnsType::mx);
    EXPECT_EQ(ask("gone.test", DnsType::mx, true).status, DnsStatus::timed_out);
    EXPECT_EQ(ask("gone.test", DnsType::mx).status, DnsStatus::nxdomain);
}

TEST_F(CachingResolver, EqualQuestionsUnderWayAreAskedOnce)
{
    upstream->zone("a.test. A 192.0.2.1");
    upstream->hold();
    boost::asio::io_context io(1);
    int answered = 0;
    for (int i = 0; i < 5; ++i)
        test::spawn_then(io, cache->query("a.test", DnsType::a), [&](DnsAnswer a) {
            EXPECT_EQ(a.status, DnsStatus::ok);
            ++answered;
        });
    io.poll();
    EXPECT_EQ(answered, 0);
    EXPECT_EQ(upstream->waiting(), 1u);
    upstream->release();
    io.poll();
    EXPECT_EQ(answered, 5);
    EXPECT_EQ(upstream->total_queries(), 1u);
}

TEST_F(CachingResolver, AConfirmationDoesNotJoinTheQueryThatItConfirms)
{
    upstream->zone("a.test. A 192.0.2.1");
    upstream->hold();
    boost::asio::io_context io(1);
    int answered = 0;
    for (const bool confirm : {false, true}) {
        QueryOptions options;
        options.confirm = confirm;
        test::spawn_then(io, cache->query("a.test", DnsType::a, options), [&](DnsAnswer) { ++answered; });
    }
    io.poll();
    EXPECT_EQ(upstream->waiting(), 2u);
    upstream->release();
    io.poll();
    EXPECT_EQ(answered, 2);
}

TEST_F(CachingResolver, TheOthersAreNotLeftWaitingWhenTheAskerIsDestroyed)
{
    upstream->hold();
    boost::asio::io_context others(1);
    std::optional<DnsAnswer> answer;
    {
        boost::asio::io_context doomed(1);
        test::spawn_then(doomed, cache->query("a.test", DnsType::a), [](DnsAnswer) {});
        doomed.poll();
        test::spawn_then(others, cache->query("a.test", DnsType::a), [&](DnsAnswer a) { answer = std::move(a); });
        others.poll();
        EXPECT_FALSE(answer);
        upstream->forget_waiting();
    }
    others.poll();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, DnsStatus::timed_out);
}

class SmallCachingResolver : public CachingResolver {
protected:
    static DnsCacheOptions small()
    {
        DnsCacheOptions options;
        options.max_entries = 2;
        return options;
    }
    SmallCachingResolver() : CachingResolver(small()) {}
};

TEST_F(SmallCachingResolver, TheLeastRecentlyUsedAnswerGivesWay)
{
    upstream->zone("a.test. A 192.0.2.1\n b.test. A 192.0.2.2\n c.test. A 192.0.2.3");
    ask("a.test", DnsType::a);
    ask("b.test", DnsType::a);
    EXPECT_TRUE(ask("a.test", DnsType::a).cached);
    ask("c.test", DnsType::a);
    EXPECT_TRUE(ask("a.test", DnsType::a).cached);
    EXPECT_FALSE(ask("b.test", DnsType::a).cached);
}

}  // namespace
}  // namespace winnow::net
