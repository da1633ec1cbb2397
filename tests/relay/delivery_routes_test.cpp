// Delivery where there is no way, no content or no such extension: what is decided without a server's word.
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::MxHost;

namespace {

class DeliveryRoutes : public test::RelayWorld {};

}  // namespace

TEST_F(DeliveryRoutes, ADomainThatDoesNotExistBouncesWithoutAConnection)
{
    const auto ref = enqueue("a@nowhere.test");
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::bounced);
    EXPECT_EQ(message(ref).history.at(0).klass, ReplyClass::domain_invalid);
    EXPECT_TRUE(connector.attempts.empty());
    EXPECT_EQ(suppressed("a@nowhere.test"), "") << "one look-up is not enough";
}

TEST_F(DeliveryRoutes, ANullMxBouncesAndSuppressesTheDomainAtOnce)
{
    dns.add_mx("null.test", 0, ".");
    const auto ref = enqueue("a@null.test");
    deliver(1h);
    EXPECT_EQ(state(ref), MessageState::bounced);
    EXPECT_NE(suppressed("other@null.test"), "");
}

TEST_F(DeliveryRoutes, DnsTroubleIsRetriedSoonAndBlamesNobody)
{
    dns.fail("broken.test", net::DnsStatus::servfail);
    const auto ref = enqueue("a@broken.test");
    deliver(1s);
    EXPECT_EQ(state(ref), MessageState::deferred);
    EXPECT_EQ(message(ref).history.at(0).klass, ReplyClass::dns_failure);
    EXPECT_LT(message(ref).due, clock.now() + 3min);
    dns.remove("broken.test");
    route("broken.test", "mx.example.test", mx1_ip);
    serve();
    pass(5min);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(DeliveryRoutes, AMailHostInAPrivateNetworkIsNotConnectedTo)
{
    options.allow_private_targets = false;
    route("inside.test", "mx.inside.test", "10.0.0.7");
    route("loop.test", "mx.loop.test", "127.0.0.1");
    serve("10.0.0.7");
    serve("127.0.0.1");
    const auto a = enqueue("a@inside.test");
    const auto b = enqueue("b@loop.test");
    deliver(1h);
    EXPECT_TRUE(connector.attempts.empty());
    EXPECT_EQ(state(a), MessageState::deferred);
    EXPECT_EQ(state(b), MessageState::deferred);
}

TEST_F(DeliveryRoutes, WhatTheNextHopDoesNotOfferIsRefusedInItsName)
{
    MxHost& mx = serve();
    mx.server.smtputf8 = false;
    mx.server.max_message_size = 20;
    auto mail = submission("a@example.test");
    mail.smtputf8 = true;
    const auto utf8 = enqueue(mail);
    const auto big = enqueue("b@example.test");
    deliver(1min);
    EXPECT_EQ(state(utf8), MessageState::bounced);
    EXPECT_NE(message(utf8).history.at(0).reply.find("5.6.7"), std::string::npos);
    EXPECT_EQ(state(big), MessageState::bounced);
    EXPECT_NE(message(big).history.at(0).reply.find("5.3.4"), std::string::npos);
    EXPECT_TRUE(mx.mails.empty());
    EXPECT_EQ(suppressed("a@example.test"), "");
    EXPECT_EQ(suppressed("b@example.test"), "");
}

TEST_F(DeliveryRoutes, AMessageWithoutContentBouncesInsteadOfWaiting)
{
    serve();
    auto mail = submission("a@example.test");
    mail.body_id = "m/lost";
    const auto ref = enqueue(mail);
    deliver(1min);
    EXPECT_EQ(state(ref), MessageState::bounced);
    EXPECT_EQ(suppressed("a@example.test"), "");
}

TEST_F(DeliveryRoutes, ADamagedRecordDoesNotStandInTheWay)
{
    MxHost& mx = serve();
    enqueue("a@example.test");
    ASSERT_TRUE(storage::damage_first_value(*disk, "message"));
    const auto ref = enqueue("b@example.test");
    deliver(1min);
    EXPECT_EQ(state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), 1u);
}
