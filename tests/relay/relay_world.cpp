#include "tests/relay/relay_world.hpp"

#include <algorithm>

#include "tests/support/memory_stream.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

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

net::awaitable<void> serve_mx(std::unique_ptr<net::Stream> stream, MxHost& host, TimerSource& timers)
{
    MxSession session{host};
    host.most_open = std::max(host.most_open, host.open);
    co_await net::serve_smtp(*stream, session, host.server, timers);
    --host.open;
}

}  // namespace

MxHost::MxHost() = default;
MxHost::~MxHost() = default;

std::vector<std::string> MxHost::recipients() const
{
    std::vector<std::string> out;
    for (const Mail& mail : mails)
        out.push_back(mail.recipient);
    return out;
}

FakeGate::FakeGate() = default;
FakeGate::~FakeGate() = default;

net::awaitable<Result<GateAnswer>> FakeGate::ask(relay::AdmissionQuestion question)
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

void FakeGate::refuse(const std::string& who, std::string reason)
{
    auto reply = SmtpReply::make(550, "5.7.1 recipient refused: " + reason);
    answers[who] = {GateDecision::refuse, std::move(reason), std::move(reply)};
}

void FakeGate::hold(const std::string& who, std::string reason)
{
    answers[who] = {GateDecision::hold, std::move(reason), {}};
}

RelayWorld::RelayWorld() : keys(storage::EngineKeys::fixed("relay"))
{
    engine_options.lanes = 8;
    gate.now = [this] { return clock.now(); };
    options.hostname = "relay.example.net";
    options.bounce_domain = "bounce.example.net";
    options.allow_private_targets = true;  // which the addresses of examples are taken for
    open_store();
    route("example.test", "mx.example.test", mx1_ip);
}

RelayWorld::~RelayWorld()
{
    stop_world();
}

void RelayWorld::stop_world()
{
    delivery.reset();
    timers.abandon();
    if (io.stopped())
        io.restart();
    for (int i = 0; i < 100'000 && io.poll_one() != 0; ++i) {}
}

const ReplyClassifier& RelayWorld::replies()
{
    static const ReplyClassifier table = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
    return table;
}

const ProviderTable& RelayWorld::providers()
{
    static const ProviderTable table = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
    return table;
}

relay::Services RelayWorld::services()
{
    return {*engine,    keys,    dns,       connector,   timers, clock,    rng,
            null_log(), metrics, replies(), providers(), gate,   &breakers};
}

void RelayWorld::open_store()
{
    engine.reset();
    auto opened = storage::open_memory_engine(disk, keys, engine_options, clock, rng);
    ASSERT_TRUE(opened) << opened.error().message();
    engine = std::move(*opened);
}

void RelayWorld::route(const std::string& domain, const std::string& mx, const std::string& ip,
                       std::uint16_t preference)
{
    dns.add_mx(domain, preference, mx);
    dns.add(mx, net::DnsType::a, ip);
}

MxHost& RelayWorld::serve(const std::string& ip)
{
    auto& host = hosts[ip];
    host = std::make_unique<MxHost>();
    connector.serve(ip, [this, ip, &mx = *host]() -> Result<std::unique_ptr<net::Stream>> {
        MemoryStreamOptions link;
        link.server = {ip, 25};
        auto pair = make_memory_pair(timers, link);
        ++mx.connections;
        ++mx.open;
        spawn(io, serve_mx(std::move(pair.server), mx, timers));
        return std::move(pair.client);
    });
    return *host;
}

storage::Committed RelayWorld::commit(storage::Op op)
{
    return get(engine->commit(storage::OpList::of(std::move(op))));
}

storage::MessageRecord RelayWorld::submission(const std::string& recipient, const std::string& reverse_path)
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

MessageRef RelayWorld::enqueue(storage::MessageRecord message)
{
    if (!body_stored_) {
        commit(storage::PutBody{"m/body", "Subject: hi\r\nMessage-ID: <1@sender.test>\r\n\r\nhello\r\n"});
        body_stored_ = true;
    }
    return commit(storage::Enqueue{std::move(message)}).results.at(0).message;
}

MessageRef RelayWorld::enqueue(const std::string& recipient)
{
    auto message = submission(recipient);
    message.submitter.clear();
    return enqueue(std::move(message));
}

storage::MessageRecord RelayWorld::message(MessageRef ref)
{
    const auto found = get(engine->get_message(ref));
    EXPECT_TRUE(found);
    return found.value_or(storage::MessageRecord{});
}

MessageState RelayWorld::state(MessageRef ref)
{
    return message(ref).state;
}

std::vector<storage::EventRecord> RelayWorld::events(const std::string& workspace)
{
    return get(engine->events(workspace, 0, 10'000));
}

int RelayWorld::count_events(const std::string& type, const std::string& workspace)
{
    int count = 0;
    for (const auto& event : events(workspace))
        count += event.type == type ? 1 : 0;
    return count;
}

std::string RelayWorld::suppressed(const std::string& who, const std::string& list)
{
    const auto hits = engine->check(ws, list, parse_address(who).address);
    EXPECT_TRUE(hits);
    std::string text;
    for (const auto& hit : *hits)
        text += (text.empty() ? "" : " ") + hit.to_string();
    return text;
}

void RelayWorld::start_delivery()
{
    delivery = std::make_unique<relay::Delivery>(services(), options);
    spawn_or_throw(io, delivery->run());
}

void RelayWorld::deliver(std::chrono::nanoseconds time)
{
    if (!delivery)
        start_delivery();
    pass(time);
}

}  // namespace winnow::test
