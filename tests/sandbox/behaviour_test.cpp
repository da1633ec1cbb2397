#include "sandbox/behaviour.hpp"

#include <gtest/gtest.h>

#include <set>

#include "net/endpoint.hpp"
#include "sandbox/script.hpp"

namespace winnow::sandbox {
namespace {

struct Case {
    const char* domain;
    Kind kind;
};

class DomainKinds : public testing::TestWithParam<Case> {};

TEST_P(DomainKinds, FollowFromTheNameAlone)
{
    EXPECT_EQ(to_string(behaviour_of(GetParam().domain).kind), to_string(GetParam().kind)) << GetParam().domain;
}

INSTANTIATE_TEST_SUITE_P(
    Names, DomainKinds,
    testing::Values(
        Case{"deliverable.test", Kind::deliverable}, Case{"acme.deliverable.test", Kind::deliverable},
        Case{"a.b.ACME.Deliverable.TEST.", Kind::deliverable}, Case{"b\u00fccher.deliverable.test", Kind::deliverable},
        Case{"xn--bcher-kva.catchall.test", Kind::catchall}, Case{"greylist-300s.test", Kind::greylist},
        Case{"x.greylist-5s.test", Kind::greylist}, Case{"greylist-3m.test", Kind::greylist},
        Case{"x.tls-required.test", Kind::scripted}, Case{"x.dns-silent.test", Kind::scripted},
        Case{"nullmx.test", Kind::nullmx}, Case{"x.nomx.test", Kind::nomx}, Case{"x.nxdomain.test", Kind::nxdomain},
        Case{"x.servfail.test", Kind::servfail}, Case{"x.ipblock.test", Kind::ipblock}, Case{"x.full.test", Kind::full},
        Case{"x.disabled.test", Kind::disabled}, Case{"x.slow.test", Kind::slow},
        Case{"x.accept-then-bounce.test", Kind::accept_then_bounce}, Case{"x.complaint.test", Kind::complaint},
        Case{"gmail.com", Kind::provider}, Case{"mailinator.com", Kind::disposable},
        Case{"probe.sandbox.test", Kind::infrastructure}, Case{"gmial.com", Kind::nxdomain},
        Case{"notdeliverable.test", Kind::nxdomain}, Case{"greylist-s.test", Kind::nxdomain},
        Case{"greylist-xs.test", Kind::nxdomain}, Case{"greylist-999999s.test", Kind::nxdomain},
        Case{"", Kind::nxdomain}, Case{"\xff\xfe.deliverable.test", Kind::deliverable}));

TEST(Behaviour, TheGreylistWaitIsInTheName)
{
    EXPECT_EQ(behaviour_of("x.greylist-300s.test").greylist.count(), 300);
    EXPECT_EQ(behaviour_of("greylist-0s.test").greylist.count(), 0);
    EXPECT_EQ(behaviour_of("greylist-3m.test").greylist, std::chrono::minutes{3});
    EXPECT_EQ(behaviour_of("greylist-3m.test").greylist_unit, std::chrono::minutes{1});
    EXPECT_EQ(behaviour_of("greylist-2h.test").greylist, std::chrono::hours{2});
    EXPECT_EQ(behaviour_of("greylist-99999h.test").greylist, std::chrono::hours{24});
}

TEST(Behaviour, EachDomainIsASiteOfItsOwnWithReachableHosts)
{
    std::set<std::string> hosts;
    for (int i = 0; i < 50; ++i) {
        const auto behaviour = behaviour_of("d" + std::to_string(i) + ".deliverable.test");
        ASSERT_FALSE(behaviour.mx.empty());
        EXPECT_TRUE(hosts.insert(behaviour.mx.front()).second);
        for (const auto& host : behaviour.mx)
            EXPECT_TRUE(address_of_host(host, 4)) << host;
    }
    for (const auto& domain : emulated_domains())
        for (const auto& host : behaviour_of(domain).mx)
            EXPECT_TRUE(address_of_host(host, 4)) << host;
    EXPECT_FALSE(address_of_host("mx1.nomx.test", 4));
    EXPECT_FALSE(address_of_host("example.com", 4));
}

TEST(Behaviour, EveryReceiverAddressIsListenedOn)
{
    const auto all = receiver_addresses(3);
    const std::set<std::string> listened(all.begin(), all.end());
    EXPECT_EQ(listened.size(), all.size());
    for (const auto& apex : apex_domains())
        for (int i = 0; i < 20; ++i)
            for (const auto& host : behaviour_of("d" + std::to_string(i) + "." + apex).mx) {
                const auto ip = address_of_host(host, 3);
                const auto* const script = behaviour_of("x." + apex).script;
                if (script && (!script->receives() || host.starts_with("dead.") || host.starts_with("alias.")))
                    continue;  // nobody there, and that is its kind
                ASSERT_TRUE(ip) << host;
                EXPECT_EQ(listened.count(*ip), 1u) << host << ' ' << *ip;
            }
    EXPECT_EQ(listened.count(std::string(dead_address)), 0u);
    for (const auto& ip : all)
        EXPECT_FALSE(net::is_public_address(ip));
}

TEST(Behaviour, BlockingAndSlownessFollowFromTheAddress)
{
    int at_connect = 0;
    for (int i = 0; i < 40; ++i) {
        const auto domain = "d" + std::to_string(i) + ".ipblock.test";
        const auto behaviour = behaviour_of(domain);
        const auto role = role_of_address(*address_of_host(behaviour.mx.front(), 4));
        EXPECT_EQ(role.blocks, behaviour.blocks_at_connect) << domain;
        at_connect += role.blocks ? 1 : 0;
    }
    EXPECT_GT(at_connect, 5);
    EXPECT_LT(at_connect, 35);
    EXPECT_TRUE(role_of_address(*address_of_host("mx1.slow.test", 4)).slow);
    EXPECT_FALSE(role_of_address("127.0.0.1").slow);
    EXPECT_FALSE(role_of_address("").blocks);
}

TEST(Behaviour, MagicLocalPartsWorkAtEveryReceiverButCatchAlls)
{
    const auto acme = behaviour_of("acme.deliverable.test");
    EXPECT_EQ(mailbox_of(acme, "ada"), Mailbox::exists);
    EXPECT_EQ(mailbox_of(acme, "Unknown-7"), Mailbox::unknown);
    EXPECT_EQ(mailbox_of(acme, "unknown-7+tag"), Mailbox::unknown);
    EXPECT_EQ(mailbox_of(acme, "full-7"), Mailbox::full);
    EXPECT_EQ(mailbox_of(acme, "disabled-7"), Mailbox::disabled);
    EXPECT_EQ(mailbox_of(acme, "unknownable"), Mailbox::exists);
    EXPECT_EQ(mailbox_of(behaviour_of("acme.catchall.test"), "unknown-7"), Mailbox::exists);
}

TEST(Behaviour, RandomLocalPartsDoNotExistSoThatCatchAllTestsWork)
{
    for (const auto* random : {"marta.k7d2m9x4qz1a", "a1b2c3d4", "toveskalimaronedutivaperon"})
        EXPECT_TRUE(looks_random(random)) << random;
    for (const auto* name : {"ada", "ada.lovelace", "christopher.anderson", "j.smith42", "info", "x2y", "user123"})
        EXPECT_FALSE(looks_random(name)) << name;
}

TEST(Behaviour, TheTruthAboutAnAddress)
{
    const auto truth = [](const char* address) {
        const auto e = expectation_of(address);
        return std::string(to_string(verdict_of(e.reason))) + "/" + std::string(to_string(e.reason)) + "/" +
               std::string(to_string(e.outcome));
    };
    EXPECT_EQ(truth("ada@acme.deliverable.test"), "deliverable/accepted/delivered");
    EXPECT_EQ(truth("unknown-1@acme.deliverable.test"), "undeliverable/mailbox_not_found/bounced");
    EXPECT_EQ(truth("unknown-1@acme.catchall.test"), "risky/catch_all/delivered");
    EXPECT_EQ(truth("ada@x.greylist-300s.test"), "deliverable/accepted/delivered");
    EXPECT_EQ(truth("ada@nullmx.test"), "undeliverable/domain_no_mail/bounced");
    EXPECT_EQ(truth("ada@nomx.test"), "undeliverable/domain_no_mail/bounced");
    EXPECT_EQ(truth("ada@gone.nxdomain.test"), "undeliverable/domain_not_found/bounced");
    EXPECT_EQ(truth("ada@servfail.test"), "unknown/dns_failure/deferred");
    EXPECT_EQ(truth("ada@ipblock.test"), "unknown/prober_blocked/bounced");
    EXPECT_EQ(truth("ada@disabled.test"), "undeliverable/mailbox_disabled/bounced");
    EXPECT_EQ(truth("ada@slow.test"), "deliverable/accepted/delivered");
    EXPECT_EQ(truth("ada@accept-then-bounce.test"), "deliverable/accepted/async_bounce");
    EXPECT_EQ(truth("ada@complaint.test"), "deliverable/accepted/complaint");
    EXPECT_EQ(truth("ada@mailinator.com"), "risky/disposable/delivered");
    EXPECT_EQ(truth("not an address"), "undeliverable/syntax_invalid/bounced");
    EXPECT_EQ(truth("ada@[127.77.1.1]"), "undeliverable/syntax_invalid/bounced");
    EXPECT_EQ(truth("ada@x.tls-required.test"), "deliverable/accepted/delivered");
    EXPECT_EQ(truth("unknown-1@x.tls-required.test"), "undeliverable/mailbox_not_found/bounced");
    EXPECT_EQ(truth("full-1@x.ambiguous.test"), "unknown/policy_refused/bounced");
    EXPECT_EQ(truth("ada@x.dead-mx.test"), "unknown/no_connect/deferred");
    EXPECT_EQ(truth("ada@x.mx-nxdomain.test"), "undeliverable/domain_no_mail/bounced");
    EXPECT_EQ(truth("ada@x.busy-mailbox.test"), "deliverable/mailbox_busy/deferred");
    EXPECT_EQ(truth("ada@x.restricted.test"), "risky/recipient_restricted/bounced");
    EXPECT_EQ(truth("ada@x.inactive.test"), "undeliverable/mailbox_disabled/bounced");
    EXPECT_EQ(truth("ada@x.partial-catchall.test"), "risky/catch_all/delivered");
    EXPECT_EQ(truth("unknown-1@x.partial-catchall.test"), "undeliverable/mailbox_not_found/bounced");
    EXPECT_EQ(truth("unknown-1@x.enumeration-proof.test"), "risky/catch_all/async_bounce");
    EXPECT_EQ(truth("unknown-1@x.deferred-unknown.test"), "unknown/temp_failure/deferred");
    EXPECT_EQ(truth("j\u00fcrgen@x.no-utf8.test"), "unknown/policy_refused/bounced");
    EXPECT_EQ(truth("j\u00fcrgen@x.deliverable.test"), "deliverable/accepted/delivered");
    EXPECT_EQ(expectation_of("ada@full.test").reason, Reason::mailbox_full);
}

TEST(Behaviour, WhoIsNotPatientCannotKnowWhatComesAfterAGreylist)
{
    using namespace std::chrono_literals;
    EXPECT_EQ(expectation_of("ada@x.greylist-2h.test", 3h).reason, Reason::accepted);
    EXPECT_EQ(expectation_of("ada@x.greylist-2h.test", 30s).reason, Reason::greylisted);
    EXPECT_EQ(expectation_of("unknown-1@x.greylist-2h.test", 30s).reason, Reason::mailbox_not_found);
}

TEST(Behaviour, NamesAlwaysHashTheSame)
{
    EXPECT_EQ(name_hash("deliverable.test"), 6380057655970648702ull);
}

}  // namespace
}  // namespace winnow::sandbox
