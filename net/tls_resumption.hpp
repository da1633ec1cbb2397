#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/tls_openssl.hpp"

namespace winnow::net {

using SslSessionPtr = std::unique_ptr<SSL_SESSION, Freer<SSL_SESSION_free>>;

/// Sessions that servers offered to resume: half the work of a full handshake. Only for opportunistic TLS, which proves
/// nobody: where a certificate is judged it is judged each time. Thread-safe.
class TlsResumption {
public:
    explicit TlsResumption(std::size_t most) : most_(most) {}
    /// The newest of a server; with more than `most` servers, that of the one seen longest ago is dropped.
    void keep(const std::string& server, SslSessionPtr session);
    /// Each is used once, so that no onlooker can link two connections by it (RFC 8446 appendix C.4). Null when there
    /// is none.
    SslSessionPtr take(const std::string& server);

    /// Of this process.
    static TlsResumption& shared();
    /// Makes a client's context keep what servers offer. Connections without a server name are not resumed.
    static void enable(SSL_CTX* context);

private:
    struct Kept {
        std::string server;
        SslSessionPtr session;
    };
    const std::size_t most_;
    std::mutex mutex_;
    std::list<Kept> kept_;  ///< the oldest first
    std::unordered_map<std::string, std::list<Kept>::iterator> by_server_;
};

}  // namespace winnow::net
