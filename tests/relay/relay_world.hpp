#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/smtp_server.hpp"
#include "relay/campaigns.hpp"
#include "relay/relay.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/memory_stream.hpp"
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

    std::vector<std::string> recipients() const
    {
        std::vector<std::string> out;
        for (const Mail& mail : mails)
            out.push_back(mail.recipient);
        return out;
    }
};

class MxSession final : public net::SmtpHandler {
public:
    explicit MxSession(MxHost& host) : host_(host) {}
    net::awaitable<SmtpReply> on_connect(const net::SmtpSessionInfo&) override
    {
        if (host_.open > host_.takes_at_once)
            co_return SmtpReply::make(421, "4.7.0 too many connections from you, closing");
        co_return host_.greeting;
    }
    net::awaitable<SmtpReply> on_mail(const net::SmtpSessionInfo&, net::MailCommand command) override
    {
        mail_ = {};
        mail_.reverse_path = command.reverse_path;
        mail_.mail = std::move(command);
        co_return SmtpReply::make(250, "2.1.0 Ok");
    }
    net::awaitable<SmtpReply> on_rcpt(const net::SmtpSessionInfo&, net::RcptCommand command) override
    {
        if (host_.before_rcpt)
            host_.before_rcpt(command.recipient);
        SmtpReply reply = SmtpReply::make(250, "2.1.5 Ok");
        if (host_.rcpt_reply)
            reply = host_.rcpt_reply(command.recipient);
        mail_.recipient = command.recipient;
        mail_.rcpt = std::move(command);
        co_return reply;
    }
    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo&, std::string message) override
    {
        SmtpReply reply = SmtpReply::make(250, "2.0.0 Queued");
        if (host_.dot_reply)
            reply = host_.dot_reply(mail_.recipient);
        mail_.content = std::move(message);
        if (reply.positive())
            host_.mails.push_back(mail_);
        co_return reply;
    }

private:
    MxHost& host_;
    MxHost::Mail mail_;
};

inline net::awaitable<void> serve_mx(std::unique_ptr<net::Stream> stream, MxHost& host, TimerSource& timers)
{
    MxSession session{host};
    host.most_open = std::max(host.most_open, host.open);
    co_await net::serve_smtp(*stream, session, host.server, timers);
    --host.open;
}

/// Answers by address; everybody else is sent to.
class FakeGate final : public relay::Admission {
public:
    net::awaitable<Result<GateAnswer>> ask(relay::AdmissionQuestion question) override
    {
        ++asked;
        const std::string who = question.recipient.to_string();
        if (broken)
            co_return Error{Errc::io_error, "no gate today"};
        const auto found = answers.find(who);
        if (found == answers.end())
            co_return GateAnswer{GateDecision::send, "accepted", {}};
        if (question.policy.hold_until <= now() && found->second.decision == GateDecision::hold)
            co_return GateAnswer{GateDecision::refuse, found->second.reason, SmtpReply::make(550, "5.7.1 no")};
        co_return found->second;
    }
    void refuse(const std::string& who, std::string reason)
    {
        auto reply = SmtpReply::make(550, "5.7.1 recipient refused: " + reason);
        answers[who] = {GateDecision::refuse, std::move(reason), std::move(reply)};
    }
    void hold(const std::string& who, std::string reason)
    {
        answers[who] = {GateDecision::hold, std::move(reason), {}};
    }

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

    boost::asio::io_context io{1};
    ManualClock clock;
    VirtualTimers timers{clock};
    SeededRng rng{42};
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    storage::EngineKeys keys = storage::EngineKeys::fixed("relay");
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

    RelayWorld()
    {
        engine_options.lanes = 8;
        gate.now = [this] { return clock.now(); };
        options.hostname = "relay.example.net";
        options.bounce_domain = "bounce.example.net";
        options.allow_private_targets = true;  // which the addresses of examples are taken for
        open_store();
        route("example.test", "mx.example.test", mx1_ip);
    }
    ~RelayWorld() override { stop_world(); }

    /// Ends every coroutine while what it stands on is alive.
    void stop_world()
    {
        delivery.reset();
        timers.abandon();
        if (io.stopped())
            io.restart();
        for (int i = 0; i < 100'000 && io.poll_one() != 0; ++i) {}
    }

    static const ReplyClassifier& replies()
    {
        static const ReplyClassifier table = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
        return table;
    }
    static const ProviderTable& providers()
    {
        static const ProviderTable table = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
        return table;
    }

    relay::Services services()
    {
        return {*engine,    keys,    dns,       connector,   timers, clock,    rng,
                null_log(), metrics, replies(), providers(), gate,   &breakers};
    }

    /// The first time, or again after a crash.
    void open_store()
    {
        engine.reset();
        auto opened = storage::open_memory_engine(disk, keys, engine_options, clock, rng);
        ASSERT_TRUE(opened) << opened.error().message();
        engine = std::move(*opened);
    }

    void route(const std::string& domain, const std::string& mx, const std::string& ip, std::uint16_t preference = 10)
    {
        dns.add_mx(domain, preference, mx);
        dns.add(mx, net::DnsType::a, ip);
    }
    /// A receiver at an address.
    MxHost& serve(const std::string& ip = mx1_ip)
    {
        auto& host = hosts[ip];
        host = std::make_unique<MxHost>();
        connector.serve(ip, [this, ip, &mx = *host]() -> Result<std::unique_ptr<net::Stream>> {
            MemoryStreamOptions link;
            link.server = {ip, 25};
            auto pair = make_memory_pair(timers, link);
            ++mx.connections;
            ++mx.open;
            boost::asio::co_spawn(io, serve_mx(std::move(pair.server), mx, timers), boost::asio::detached);
            return std::move(pair.client);
        });
        return *host;
    }

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
    template <class... Ops>
    storage::Committed commit(Ops... ops)
    {
        return get(engine->commit(storage::OpList::of(std::move(ops)...)));
    }

    storage::MessageRecord submission(const std::string& recipient, const std::string& reverse_path = "me@sender.test")
    {
        storage::MessageRecord message;
        message.workspace = ws;
        message.mail_class = MailClass::transactional;
        message.recipient = recipient;
        message.domain = recipient.substr(recipient.rfind('@') + 1);
        message.reverse_path = reverse_path;
        message.body_id = "m/body";
        message.submitter = "key-1";
        message.state = MessageState::queued;
        message.accepted = message.due = clock.now();
        message.expires = clock.now() + std::chrono::hours{24};
        return message;
    }
    MessageRef enqueue(storage::MessageRecord message)
    {
        if (!body_stored_) {
            commit(storage::PutBody{"m/body", "Subject: hi\r\nMessage-ID: <1@sender.test>\r\n\r\nhello\r\n"});
            body_stored_ = true;
        }
        return commit(storage::Enqueue{std::move(message)}).results.at(0).message;
    }
    /// Of nobody whom a failure would be told to.
    MessageRef enqueue(const std::string& recipient)
    {
        auto message = submission(recipient);
        message.submitter.clear();
        return enqueue(std::move(message));
    }

    storage::MessageRecord message(MessageRef ref)
    {
        const auto found = get(engine->get_message(ref));
        EXPECT_TRUE(found);
        return found.value_or(storage::MessageRecord{});
    }
    MessageState state(MessageRef ref) { return message(ref).state; }
    std::vector<storage::EventRecord> events(const std::string& workspace = ws)
    {
        return get(engine->events(workspace, 0, 10'000));
    }
    int count_events(const std::string& type, const std::string& workspace = ws)
    {
        int count = 0;
        for (const auto& event : events(workspace))
            count += event.type == type ? 1 : 0;
        return count;
    }
    /// "workspace:bounce", empty when not suppressed.
    std::string suppressed(const std::string& who, const std::string& list = {})
    {
        const auto hits = engine->check(ws, list, parse_address(who).address);
        EXPECT_TRUE(hits);
        std::string text;
        for (const auto& hit : *hits)
            text += (text.empty() ? "" : " ") + hit.to_string();
        return text;
    }

    void start_delivery()
    {
        delivery = std::make_unique<relay::Delivery>(services(), options);
        boost::asio::co_spawn(io, delivery->run(), [](std::exception_ptr failed) {
            if (failed)
                std::rethrow_exception(failed);
        });
    }
    void pass(std::chrono::nanoseconds time) { timers.run_for(io, time); }
    /// Starts if need be, and lets time pass.
    void deliver(std::chrono::nanoseconds time = std::chrono::seconds{10})
    {
        if (!delivery)
            start_delivery();
        pass(time);
    }

private:
    bool body_stored_ = false;
};

}  // namespace winnow::test
