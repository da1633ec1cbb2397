#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"

namespace winnow::verifier {
namespace {

using net::DnsType;
using std::chrono::seconds;
using testing::HasSubstr;

/// What DNS says of a domain beside its route, and routes that lead back to us.
class DomainEvidence : public testing::Test {
protected:
    DomainEvidence()
    {
        lab.dns.zone(R"(
            x.test.        TXT "v=spf1 mx -all"
            _dmarc.x.test. TXT "v=DMARC1; p=reject"
        )");
        lab.host().mx.rcpt_reply = knows({"ann@x.test", "ben@x.test"});
    }
    VerdictRecord check(const std::string& address)
    {
        return lab.run(lab.verifier->check(ProbeLab::ws, address, seconds{60}));
    }
    static std::string answer(const VerdictRecord& verdict, std::string_view rule)
    {
        for (const Evidence& step : verdict.evidence)
            if (step.rule == rule)
                return step.answer;
        return "no such step";
    }

    JobLab lab;
};

TEST_F(DomainEvidence, OfAnInteractiveCheckHasThePoliciesOfTheDomain)
{
    lab.start_process();
    const VerdictRecord verdict = check("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::accepted);
    EXPECT_EQ(answer(verdict, "policy.spf"), "v=spf1 mx -all");
    EXPECT_EQ(answer(verdict, "policy.dmarc"), "v=DMARC1; p=reject");
    EXPECT_EQ(answer(verdict, "policy.mta_sts"), "none");
    EXPECT_EQ(verdict.evidence.back().kind, EvidenceKind::catch_all) << "they stand with what DNS says, not at the end";
    check("ben@x.test");
    EXPECT_EQ(lab.dns.queries("_dmarc.x.test"), 1u) << "once per domain";
}

TEST_F(DomainEvidence, NeverWaitsForASilentDns)
{
    lab.dns.remove("_dmarc.x.test").zone("_dmarc.x.test. TIMEOUT");
    lab.start_process();
    const VerdictRecord verdict = check("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::accepted);
    EXPECT_THAT(answer(verdict, "policy.dmarc"), HasSubstr("timed_out"));
    EXPECT_TRUE(lab.verifier->unfit().empty()) << "a silent TXT is no sign of a dead DNS";
}

TEST_F(DomainEvidence, IsNotAskedForTheRowsOfAListUnlessTheSettingSaysSo)
{
    lab.start_process();
    const auto list = lab.upload({"ann@x.test"});
    lab.expect_complete(lab.verify(list));
    EXPECT_EQ(lab.dns.queries("_dmarc.x.test"), 0u);
    lab.stop_process();

    lab.options.policy_evidence = PolicyEvidence::always;
    lab.start_process();
    const auto again = lab.upload({"ben@x.test"});
    lab.expect_complete(lab.verify(again));
    EXPECT_EQ(answer(lab.results(again.id).at(0).verdict, "policy.spf"), "v=spf1 mx -all");
}

TEST_F(DomainEvidence, IsNotAskedForAtAllWhenTheSettingSaysNever)
{
    lab.options.policy_evidence = PolicyEvidence::never;
    lab.start_process();
    check("ann@x.test");
    EXPECT_EQ(lab.dns.queries("_dmarc.x.test"), 0u);
}

TEST_F(DomainEvidence, OfADomainWithoutMailHasNoPolicies)
{
    lab.dns.zone("null.test. MX 0 .");
    lab.start_process();
    EXPECT_EQ(check("ann@null.test").reason, Reason::domain_no_mail);
    EXPECT_EQ(lab.dns.queries("_dmarc.null.test"), 0u);
}

TEST_F(DomainEvidence, AnMxThatLeadsBackToUsIsRefusedInALabToo)
{
    lab.options.sources = {"198.51.100.200"};
    for (const char* const own : {"127.0.0.1", "::1", "198.51.100.200"}) {
        const bool v6 = std::string_view(own).find(':') != std::string_view::npos;
        lab.dns.remove("mx.loop.test").add("mx.loop.test", v6 ? DnsType::aaaa : DnsType::a, own);
        lab.dns.remove("loop.test").add_mx("loop.test", 10, "mx.loop.test");
        lab.internet.host(own);
        const VerdictRecord verdict = lab.ask_one("ann@loop.test");
        EXPECT_EQ(verdict.reason, Reason::no_connect) << own;
        EXPECT_THAT(answer(verdict, "route.refused_target"), HasSubstr("mail would loop")) << own;
        EXPECT_EQ(lab.internet.host(own).attempts, 0u) << own;
        lab.forget_pipeline();
    }
    lab.dns.add("other.test", DnsType::a, "127.0.0.2");
    lab.internet.host("127.0.0.2").mx.rcpt_reply = knows({});
    EXPECT_EQ(lab.ask_one("ann@other.test").reason, Reason::mailbox_not_found) << "the rest of the loopback network";
}

}  // namespace
}  // namespace winnow::verifier
