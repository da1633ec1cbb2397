#include "net/policy/domain_policies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DomainPolicies : public testing::Test {
protected:
    std::vector<std::string> of(const std::string& domain)
    {
        std::vector<std::string> out;
        for (const Evidence& step : test::run(look_up_domain_policies(dns, domain, clock)))
            out.push_back(step.asked + " = " + step.answer);
        return out;
    }

    test::FakeResolver dns;
    test::ManualClock clock;
};

TEST_F(DomainPolicies, WhatIsPublishedIsShownAsItIs)
{
    dns.zone(R"(
        a.test.          TXT "some-verification=1"
        a.test.          TXT "v=spf1 mx " "-all"
        _dmarc.a.test.   TXT "v=DMARC1; p=reject"
        _mta-sts.a.test. TXT "v=STSv1; id=20260101"
    )");
    EXPECT_THAT(of("a.test"), ElementsAre("SPF of a.test = v=spf1 mx -all", "DMARC of a.test = v=DMARC1; p=reject",
                                          "MTA-STS of a.test = v=STSv1; id=20260101"));
    EXPECT_EQ(dns.total_queries(), 3u);
}

TEST_F(DomainPolicies, WhatIsMissingIsSaid)
{
    dns.zone("a.test. TXT \"v=spf10 all\"");
    EXPECT_THAT(of("a.test"),
                ElementsAre("SPF of a.test = none", "DMARC of a.test = none", "MTA-STS of a.test = none"));
}

TEST_F(DomainPolicies, DmarcOfTheRegistrableDomainHoldsForTheNamesBelow)
{
    dns.zone("_dmarc.example.co.uk. TXT \"v=DMARC1; p=none\"");
    EXPECT_EQ(of("mail.example.co.uk").at(1), "DMARC of example.co.uk = v=DMARC1; p=none");
}

TEST_F(DomainPolicies, TwoRecordsCountAsABrokenOne)
{
    dns.zone("a.test. TXT \"v=spf1 -all\"\na.test. TXT \"v=spf1 mx -all\"");
    EXPECT_THAT(of("a.test").at(0), HasSubstr("2 records"));
}

TEST_F(DomainPolicies, AFailureIsNoAbsence)
{
    dns.zone("a.test. SERVFAIL\n_dmarc.a.test. TIMEOUT");
    const auto found = of("a.test");
    EXPECT_EQ(found.at(0), "SPF of a.test = not known: servfail");
    EXPECT_EQ(found.at(1), "DMARC of a.test = not known: timed_out");
}

TEST_F(DomainPolicies, ARecordFromOutsideIsMadeHarmlessAndShort)
{
    dns.add("a.test", DnsType::txt, "v=spf1 \x1b[2J" + std::string(2'000, 'x'));
    const std::string spf = of("a.test").at(0);
    EXPECT_EQ(spf.find('\x1b'), std::string::npos);
    EXPECT_LT(spf.size(), 500u);
}

}  // namespace
}  // namespace winnow::net
