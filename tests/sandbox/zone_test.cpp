#include "sandbox/zone.hpp"

#include <gtest/gtest.h>

#include "sandbox/behaviour.hpp"
#include "sandbox/script.hpp"

namespace winnow::sandbox {
namespace {

using net::DnsRcode;
using net::DnsType;

net::DnsMessage ask(std::string name, DnsType type)
{
    return answer_query(net::make_dns_query(7, std::move(name), type), {});
}

std::string text(const net::DnsMessage& m, std::size_t i = 0)
{
    return std::get<std::string>(m.answers.at(i).data);
}

TEST(Zone, AMailDomainHasMxHostsWithAddresses)
{
    const auto mx = ask("acme.deliverable.test", DnsType::mx);
    EXPECT_TRUE(mx.response && mx.authoritative);
    EXPECT_EQ(mx.id, 7);
    ASSERT_FALSE(mx.answers.empty());
    const auto host = std::get<net::MxData>(mx.answers[0].data).host;
    const auto a = ask(host, DnsType::a);
    ASSERT_EQ(a.answers.size(), 1u);
    EXPECT_EQ(text(a).substr(0, 7), "127.77.");
    EXPECT_TRUE(ask(host, DnsType::aaaa).answers.empty());
}

TEST(Zone, ProvidersAreFoundUnderTheirOwnMxNames)
{
    const auto mx = ask("gmail.com", DnsType::mx);
    ASSERT_EQ(mx.answers.size(), 3u);
    EXPECT_EQ(std::get<net::MxData>(mx.answers[0].data).host, "gmail-smtp-in.l.google.com");
    EXPECT_EQ(ask("gmail-smtp-in.l.google.com", DnsType::a).answers.size(), 1u);
    EXPECT_EQ(ask("gmail-smtp-in.l.google.com", DnsType::mx).rcode, DnsRcode::no_error);
}

TEST(Zone, AliasesAreFollowedInTheAnswer)
{
    const auto host = ask("alias.d1.mx-alias.test", DnsType::a);
    ASSERT_EQ(host.answers.size(), 2u);
    EXPECT_EQ(host.answers[0].type, DnsType::cname);
    EXPECT_EQ(text(host), "mx1.d1.mx-alias.test");
    EXPECT_EQ(text(host, 1).substr(0, 7), "127.77.");
    const auto domain = ask("d1.domain-alias.test", DnsType::mx);
    ASSERT_GE(domain.answers.size(), 2u);
    EXPECT_EQ(text(domain), "real.d1.domain-alias.test");
    const auto mx = std::get<net::MxData>(domain.answers[1].data).host;
    EXPECT_EQ(ask(mx, DnsType::a).answers.size(), 1u) << mx;
    EXPECT_EQ(ask("d1.domain-alias.test", DnsType::cname).answers.size(), 1u);
}

TEST(Zone, HostsOfScriptedZonesAreMissingInTheirOwnWays)
{
    EXPECT_TRUE(ask("d1.implicit-mx.test", DnsType::mx).answers.empty());
    EXPECT_EQ(ask("d1.implicit-mx.test", DnsType::a).answers.size(), 1u);
    EXPECT_EQ(text(ask("dead.d1.dead-first.test", DnsType::a)), dead_address);
    EXPECT_EQ(ask("bare.d1.mx-no-address.test", DnsType::a).rcode, DnsRcode::no_error);
    EXPECT_TRUE(ask("bare.d1.mx-no-address.test", DnsType::a).answers.empty());
    EXPECT_EQ(ask("absent.d1.mx-nxdomain.test", DnsType::a).rcode, DnsRcode::name_error);
    EXPECT_EQ(ask("broken.d1.mx-servfail.test", DnsType::a).rcode, DnsRcode::server_failure);
    EXPECT_EQ(ask("d1.dns-refused.test", DnsType::mx).rcode, DnsRcode::refused);
    EXPECT_EQ(text(ask("mx1.d1.dual-stack.test", DnsType::aaaa)), "::1");
    EXPECT_GE(ask("d1.null-and-real.test", DnsType::mx).answers.size(), 2u);
    EXPECT_EQ(ask("d1.many-mx.test", DnsType::mx).answers.size(), 40u);
    EXPECT_EQ(ask("d1-ms-edge-test.mail.protection.outlook.com", DnsType::a).answers.size(), 1u);
    EXPECT_TRUE(stays_silent(net::make_dns_query(1, "mx1.d1.dns-silent.test", DnsType::a)));
    EXPECT_FALSE(stays_silent(net::make_dns_query(1, "d1.deliverable.test", DnsType::a)));
}

TEST(Zone, NullMxIsASingleDot)
{
    const auto mx = ask("x.nullmx.test", DnsType::mx);
    ASSERT_EQ(mx.answers.size(), 1u);
    EXPECT_EQ(std::get<net::MxData>(mx.answers[0].data).host, ".");
    EXPECT_EQ(std::get<net::MxData>(mx.answers[0].data).preference, 0);
}

TEST(Zone, NoDataNxdomainAndServfailAreKeptApart)
{
    for (const auto type : {DnsType::mx, DnsType::a, DnsType::aaaa}) {
        const auto nodata = ask("x.nomx.test", type);
        EXPECT_EQ(nodata.rcode, DnsRcode::no_error);
        EXPECT_TRUE(nodata.answers.empty());
        ASSERT_EQ(nodata.authority.size(), 1u);
        EXPECT_EQ(nodata.authority[0].type, DnsType::soa);
        EXPECT_EQ(ask("x.nxdomain.test", type).rcode, DnsRcode::name_error);
        EXPECT_EQ(ask("www.example.com", type).rcode, DnsRcode::name_error);
        EXPECT_EQ(ask("x.servfail.test", type).rcode, DnsRcode::server_failure);
    }
}

TEST(Zone, ForwardAndReverseNamesAgreeForEveryReceiverAndForUs)
{
    auto addresses = receiver_addresses(2);
    addresses.push_back("127.0.0.1");
    for (const auto& ip : addresses) {
        const auto ptr = ask(net::reverse_name(ip), DnsType::ptr);
        ASSERT_EQ(ptr.answers.size(), 1u) << ip;
        const auto forward = ask(text(ptr), DnsType::a);
        ASSERT_EQ(forward.answers.size(), 1u) << text(ptr);
        EXPECT_EQ(text(forward), ip);
    }
}

TEST(Zone, SenderNamesPassSpf)
{
    EXPECT_EQ(text(ask("bounce.sandbox.test", DnsType::txt)), "v=spf1 ip4:127.0.0.0/8 -all");
    EXPECT_EQ(text(ask("bounce.sandbox.test", DnsType::a)), "127.0.0.1");
    EXPECT_EQ(text(ask("_dmarc.sandbox.test", DnsType::txt)), "v=DMARC1; p=reject");
}

TEST(Zone, CaseOfTheQuestionIsKept)
{
    const auto m = ask("AcMe.DeLiVeRaBlE.tEsT", DnsType::mx);
    EXPECT_EQ(m.questions.at(0).name, "AcMe.DeLiVeRaBlE.tEsT");
    EXPECT_FALSE(m.answers.empty());
}

TEST(Zone, OddQueriesGetErrorsNotAnswers)
{
    net::DnsMessage none;
    EXPECT_EQ(answer_query(none, {}).rcode, DnsRcode::form_error);
    auto update = net::make_dns_query(1, "deliverable.test", DnsType::mx);
    update.opcode = 5;
    EXPECT_EQ(answer_query(update, {}).rcode, DnsRcode::not_implemented);
}

TEST(Zone, EveryAnswerCanBeWritten)
{
    const std::string lengthy = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." +
                                std::string(50, 'd') + ".deliverable.test";
    for (const auto& name : {std::string("gmail.com"), std::string("x.nullmx.test"), lengthy,
                             std::string("x.nxdomain.test"), std::string("1.0.0.127.in-addr.arpa")})
        for (const auto type : {DnsType::a, DnsType::mx, DnsType::txt, DnsType::ptr, DnsType::soa, DnsType::any}) {
            const auto wire = net::encode_dns(ask(name, type));
            ASSERT_TRUE(wire) << name << ": " << wire.error().context;
            EXPECT_TRUE(net::decode_dns(*wire));
        }
}

}  // namespace
}  // namespace winnow::sandbox
