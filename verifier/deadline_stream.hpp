#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "net/stream.hpp"

namespace winnow::verifier {

/// A stream whose waits together may not go past an instant: each reply within its own time adds up, and a tarpit makes
/// use of that.
class DeadlineStream final : public net::Stream {
public:
    DeadlineStream(std::unique_ptr<net::Stream> inner, const Clock& clock) : inner_(std::move(inner)), clock_(clock) {}

    /// For everything that starts after this call.
    void not_after(SteadyPoint until) { until_ = until; }
    /// No single wait is longer, whatever its own time says.
    void at_most(milliseconds wait) { at_most_ = wait; }

    void expires_after(milliseconds timeout) override
    {
        const auto left = std::chrono::ceil<milliseconds>(until_ - clock_.steady());
        inner_->expires_after(
            std::clamp(left, milliseconds{1}, std::max(std::min(timeout, at_most_), milliseconds{1})));
    }
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override { return inner_->read_some(out); }
    net::awaitable<Result<>> write(std::string data) override { return inner_->write(std::move(data)); }
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override
    {
        return inner_->start_tls_client(std::move(options));
    }
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override
    {
        return inner_->start_tls_server(std::move(context));
    }
    bool encrypted() const noexcept override { return inner_->encrypted(); }
    net::TlsInfo tls_info() const override { return inner_->tls_info(); }
    net::Endpoint peer() const override { return inner_->peer(); }
    net::Endpoint local() const override { return inner_->local(); }
    void close() override { inner_->close(); }

private:
    std::unique_ptr<net::Stream> inner_;
    const Clock& clock_;
    SteadyPoint until_ = SteadyPoint::max();
    milliseconds at_most_ = milliseconds::max();
};

}  // namespace winnow::verifier
