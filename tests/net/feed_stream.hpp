#pragma once

#include <algorithm>
#include <boost/asio/error.hpp>
#include <memory>
#include <string>
#include <utility>

#include "net/stream.hpp"

namespace winnow::test {

/// A peer that has said everything in advance: reads give `input` in pieces of at most `step` octets, then the end of
/// the stream; what is written is kept. Shared state, so that a test can look after the stream is gone.
struct FeedState {
    std::string input;
    std::size_t step = SIZE_MAX;
    std::string output;
    std::size_t at = 0;
    std::size_t write_limit = SIZE_MAX;  ///< past this many octets writes fail with broken_pipe
    bool closed = false;
    milliseconds last_deadline{0};
};

class FeedStream final : public net::Stream {
public:
    explicit FeedStream(std::shared_ptr<FeedState> state) : state_(std::move(state)) {}

    void expires_after(milliseconds timeout) override { state_->last_deadline = timeout; }
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override
    {
        if (state_->closed)
            co_return Error{Errc::cancelled, "closed"};
        const auto n = std::min({out.size(), state_->step, state_->input.size() - state_->at});
        if (n == 0)
            co_return Error{boost::system::error_code(boost::asio::error::eof), "read"};
        state_->input.copy(out.data(), n, state_->at);
        state_->at += n;
        co_return n;
    }
    net::awaitable<Result<>> write(std::string data) override
    {
        if (state_->closed || state_->output.size() + data.size() > state_->write_limit)
            co_return Error{boost::system::error_code(boost::asio::error::broken_pipe), "write"};
        state_->output += data;
        co_return Result<>{};
    }
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions) override
    {
        co_return Error{Errc::unsupported, "no TLS here"};
    }
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext>) override
    {
        co_return Error{Errc::unsupported, "no TLS here"};
    }
    bool encrypted() const noexcept override { return false; }
    net::TlsInfo tls_info() const override { return {}; }
    net::Endpoint peer() const override { return {"192.0.2.7", 50'000}; }
    net::Endpoint local() const override { return {"192.0.2.1", 80}; }
    void close() override { state_->closed = true; }

private:
    std::shared_ptr<FeedState> state_;
};

}  // namespace winnow::test
