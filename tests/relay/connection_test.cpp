// Which host is asked, in which order, and what is remembered of it.
#include "relay/connection.hpp"

#include "net/smtp_error.hpp"
#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::ScriptedStream;
using Failure = test::ScriptedStream::Failure;

namespace {

class Connecting : public test::RelayWorld {
public:
    Connecting() { mail_route.status = net::RouteStatus::ok; }
    net::MailRoute mail_route;
    relay::SiteMemory memory{5min};
    std::vector<std::unique_ptr<ScriptedStream>> streams;

    void host(const std::string& name, const std::string& ip)
    {
        net::MxHost mx;
        mx.name = name;
        mx.addresses = {ip};
        mail_route.hosts.push_back(std::move(mx));
    }
    ScriptedStream& script(const std::string& ip)
    {
        streams.push_back(std::make_unique<ScriptedStream>());
        connector.script(ip, *streams.back());
        return *streams.back();
    }
    static ScriptedStream& greet(ScriptedStream& s)
    {
        return s.server("220 mx").client("EHLO relay.example.net").server("250 mx");
    }
    relay::OpenResult open() { return run(relay::open_connection(services(), options, mail_route, memory, "")); }
    std::vector<std::string> asked() const
    {
        std::vector<std::string> out;
        for (const auto& [to, how] : connector.attempts)
            out.push_back(to.ip);
        return out;
    }
    using Ips = std::vector<std::string>;
};

}  // namespace

TEST_F(Connecting, TakesTheBestHostThatAnswers)
{
    host("a.test", "192.0.2.11");
    host("b.test", "192.0.2.12");
    host("c.test", "192.0.2.13");
    greet(script("192.0.2.12"));
    const auto opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_EQ(opened.connection->mx, "b.test[192.0.2.12]");
    EXPECT_EQ(asked(), (Ips{"192.0.2.11", "192.0.2.12"}));
}

TEST_F(Connecting, ADeadHostIsAskedLastForAWhile)
{
    host("a.test", "192.0.2.11");
    host("b.test", "192.0.2.12");
    greet(script("192.0.2.12"));
    greet(script("192.0.2.12"));
    ASSERT_TRUE(open().connection);
    ASSERT_TRUE(open().connection);
    EXPECT_EQ(asked(), (Ips{"192.0.2.11", "192.0.2.12", "192.0.2.12"}));
    clock.advance(6min);
    greet(script("192.0.2.11"));
    const auto opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_EQ(opened.connection->mx, "a.test[192.0.2.11]") << "forgotten after its time";
}

TEST_F(Connecting, NoMoreThanFiveHostsAreAsked)
{
    for (int i = 11; i < 30; ++i)
        host("m" + std::to_string(i) + ".test", "192.0.2." + std::to_string(i));
    EXPECT_FALSE(open().connection);
    EXPECT_EQ(asked().size(), 5u);
}

TEST_F(Connecting, ABannerThatRefusesMakesWayForTheNextHost)
{
    for (const char* banner : {"421 4.3.2 too busy", "554 5.7.1 no"}) {
        connector = {};
        mail_route.hosts.clear();
        host("a.test", "192.0.2.11");
        host("b.test", "192.0.2.12");
        script("192.0.2.11").server(banner).client("QUIT").server("221 bye");
        greet(script("192.0.2.12"));
        const auto opened = open();
        ASSERT_TRUE(opened.connection) << banner;
        EXPECT_EQ(opened.connection->mx, "b.test[192.0.2.12]");
        EXPECT_EQ(streams[streams.size() - 2]->mismatches(), "");
    }
}

TEST_F(Connecting, OnlyWhenEveryHostRefusesForGoodItIsForGood)
{
    host("a.test", "192.0.2.11");
    host("b.test", "192.0.2.12");
    script("192.0.2.11").server("554 5.7.1 no").client("QUIT").server("221 bye");
    auto opened = open();  // b.test does not answer
    ASSERT_FALSE(opened.connection);
    EXPECT_FALSE(opened.failure.reply);

    connector = {};
    memory = relay::SiteMemory{5min};
    script("192.0.2.12").server("554 5.7.1 no").client("QUIT").server("221 bye");
    opened = open();  // a.test does not
    EXPECT_FALSE(opened.failure.reply);

    connector = {};
    memory = relay::SiteMemory{5min};
    script("192.0.2.11").server("554 5.7.1 first").client("QUIT").server("221 bye");
    script("192.0.2.12").server("554 5.7.1 second").client("QUIT").server("221 bye");
    opened = open();
    ASSERT_TRUE(opened.failure.reply);
    EXPECT_EQ(opened.failure.stage, Stage::banner);
    EXPECT_TRUE(opened.failure.reply->permanent());
}

TEST_F(Connecting, GoesOverToTlsWhenItIsOffered)
{
    host("a.test", "192.0.2.11");
    script("192.0.2.11")
        .server("220 mx")
        .client("EHLO relay.example.net")
        .server("250-mx")
        .server("250 STARTTLS")
        .client("STARTTLS")
        .server("220 go")
        .tls()
        .client("EHLO relay.example.net")
        .server("250-mx")
        .server("250 PIPELINING");
    const auto opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_TRUE(opened.connection->stream().encrypted());
    EXPECT_TRUE(opened.connection->smtp().capabilities().pipelining);
    EXPECT_TRUE(streams[0]->finished()) << streams[0]->mismatches();
}

TEST_F(Connecting, ARefusedStarttlsGoesOnInClear)
{
    host("a.test", "192.0.2.11");
    script("192.0.2.11")
        .server("220 mx")
        .client("EHLO relay.example.net")
        .server("250-mx")
        .server("250 STARTTLS")
        .client("STARTTLS")
        .server("454 4.7.0 not now");
    const auto opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_FALSE(opened.connection->stream().encrypted());
    EXPECT_FALSE(memory.broken_tls("a.test", clock.steady()));
}

TEST_F(Connecting, ABrokenHandshakeIsTriedOnceInClearAndRemembered)
{
    host("a.test", "192.0.2.11");
    auto& broken = script("192.0.2.11")
                       .server("220 mx")
                       .client("EHLO relay.example.net")
                       .server("250-mx")
                       .server("250 STARTTLS")
                       .client("STARTTLS")
                       .server("220 go")
                       .tls();
    broken.fail_at(broken.size() - 1, Failure::tls_fails);
    const auto in_clear = [&] {
        script("192.0.2.11").server("220 mx").client("EHLO relay.example.net").server("250-mx").server("250 STARTTLS");
    };
    in_clear();
    in_clear();
    auto opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_FALSE(opened.connection->stream().encrypted());
    EXPECT_EQ(connector.attempts.size(), 2u);
    EXPECT_TRUE(memory.broken_tls("a.test", clock.steady()));

    opened = open();
    ASSERT_TRUE(opened.connection);
    EXPECT_EQ(connector.attempts.size(), 3u) << "not tried again";
    EXPECT_FALSE(memory.broken_tls("a.test", clock.steady() + std::chrono::hours{73}));
}

TEST_F(Connecting, WhatIsNotAHandshakeDoesNotMeanThatTlsIsBroken)
{
    for (const Failure failure : {Failure::eof, Failure::silence, Failure::cut}) {
        connector = {};
        memory = relay::SiteMemory{5min};
        mail_route.hosts.clear();
        host("a.test", "192.0.2.11");
        auto& dialog = script("192.0.2.11")
                           .server("220 mx")
                           .client("EHLO relay.example.net")
                           .server("250-mx")
                           .server("250 STARTTLS")
                           .client("STARTTLS")
                           .server("220 go");
        dialog.fail_at(dialog.size() - 1, failure);
        const auto opened = open();
        EXPECT_FALSE(opened.connection);
        EXPECT_EQ(opened.failure.stage, Stage::starttls);
        EXPECT_FALSE(memory.broken_tls("a.test", clock.steady()));
        EXPECT_EQ(connector.attempts.size(), 1u) << "no second try in clear";
    }
}

TEST_F(Connecting, PlaintextBehindStarttlsIsNeverAnswered)
{
    host("a.test", "192.0.2.11");
    script("192.0.2.11")
        .server("220 mx")
        .client("EHLO relay.example.net")
        .server("250-mx")
        .server("250 STARTTLS")
        .client("STARTTLS")
        .server_bytes("220 go\r\n250 injected\r\n");
    const auto opened = open();
    EXPECT_FALSE(opened.connection);
    EXPECT_EQ(opened.failure.error.code, net::SmtpErrc::starttls_injection);
    EXPECT_FALSE(memory.broken_tls("a.test", clock.steady()));
    EXPECT_EQ(connector.attempts.size(), 1u);
}
