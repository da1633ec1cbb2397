#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/stream.hpp"

namespace winnow::test {

/// The far end of a connection as a script of lines, for tests of a client's side of a dialogue. Nothing ever waits: a
/// read where the script expects the client to speak, a line that differs, and a wait without a deadline are recorded
/// as mismatches, and finished() is then false.
///
///     ScriptedStream mx;
///     mx.server("220 mx.example.test").client("EHLO probe.test").server("250 mx.example.test");
class ScriptedStream final : public net::Stream {
public:
    /// How the connection breaks at a step of the script.
    enum class Failure {
        eof,       ///< server step: closed before the line
        cut,       ///< server step: closed in the middle of the line
        silence,   ///< server step: the line never comes
        refused,   ///< client step: the write fails, the peer is gone
        stuck,     ///< client step: the write never ends
        tls_fails  ///< TLS step: the handshake fails
    };

    ScriptedStream& server(std::string_view line);         ///< CRLF is added
    ScriptedStream& server_bytes(std::string_view bytes);  ///< as they are
    ScriptedStream& client(std::string_view line);
    ScriptedStream& tls(bool verified = false);  ///< the client starts TLS; it succeeds
    ScriptedStream& eof();                       ///< the server closes
    ScriptedStream& byte_at_a_time();            ///< each read returns one octet

    std::size_t size() const noexcept { return steps_.size(); }
    /// The failures that make sense at a step.
    std::vector<Failure> failures_of(std::size_t step) const;
    void fail_at(std::size_t step, Failure failure);
    bool failure_reached() const noexcept { return failure_reached_; }

    /// Every step was taken and nothing else happened.
    bool finished() const;
    /// Why not, one line per finding; empty when finished.
    std::string mismatches() const;
    bool closed() const noexcept { return closed_; }
    /// Calls of expires_after so far.
    int deadlines_set() const noexcept { return deadlines_set_; }

    void expires_after(milliseconds timeout) override;
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override;
    net::awaitable<Result<>> write(std::string data) override;
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override;
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override;
    bool encrypted() const noexcept override { return encrypted_; }
    net::TlsInfo tls_info() const override;
    net::Endpoint peer() const override { return {"192.0.2.25", 25}; }
    net::Endpoint local() const override { return {"192.0.2.1", 40'000}; }
    void close() override { closed_ = true; }

private:
    enum class Kind { server, client, tls, eof };
    struct Step {
        Kind kind;
        std::string text;
    };

    bool fails_here(Failure& failure);
    void mismatch(std::string what);
    Error time_out();
    Result<std::size_t> deliver(std::span<char> out);
    Result<> take(std::string line);

    std::vector<Step> steps_;
    std::size_t next_ = 0;
    std::size_t delivered_ = 0;  // octets of the current server step
    std::string partial_;        // client octets without a line end yet
    std::optional<std::pair<std::size_t, Failure>> planned_;
    bool failure_reached_ = false;
    bool byte_at_a_time_ = false;
    bool peer_gone_ = false;
    bool timed_out_ = false;
    bool closed_ = false;
    bool encrypted_ = false;
    bool verified_ = false;
    int deadlines_set_ = 0;
    std::vector<std::string> mismatches_;
};

const char* to_string(ScriptedStream::Failure failure) noexcept;

/// Runs the dialogue once for each way in which each of its steps can fail. `make_dialog()` returns the ScriptedStream,
/// `run(dialog)` the outcome of the code under test, `check(outcome)` asserts what every such outcome must satisfy.
template <class MakeDialog, class Run, class Check>
void replay_failing_every_step(MakeDialog make_dialog, Run run, Check check)
{
    const ScriptedStream whole = make_dialog();
    for (std::size_t step = 0; step < whole.size(); ++step) {
        for (const ScriptedStream::Failure failure : whole.failures_of(step)) {
            SCOPED_TRACE("step " + std::to_string(step) + ": " + to_string(failure));
            ScriptedStream dialog = make_dialog();
            dialog.fail_at(step, failure);
            auto outcome = run(dialog);
            EXPECT_TRUE(dialog.failure_reached());
            EXPECT_EQ(dialog.mismatches(), "");
            check(std::move(outcome));
        }
    }
}

}  // namespace winnow::test
