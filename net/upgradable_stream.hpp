#pragma once

#include <memory>
#include <span>
#include <string>

#include "net/stream.hpp"

namespace winnow::net {

class TlsSession;

/// The part of a Stream that is the same over any transport: plain at first, TLS in place after start_tls_*.
///
/// A transport whose object may be destroyed while a coroutine waits in raw_read or raw_write must make that wait end
/// with an error: nothing here touches the object after one.
class UpgradableStream : public Stream {
public:
    UpgradableStream();
    ~UpgradableStream() override;

    awaitable<Result<std::size_t>> read_some(std::span<char> out) final;
    awaitable<Result<>> write(std::string data) final;
    awaitable<Result<>> start_tls_client(TlsClientOptions options) final;
    awaitable<Result<>> start_tls_server(std::shared_ptr<TlsServerContext> context) final;
    bool encrypted() const noexcept final { return tls_ != nullptr; }
    TlsInfo tls_info() const final;

protected:
    virtual awaitable<Result<std::size_t>> raw_read(std::span<char> out) = 0;
    virtual awaitable<Result<>> raw_write(std::string data) = 0;
    /// The close_notify to send before the transport closes; empty without TLS.
    std::string take_farewell() noexcept;

private:
    awaitable<Result<>> handshake(std::shared_ptr<TlsSession> session);

    std::shared_ptr<TlsSession> tls_;  // shared with the frames of waiting coroutines
};

}  // namespace winnow::net
