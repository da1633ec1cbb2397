// Delivery when messages are large and hosts are slow: what is in memory at once.
#include <algorithm>

#include "tests/relay/relay_world.hpp"

using namespace std::chrono_literals;
using namespace winnow;

namespace {

constexpr std::size_t large = 200'000;

class DeliveryMemory : public test::RelayWorld {
public:
    int open = 0, most_open = 0;  ///< transactions between RCPT and the answer to the dot
    std::vector<std::string> order;

    /// Ten domains, each with a host that takes its time.
    DeliveryMemory()
    {
        for (int i = 0; i < 10; ++i) {
            const std::string ip = "192.0.2." + std::to_string(100 + i);
            route(domain(i), "mx." + domain(i), ip);
            test::MxHost& mx = serve(ip);
            mx.server.reply_delay = 5s;
            mx.before_rcpt = [this](const std::string&) { most_open = std::max(most_open, ++open); };
            mx.dot_reply = [this](const std::string& recipient) {
                --open;
                order.push_back(recipient);
                return SmtpReply::make(250, "2.0.0 Queued");
            };
        }
    }
    static std::string domain(int i) { return "d" + std::to_string(i) + ".test"; }
    MessageRef send(const std::string& to, const std::string& body_id)
    {
        auto mail = submission(to);
        mail.submitter.clear();
        mail.body_id = body_id;
        return enqueue(std::move(mail));
    }
    void store(const std::string& body_id, std::size_t size)
    {
        commit(storage::PutBody{body_id, "Subject: hi\r\n\r\n" + std::string(size, 'x')});
    }
    int delivered(const std::vector<MessageRef>& refs)
    {
        return static_cast<int>(std::count_if(
            refs.begin(), refs.end(), [this](MessageRef ref) { return state(ref) == MessageState::delivered; }));
    }
    std::vector<MessageRef> send_bodies_of_their_own()
    {
        std::vector<MessageRef> refs;
        for (int i = 0; i < 10; ++i) {
            const std::string id = "m/" + std::to_string(i);
            store(id, large);
            refs.push_back(send("a@" + domain(i), id));
        }
        return refs;
    }
};

}  // namespace

TEST_F(DeliveryMemory, OneBodyForManyDomainsIsInMemoryOnce)
{
    options.message_memory = large + 1'000;
    store("m/one", large);
    std::vector<MessageRef> refs;
    for (int i = 0; i < 10; ++i)
        refs.push_back(send("a@" + domain(i), "m/one"));
    deliver(2min);
    EXPECT_EQ(delivered(refs), 10);
    EXPECT_EQ(most_open, 10) << "all at once";
}

TEST_F(DeliveryMemory, MessagesBeyondTheLimitWaitAndNoAttemptIsCounted)
{
    options.message_memory = 3 * large - 1;
    const auto refs = send_bodies_of_their_own();
    deliver(30min);
    EXPECT_EQ(most_open, 2);
    EXPECT_EQ(delivered(refs), 10);
    for (const auto ref : refs) {
        EXPECT_EQ(message(ref).attempts, 1);
        EXPECT_EQ(message(ref).history.size(), 1u);
    }
    EXPECT_EQ(count_events("message.deferred"), 0);
    EXPECT_NE(metrics.expose().find("winnow_delivery_memory_waits_total"), std::string::npos);
}

TEST_F(DeliveryMemory, AMessageLargerThanTheLimitIsSentAlone)
{
    options.message_memory = large / 2;
    const auto refs = send_bodies_of_their_own();
    deliver(30min);
    EXPECT_EQ(most_open, 1);
    EXPECT_EQ(delivered(refs), 10);
}

TEST_F(DeliveryMemory, ASmallMessagePassesTheLargeOnesThatWait)
{
    options.message_memory = large + 100'000;
    options.connections_per_site = 2;
    store("m/small", 10);
    auto refs = send_bodies_of_their_own();
    deliver(1s);
    refs.push_back(send("small@" + domain(9), "m/small"));
    pass(30min);
    EXPECT_EQ(delivered(refs), 11);
    const auto at = std::find(order.begin(), order.end(), "small@" + domain(9));
    EXPECT_LE(at - order.begin(), 2) << "not behind all of them";
}

TEST_F(DeliveryMemory, AHostThatDoesNotGreetHoldsNoMemory)
{
    options.message_memory = large + 1'000;
    route("dead.test", "mx.dead.test", "192.0.2.200");
    serve("192.0.2.200").server.reply_delay = 50s;  // before it greets
    store("m/dead", large);
    store("m/well", large);
    send("a@dead.test", "m/dead");
    deliver(1s);
    const auto ref = send("a@" + domain(0), "m/well");
    pass(45s);
    EXPECT_EQ(state(ref), MessageState::delivered);
}

TEST_F(DeliveryMemory, WhatWaitsAtADrainGoesBackAsItWas)
{
    options.message_memory = large + 1'000;
    const auto refs = send_bodies_of_their_own();
    deliver(12s);
    run(delivery->drain());
    const auto counts = get(engine->queue_counts(ws));
    EXPECT_EQ(counts.in_flight, 0u);
    EXPECT_EQ(counts.queued, 9u);
    EXPECT_EQ(delivered(refs), 1);
    delivery.reset();
    deliver(30min);
    EXPECT_EQ(delivered(refs), 10);
}

TEST_F(DeliveryMemory, ALostBodyIsToldToAllWhoWaitedForIt)
{
    std::vector<MessageRef> refs;
    for (int i = 0; i < 10; ++i)
        refs.push_back(send("a@" + domain(i), "m/lost"));
    deliver(5min);
    for (const auto ref : refs)
        EXPECT_EQ(message(ref).history.at(0).rule, "local:content");
}
