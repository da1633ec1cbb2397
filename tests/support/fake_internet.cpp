#include "tests/support/fake_internet.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <exception>

#include "tests/support/memory_stream.hpp"

namespace winnow::test {
namespace {

bool has_verb(const std::string& line, std::string_view verb)
{
    return line.size() >= verb.size() && std::equal(verb.begin(), verb.end(), line.begin(), [](char a, char b) {
               return a == std::toupper(static_cast<unsigned char>(b));
           });
}

/// The receiver's end of a connection: writes down what comes in, and breaks where it is told to.
class Tap final : public net::Stream {
public:
    Tap(std::unique_ptr<net::Stream> inner, FakeHost& host, ReceivedSession& session, TimerSource& timers)
        : inner_(std::move(inner)), host_(host), session_(session), timers_(timers), clock_(timers.clock())
    {
    }

    void expires_after(milliseconds timeout) override { inner_->expires_after(timeout); }
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override
    {
        auto count = co_await inner_->read_some(out);
        if (!count)
            co_return count;
        note(std::string_view(out.data(), *count));
        const bool subject_to_cuts = host_.cut_sessions == 0 || host_.sessions.size() <= host_.cut_sessions;
        if (host_.cut_after > 0 && subject_to_cuts && session_.lines.size() >= host_.cut_after) {
            inner_->close();
            co_return Error{boost::asio::error::eof, "cut"};
        }
        co_return count;
    }
    net::awaitable<Result<>> write(std::string data) override
    {
        if (host_.per_octet == milliseconds{0})
            co_return co_await inner_->write(std::move(data));
        for (const char octet : data) {
            const Wake wake = co_await sleep_for(timers_, host_.per_octet);
            if (wake == Wake::cancelled)
                co_return Error{Errc::cancelled, "stopped"};
            std::string one(1, octet);
            WINNOW_CO_CHECK(co_await inner_->write(std::move(one)));
        }
        co_return Result<>{};
    }
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override
    {
        return inner_->start_tls_client(std::move(options));
    }
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override
    {
        if (!host_.breaks_tls)
            co_return co_await inner_->start_tls_server(std::move(context));
        inner_->close();
        co_return Error{Errc::protocol, "no shared cipher"};
    }
    bool encrypted() const noexcept override { return inner_->encrypted(); }
    net::TlsInfo tls_info() const override { return inner_->tls_info(); }
    net::Endpoint peer() const override { return inner_->peer(); }
    net::Endpoint local() const override { return inner_->local(); }
    void close() override { inner_->close(); }

private:
    void note(std::string_view bytes)
    {
        rest_ += bytes;
        for (auto end = rest_.find("\r\n"); end != std::string::npos; end = rest_.find("\r\n")) {
            session_.lines.push_back({clock_.steady(), rest_.substr(0, end)});
            rest_.erase(0, end + 2);
        }
    }

    std::unique_ptr<net::Stream> inner_;
    FakeHost& host_;
    ReceivedSession& session_;
    TimerSource& timers_;
    const Clock& clock_;
    std::string rest_;
};

/// A host that follows its script: the bytes for all commands of one read go out in one write.
net::awaitable<void> follow_script(net::Stream& stream, const FakeHost& host, const ReceivedSession& session)
{
    stream.expires_after(std::chrono::hours{1});
    auto said = host.script("", session);
    std::array<char, 4096> space;
    const std::span<char> out(space);
    for (std::size_t heard = 0; said;) {
        const Result<> sent = co_await stream.write(std::move(*said));
        const auto got = co_await stream.read_some(out);
        if (!sent || !got)
            break;
        said = std::string();
        for (; said && heard < session.lines.size(); ++heard) {
            const auto reply = host.script(session.lines[heard].text, session);
            if (reply)
                *said += *reply;
            else
                said.reset();
        }
    }
    stream.close();
}

}  // namespace

std::size_t ReceivedSession::count(std::string_view verb) const
{
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [verb](const Line& line) { return has_verb(line.text, verb); }));
}

std::vector<std::string> FakeHost::rcpts() const
{
    std::vector<std::string> out;
    for (const auto& session : sessions)
        for (const auto& line : session->lines)
            if (has_verb(line.text, "RCPT TO:<"))
                out.push_back(line.text.substr(9, line.text.find('>') - 9));
    return out;
}

std::vector<SteadyPoint> FakeHost::rcpt_times() const
{
    std::vector<SteadyPoint> out;
    for (const auto& session : sessions)
        for (const auto& line : session->lines)
            if (has_verb(line.text, "RCPT"))
                out.push_back(line.at);
    std::sort(out.begin(), out.end());
    return out;
}

std::size_t FakeHost::count(std::string_view verb) const
{
    std::size_t total = 0;
    for (const auto& session : sessions)
        total += session->count(verb);
    return total;
}

std::size_t FakeHost::most_open() const
{
    std::size_t most = 0;
    for (const auto& at : sessions) {
        const auto open = std::count_if(sessions.begin(), sessions.end(), [&at](const auto& other) {
            return other->opened <= at->opened && at->opened < other->closed;
        });
        most = std::max(most, static_cast<std::size_t>(open));
    }
    return most;
}

FakeHost& FakeInternet::host(const std::string& ip)
{
    auto& host = hosts_[ip];
    if (!host)
        host = std::make_unique<FakeHost>();
    return *host;
}

net::awaitable<Result<std::unique_ptr<net::Stream>>> FakeInternet::connect(net::Endpoint to,
                                                                           net::ConnectOptions options)
{
    const auto found = hosts_.find(to.ip);
    if (found == hosts_.end())
        co_return Error{boost::asio::error::host_unreachable, "connect to " + to.to_string()};
    FakeHost& host = *found->second;
    ++host.attempts;
    if (host.silent) {
        co_await sleep_for(timers_, options.timeout);
        co_return Error{Errc::timed_out, "connect to " + to.to_string()};
    }
    if (host.refuses)
        co_return Error{boost::asio::error::connection_refused, "connect to " + to.to_string()};
    MemoryStreamOptions ends;
    ends.client = {options.source_ip.empty() ? local_ip : options.source_ip, 40'000};
    ends.server = to;
    MemoryPair pair = make_memory_pair(timers_, ends);
    host.sessions.push_back(std::make_unique<ReceivedSession>());
    ReceivedSession* const session = host.sessions.back().get();
    session->opened = timers_.clock().steady();
    session->source = ends.client.ip;
    auto tap = std::make_shared<Tap>(std::move(pair.server), host, *session, timers_);
    net::Stream& stream = *tap;
    const Clock& clock = timers_.clock();
    auto life =
        host.script ? follow_script(stream, host, *session) : net::serve_smtp(stream, host.mx, host.options, timers_);
    boost::asio::co_spawn(io_, std::move(life),
                          [tap, session, &clock](std::exception_ptr) { session->closed = clock.steady(); });
    co_return std::move(pair.client);
}

}  // namespace winnow::test
