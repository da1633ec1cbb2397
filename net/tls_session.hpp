#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/stream.hpp"

namespace winnow::net {

/// One end of a TLS connection without any I/O: ciphertext goes in and out as bytes, so it runs over sockets and over
/// the in-memory streams of tests and simulation alike. Failures are SmtpErrc::tls_failed or tls_unverified with
/// OpenSSL's reason. Not thread-safe.
class TlsSession {
public:
    /// Errc::invalid_argument when verification is asked without a name or the CA file cannot be read.
    static Result<std::unique_ptr<TlsSession>> client(const TlsClientOptions& options);
    static Result<std::unique_ptr<TlsSession>> server(const TlsServerContext& context);
    ~TlsSession();

    /// Where the transport may put ciphertext of the peer; then say how much came.
    std::span<char> input_space() noexcept;
    void received(std::size_t octets);
    /// Ciphertext for the peer; to be sent after each other call, also after one that failed (it holds the alert).
    std::string take_output();

    /// True when complete; false: send the output, receive, call again.
    Result<bool> handshake();
    /// Plaintext of the peer. 0: receive, call again. boost::asio::error::eof after the peer's close_notify.
    Result<std::size_t> read(std::span<char> out);
    Result<> write(std::string_view data);
    /// Puts a close_notify into the output.
    void close() noexcept;
    TlsInfo info() const;
    /// An earlier session with the server went on: no key was proven anew.
    bool resumed() const noexcept;

private:
    struct Impl;
    explicit TlsSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::net
