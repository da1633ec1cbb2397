#include "api/wrong_keys.hpp"

#include <gtest/gtest.h>

#include "tests/api/api_fixture.hpp"

namespace winnow::test {
namespace {

using api::WrongKeyOptions;
using api::WrongKeys;
using std::chrono::seconds;

/// How many of `count` are borne.
int borne(WrongKeys& keys, std::string_view ip, int count, SteadyPoint now)
{
    int good = 0;
    for (int i = 0; i < count; ++i)
        good += keys.came(ip, now) ? 0 : 1;
    return good;
}

TEST(WrongKeys, AFewAreAMistakeAndTheWaitThenGrowsUpToAMinute)
{
    ManualClock clock;
    WrongKeys keys;
    EXPECT_EQ(borne(keys, "192.0.2.1", 10, clock.steady()), 10);
    milliseconds before{0};
    for (int i = 0; i < 40; ++i) {
        const auto wait = keys.came("192.0.2.1", clock.steady());
        ASSERT_TRUE(wait) << i;
        EXPECT_GE(*wait, std::max(before, milliseconds{10'000})) << "not before one is borne again";
        EXPECT_LE(*wait, seconds{60});
        before = *wait;
    }
    EXPECT_EQ(before, seconds{60});
    clock.advance(seconds{10});
    EXPECT_FALSE(keys.came("192.0.2.1", clock.steady()));
    EXPECT_EQ(keys.came("192.0.2.1", clock.steady()), seconds{10}) << "the wait begins anew";
}

TEST(WrongKeys, AreCountedByNetwork)
{
    ManualClock clock;
    WrongKeys keys;
    EXPECT_EQ(borne(keys, "192.0.2.1", 10, clock.steady()), 10);
    EXPECT_EQ(borne(keys, "192.0.2.254", 1, clock.steady()), 0) << "the same /24";
    EXPECT_EQ(borne(keys, "::ffff:192.0.2.7", 1, clock.steady()), 0) << "written as IPv6";
    EXPECT_EQ(borne(keys, "192.0.3.1", 1, clock.steady()), 1);
    EXPECT_EQ(borne(keys, "2001:db8:0:1::1", 10, clock.steady()), 10);
    EXPECT_EQ(borne(keys, "2001:db8:0:1:ffff::2", 1, clock.steady()), 0) << "the same /64";
    EXPECT_EQ(borne(keys, "2001:db8:0:2::1", 1, clock.steady()), 1);
}

TEST(WrongKeys, MemoryIsBoundedAndTheQuietestNetworkIsForgotten)
{
    ManualClock clock;
    WrongKeyOptions options;
    options.networks = 100;
    WrongKeys keys{options};
    EXPECT_EQ(borne(keys, "10.0.0.1", 11, clock.steady()), 10);
    for (int i = 1; i < 5'000; ++i) {
        EXPECT_FALSE(keys.came("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".1", clock.steady()));
        if (i % 50 == 0) {
            EXPECT_TRUE(keys.came("10.0.0.1", clock.steady())) << "it is not quiet";
        }
    }
    EXPECT_EQ(keys.networks(), 100u);
    EXPECT_FALSE(keys.came("10.0.1.1", clock.steady())) << "forgotten";
}

using WrongKeysOverHttp = ApiTest;

TEST_F(WrongKeysOverHttp, AreRefusedWith429AndRightOnesLetIn)
{
    const std::string wrong = key.substr(0, key.size() - 1) + (key.back() == '0' ? '1' : '0');
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(call_as(wrong, "GET", "/api/v1/queue").status, 401) << i;
    const Reply slowed = call_as(wrong, "GET", "/api/v1/queue");
    EXPECT_EQ(slowed.status, 429) << slowed.body;
    EXPECT_EQ(slowed.code(), "too_many_wrong_keys");
    EXPECT_EQ(slowed.fields.get("Retry-After"), "10");
    EXPECT_EQ(get("/api/v1/queue").status, 200) << "a right key from the same address";
    TextBody nothing{""};
    EXPECT_EQ(send("GET", "/api/v1/queue", nothing, {}).status, 401) << "no key is no wrong key";
    EXPECT_NE(metrics.expose().find("winnow_http_wrong_keys_total{answer=\"429\"} 1"), std::string::npos);

    peer.ip = "198.51.100.7";
    EXPECT_EQ(call_as(wrong, "GET", "/api/v1/queue").status, 401) << "another network";
    peer.ip = "192.0.2.99";
    EXPECT_EQ(call_as(wrong, "GET", "/api/v1/queue").status, 429) << "the same network";
    clock.advance(seconds{20});
    EXPECT_EQ(call_as(wrong, "GET", "/api/v1/queue").status, 401);
}

}  // namespace
}  // namespace winnow::test
