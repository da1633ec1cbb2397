#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <map>
#include <set>

#include "net/dns_name.hpp"
#include "net/resolver.hpp"
#include "tests/net/loopback_dns_server.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using test::LoopbackDnsServer;
using Wire = LoopbackDnsServer::Wire;

DnsMessage reply_to(const DnsMessage& query)
{
    DnsMessage reply;
    reply.id = query.id;
    reply.response = true;
    reply.recursion_desired = true;
    reply.recursion_available = true;
    reply.questions = query.questions;
    return reply;
}

std::optional<Wire> wire_of(const DnsMessage& reply, std::size_t max_size = 65'535)
{
    auto wire = encode_dns(reply, max_size);
    if (!wire)
        throw std::logic_error(wire.error().message());
    return std::move(*wire);
}

/// One A record for every question.
std::optional<Wire> always(const DnsMessage& query, const std::string& address)
{
    DnsMessage reply = reply_to(query);
    reply.answers.push_back({query.questions.at(0).name, DnsType::a, 60, address});
    return wire_of(reply);
}

std::optional<Wire> with_rcode(const DnsMessage& query, DnsRcode rcode)
{
    DnsMessage reply = reply_to(query);
    reply.rcode = rcode;
    return wire_of(reply);
}

std::string address_of(const DnsAnswer& answer)
{
    return answer.records.empty() ? std::string(to_string(answer.status))
                                  : std::get<std::string>(answer.records.front().data);
}

class CaresResolver : public testing::Test {
protected:
    std::unique_ptr<Resolver> resolver(std::vector<Endpoint> servers, bool mix_case = true)
    {
        ResolverOptions options;
        options.servers = std::move(servers);
        options.timeout = milliseconds{40};
        options.tries = 1;
        options.mix_case = mix_case;
        auto made = make_cares_resolver(io.get_executor(), options);
        if (!made)
            throw std::logic_error(made.error().message());
        return std::move(*made);
    }

    DnsAnswer ask(Resolver& dns, std::string name, DnsType type)
    {
        return test::run(io, dns.query(std::move(name), type));
    }
    /// Asks and lets the answer be confirmed; what the confirmation says.
    DnsAnswer confirmed(Resolver& dns, const std::string& name, DnsType type)
    {
        QueryOptions options;
        options.confirm = true;
        options.not_by = ask(dns, name, type).place;
        return test::run(io, dns.query(name, type, options));
    }
    static std::optional<Wire> denies(const DnsMessage& query, bool) { return with_rcode(query, DnsRcode::name_error); }
    static std::optional<Wire> says_nothing(const DnsMessage&, bool) { return std::nullopt; }
    static std::optional<Wire> fails(const DnsMessage& query, bool)
    {
        return with_rcode(query, DnsRcode::server_failure);
    }

    boost::asio::io_context io{1};
};

TEST_F(CaresResolver, AnAnswerComesBackWithItsServerAndTtl)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); });
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "Host.Example.TEST.", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::ok);
    EXPECT_EQ(address_of(answer), "192.0.2.7");
    EXPECT_EQ(answer.records.at(0).name, "host.example.test");
    EXPECT_EQ(answer.ttl, 60u);
    EXPECT_EQ(answer.server, server.endpoint().to_string());
    EXPECT_FALSE(answer.cached);
}

TEST_F(CaresResolver, QueriesAskForRecursionAndEdnsAndMixTheCase)
{
    std::set<std::string> spellings;
    LoopbackDnsServer server(io, [&](const DnsMessage& query, bool) {
        EXPECT_TRUE(query.recursion_desired);
        EXPECT_TRUE(query.authenticated);
        EXPECT_EQ(query.udp_size, 1232);
        spellings.insert(query.questions.at(0).name);
        return always(query, "192.0.2.7");
    });
    const auto dns = resolver({server.endpoint()});
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(ask(*dns, "a-rather-long-name.example.test", DnsType::a).status, DnsStatus::ok);
    EXPECT_GT(spellings.size(), 1u);
    for (const std::string& name : spellings)
        EXPECT_EQ(dns_lower(name), "a-rather-long-name.example.test");
}

TEST_F(CaresResolver, ATruncatedReplyIsAskedAgainOverTcp)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool tcp) {
        DnsMessage reply = reply_to(query);
        for (int i = 1; i <= 200; ++i)
            reply.answers.push_back(
                {query.questions.at(0).name, DnsType::a, 60, "192.0.2." + std::to_string(i % 250 + 1)});
        return wire_of(reply, tcp ? 65'535 : 1'232);
    });
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "big.example.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::ok);
    EXPECT_EQ(answer.records.size(), 200u);
    EXPECT_EQ(server.udp_queries(), 1);
    EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(CaresResolver, AReplyInTheWrongCaseIsNotBelievedAndTheQuestionGoesOverTcp)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool tcp) {
        if (tcp)
            return always(query, "192.0.2.7");
        DnsMessage forged = query;
        forged.questions.at(0).name = dns_lower(forged.questions.at(0).name);
        return always(forged, "203.0.113.66");
    });
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "a-rather-long-name.example.test", DnsType::a);
    EXPECT_EQ(address_of(answer), "192.0.2.7");
    EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(CaresResolver, AReplyInTheWrongCaseIsMalformedWhenTcpIsRefused)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        DnsMessage forged = query;
        forged.questions.at(0).name = dns_lower(forged.questions.at(0).name);
        return always(forged, "203.0.113.66");
    });
    server.refuse_tcp();
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "a-rather-long-name.example.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::malformed);
    EXPECT_TRUE(answer.records.empty());
    EXPECT_NE(answer.detail.find("0x20"), std::string::npos) << answer.detail;
}

TEST_F(CaresResolver, AServerThatLowersTheCaseIsUsableWithMixCaseOff)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        DnsMessage lowered = query;
        lowered.questions.at(0).name = dns_lower(lowered.questions.at(0).name);
        return always(lowered, "192.0.2.7");
    });
    const auto dns = resolver({server.endpoint()}, false);
    EXPECT_EQ(address_of(ask(*dns, "host.example.test", DnsType::a)), "192.0.2.7");
    EXPECT_EQ(server.tcp_queries(), 0);
}

TEST_F(CaresResolver, ASilentServerIsFollowedByTheNextWhichThenGoesFirst)
{
    LoopbackDnsServer silent(io, [](const DnsMessage&, bool) { return std::optional<Wire>{}; });
    LoopbackDnsServer good(io, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); });
    const auto dns = resolver({silent.endpoint(), good.endpoint()});
    EXPECT_EQ(ask(*dns, "one.example.test", DnsType::a).server, good.endpoint().to_string());
    EXPECT_EQ(ask(*dns, "two.example.test", DnsType::a).status, DnsStatus::ok);
    EXPECT_EQ(silent.udp_queries(), 1);
    EXPECT_EQ(good.udp_queries(), 2);
}

TEST_F(CaresResolver, ADeadPortFailsOverAtOnce)
{
    Endpoint dead;
    {
        const LoopbackDnsServer gone(io, [](const DnsMessage&, bool) { return std::optional<Wire>{}; });
        dead = gone.endpoint();
    }
    LoopbackDnsServer good(io, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); });
    const auto dns = resolver({dead, good.endpoint()});
    EXPECT_EQ(ask(*dns, "one.example.test", DnsType::a).server, good.endpoint().to_string());
}

TEST_F(CaresResolver, ServfailOfOneServerIsSecondGuessedButNotHidden)
{
    LoopbackDnsServer broken(io, [](const DnsMessage& q, bool) { return with_rcode(q, DnsRcode::server_failure); });
    LoopbackDnsServer silent(io, [](const DnsMessage&, bool) { return std::optional<Wire>{}; });
    const auto dns = resolver({broken.endpoint(), silent.endpoint()});
    const DnsAnswer answer = ask(*dns, "one.example.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::servfail);
    EXPECT_EQ(answer.server, broken.endpoint().to_string());
    EXPECT_EQ(silent.udp_queries(), 1);
}

TEST_F(CaresResolver, RefusalIsKeptApartFromServfail)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) { return with_rcode(query, DnsRcode::refused); });
    const auto dns = resolver({server.endpoint()});
    EXPECT_EQ(ask(*dns, "one.example.test", DnsType::a).status, DnsStatus::refused);
}

TEST_F(CaresResolver, SilenceOfAllServersTimesOut)
{
    LoopbackDnsServer silent(io, [](const DnsMessage&, bool) { return std::optional<Wire>{}; });
    const auto dns = resolver({silent.endpoint()});
    const DnsAnswer answer = ask(*dns, "one.example.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::timed_out);
    EXPECT_FALSE(answer.detail.empty());
}

TEST_F(CaresResolver, NxdomainIsConfirmedByAnotherServer)
{
    LoopbackDnsServer first(io, denies);
    LoopbackDnsServer second(io, denies);
    const auto dns = resolver({first.endpoint(), second.endpoint()});
    const DnsAnswer answer = confirmed(*dns, "gone.example.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::nxdomain);
    EXPECT_EQ(answer.server, second.endpoint().to_string());
    EXPECT_EQ(first.udp_queries(), 1);
}

TEST_F(CaresResolver, NxdomainThatNoOtherServerCanConfirmIsNotConfirmedByItsDenier)
{
    LoopbackDnsServer first(io, denies);
    LoopbackDnsServer silent(io, says_nothing);
    const auto dns = resolver({first.endpoint(), silent.endpoint()});
    EXPECT_EQ(confirmed(*dns, "gone.example.test", DnsType::mx).status, DnsStatus::timed_out);
    LoopbackDnsServer broken(io, fails);
    const auto two = resolver({first.endpoint(), broken.endpoint()});
    EXPECT_EQ(confirmed(*two, "gone.example.test", DnsType::mx).status, DnsStatus::servfail);
    EXPECT_EQ(first.udp_queries(), 2) << "asked once by each resolver";
}

TEST_F(CaresResolver, NxdomainIsConfirmedByTheThirdServerWhenTheSecondIsSilent)
{
    LoopbackDnsServer first(io, denies);
    LoopbackDnsServer silent(io, says_nothing);
    LoopbackDnsServer third(io, denies);
    const auto dns = resolver({first.endpoint(), silent.endpoint(), third.endpoint()});
    const DnsAnswer answer = confirmed(*dns, "gone.example.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::nxdomain);
    EXPECT_EQ(answer.server, third.endpoint().to_string());
}

TEST_F(CaresResolver, NxdomainOfTheSecondServerIsForTheFirstToConfirm)
{
    LoopbackDnsServer silent(io, says_nothing);
    LoopbackDnsServer second(io, denies);
    const auto dns = resolver({silent.endpoint(), second.endpoint()});
    EXPECT_EQ(confirmed(*dns, "gone.example.test", DnsType::mx).status, DnsStatus::timed_out);
    EXPECT_EQ(second.udp_queries(), 1);
}

TEST_F(CaresResolver, ASingleServerIsAskedAgainAndSoIsOneThatIsNamedTwice)
{
    LoopbackDnsServer only(io, denies);
    const auto dns = resolver({only.endpoint(), only.endpoint()});
    const DnsAnswer answer = confirmed(*dns, "gone.example.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::nxdomain);
    EXPECT_EQ(answer.server, only.endpoint().to_string());
    EXPECT_EQ(only.udp_queries(), 2);
}

TEST_F(CaresResolver, SilenceNamesEverybodyWhoWasAsked)
{
    LoopbackDnsServer one(io, says_nothing);
    LoopbackDnsServer two(io, says_nothing);
    const auto dns = resolver({one.endpoint(), two.endpoint()});
    EXPECT_EQ(ask(*dns, "one.example.test", DnsType::a).detail,
              "none of " + one.endpoint().to_string() + ", " + two.endpoint().to_string() + " answers");
}

/// A server that returns one link of a CNAME chain at a time, and no SOA; `end` speaks for the name at its end.
LoopbackDnsServer::Handler one_link_at_a_time(std::map<std::string, std::string> links, LoopbackDnsServer::Handler end)
{
    return [links = std::move(links), end = std::move(end)](const DnsMessage& query, bool tcp) {
        const std::string& name = query.questions.at(0).name;
        const auto link = links.find(dns_canonical(name));
        if (link == links.end())
            return end(query, tcp);
        DnsMessage reply = reply_to(query);
        reply.answers.push_back({name, DnsType::cname, 60, link->second});
        return wire_of(reply);
    };
}

TEST_F(CaresResolver, AnAliasThatTheServerDoesNotFollowIsFollowed)
{
    const std::map<std::string, std::string> links{{"a.test", "b.test"}, {"b.test", "c.test"}};
    LoopbackDnsServer server(
        io, one_link_at_a_time(links, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); }));
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "A.test", DnsType::a);
    EXPECT_EQ(address_of(answer), "192.0.2.7");
    EXPECT_EQ(answer.alias, "");
}

TEST_F(CaresResolver, ADenialAtTheEndOfAnAliasIsOne)
{
    LoopbackDnsServer server(io, one_link_at_a_time({{"a.test", "b.test"}}, denies));
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "a.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::nxdomain);
    EXPECT_EQ(answer.alias, "");
}

TEST_F(CaresResolver, AnAliasThatLeadsBackToItselfIsAFailureAndNoDenial)
{
    LoopbackDnsServer server(io, one_link_at_a_time({{"a.test", "b.test"}, {"b.test", "a.test"}}, denies));
    const auto dns = resolver({server.endpoint()});
    const DnsAnswer answer = ask(*dns, "a.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::servfail);
    EXPECT_EQ(answer.place, 1u);
    EXPECT_LE(server.udp_queries(), 4);
}

TEST_F(CaresResolver, AnAliasWithoutEndIsAFailureAfterAFewLinks)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        DnsMessage reply = reply_to(query);
        const std::string& name = query.questions.at(0).name;
        const int at = std::stoi(name.substr(1));
        reply.answers.push_back({name, DnsType::cname, 60, "n" + std::to_string(at + 1) + ".test"});
        return wire_of(reply);
    });
    const auto dns = resolver({server.endpoint()});
    EXPECT_EQ(ask(*dns, "n1.test", DnsType::mx).status, DnsStatus::servfail);
    EXPECT_LE(server.udp_queries(), 20);
}

TEST_F(CaresResolver, TheAuthenticatedBitOfALoopbackServerIsKept)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        DnsMessage reply = reply_to(query);
        reply.authenticated = true;
        reply.answers.push_back({query.questions.at(0).name, DnsType::txt, 60, std::string("v=x")});
        return wire_of(reply);
    });
    const auto dns = resolver({server.endpoint()});
    EXPECT_TRUE(ask(*dns, "signed.example.test", DnsType::txt).authenticated);
}

TEST_F(CaresResolver, GarbageIsMalformedAndNotAnAnswer)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        DnsMessage reply = reply_to(query);
        reply.answers.push_back({query.questions.at(0).name, DnsType::a, 60, std::string("192.0.2.1")});
        auto wire = wire_of(reply);
        wire->pop_back();  // the address is one octet short
        return wire;
    });
    const auto dns = resolver({server.endpoint()});
    EXPECT_EQ(ask(*dns, "one.example.test", DnsType::a).status, DnsStatus::malformed);
}

TEST_F(CaresResolver, AManySidedBurstIsAnsweredOnOneSocketAndThePortChangesAfterIdling)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); });
    const auto dns = resolver({server.endpoint()});
    using boost::asio::experimental::awaitable_operators::operator&&;
    for (int i = 0; i < 4; ++i) {
        auto both = dns->query("one.example.test", DnsType::a) && dns->query("two.example.test", DnsType::a);
        const auto [one, two] = test::run(io, std::move(both));
        EXPECT_EQ(one.status, DnsStatus::ok);
        EXPECT_EQ(two.status, DnsStatus::ok);
    }
    const auto& ports = server.source_ports();
    ASSERT_EQ(ports.size(), 8u);
    EXPECT_EQ(ports[0], ports[1]);
    EXPECT_GT(std::set<std::uint16_t>(ports.begin(), ports.end()).size(), 1u);
}

TEST_F(CaresResolver, AServerThatDoesNotKnowEdnsIsAskedWithoutIt)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) {
        if (query.udp_size)
            return with_rcode(query, DnsRcode::form_error);
        return always(query, "192.0.2.7");
    });
    const auto dns = resolver({server.endpoint()});
    for (const char* name : {"one.example.test", "two.example.test", "three.example.test"})
        EXPECT_EQ(address_of(ask(*dns, name, DnsType::a)), "192.0.2.7");
    EXPECT_EQ(server.udp_queries(), 2 + 2 + 1);
}

TEST_F(CaresResolver, UnderLoadThatNeverRestsThePortChangesAfterAThousandQueries)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) -> std::optional<Wire> {
        if (dns_lower(query.questions.at(0).name) == "silent.test")
            return std::nullopt;
        return always(query, "192.0.2.7");
    });
    ResolverOptions options;
    options.servers = {server.endpoint()};  // with the default timeout: the silent query outlives the test
    auto dns = make_cares_resolver(io.get_executor(), options);
    ASSERT_TRUE(dns);
    bool ended = false;
    boost::asio::co_spawn(io, (*dns)->query("silent.test", DnsType::a),
                          [&](std::exception_ptr, DnsAnswer) { ended = true; });
    for (int i = 0; i < 1'001; ++i)
        ASSERT_EQ(ask(**dns, "one.example.test", DnsType::a).status, DnsStatus::ok);
    const auto& ports = server.source_ports();
    ASSERT_EQ(ports.size(), 1'002u);
    EXPECT_EQ(std::set<std::uint16_t>(ports.begin(), ports.begin() + 1'000).size(), 1u);
    EXPECT_NE(ports[1'000], ports[999]);

    // The query on the old channel is ended with the resolver too.
    EXPECT_FALSE(ended);
    dns->reset();
    for (int i = 0; i < 100 && !ended; ++i)
        io.poll();
    EXPECT_TRUE(ended);
}

TEST_F(CaresResolver, LeavingWhileAQueryIsUnderWayEndsItAtOnce)
{
    LoopbackDnsServer silent(io, [](const DnsMessage&, bool) { return std::optional<Wire>{}; });
    ResolverOptions options;
    options.servers = {silent.endpoint()};
    auto dns = make_cares_resolver(io.get_executor(), options);  // with the default timeout of 3 s
    ASSERT_TRUE(dns);
    std::optional<DnsAnswer> answer;
    boost::asio::co_spawn(io, (*dns)->query("one.example.test", DnsType::a),
                          [&](std::exception_ptr failure, DnsAnswer a) {
                              EXPECT_FALSE(failure);
                              answer = std::move(a);
                          });
    while (silent.udp_queries() == 0)
        io.run_one();
    dns->reset();
    for (int i = 0; i < 100 && !answer; ++i)
        io.poll();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, DnsStatus::timed_out);
    EXPECT_NE(answer->detail.find("shut down"), std::string::npos) << answer->detail;
}

TEST_F(CaresResolver, ANameThatCannotBeWrittenIsNotSent)
{
    LoopbackDnsServer server(io, [](const DnsMessage& query, bool) { return always(query, "192.0.2.7"); });
    const auto dns = resolver({server.endpoint()});
    EXPECT_EQ(ask(*dns, "two..dots.test", DnsType::a).status, DnsStatus::malformed);
    EXPECT_EQ(ask(*dns, std::string(64, 'a') + ".test", DnsType::a).status, DnsStatus::malformed);
    EXPECT_EQ(server.udp_queries(), 0);
}

TEST_F(CaresResolver, AServerMustBeANumericAddressWithAPort)
{
    ResolverOptions options;
    options.servers = {{"dns.example.test", 53}};
    const auto named = make_cares_resolver(io.get_executor(), options);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, Errc::invalid_argument);
    options.servers = {{"192.0.2.1", 0}};
    EXPECT_FALSE(make_cares_resolver(io.get_executor(), options));
}

}  // namespace
}  // namespace winnow::net
