#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/endpoint.hpp"

namespace winnow::net {

template <class T>
using awaitable = boost::asio::awaitable<T>;

struct TlsClientOptions {
    std::string server_name;            ///< SNI, and the name to verify
    bool verify = false;                ///< opportunistic TLS does not verify; smarthosts and MTA-STS do
    std::string ca_file;                ///< PEM; empty = the system's store
    std::optional<TimePoint> now = {};  ///< judges certificates at this instant; empty = the machine's clock
};

struct TlsInfo {
    std::string version;  ///< "TLSv1.3"
    std::string cipher;
    bool verified = false;
};

/// Certificate and key of a server; made once, shared by its sessions.
class TlsServerContext {
public:
    /// PEM files. Errors name the file and what is wrong with it.
    static Result<std::shared_ptr<TlsServerContext>> load(const std::string& cert_file, const std::string& key_file);
    /// A fresh self-signed P-256 certificate for `name`, valid for 30 days: sandbox, demo and tests.
    static Result<std::shared_ptr<TlsServerContext>> self_signed(const std::string& name, TimePoint now);
    virtual ~TlsServerContext() = default;
    /// The chain that it shows, PEM: what a client needs in `ca_file` to trust a self-signed one.
    virtual std::string certificate_pem() const = 0;
};

/// A connected byte stream with deadlines. One coroutine reads or writes at a time. Not thread-safe.
class Stream {
public:
    virtual ~Stream() = default;

    /// Deadline, from now, of everything that starts after this call; Errc::timed_out when it passes (the stream is
    /// then closed).
    virtual void expires_after(milliseconds timeout) = 0;
    /// At least one byte, or an error (boost::asio::error::eof at an orderly end). `out` outlives the wait.
    virtual awaitable<Result<std::size_t>> read_some(std::span<char> out) = 0;
    /// Ends a read under way with boost::asio::error::interrupted and leaves the stream as it was: nothing is lost, the
    /// next read goes on. Without a read under way it does nothing. Never resumes the reader before it returns. A
    /// stream without a server's use for it keeps the default: the read goes on to its deadline.
    virtual void interrupt_read() {}
    /// All of `data`.
    virtual awaitable<Result<>> write(std::string data) = 0;
    /// Handshake. Buffered plaintext must have been dropped by the caller (STARTTLS injection).
    virtual awaitable<Result<>> start_tls_client(TlsClientOptions options) = 0;
    virtual awaitable<Result<>> start_tls_server(std::shared_ptr<TlsServerContext> context) = 0;
    virtual bool encrypted() const noexcept = 0;
    virtual TlsInfo tls_info() const = 0;
    virtual Endpoint peer() const = 0;
    virtual Endpoint local() const = 0;
    /// At once; a pending wait ends with Errc::cancelled. Also callable from the destructor of the owner.
    virtual void close() = 0;
};

struct ConnectOptions {
    std::string source_ip;  ///< empty = the system's choice
    milliseconds timeout{30'000};
};

/// Opens connections; the seam for tests and simulation.
class Connector {
public:
    virtual ~Connector() = default;
    virtual awaitable<Result<std::unique_ptr<Stream>>> connect(Endpoint to, ConnectOptions options) = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    /// Errc::cancelled after close(). Other errors pass (no descriptor left): wait before the next call.
    virtual awaitable<Result<std::unique_ptr<Stream>>> accept() = 0;
    virtual Endpoint local() const = 0;
    virtual void close() = 0;
};

/// TCP on an executor; deadlines from steady time. Runs on the executor's thread.
std::unique_ptr<Connector> make_tcp_connector(boost::asio::any_io_executor executor);
/// Errors name the address and the cure ("port 25 needs CAP_NET_BIND_SERVICE", "port 8080 is taken by another
/// process").
Result<std::unique_ptr<Listener>> listen_tcp(boost::asio::any_io_executor executor, Endpoint at);

}  // namespace winnow::net
