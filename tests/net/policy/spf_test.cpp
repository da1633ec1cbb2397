#include "net/policy/spf.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/policy/spf_record.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using test::FakeResolver;

class Spf : public testing::Test {
protected:
    SpfCheck check(std::string ip, std::string mail_from = "ann@a.test", std::string helo = "mail.a.test")
    {
        const SpfQuestion question{std::move(ip), std::move(helo), std::move(mail_from)};
        return test::run(check_spf(dns, question, clock, options));
    }

    FakeResolver dns;
    test::ManualClock clock;
    SpfOptions options;
};

TEST_F(Spf, TheMatchingTermDecidesAndIsReported)
{
    dns.zone("a.test. TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all\"");
    const SpfCheck pass = check("192.0.2.77");
    EXPECT_EQ(pass.result, SpfResult::pass);
    EXPECT_EQ(pass.mechanism, "ip4:192.0.2.0/24");
    EXPECT_EQ(pass.domain, "a.test");
    EXPECT_EQ(pass.record, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all");
    EXPECT_EQ(check("::ffff:192.0.2.77").result, SpfResult::pass);
    EXPECT_EQ(check("2001:db8:1::1").mechanism, "ip6:2001:db8::/32");
    EXPECT_EQ(check("203.0.113.1").result, SpfResult::softfail);
    EXPECT_EQ(check("203.0.113.1").mechanism, "~all");
}

TEST_F(Spf, ANullReversePathIsCheckedAsPostmasterOfTheHeloName)
{
    dns.zone(
        "mail.a.test. TXT \"v=spf1 exists:%{l}.%{o}.list.test -all\"\n postmaster.mail.a.test.list.test. A 127.0.0.2");
    EXPECT_EQ(check("192.0.2.1", "").result, SpfResult::pass);
}

TEST_F(Spf, NoRecordIsNoneAndSilenceIsTemperror)
{
    dns.zone("a.test. TXT \"hello\"\n b.test. TIMEOUT\n c.test. SERVFAIL");
    EXPECT_EQ(check("192.0.2.1").result, SpfResult::none);
    EXPECT_EQ(check("192.0.2.1", "x@unknown.test").result, SpfResult::none);
    EXPECT_EQ(check("192.0.2.1", "x@b.test").result, SpfResult::temperror);
    EXPECT_EQ(check("192.0.2.1", "x@c.test").result, SpfResult::temperror);
}

TEST_F(Spf, TwoRecordsAreAPermerror)
{
    dns.zone("a.test. TXT \"v=spf1 +all\"\n a.test. TXT \"v=spf1 -all\"");
    const SpfCheck twice = check("192.0.2.1");
    EXPECT_EQ(twice.result, SpfResult::permerror);
    EXPECT_NE(twice.detail.find("more than one"), std::string::npos);
}

TEST_F(Spf, ASyntaxErrorAnywhereSpoilsTheRecordAndIsNamed)
{
    dns.zone("a.test. TXT \"v=spf1 +all ip4:192.0.2.300\"");
    const SpfCheck broken = check("192.0.2.1");
    EXPECT_EQ(broken.result, SpfResult::permerror);
    EXPECT_NE(broken.detail.find("ip4:192.0.2.300"), std::string::npos) << broken.detail;
}

TEST_F(Spf, TheEleventhLookupIsAPermerror)
{
    std::string chain = "v=spf1";
    for (int i = 0; i < 11; ++i) {
        const std::string name = "i" + std::to_string(i) + ".test";
        chain += " include:" + name;
        dns.add(name, DnsType::txt, "v=spf1 ip4:192.0.2." + std::to_string(i));
    }
    dns.add("a.test", DnsType::txt, chain + " -all");
    EXPECT_EQ(check("192.0.2.9").result, SpfResult::pass);
    EXPECT_EQ(check("192.0.2.10").result, SpfResult::permerror);
    EXPECT_EQ(check("203.0.113.1").result, SpfResult::permerror);
}

TEST_F(Spf, AnIncludeLoopEnds)
{
    dns.zone("a.test. TXT \"v=spf1 include:b.test -all\"\n b.test. TXT \"v=spf1 include:a.test -all\"");
    EXPECT_EQ(check("192.0.2.1").result, SpfResult::permerror);
    EXPECT_LE(dns.total_queries(), 11u);
}

TEST_F(Spf, TheThirdVoidLookupIsAPermerror)
{
    dns.zone("a.test. TXT \"v=spf1 a:n1.test a:n2.test ip4:192.0.2.1 a:n3.test ?all\"");
    EXPECT_EQ(check("192.0.2.1").result, SpfResult::pass);
    EXPECT_EQ(check("192.0.2.2").result, SpfResult::permerror);
}

TEST_F(Spf, AnIncludeThatFailsDoesNotMatchAndOneWithoutRecordIsAnError)
{
    dns.zone(R"(
        a.test. TXT "v=spf1 include:b.test ?all"
        b.test. TXT "v=spf1 -all"
        c.test. TXT "v=spf1 include:none.test ?all"
        d.test. TXT "v=spf1 include:slow.test ?all"
        slow.test. TIMEOUT
    )");
    EXPECT_EQ(check("192.0.2.1").result, SpfResult::neutral);
    EXPECT_EQ(check("192.0.2.1", "x@c.test").result, SpfResult::permerror);
    EXPECT_EQ(check("192.0.2.1", "x@d.test").result, SpfResult::temperror);
}

TEST_F(Spf, MxHostsWithoutAddressesOfTheClientsFamilyDoNotCountAsVoid)
{
    dns.zone("a.test. TXT \"v=spf1 mx -all\"");
    for (const char* host : {"m1.test", "m2.test", "m3.test", "m4.test"})
        dns.add_mx("a.test", 10, host).add(host, DnsType::a, "192.0.2.1");
    EXPECT_EQ(check("2001:db8::1").result, SpfResult::fail);
}

TEST_F(Spf, ACheckThatTakesTooLongStopsAsking)
{
    options.max_time = milliseconds{0};
    dns.zone("a.test. TXT \"v=spf1 +all\"");
    EXPECT_EQ(check("192.0.2.1").result, SpfResult::temperror);
    EXPECT_EQ(dns.total_queries(), 0u);
}

TEST_F(Spf, ALocalPartThatIsNotAsciiNeverMatchesThroughMacros)
{
    dns.zone("a.test. TXT \"v=spf1 exists:%{l}.list.test -all\"");
    dns.add("j\xc3\xbcrg.list.test", DnsType::a, "127.0.0.2");
    EXPECT_EQ(check("192.0.2.1", "j\xc3\xbcrg@a.test").result, SpfResult::fail);
}

TEST_F(Spf, OddLocalPartsAreAskedForAsTheyAre)
{
    dns.zone("a.test. TXT \"v=spf1 exists:%{l}.list.test -all\"");
    dns.add("back\\\\slash.list.test", DnsType::a, "127.0.0.2");
    EXPECT_EQ(check("192.0.2.1", "back\\slash@a.test").result, SpfResult::pass);
    EXPECT_EQ(check("192.0.2.1", "a..b@a.test").result, SpfResult::fail);
}

TEST_F(Spf, WhatIsNotAnAddressIsNotChecked)
{
    EXPECT_EQ(check("mail.a.test").result, SpfResult::none);
    EXPECT_EQ(check("192.0.2.1", "x@[192.0.2.1]").result, SpfResult::none);
    EXPECT_EQ(check("192.0.2.1", "x@localhost").result, SpfResult::none);
    EXPECT_EQ(dns.total_queries(), 0u);
}

TEST_F(Spf, TheExplanationComesOnlyWithAFail)
{
    dns.zone(R"(
        a.test. TXT "v=spf1 ip4:192.0.2.1 ?ip4:192.0.2.2 exp=why.%{d} -all"
        why.a.test. TXT "%{c} may not send as %{s} at %{t}, says %{r}"
    )");
    options.receiver = "mx.b.test";
    EXPECT_EQ(check("192.0.2.3").explanation, "192.0.2.3 may not send as ann@a.test at 1767225600, says mx.b.test");
    EXPECT_TRUE(check("192.0.2.1").explanation.empty());
    EXPECT_TRUE(check("192.0.2.2").explanation.empty());
}

struct SyntaxCase {
    const char* record;
    bool valid;
};
class SpfSyntax : public testing::TestWithParam<SyntaxCase> {};

TEST_P(SpfSyntax, IsJudgedAsTheGrammarSays)
{
    EXPECT_EQ(parse_spf_record(GetParam().record).has_value(), GetParam().valid) << GetParam().record;
}

INSTANTIATE_TEST_SUITE_P(
    Table, SpfSyntax,
    testing::Values(
        SyntaxCase{"v=spf1", true}, SyntaxCase{"v=spf1   -all  ", true}, SyntaxCase{"V=SPF1 ALL", true},
        SyntaxCase{"v=spf10", false}, SyntaxCase{"v=spf1\t-all", false}, SyntaxCase{"v=spf1 all:x.test", false},
        SyntaxCase{"v=spf1 a:x.test/24//64", true}, SyntaxCase{"v=spf1 a//64", true}, SyntaxCase{"v=spf1 mx/0", true},
        SyntaxCase{"v=spf1 a/024", false}, SyntaxCase{"v=spf1 a/33", false}, SyntaxCase{"v=spf1 a//129", false},
        SyntaxCase{"v=spf1 a/24/64", false}, SyntaxCase{"v=spf1 a/", false}, SyntaxCase{"v=spf1 a:", false},
        SyntaxCase{"v=spf1 a:x", false}, SyntaxCase{"v=spf1 a:x.1", false}, SyntaxCase{"v=spf1 a:x.test.", true},
        SyntaxCase{"v=spf1 a:x.test:25", false}, SyntaxCase{"v=spf1 a:x/y.test", true},
        SyntaxCase{"v=spf1 a:%{d}", true}, SyntaxCase{"v=spf1 a:%{d}x", false}, SyntaxCase{"v=spf1 a:%{c}.test", false},
        SyntaxCase{"v=spf1 a:%{d0}.test", false}, SyntaxCase{"v=spf1 a:%{d999999999999}.test", true},
        SyntaxCase{"v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d2}", true}, SyntaxCase{"v=spf1 exists:%(d)", false},
        SyntaxCase{"v=spf1 exists:%", false}, SyntaxCase{"v=spf1 exists:%{", false},
        SyntaxCase{"v=spf1 exists:%{d", false}, SyntaxCase{"v=spf1 ip4:192.0.2.1/32", true},
        SyntaxCase{"v=spf1 ip4:192.0.2", false}, SyntaxCase{"v=spf1 ip4:192.0.2.1//32", false},
        SyntaxCase{"v=spf1 ip4", false}, SyntaxCase{"v=spf1 ip6:2001:db8::/129", false},
        SyntaxCase{"v=spf1 ip6:fe80::1%1", false}, SyntaxCase{"v=spf1 ip6:::ffff:192.0.2.1/96", true},
        SyntaxCase{"v=spf1 ptr", true}, SyntaxCase{"v=spf1 ptr:x.test", true}, SyntaxCase{"v=spf1 ptr/24", false},
        SyntaxCase{"v=spf1 include", false}, SyntaxCase{"v=spf1 redirect=x.test", true},
        SyntaxCase{"v=spf1 redirect=x.test redirect=y.test", false}, SyntaxCase{"v=spf1 redirect:x.test", false},
        SyntaxCase{"v=spf1 exp=", false}, SyntaxCase{"v=spf1 new-thing=%{d}/x", true},
        SyntaxCase{"v=spf1 new-thing=%x", false}, SyntaxCase{"v=spf1 mechanism", false}, SyntaxCase{"v=spf1 -", false},
        SyntaxCase{"v=spf1 a:x.test\x80", false}));

RC_GTEST_PROP(SpfRecordProperty, AnyTextIsReadOrRefused, (const std::string& text))
{
    (void)parse_spf_record("v=spf1 " + text);
    (void)parse_spf_macros(text, true);
}

}  // namespace
}  // namespace winnow::net
