#include "net/mail_route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using test::FakeResolver;
using testing::ElementsAre;
using testing::HasSubstr;

class MailRouteTest : public testing::Test {
protected:
    MailRoute route(std::string domain)
    {
        return test::run(resolve_mail_route(dns, std::move(domain), guard, clock, rng));
    }
    static std::vector<std::string> names(const MailRoute& r)
    {
        std::vector<std::string> out;
        for (const MxHost& host : r.hosts)
            out.push_back(host.name);
        return out;
    }
    static std::set<std::string> rules(const MailRoute& r)
    {
        std::set<std::string> out;
        for (const Evidence& step : r.steps)
            if (!step.rule.empty())
                out.insert(step.rule);
        return out;
    }

    FakeResolver dns;
    TargetGuard guard;
    test::ManualClock clock;
    SeededRng rng{1};
};

TEST_F(MailRouteTest, HostsComeByPreferenceWithIpv4BeforeIpv6)
{
    dns.zone(R"(
        a.test.    300 MX 20 backup.a.test.
        a.test.    300 MX 10 mx.a.test.
        mx.a.test. 120 A 8.8.8.8
        mx.a.test. 600 AAAA 2606:4700::1
        backup.a.test. A 9.9.9.9
    )");
    const MailRoute r = route("A.Test");
    EXPECT_EQ(r.status, RouteStatus::ok) << r.detail;
    EXPECT_THAT(names(r), ElementsAre("mx.a.test", "backup.a.test"));
    EXPECT_THAT(r.hosts[0].addresses, ElementsAre("8.8.8.8", "2606:4700::1"));
    EXPECT_EQ(r.hosts[0].preference, 10);
    EXPECT_FALSE(r.hosts[0].implicit);
    EXPECT_EQ(r.ttl, 120u);
    EXPECT_EQ(r.site.size(), 16u);
    ASSERT_FALSE(r.steps.empty());
    EXPECT_EQ(r.steps[0].kind, EvidenceKind::dns);
    EXPECT_EQ(r.steps[0].asked, "MX a.test");
    EXPECT_EQ(r.steps[0].answer, "20 backup.a.test, 10 mx.a.test");
    EXPECT_EQ(r.steps[0].of, "192.0.2.53:53");
    EXPECT_EQ(r.steps[0].at, clock.now());
}

TEST_F(MailRouteTest, EqualPreferencesAreShuffledByTheSeed)
{
    for (const char* host : {"m1", "m2", "m3", "m4"}) {
        dns.add_mx("a.test", 10, std::string(host) + ".a.test");
        dns.add(std::string(host) + ".a.test", DnsType::a, "8.8.8.8");
    }
    dns.add_mx("a.test", 5, "first.a.test").add("first.a.test", DnsType::a, "8.8.4.4");
    std::set<std::vector<std::string>> orders;
    for (int i = 0; i < 40; ++i) {
        orders.insert(names(route("a.test")));
        EXPECT_EQ(orders.begin()->front(), "first.a.test");
    }
    EXPECT_GT(orders.size(), 10u);

    rng = SeededRng{7};
    const auto once = names(route("a.test"));
    rng = SeededRng{7};
    EXPECT_EQ(names(route("a.test")), once);
}

TEST_F(MailRouteTest, TheSiteIsTheMxSetWhateverItsOrder)
{
    dns.zone(R"(
        a.test. MX 10 m1.x.test.
        a.test. MX 20 m2.x.test.
        b.test. MX 20 m1.x.test.
        b.test. MX 10 M2.x.test.
        c.test. MX 10 m1.x.test.
        m1.x.test. A 8.8.8.8
        m2.x.test. SERVFAIL
    )");
    EXPECT_EQ(route("a.test").site, route("b.test").site);
    EXPECT_NE(route("a.test").site, route("c.test").site);
}

TEST_F(MailRouteTest, WithoutMxTheDomainItselfIsTheHost)
{
    dns.zone("a.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::ok);
    EXPECT_THAT(names(r), ElementsAre("a.test"));
    EXPECT_TRUE(r.hosts[0].implicit);
    EXPECT_THAT(rules(r), testing::Contains("route.implicit_mx"));
}

TEST_F(MailRouteTest, ADomainWithIpv6AloneIsReachable)
{
    dns.zone("a.test. AAAA 2606:4700::1");
    EXPECT_THAT(route("a.test").hosts.at(0).addresses, ElementsAre("2606:4700::1"));
}

TEST_F(MailRouteTest, ANullMxAcceptsNoMailAndNoAddressIsAsked)
{
    dns.zone("a.test. MX 0 .\n a.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::null_mx);
    EXPECT_TRUE(r.hosts.empty());
    EXPECT_TRUE(r.site.empty());
    EXPECT_EQ(dns.total_queries(), 1u);
}

TEST_F(MailRouteTest, ARootMxBesideRealOnesIsPassedOver)
{
    dns.zone("a.test. MX 0 .\n a.test. MX 10 mx.a.test.\n mx.a.test. A 8.8.8.8");
    EXPECT_THAT(names(route("a.test")), ElementsAre("mx.a.test"));
}

TEST_F(MailRouteTest, AnMxThatIsAnAliasIsFollowed)
{
    dns.zone("a.test. MX 10 mx.a.test.\n mx.a.test. CNAME real.b.test.\n real.b.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_THAT(names(r), ElementsAre("mx.a.test"));
    EXPECT_THAT(r.hosts[0].addresses, ElementsAre("8.8.8.8"));
}

TEST_F(MailRouteTest, ADomainThatIsAnAliasUsesTheMxOfItsTarget)
{
    dns.zone("a.test. CNAME b.test.\n b.test. MX 10 mx.b.test.\n mx.b.test. A 8.8.8.8");
    EXPECT_THAT(names(route("a.test")), ElementsAre("mx.b.test"));
}

TEST_F(MailRouteTest, NeitherMxNorAddressMeansNoMail)
{
    dns.zone("a.test. TXT \"hello\"");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::no_mail);
    EXPECT_THAT(rules(r), ElementsAre("route.no_mail"));
}

TEST_F(MailRouteTest, AnMxSetWithoutAnyAddressMeansNoMailAndNoImplicitMx)
{
    dns.zone("a.test. MX 10 gone.a.test.\n a.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::no_mail);
    EXPECT_THAT(rules(r), ElementsAre("route.mx_without_address"));
    EXPECT_EQ(dns.queries("a.test", DnsType::a), 0u);
}

TEST_F(MailRouteTest, AnMxThatIsAnAddressIsNotAHost)
{
    dns.zone("a.test. MX 10 8.8.8.8.\n a.test. MX 20 mx.a.test.\n mx.a.test. A 9.9.9.9");
    const MailRoute r = route("a.test");
    EXPECT_THAT(names(r), ElementsAre("mx.a.test"));
    EXPECT_THAT(rules(r), testing::Contains("route.mx_is_address"));
}

TEST_F(MailRouteTest, NxdomainIsAskedAgainPastTheCache)
{
    const MailRoute r = route("gone.test");
    EXPECT_EQ(r.status, RouteStatus::nxdomain);
    EXPECT_EQ(dns.confirmations(), 1u);
    EXPECT_EQ(dns.queries("gone.test", DnsType::mx), 2u);
}

TEST_F(MailRouteTest, AnNxdomainThatIsNotConfirmedGivesWayToTheSecondAnswer)
{
    dns.zone("a.test. NXDOMAIN MX\n mx.a.test. A 8.8.8.8");
    dns.confirming().zone("a.test. MX 10 mx.a.test.");
    EXPECT_EQ(route("a.test").status, RouteStatus::ok);
}

TEST_F(MailRouteTest, AnNxdomainWhoseConfirmationFailsSaysNothingAboutTheDomain)
{
    dns.zone("a.test. NXDOMAIN MX");
    dns.confirming().zone("a.test. TIMEOUT");
    EXPECT_EQ(route("a.test").status, RouteStatus::dns_failure);
}

TEST_F(MailRouteTest, TheEvidenceSaysWhetherASecondServerDenied)
{
    EXPECT_EQ(route("gone.test").detail,
              "The domain does not exist; asked twice, but only one DNS server is configured.");
    dns.confirming();
    EXPECT_EQ(route("gone.test").detail, "The domain does not exist; a second DNS server says so too.");
}

TEST_F(MailRouteTest, ADeadMxSetIsConfirmedHostByHost)
{
    dns.zone("a.test. MX 10 m1.gone.test.\n a.test. MX 20 m2.gone.test.");
    dns.confirming();
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::no_mail);
    EXPECT_EQ(dns.confirmations(), 2u);
}

TEST_F(MailRouteTest, AnMxHostThatASecondServerKnowsIsUsed)
{
    dns.zone("a.test. MX 10 m1.gone.test.\n a.test. MX 20 m2.gone.test.");
    dns.confirming().zone("m2.gone.test. AAAA 2001:4860::8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::ok);
    ASSERT_EQ(r.hosts.size(), 1u);
    EXPECT_EQ(r.hosts[0].name, "m2.gone.test");
    EXPECT_EQ(r.hosts[0].addresses, std::vector<std::string>{"2001:4860::8"});
}

TEST_F(MailRouteTest, NoMailIsConfirmedRecordByRecord)
{
    dns.zone("a.test. TXT \"hello\"");
    EXPECT_EQ(route("a.test").detail,
              "The domain has neither MX nor address records; asked twice, but only one DNS server is configured.");
    dns.confirming().zone("a.test. TXT \"hello\"");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::no_mail);
    EXPECT_EQ(r.detail, "The domain has neither MX nor address records; a second DNS server says so too.");
    EXPECT_EQ(dns.confirmations(), 6u) << "MX, A and AAAA, twice";
}

TEST_F(MailRouteTest, AnMxThatOnlyASecondServerKnowsIsUsed)
{
    dns.zone("a.test. TXT \"hello\"\n mx.a.test. A 8.8.8.8");
    dns.confirming().zone("a.test. MX 10 mx.a.test.");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::ok);
    EXPECT_THAT(names(r), ElementsAre("mx.a.test"));
    EXPECT_THAT(rules(r), ElementsAre("route.mx"));
}

TEST_F(MailRouteTest, AnAddressThatOnlyASecondServerKnowsIsUsed)
{
    dns.zone("a.test. TXT \"hello\"");
    dns.confirming().zone("a.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::ok);
    EXPECT_THAT(rules(r), ElementsAre("route.implicit_mx"));
}

TEST_F(MailRouteTest, AnMxHostWithoutAddressIsConfirmedToo)
{
    dns.zone("a.test. MX 10 mx.a.test.\n mx.a.test. TXT \"hello\"");
    dns.confirming().zone("mx.a.test. A 8.8.8.8");
    EXPECT_EQ(route("a.test").status, RouteStatus::ok);
}

TEST_F(MailRouteTest, ADeadMxHostBesideALiveOneNeedsNoConfirmation)
{
    dns.zone("a.test. MX 10 m1.gone.test.\n a.test. MX 20 m2.a.test.\n m2.a.test. A 8.8.8.8");
    EXPECT_EQ(route("a.test").status, RouteStatus::ok);
    EXPECT_EQ(dns.confirmations(), 0u);
}

class UnconfirmedDenial : public MailRouteTest, public testing::WithParamInterface<const char*> {};

TEST_P(UnconfirmedDenial, OfTheDomainSaysNothingAboutIt)
{
    dns.confirming().zone(std::string("gone.test. ") + GetParam());
    const MailRoute r = route("gone.test");
    EXPECT_EQ(r.status, RouteStatus::dns_failure);
    EXPECT_EQ(r.steps.back().rule, "route.nxdomain_unconfirmed");
}

TEST_P(UnconfirmedDenial, OfAnMxHostSaysNothingAboutTheDomain)
{
    dns.zone("a.test. MX 10 mx.gone.test.");
    dns.confirming().zone(std::string("mx.gone.test. ") + GetParam());
    EXPECT_EQ(route("a.test").status, RouteStatus::dns_failure);
}

TEST_P(UnconfirmedDenial, OfMxOrAddressSaysNothingAboutTheDomain)
{
    dns.zone("a.test. TXT \"hello\"");
    for (const char* type : {" MX", " A", " AAAA"}) {
        dns.confirming().remove("a.test").zone(std::string("a.test. TXT \"hello\"\n a.test. ") + GetParam() + type);
        const MailRoute r = route("a.test");
        EXPECT_EQ(r.status, RouteStatus::dns_failure) << type;
        EXPECT_EQ(r.steps.back().rule, "route.no_mail_unconfirmed") << type;
    }
}

INSTANTIATE_TEST_SUITE_P(MailRouteTest, UnconfirmedDenial,
                         testing::Values("SERVFAIL", "REFUSED", "TIMEOUT", "MALFORMED"));

class DnsFailures : public MailRouteTest, public testing::WithParamInterface<const char*> {};

TEST_P(DnsFailures, OfTheMxQuestionAreKeptApartFromAbsence)
{
    dns.zone(std::string("a.test. ") + GetParam() + " MX\n a.test. A 8.8.8.8");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::dns_failure);
    EXPECT_TRUE(r.hosts.empty());
    EXPECT_EQ(dns.queries("a.test", DnsType::a), 0u) << "an implicit MX may only follow a definite absence";
}

TEST_P(DnsFailures, OfTheOnlyMxHostAreKeptApartFromAbsence)
{
    dns.zone(std::string("a.test. MX 10 mx.a.test.\n mx.a.test. ") + GetParam());
    EXPECT_EQ(route("a.test").status, RouteStatus::dns_failure);
}

INSTANTIATE_TEST_SUITE_P(MailRouteTest, DnsFailures, testing::Values("SERVFAIL", "REFUSED", "TIMEOUT", "MALFORMED"));

TEST_F(MailRouteTest, AHostWhoseDnsFailsDoesNotHideTheOthers)
{
    dns.zone("a.test. MX 10 m1.a.test.\n a.test. MX 20 m2.a.test.\n m1.a.test. SERVFAIL\n m2.a.test. A 8.8.8.8");
    EXPECT_THAT(names(route("a.test")), ElementsAre("m2.a.test"));
}

TEST_F(MailRouteTest, AnAddressOfOneFamilyIsEnoughWhenTheOtherFails)
{
    dns.zone("a.test. MX 10 m1.a.test.\n m1.a.test. A 8.8.8.8\n m1.a.test. SERVFAIL AAAA");
    EXPECT_EQ(route("a.test").status, RouteStatus::ok);
}

TEST_F(MailRouteTest, DeadNameServersOfManyHostsAreNotWaitedForOneByOne)
{
    for (int i = 0; i < 20; ++i)
        dns.zone("a.test. MX 10 m" + std::to_string(i) + ".a.test.\n m" + std::to_string(i) + ".a.test. TIMEOUT");
    EXPECT_EQ(route("a.test").status, RouteStatus::dns_failure);
    EXPECT_EQ(dns.total_queries(), 1u + 3 * 2);
}

TEST_F(MailRouteTest, PrivateAndLoopbackTargetsAreRefused)
{
    dns.zone(R"(
        a.test. MX 10 lo.a.test.
        a.test. MX 20 rfc1918.a.test.
        lo.a.test. A 127.0.0.1
        lo.a.test. AAAA ::1
        rfc1918.a.test. A 10.0.0.1
    )");
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.status, RouteStatus::refused_target);
    EXPECT_TRUE(r.hosts.empty());
    EXPECT_THAT(rules(r), testing::Contains("route.refused_target"));

    guard.allow_private = true;
    EXPECT_EQ(route("a.test").status, RouteStatus::ok);
}

TEST_F(MailRouteTest, OnlyTheAllowedAddressesOfAHostAreKept)
{
    dns.zone("a.test. MX 10 mx.a.test.\n mx.a.test. A 10.0.0.1\n mx.a.test. A 8.8.8.8");
    EXPECT_THAT(route("a.test").hosts.at(0).addresses, ElementsAre("8.8.8.8"));
}

TEST_F(MailRouteTest, OurOwnAddressIsALoopAlsoInTheLab)
{
    guard.allow_private = true;
    guard.own = {"127.0.0.1"};
    dns.zone("a.test. A 127.0.0.1");
    EXPECT_EQ(route("a.test").status, RouteStatus::refused_target);
}

TEST_F(MailRouteTest, FortyHostsAreReadTheRestIsNot)
{
    for (int i = 0; i < 45; ++i) {
        const std::string host = "m" + std::to_string(i) + ".a.test";
        dns.add_mx("a.test", static_cast<std::uint16_t>(i), host).add(host, DnsType::a, "8.8.8.8");
    }
    const MailRoute r = route("a.test");
    EXPECT_EQ(r.hosts.size(), 40u);
    EXPECT_EQ(r.hosts.back().name, "m39.a.test");
}

TEST_F(MailRouteTest, AHostListedTwiceCountsOnceAtItsBestPreference)
{
    dns.zone(
        "a.test. MX 30 mx.a.test.\n a.test. MX 20 b.a.test.\n a.test. MX 10 MX.a.test.\n"
        "mx.a.test. A 8.8.8.8\n b.a.test. A 9.9.9.9");
    EXPECT_THAT(names(route("a.test")), ElementsAre("mx.a.test", "b.a.test"));
}

TEST_F(MailRouteTest, AnAddressLiteralIsItsOwnRoute)
{
    const MailRoute v4 = route("[8.8.8.8]");
    EXPECT_EQ(v4.status, RouteStatus::ok);
    EXPECT_THAT(v4.hosts.at(0).addresses, ElementsAre("8.8.8.8"));
    EXPECT_THAT(route("[IPv6:2606:4700::1]").hosts.at(0).addresses, ElementsAre("2606:4700::1"));
    EXPECT_EQ(route("[127.0.0.1]").status, RouteStatus::refused_target);
    EXPECT_EQ(route("[nonsense]").status, RouteStatus::no_mail);
    EXPECT_EQ(dns.total_queries(), 0u);
}

}  // namespace
}  // namespace winnow::net
