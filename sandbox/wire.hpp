#pragma once

#include <optional>
#include <string>

#include "core/timer.hpp"
#include "net/stream.hpp"

namespace winnow::sandbox {

/// A receiver's end of a connection on which things go wrong that no server program would do: replies that are none,
/// octets far apart, TLS that is not. Everything else passes through to the stream below.
class Wire final : public net::Stream {
public:
    /// Both outlive it.
    Wire(net::Stream& below, TimerSource& timers) : below_(below), timers_(timers) {}

    /// The next write sends these octets and nothing else; none = it is swallowed, the client waits in vain.
    void replace_next(std::string octets) { next_ = std::move(octets); }
    /// From now on octets go one by one, so far apart.
    void drip(milliseconds per_octet) { per_octet_ = per_octet; }
    /// The handshake will be words.
    void break_tls() { tls_broken_ = true; }

    void expires_after(milliseconds timeout) override { below_.expires_after(timeout); }
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override { return below_.read_some(out); }
    net::awaitable<Result<>> write(std::string data) override;
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override;
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override;
    bool encrypted() const noexcept override { return below_.encrypted(); }
    net::TlsInfo tls_info() const override { return below_.tls_info(); }
    net::Endpoint peer() const override { return below_.peer(); }
    net::Endpoint local() const override { return below_.local(); }
    void close() override { below_.close(); }

private:
    net::Stream& below_;
    TimerSource& timers_;
    std::optional<std::string> next_;
    milliseconds per_octet_{0};
    bool tls_broken_ = false;
};

}  // namespace winnow::sandbox
