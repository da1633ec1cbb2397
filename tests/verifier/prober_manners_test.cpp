#include <set>

#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(ProberTest, ASiteSeesOneConnectionFiveRcptsASecondApartAndHalfAMinuteOfPeace)
{
    auto& host = lab.host();
    host.mx.rcpt_reply = knows({});
    std::vector<std::string> all = people(7, "x.test");
    const auto more = people(6, "y.test");
    all.insert(all.end(), more.begin(), more.end());
    for (const auto& [address, answer] : lab.ask(all))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;

    EXPECT_EQ(host.rcpts().size(), 13u);
    EXPECT_EQ(host.most_open(), 1u);
    ASSERT_EQ(host.sessions.size(), 3u);
    for (const auto& session : host.sessions) {
        EXPECT_LE(session->count("RCPT"), 5u);
        EXPECT_TRUE(session->quit());
        EXPECT_TRUE(session->ended());
    }
    const auto times = host.rcpt_times();
    for (std::size_t i = 1; i < times.size(); ++i)
        EXPECT_GE(times[i] - times[i - 1], seconds{1});
    for (std::size_t i = 1; i < host.sessions.size(); ++i)
        EXPECT_GE(host.sessions[i]->opened - host.sessions[i - 1]->closed, seconds{30});
}

TEST_F(ProberTest, AddressesOfAConnectionAreKeptApartByRsetAndNothingForbiddenIsSaid)
{
    auto& host = lab.host();
    host.mx.rcpt_reply = knows({"user1@x.test", "user2@x.test"});
    lab.ask(people(9, "x.test"));
    const std::set<std::string> allowed{"EHLO", "MAIL", "RCPT", "RSET", "QUIT"};
    for (const auto& session : host.sessions) {
        std::string before;
        for (const auto& line : session->lines) {
            const std::string verb = line.text.substr(0, 4);
            EXPECT_TRUE(allowed.count(verb)) << line.text;
            if (verb == "MAIL") {
                EXPECT_TRUE(before == "EHLO" || before == "RSET") << before;
            }
            if (verb == "RCPT") {
                EXPECT_EQ(before, "MAIL");
            }
            before = verb;
        }
        EXPECT_EQ(before, "QUIT");
    }
}

TEST_F(ProberTest, ALargeOperatorSeesFourConnectionsOverAllItsSites)
{
    lab.options.manners.large_per_hour = 0;
    std::vector<test::FakeHost*> hosts;
    std::vector<std::string> all;
    for (int i = 1; i <= 3; ++i) {
        const std::string n = std::to_string(i);
        lab.dns.add_mx("t" + n + ".test", 10, "t" + n + ".big.example");
        lab.dns.add("t" + n + ".big.example", net::DnsType::a, "198.51.100.2" + n);
        hosts.push_back(&lab.internet.host("198.51.100.2" + n));
        hosts.back()->mx.rcpt_reply = knows({});
        for (const auto& address : people(50, "t" + n + ".test"))
            all.push_back(address);
    }
    lab.ask(all);
    std::vector<std::pair<SteadyPoint, int>> changes;
    for (const auto* host : hosts) {
        EXPECT_EQ(host->rcpts().size(), 50u);
        for (const auto& session : host->sessions) {
            EXPECT_LE(session->count("RCPT"), 20u);
            EXPECT_TRUE(session->quit());
            for (std::size_t i = 0, last = 0; i < session->lines.size(); ++i)
                if (session->lines[i].text.rfind("RCPT", 0) == 0) {
                    if (last > 0) {
                        EXPECT_GE(session->lines[i].at - session->lines[last].at, seconds{1});
                    }
                    last = i;
                }
            changes.emplace_back(session->opened, 1);
            changes.emplace_back(session->closed, -1);
        }
    }
    std::sort(changes.begin(), changes.end());
    int open = 0, most = 0;
    for (const auto& [at, step] : changes)
        most = std::max(most, open += step);
    EXPECT_LE(most, 4);
    EXPECT_GE(most, 3) << "and the allowance is used";
}

TEST_F(ProberTest, ALargeOperatorGetsNoMoreThanItsHourlyBudget)
{
    lab.options.manners.large_per_hour = 100;
    lab.dns.add_mx("t.test", 10, "t.big.example");
    lab.dns.add("t.big.example", net::DnsType::a, "198.51.100.20");
    auto& host = lab.internet.host("198.51.100.20");
    host.mx.rcpt_reply = [](const std::string&) { return reply(552, "5.2.2 mailbox full"); };
    const auto answers = lab.ask(people(240, "t.test"), std::chrono::hours{2});
    const auto times = host.rcpt_times();
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto hour = std::count_if(times.begin(), times.end(), [&](SteadyPoint t) {
            return t >= times[i] && t < times[i] + std::chrono::hours{1};
        });
        ASSERT_LE(hour, 100);
    }
    EXPECT_GT(times.size(), 170u);
    std::size_t unprobed = 0;
    for (const auto& [address, answer] : answers)
        unprobed += answer.verdict.reason == Reason::not_probed;
    EXPECT_EQ(unprobed + times.size(), 240u) << "what the budget did not reach is not_probed";
}

TEST_F(ProberTest, ManyConnectionsAtOnceStayBelowTheLimitOfTheProcess)
{
    lab.options.manners.max_connections = 3;
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".test";
        lab.host_for(domain, "198.51.100." + std::to_string(100 + i)).mx.rcpt_reply = knows({});
        for (const auto& address : people(7, domain))
            all.push_back(address);
    }
    for (const auto& [address, answer] : lab.ask(all))
        EXPECT_EQ(answer.verdict.reason, Reason::mailbox_not_found) << address;
    std::vector<std::pair<SteadyPoint, int>> changes;
    for (int i = 0; i < 12; ++i)
        for (const auto& session : lab.internet.host("198.51.100." + std::to_string(100 + i)).sessions) {
            changes.emplace_back(session->opened, 1);
            changes.emplace_back(session->closed, -1);
        }
    std::sort(changes.begin(), changes.end());
    int open = 0, most = 0;
    for (const auto& [at, step] : changes)
        most = std::max(most, open += step);
    EXPECT_EQ(most, 3);
    EXPECT_LT(lab.clock.elapsed(), minutes{3}) << "a pause between connections holds no place of the process";
}

TEST_F(ProberTest, WithoutAProbeIdentityNoHostIsAsked)
{
    lab.options.identity_checked = false;
    const VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::not_probed);
    EXPECT_EQ(lab.host().attempts, 0u);
    ASSERT_FALSE(verdict.evidence.empty());
    EXPECT_THAT(verdict.evidence.back().answer, HasSubstr("verifier.mail_from"));
    EXPECT_EQ(lab.ask_one("ann@nowhere.test").reason, Reason::domain_not_found) << "DNS still decides";
}

}  // namespace
}  // namespace winnow::verifier
