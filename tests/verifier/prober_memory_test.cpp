#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// What the prober remembers of sites that have no work at the moment.
class ProberMemory : public ProberTest {
protected:
    ProberMemory() { lab.options.manners = Manners::lifted(); }

    /// More sites than one would keep out of convenience, none of which can be reached.
    void meet_a_crowd()
    {
        std::vector<std::string> addresses;
        for (int i = 0; i < crowd; ++i) {
            const std::string domain = "d" + std::to_string(i) + ".test";
            lab.host_for(domain, "203.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).refuses = true;
            addresses.push_back("ann@" + domain);
        }
        for (const auto& [address, answer] : lab.ask(addresses))
            ASSERT_EQ(answer.verdict.reason, Reason::no_connect) << address;
    }

    static constexpr int crowd = 4'200;
};

TEST_F(ProberMemory, OfPausedSitesAndDeadHostsOutlivesACrowdOfOthersAndEndsInTime)
{
    lab.host().silent = true;
    EXPECT_EQ(reason("ann@x.test"), Reason::no_connect);
    auto& slow = lab.host_for("slow.test", "198.51.100.9");
    slow.mx.rcpt_reply = [](const std::string&) {
        return reply(450, "4.7.1 Rate limit exceeded, try again in 10 minutes");
    };
    EXPECT_EQ(reason("ann@slow.test"), Reason::temp_failure);
    const SteadyPoint told = lab.clock.steady();
    meet_a_crowd();
    EXPECT_EQ(lab.pipeline().sites(), crowd + 2u);

    EXPECT_EQ(reason("ben@x.test"), Reason::no_connect);
    EXPECT_EQ(lab.host().attempts, 1u) << "known to be dead";
    slow.mx.rcpt_reply = knows({});
    EXPECT_EQ(reason("ben@slow.test"), Reason::mailbox_not_found);
    ASSERT_EQ(slow.sessions.size(), 2u);
    EXPECT_GE(slow.sessions[1]->opened - told, minutes{10}) << "asked to wait";

    // By now everything else is over too, and the next question finds nothing to remember.
    EXPECT_EQ(lab.pipeline().sites(), 0u);
}

TEST_F(ProberMemory, OfAHandshakeThatFailedLastsForAnHour)
{
    lab.host().options.tls = net::TlsServerContext::self_signed("mx.x.test", lab.clock.now()).value();
    lab.host().breaks_tls = true;
    lab.host().mx.rcpt_reply = knows({});
    EXPECT_EQ(reason("ann@x.test"), Reason::mailbox_not_found);
    EXPECT_EQ(lab.host().sessions.size(), 2u);
    EXPECT_EQ(reason("ben@x.test"), Reason::mailbox_not_found);
    EXPECT_EQ(lab.host().sessions.size(), 3u) << "in clear at once";
    lab.clock.advance(hours{1});
    EXPECT_EQ(reason("zoe@x.test"), Reason::mailbox_not_found);
    EXPECT_EQ(lab.host().sessions.size(), 5u) << "tried again";
}

TEST_F(ProberMemory, HoldsNoSiteWhoseTasksExpiredBeforeTheirTurn)
{
    lab.options.manners = Manners{};
    lab.host().mx.rcpt_reply = knows({});
    for (const auto& [address, answer] : lab.ask(people(7, "x.test"), seconds{20}))
        EXPECT_TRUE(answer.verdict.reason == Reason::mailbox_not_found || answer.verdict.reason == Reason::not_probed);
    EXPECT_EQ(reason("ann@nowhere.test"), Reason::domain_not_found);
    EXPECT_EQ(lab.pipeline().sites(), 0u);
}

TEST_F(ProberMemory, HoldsNoSiteThatAnOpenBreakerKeepsUsFrom)
{
    auto& gate = lab.host_for("a.test", "198.51.100.20");
    gate.mx.rcpt_reply = [](const std::string&) {
        return reply(554, "5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org");
    };
    for (const char* domain : {"b.test", "c.test", "d.test"})
        lab.dns.add_mx(domain, 10, "mx.a.test");
    for (const char* domain : {"a.test", "b.test", "c.test", "d.test"})
        EXPECT_EQ(reason(std::string("ann@") + domain), Reason::prober_blocked) << domain;
    EXPECT_EQ(lab.pipeline().sites(), 0u);
}

}  // namespace
}  // namespace winnow::verifier
