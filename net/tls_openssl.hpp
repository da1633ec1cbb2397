#pragma once

// Shared by net/tls*.cpp, the only sources of this room that see OpenSSL.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "net/stream.hpp"

namespace winnow::net {

template <auto free_function>
struct Freer {
    template <class T>
    void operator()(T* object) const noexcept
    {
        free_function(object);
    }
};

using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freer<X509_free>>;
using SslContextPtr = std::shared_ptr<SSL_CTX>;  // shared: sessions outlive a reload of the certificate
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;

/// The oldest entry of this thread's OpenSSL error queue, which names the cause; clears the queue.
std::string openssl_reason();

/// TLS 1.2 and 1.3 with forward secrecy and AEAD only (Mozilla "intermediate", elliptic curves only), no compression,
/// no renegotiation. Null when OpenSSL is out of memory.
SslContextPtr make_ssl_context(const SSL_METHOD* method);

/// The context of a server made by TlsServerContext::load or self_signed.
SslContextPtr ssl_context_of(const TlsServerContext& context);

/// Contexts of clients are shared: reading the system's store takes longer than a handshake. A changed `ca_file` is
/// read again. Thread-safe.
Result<SslContextPtr> client_ssl_context(bool verify, const std::string& ca_file);

}  // namespace winnow::net
