#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/smtp_server.hpp"
#include "relay/campaigns.hpp"
#include "relay/relay.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_connector.hpp"

namespace winnow::test {

/// A mail host for deliveries: real protocol over memory streams, any number of sessions at once. Says yes unless told
/// otherwise.
struct MxHost {
    struct Mail {
        std::string reverse_path, recipient, content;
        net::MailCommand mail;
        net::RcptCommand rcpt;
    };

    SmtpReply greeting = SmtpReply::make(220, "mx.example.test ESMTP");
    std::function<SmtpReply(const std::string& recipient)> rcpt_reply;
    std::function<SmtpReply(const std::string& recipient)> dot_reply;
    std::function<void(const std::string& recipient)> before_rcpt;
    int takes_at_once = 1'000;  ///< sessions; the next one gets a 421
    net::SmtpServerOptions server;

    std::vector<Mail> mails;
    int connections = 0, open = 0, most_open = 0;

    MxHost();
    ~MxHost();
    std::vector<std::string> recipients() const;
};

/// Answers by address; everybody else is sent to.
class FakeGate final : public relay::Admission {
public:
    FakeGate();
    ~FakeGate() override;
    net::awaitable<Result<GateAnswer>> ask(relay::AdmissionQuestion question) override;
    void refuse(const std::string& who, std::string reason);
    void hold(const std::string& who, std::string reason);

    std::map<std::string, GateAnswer> answers;
    std::function<TimePoint()> now;
    int asked = 0;
    bool broken = false;
};

/// Everything that the relay stands on, in virtual time.
class RelayWorld : public ::testing::Test {
public:
    static constexpr const char* ws = "w1";
    static constexpr const char* mx1_ip = "192.0.2.25";

    RelayWorld();
    ~RelayWorld() override;

    /// Ends every coroutine while what it stands on is alive.
    void stop_world();

    static const ReplyClassifier& replies();
    static const ProviderTable& providers();
    relay::Services services();

    /// The first time, or again after a crash.
    void open_store();

    void route(const std::string& domain, const std::string& mx, const std::string& ip, std::uint16_t preference = 10);
    /// A receiver at an address.
    MxHost& serve(const std::string& ip = mx1_ip);

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, timers, std::move(story));
    }
    template <class T>
    T get(boost::asio::awaitable<Result<T>> story)
    {
        auto result = run(std::move(story));
        if (!result) {
            ADD_FAILURE() << result.error().message();
            return T{};
        }
        return std::move(*result);
    }
    storage::Committed commit(storage::Op op);

    storage::MessageRecord submission(const std::string& recipient, const std::string& reverse_path = "me@sender.test");
    MessageRef enqueue(storage::MessageRecord message);
    /// Of nobody whom a failure would be told to.
    MessageRef enqueue(const std::string& recipient);

    storage::MessageRecord message(MessageRef ref);
    MessageState state(MessageRef ref);
    std::vector<storage::EventRecord> events(const std::string& workspace = ws);
    int count_events(const std::string& type, const std::string& workspace = ws);
    /// "workspace:bounce", empty when not suppressed.
    std::string suppressed(const std::string& who, const std::string& list = {});

    void start_delivery();
    void pass(std::chrono::nanoseconds time) { timers.run_for(io, time); }
    /// Starts if need be, and lets time pass.
    void deliver(std::chrono::nanoseconds time = std::chrono::seconds{10});

    boost::asio::io_context io{1};
    ManualClock clock;
    VirtualTimers timers{clock};
    SeededRng rng{42};
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    storage::EngineKeys keys;
    storage::EngineOptions engine_options;
    std::unique_ptr<storage::Engine> engine;
    FakeResolver dns;
    ScriptedConnector connector;
    Metrics metrics;
    FakeGate gate;
    Breakers breakers;
    relay::RelayOptions options;
    std::map<std::string, std::unique_ptr<MxHost>> hosts;
    std::unique_ptr<relay::Delivery> delivery;

private:
    bool body_stored_ = false;
};

}  // namespace winnow::test
