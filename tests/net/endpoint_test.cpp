#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace winnow::net {
namespace {

struct Parsed {
    const char* text;
    const char* canonical;
};

TEST(Endpoint, ReadsTheFormsPeopleWriteAndPrintsThemAlike)
{
    for (const Parsed& c : {Parsed{"127.0.0.1:25", "127.0.0.1:25"}, Parsed{"[::1]:25", "[::1]:25"},
                            Parsed{":2525", "0.0.0.0:2525"}, Parsed{"localhost:8080", "127.0.0.1:8080"},
                            Parsed{"192.0.2.1", "192.0.2.1:587"}, Parsed{"2001:db8::1", "[2001:db8::1]:587"},
                            Parsed{"[2001:db8::1]", "[2001:db8::1]:587"}, Parsed{"127.0.0.1:0", "127.0.0.1:0"}}) {
        const auto endpoint = parse_endpoint(c.text, 587);
        ASSERT_TRUE(endpoint) << endpoint.error().message();
        EXPECT_EQ(endpoint->to_string(), c.canonical);
    }
}

TEST(Endpoint, RefusesWhatIsNotAnAddressAndAPortAndNamesTheText)
{
    for (const char* text : {"", ":", "example.test:25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                             "127.0.0.1:25x", "[::1:25", "[::1]25", "[127.0.0.1]:25", "256.0.0.1:25", "::1", "1:2:3"}) {
        const auto endpoint = parse_endpoint(text);
        ASSERT_FALSE(endpoint) << text;
        EXPECT_EQ(endpoint.error().code, Errc::invalid_argument);
        EXPECT_NE(endpoint.error().context.find(text), std::string::npos);
    }
}

TEST(Endpoint, AnAddressIsNumericAndWhole)
{
    EXPECT_TRUE(is_ip_address("192.0.2.1"));
    EXPECT_TRUE(is_ip_address("::ffff:192.0.2.1"));
    for (std::string_view text : {std::string_view(""), std::string_view("192.0.2"), std::string_view("192.0.2.1 "),
                                  std::string_view("fe80::1%eth0"), std::string_view("192.0.2.1\0x", 11)})
        EXPECT_FALSE(is_ip_address(text));
}

TEST(Endpoint, NothingInsideOurOwnNetworkIsPublic)
{
    for (const char* ip : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "203.0.113.9",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "64:ff9b:1::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::1",
                           "2002:a00:1::",
                           "::127.0.0.1",
                           "not an address"})
        EXPECT_FALSE(is_public_address(ip)) << ip;
}

TEST(Endpoint, TheInternetIsPublicAlsoInItsEmbeddedForms)
{
    for (const char* ip :
         {"8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "198.17.0.1", "198.20.0.1",
          "2a00:1450:4001::1a", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
        EXPECT_TRUE(is_public_address(ip)) << ip;
}

TEST(Endpoint, NeighboursShareASlash24OrASlash64)
{
    EXPECT_TRUE(same_neighbourhood("192.0.2.1", "192.0.2.254"));
    EXPECT_TRUE(same_neighbourhood("192.0.2.1", "::ffff:192.0.2.7"));
    EXPECT_FALSE(same_neighbourhood("192.0.2.1", "192.0.3.1"));
    EXPECT_TRUE(same_neighbourhood("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
    EXPECT_FALSE(same_neighbourhood("2001:db8:0:1::1", "2001:db8:0:2::1"));
    EXPECT_FALSE(same_neighbourhood("192.0.2.1", "2001:db8::1"));
    EXPECT_FALSE(same_neighbourhood("", ""));
    EXPECT_EQ(neighbourhood_number("192.0.2.1"), neighbourhood_number("::ffff:192.0.2.254"));
    EXPECT_NE(neighbourhood_number("192.0.2.1"), neighbourhood_number("192.0.3.1"));
    EXPECT_EQ(neighbourhood_number("2001:db8:0:1::1"), neighbourhood_number("2001:db8:0:1:ffff::2"));
    EXPECT_NE(neighbourhood_number("2001:db8:0:1::1"), neighbourhood_number("2001:db8:0:2::1"));
    EXPECT_EQ(neighbourhood_number("x"), 0u);
}

TEST(Endpoint, AClientIsAnIpv4AddressOrTheSlash64OfAnIpv6Address)
{
    EXPECT_EQ(client_block("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client_block("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client_block("2001:db8:0:1::7"), client_block("2001:db8:0:1:ffff::8"));
    EXPECT_EQ(client_block("2001:db8:0:1::7"), "2001:db8:0:1::/64");
    EXPECT_NE(client_block("2001:db8:0:1::7"), client_block("2001:db8:0:2::7"));
    EXPECT_NE(client_block("192.0.2.1"), client_block("192.0.2.2"));
    EXPECT_EQ(client_block("x"), "x");
}

TEST(Endpoint, LoopbackIsThisMachineInEitherFamily)
{
    for (const char* ip : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"})
        EXPECT_TRUE(is_loopback(ip)) << ip;
    for (const char* ip : {"128.0.0.1", "::2", "::", "0.0.0.0", "::ffff:192.0.2.1", "", "localhost"})
        EXPECT_FALSE(is_loopback(ip)) << ip;
}

TEST(Endpoint, ReverseNamesAreThoseOfTheDns)
{
    EXPECT_EQ(reverse_name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
    EXPECT_EQ(reverse_name("2001:db8::567:89ab"),
              "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    EXPECT_EQ(reverse_name("mx.example.test"), "");
}

TEST(TargetGuard, AProbeNeverGoesIntoOurOwnNetworkOrBackToUs)
{
    TargetGuard guard;
    guard.own = {"198.200.1.1", "2a00::25"};
    EXPECT_TRUE(guard.check("198.200.1.2"));
    for (const char* ip : {"127.0.0.1", "10.0.0.1", "198.200.1.1", "::ffff:198.200.1.1", "2A00:0::25", "mx.test", ""}) {
        const auto verdict = guard.check(ip);
        ASSERT_FALSE(verdict) << ip;
        EXPECT_EQ(verdict.error().code, Errc::refused_target);
    }
}

TEST(TargetGuard, ALabMayReachPrivateAddressesButNotItselfNorMulticast)
{
    TargetGuard guard;
    guard.allow_private = true;
    guard.own = {"127.0.0.9"};
    EXPECT_TRUE(guard.check("127.0.0.1"));
    EXPECT_TRUE(guard.check("::1"));
    EXPECT_TRUE(guard.check("10.0.0.1"));
    for (const char* ip : {"127.0.0.9", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"})
        EXPECT_FALSE(guard.check(ip)) << ip;
}

}  // namespace
}  // namespace winnow::net
