#include "net/policy/probe_identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <optional>

#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using testing::HasSubstr;

class ProbeIdentityTest : public testing::Test {
protected:
    ProbeIdentityTest()
    {
        dns.zone(R"(
            probe.a.test.         A 8.8.4.4
            probe.a.test.         AAAA 2606:4700::25
            4.4.8.8.in-addr.arpa. PTR probe.a.test.
            a.test.               MX 10 mx.a.test.
            a.test.               TXT "v=spf1 ip4:8.8.4.4 -all"
            mx.a.test.            A 10.0.0.5
        )");
    }

    IdentityReport check() { return test::run(check_probe_identity(dns, identity, clock, rng)); }
    static const IdentityCheck& item(const IdentityReport& report, IdentityItem wanted)
    {
        for (const IdentityCheck& c : report.checks)
            if (c.item == wanted)
                return c;
        throw std::logic_error("no such item in the report");
    }

    test::FakeResolver dns;
    test::ManualClock clock;
    SeededRng rng{1};
    ProbeIdentity identity{"8.8.4.4", "probe.a.test", "verify@a.test"};
};

TEST_F(ProbeIdentityTest, AllFiveThingsInOrderAllowProbing)
{
    const IdentityReport report = check();
    EXPECT_TRUE(report.ok()) << report.reason();
    EXPECT_EQ(report.checks.size(), 5u);
    EXPECT_TRUE(report.reason().empty());
    EXPECT_FALSE(report.try_again());
    EXPECT_EQ(item(report, IdentityItem::reverse_dns).asked, "PTR 4.4.8.8.in-addr.arpa");
    for (const IdentityCheck& c : report.checks)
        EXPECT_TRUE(c.cure.empty()) << to_string(c.item);
}

TEST_F(ProbeIdentityTest, APrivateSourceEndsTheChecks)
{
    identity.source_ip = "192.168.1.2";
    const IdentityReport report = check();
    EXPECT_FALSE(report.ok());
    ASSERT_EQ(report.checks.size(), 1u);
    EXPECT_THAT(report.reason(), HasSubstr("verifier.sources"));
    EXPECT_THAT(report.reason(), HasSubstr("a machine that has a public address itself"))
        << "what is behind NAT cannot bind the outer address";
    EXPECT_EQ(dns.total_queries(), 0u);

    identity.source_ip = "";
    EXPECT_FALSE(check().ok());
}

TEST_F(ProbeIdentityTest, AnEhloNameThatResolvesElsewhereNamesTheRecordToPublish)
{
    dns.remove("probe.a.test").add("probe.a.test", DnsType::a, "9.9.9.9");
    const IdentityReport report = check();
    EXPECT_FALSE(report.ok());
    const IdentityCheck& ehlo = item(report, IdentityItem::ehlo_resolves);
    EXPECT_EQ(ehlo.status, IdentityStatus::failed);
    EXPECT_THAT(ehlo.found, HasSubstr("9.9.9.9"));
    EXPECT_EQ(ehlo.cure, "Publish: probe.a.test. IN A 8.8.4.4");
    // The reverse name points at the same host, so it does not resolve back either.
    EXPECT_EQ(item(report, IdentityItem::reverse_dns).status, IdentityStatus::failed);
}

TEST_F(ProbeIdentityTest, AnEhloNameMustBeAFullHostName)
{
    for (const char* name : {"", "localhost", "[8.8.4.4]"}) {
        identity.ehlo_name = name;
        EXPECT_EQ(item(check(), IdentityItem::ehlo_resolves).status, IdentityStatus::failed) << name;
    }
}

TEST_F(ProbeIdentityTest, WithoutReverseNameTheCureNamesThePtrRecord)
{
    dns.remove("4.4.8.8.in-addr.arpa");
    const IdentityReport report = check();
    const IdentityCheck& reverse = item(report, IdentityItem::reverse_dns);
    EXPECT_EQ(reverse.status, IdentityStatus::failed);
    EXPECT_THAT(reverse.cure, HasSubstr("4.4.8.8.in-addr.arpa. IN PTR probe.a.test."));
    EXPECT_THAT(report.reason(), HasSubstr("has no reverse name"));
}

TEST_F(ProbeIdentityTest, OneReverseNameOfSeveralIsEnough)
{
    dns.remove("4.4.8.8.in-addr.arpa").zone(R"(
        4.4.8.8.in-addr.arpa. PTR generic.isp.test.
        4.4.8.8.in-addr.arpa. PTR probe.a.test.
    )");
    EXPECT_TRUE(check().ok());
}

TEST_F(ProbeIdentityTest, ASenderWhoseDomainTakesNoMailIsNotEnough)
{
    dns.remove("a.test").zone("a.test. MX 0 .\n a.test. TXT \"v=spf1 ip4:8.8.4.4 -all\"");
    const IdentityReport report = check();
    EXPECT_EQ(item(report, IdentityItem::mail_from_accepts).status, IdentityStatus::failed);
    EXPECT_EQ(item(report, IdentityItem::spf_pass).status, IdentityStatus::passed);
    EXPECT_FALSE(report.ok());

    identity.mail_from = "";
    EXPECT_THAT(item(check(), IdentityItem::mail_from_accepts).cure, HasSubstr("verifier.mail_from"));
}

struct SpfCase {
    const char* record;
    const char* cure;
};
class ProbeIdentitySpf : public ProbeIdentityTest, public testing::WithParamInterface<SpfCase> {};

TEST_P(ProbeIdentitySpf, AnythingButPassIsNotEnough)
{
    dns.remove("a.test").zone(std::string("a.test. MX 10 mx.a.test.\n a.test. TXT \"") + GetParam().record + '"');
    const IdentityReport report = check();
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(item(report, IdentityItem::spf_pass).status, IdentityStatus::failed);
    EXPECT_THAT(item(report, IdentityItem::spf_pass).cure, HasSubstr(GetParam().cure));
}

INSTANTIATE_TEST_SUITE_P(Records, ProbeIdentitySpf,
                         testing::Values(SpfCase{"no policy", "Publish: a.test. IN TXT \"v=spf1 ip4:8.8.4.4 -all\""},
                                         SpfCase{"v=spf1 ip4:9.9.9.9 -all", "Add ip4:8.8.4.4"},
                                         SpfCase{"v=spf1 ?all", "Add ip4:8.8.4.4"},
                                         SpfCase{"v=spf1 ~all", "Add ip4:8.8.4.4"},
                                         SpfCase{"v=spf1 ipv4:8.8.4.4 -all", "Mend the SPF record of a.test"}));

TEST_F(ProbeIdentityTest, SilenceOfTheDnsIsUndecidedNotFailed)
{
    dns.remove("probe.a.test").zone("probe.a.test. TIMEOUT");
    const IdentityReport report = check();
    EXPECT_FALSE(report.ok());
    EXPECT_TRUE(report.try_again());
    EXPECT_EQ(item(report, IdentityItem::ehlo_resolves).status, IdentityStatus::undecided);
    EXPECT_EQ(item(report, IdentityItem::reverse_dns).status, IdentityStatus::undecided);

    dns.remove("a.test").zone("a.test. SERVFAIL");
    const IdentityReport all = check();
    EXPECT_TRUE(all.try_again());
    EXPECT_EQ(item(all, IdentityItem::spf_pass).status, IdentityStatus::undecided);
    EXPECT_EQ(item(all, IdentityItem::mail_from_accepts).status, IdentityStatus::undecided);
}

TEST_F(ProbeIdentityTest, AnIpv6SourceIsCheckedByItsOwnRecords)
{
    identity.source_ip = "2606:4700:0::25";
    dns.add(reverse_name("2606:4700::25"), DnsType::ptr, "probe.a.test");
    const IdentityReport report = check();
    EXPECT_EQ(item(report, IdentityItem::ehlo_resolves).status, IdentityStatus::passed);
    EXPECT_EQ(item(report, IdentityItem::reverse_dns).status, IdentityStatus::passed);
    EXPECT_THAT(item(report, IdentityItem::spf_pass).cure, HasSubstr("ip6:2606:4700::25"));
}

/// A server goes on asking while nothing but the DNS is in the way.
class AwaitedProbeIdentity : public ProbeIdentityTest {
protected:
    ~AwaitedProbeIdentity() override { timers.abandon(); }

    void begin()
    {
        boost::asio::co_spawn(io, await_probe_identities(dns, {identity}, clock, rng, *timer),
                              [this](std::exception_ptr failed, IdentityReport r) {
                                  EXPECT_FALSE(failed);
                                  report = std::move(r);
                              });
    }
    std::size_t rounds() { return dns.queries("4.4.8.8.in-addr.arpa", DnsType::ptr); }

    boost::asio::io_context io{1};
    test::VirtualTimers timers{clock};
    std::unique_ptr<Timer> timer = timers.make();
    std::optional<IdentityReport> report;
};

TEST_F(AwaitedProbeIdentity, IsAskedAtGrowingPausesUntilTheDnsIsBack)
{
    dns.remove("a.test").zone("a.test. SERVFAIL");
    begin();
    timers.run_for(io, std::chrono::seconds{29});
    EXPECT_EQ(rounds(), 0u);
    timers.run_for(io, std::chrono::seconds{30 + 60 + 120 + 240 + 2 * 300 - 29});
    EXPECT_EQ(rounds(), 6u);
    EXPECT_FALSE(report);
    dns.remove("a.test").zone("a.test. MX 10 mx.a.test.\na.test. TXT \"v=spf1 ip4:8.8.4.4 -all\"");
    timers.run_for(io, std::chrono::minutes{5});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->ok()) << report->reason();
    timers.run_for(io, std::chrono::hours{1});
    EXPECT_EQ(rounds(), 7u);
}

TEST_F(AwaitedProbeIdentity, EndsWithTheCureWhenTheDnsIsBackAndARecordIsMissing)
{
    dns.remove("a.test").zone("a.test. MX 10 mx.a.test.");
    begin();
    timers.run_for(io, std::chrono::minutes{1});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->ok());
    EXPECT_FALSE(report->try_again());
    EXPECT_EQ(report->source_ip, "8.8.4.4");
    EXPECT_THAT(report->reason(), HasSubstr("Publish: a.test. IN TXT"));
}

TEST_F(AwaitedProbeIdentity, EndsWithoutAQuestionWhenItsOwnerStops)
{
    begin();
    timers.run_for(io, std::chrono::seconds{1});
    timer->wake();
    timers.run_for(io, std::chrono::seconds{1});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->ok());
    EXPECT_EQ(dns.total_queries(), 0u);
}

TEST_F(ProbeIdentityTest, OfSeveralSourcesTheFirstThatDoesNotHoldIsReported)
{
    const ProbeIdentity other{"9.9.9.9", "probe.a.test", "verify@a.test"};
    const IdentityReport report = test::run(check_probe_identities(dns, {identity, other, identity}, clock, rng));
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.source_ip, "9.9.9.9");
    EXPECT_TRUE(test::run(check_probe_identities(dns, {identity}, clock, rng)).ok());
}

}  // namespace
}  // namespace winnow::net
