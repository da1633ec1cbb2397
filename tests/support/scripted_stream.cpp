#include "tests/support/scripted_stream.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "net/smtp_error.hpp"

namespace winnow::test {

using boost::system::errc::broken_pipe;
using net::awaitable;

ScriptedStream& ScriptedStream::server(std::string_view line)
{
    return server_bytes(std::string(line) + "\r\n");
}

ScriptedStream& ScriptedStream::server_bytes(std::string_view bytes)
{
    steps_.push_back({Kind::server, std::string(bytes)});
    return *this;
}

ScriptedStream& ScriptedStream::client(std::string_view line)
{
    steps_.push_back({Kind::client, std::string(line)});
    return *this;
}

ScriptedStream& ScriptedStream::tls(bool verified)
{
    steps_.push_back({Kind::tls, verified ? "verified" : ""});
    return *this;
}

ScriptedStream& ScriptedStream::eof()
{
    steps_.push_back({Kind::eof, {}});
    return *this;
}

ScriptedStream& ScriptedStream::byte_at_a_time()
{
    byte_at_a_time_ = true;
    return *this;
}

std::vector<ScriptedStream::Failure> ScriptedStream::failures_of(std::size_t step) const
{
    switch (steps_.at(step).kind) {
        case Kind::server:
            return {Failure::eof, Failure::cut, Failure::silence};
        case Kind::client:
            return {Failure::refused, Failure::stuck};
        case Kind::tls:
            return {Failure::tls_fails};
        case Kind::eof:
            return {};
    }
    return {};
}

void ScriptedStream::fail_at(std::size_t step, Failure failure)
{
    planned_ = {step, failure};
}

bool ScriptedStream::finished() const
{
    return mismatches().empty();
}

std::string ScriptedStream::mismatches() const
{
    std::string out;
    for (const std::string& what : mismatches_)
        out += what + '\n';
    if (!partial_.empty())
        out += "the client left a line without end: " + partial_ + '\n';
    const bool all = next_ == steps_.size() || steps_[next_].kind == Kind::eof;
    if (!all && !failure_reached_)
        out += "step " + std::to_string(next_) + " was not reached: " + steps_[next_].text + '\n';
    return out;
}

void ScriptedStream::mismatch(std::string what)
{
    mismatches_.push_back("step " + std::to_string(next_) + ": " + std::move(what));
}

bool ScriptedStream::fails_here(Failure& failure)
{
    if (!planned_ || planned_->first != next_)
        return false;
    failure = planned_->second;
    failure_reached_ = true;
    return true;
}

Error ScriptedStream::time_out()
{
    timed_out_ = true;
    closed_ = true;
    return Error{Errc::timed_out, "scripted silence"};
}

void ScriptedStream::expires_after(milliseconds timeout)
{
    if (timeout <= milliseconds::zero())
        mismatch("a deadline in the past");
    ++deadlines_set_;
}

awaitable<Result<std::size_t>> ScriptedStream::read_some(std::span<char> out)
{
    if (deadlines_set_ == 0)
        mismatch("a read without a deadline");
    if (closed_)
        co_return Error{timed_out_ ? Errc::timed_out : Errc::cancelled, "read from a closed stream"};
    if (peer_gone_)
        co_return Error{boost::asio::error::eof, "scripted end"};
    co_return deliver(out);
}

Result<std::size_t> ScriptedStream::deliver(std::span<char> out)
{
    std::size_t count = 0;
    const std::size_t room = byte_at_a_time_ ? 1 : out.size();
    while (count < room && next_ < steps_.size() && steps_[next_].kind == Kind::server) {
        const std::string& text = steps_[next_].text;
        std::size_t available = text.size();
        Failure failure{};
        if (fails_here(failure)) {
            available = failure == Failure::cut ? text.size() / 2 : 0;
            if (delivered_ == available) {
                if (count > 0)
                    return count;
                if (failure == Failure::silence)
                    return time_out();
                peer_gone_ = true;
                return Error{boost::asio::error::eof, "scripted end"};
            }
        }
        const std::size_t part = std::min(room - count, available - delivered_);
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(delivered_), part,
                    out.begin() + static_cast<std::ptrdiff_t>(count));
        count += part;
        delivered_ += part;
        if (delivered_ == text.size()) {
            ++next_;
            delivered_ = 0;
        }
    }
    if (count > 0)
        return count;
    if (next_ == steps_.size() || steps_[next_].kind == Kind::eof) {
        peer_gone_ = true;
        return Error{boost::asio::error::eof, "scripted end"};
    }
    mismatch("the client waits for a reply where the script expects it to say: " + steps_[next_].text);
    return time_out();
}

awaitable<Result<>> ScriptedStream::write(std::string data)
{
    if (deadlines_set_ == 0)
        mismatch("a write without a deadline");
    partial_ += data;
    for (auto end = partial_.find("\r\n"); end != std::string::npos; end = partial_.find("\r\n")) {
        std::string line = partial_.substr(0, end);
        partial_.erase(0, end + 2);
        Result<> taken = take(std::move(line));
        if (!taken) {
            partial_.clear();
            co_return std::move(taken).error();
        }
    }
    if (closed_)
        co_return Error{timed_out_ ? Errc::timed_out : Errc::cancelled, "write to a closed stream"};
    co_return Result<>{};
}

Result<> ScriptedStream::take(std::string line)
{
    if (closed_)
        return Error{timed_out_ ? Errc::timed_out : Errc::cancelled, "write to a closed stream"};
    if (peer_gone_ || (next_ < steps_.size() && steps_[next_].kind == Kind::eof))
        return Error{boost::system::errc::make_error_code(broken_pipe), "scripted end"};
    Failure failure{};
    if (next_ < steps_.size() && steps_[next_].kind == Kind::client && fails_here(failure)) {
        if (failure == Failure::stuck)
            return time_out();
        peer_gone_ = true;
        return Error{boost::system::errc::make_error_code(broken_pipe), "scripted refusal"};
    }
    if (next_ == steps_.size())
        mismatch("the script has ended, but the client says: " + line);
    else if (steps_[next_].kind != Kind::client)
        mismatch("the client does not wait for \"" + steps_[next_].text + "\" but says: " + line);
    else if (steps_[next_].text != line)
        mismatch("expected: " + steps_[next_].text + "\n     said: " + line);
    else
        ++next_;
    return {};
}

awaitable<Result<>> ScriptedStream::start_tls_client(net::TlsClientOptions)
{
    if (next_ == steps_.size() || steps_[next_].kind != Kind::tls) {
        mismatch("the client starts TLS");
        co_return Error{net::SmtpErrc::tls_failed, "not in the script"};
    }
    Failure failure{};
    if (fails_here(failure))
        co_return Error{net::SmtpErrc::tls_failed, "scripted failure"};
    verified_ = steps_[next_].text == "verified";
    encrypted_ = true;
    ++next_;
    co_return Result<>{};
}

awaitable<Result<>> ScriptedStream::start_tls_server(std::shared_ptr<net::TlsServerContext>)
{
    co_return Error{Errc::unsupported, "a scripted stream is a server's end"};
}

net::TlsInfo ScriptedStream::tls_info() const
{
    return encrypted_ ? net::TlsInfo{"TLSv1.3", "TLS_AES_128_GCM_SHA256", verified_} : net::TlsInfo{};
}

const char* to_string(ScriptedStream::Failure failure) noexcept
{
    switch (failure) {
        case ScriptedStream::Failure::eof:
            return "eof";
        case ScriptedStream::Failure::cut:
            return "cut in the line";
        case ScriptedStream::Failure::silence:
            return "silence";
        case ScriptedStream::Failure::refused:
            return "write refused";
        case ScriptedStream::Failure::stuck:
            return "write stuck";
        case ScriptedStream::Failure::tls_fails:
            return "handshake fails";
    }
    return "?";
}

}  // namespace winnow::test
