#include "net/tls_session.hpp"

#include <array>
#include <boost/asio/error.hpp>

#include "net/smtp_error.hpp"
#include "net/tls_openssl.hpp"
#include "net/tls_resumption.hpp"

namespace winnow::net {

struct TlsSession::Impl {
    SslContextPtr context;
    SslPtr ssl;
    BIO* input = nullptr;   // ciphertext from the peer; owned by ssl
    BIO* output = nullptr;  // ciphertext to the peer; owned by ssl
    std::string name;       // whom the certificate has to prove; empty = nobody
    bool broken = false;    // OpenSSL forbids SSL_shutdown after a fatal error
    std::array<char, 16'384> space;

    static Result<std::unique_ptr<Impl>> make(SslContextPtr context);
    Error failure(const char* what);
};

Result<std::unique_ptr<TlsSession::Impl>> TlsSession::Impl::make(SslContextPtr context)
{
    auto impl = std::make_unique<Impl>();
    ERR_clear_error();
    impl->ssl.reset(SSL_new(context.get()));
    BioPtr input(BIO_new(BIO_s_mem()));
    BioPtr output(BIO_new(BIO_s_mem()));
    if (!impl->ssl || !input || !output)
        return Error{SmtpErrc::tls_failed, "make a TLS session: " + openssl_reason()};
    // An empty buffer means "not yet", not the end.
    BIO_set_mem_eof_return(input.get(), -1);
    BIO_set_mem_eof_return(output.get(), -1);
    impl->context = std::move(context);
    impl->input = input.release();
    impl->output = output.release();
    SSL_set_bio(impl->ssl.get(), impl->input, impl->output);
    return impl;
}

Error TlsSession::Impl::failure(const char* what)
{
    broken = true;
    const long verdict = SSL_get_verify_result(ssl.get());
    if (!name.empty() && verdict != X509_V_OK) {
        ERR_clear_error();
        return Error{SmtpErrc::tls_unverified,
                     "certificate of " + name + ": " + X509_verify_cert_error_string(verdict)};
    }
    return Error{SmtpErrc::tls_failed, std::string(what) + ": " + openssl_reason()};
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

Result<std::unique_ptr<TlsSession>> TlsSession::client(const TlsClientOptions& options)
{
    const std::string& name = options.server_name;
    if (options.verify && name.empty())
        return Error{Errc::invalid_argument, "a certificate can only be verified against a name"};
    WINNOW_TRY(SslContextPtr context, client_ssl_context(options.verify, options.ca_file));
    WINNOW_TRY(std::unique_ptr<Impl> impl, Impl::make(std::move(context)));
    SSL* ssl = impl->ssl.get();
    SSL_set_connect_state(ssl);
    const bool address = is_ip_address(name);
    // RFC 6066 section 3: no address in SNI.
    if (!name.empty() && !address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1)
        return Error{Errc::invalid_argument, "\"" + name + "\" is no server name for TLS"};
    if (!options.verify && !name.empty() && !address)
        if (const SslSessionPtr before = TlsResumption::shared().take(name))
            SSL_set_session(ssl, before.get());
    if (options.verify) {
        X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str())
                                : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
        if (set != 1)
            return Error{Errc::invalid_argument, "\"" + name + "\" cannot be verified"};
        if (options.now)
            X509_VERIFY_PARAM_set_time(
                param, std::chrono::floor<std::chrono::seconds>(*options.now).time_since_epoch().count());
        impl->name = name;
    }
    return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

Result<std::unique_ptr<TlsSession>> TlsSession::server(const TlsServerContext& context)
{
    SslContextPtr ssl_context = ssl_context_of(context);
    if (!ssl_context)
        return Error{Errc::invalid_argument, "not a TLS context of ours"};
    WINNOW_TRY(std::unique_ptr<Impl> impl, Impl::make(std::move(ssl_context)));
    SSL_set_accept_state(impl->ssl.get());
    return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

std::span<char> TlsSession::input_space() noexcept
{
    return impl_->space;
}

void TlsSession::received(std::size_t octets)
{
    BIO_write(impl_->input, impl_->space.data(), static_cast<int>(octets));
}

std::string TlsSession::take_output()
{
    std::string bytes(BIO_ctrl_pending(impl_->output), '\0');
    if (!bytes.empty())
        BIO_read(impl_->output, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
}

Result<bool> TlsSession::handshake()
{
    ERR_clear_error();
    const int rc = SSL_do_handshake(impl_->ssl.get());
    if (rc == 1)
        return true;
    const int error = SSL_get_error(impl_->ssl.get(), rc);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return false;
    return impl_->failure("TLS handshake");
}

Result<std::size_t> TlsSession::read(std::span<char> out)
{
    ERR_clear_error();
    std::size_t octets = 0;
    if (SSL_read_ex(impl_->ssl.get(), out.data(), out.size(), &octets) == 1)
        return octets;
    const int error = SSL_get_error(impl_->ssl.get(), 0);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return std::size_t{0};
    if (error == SSL_ERROR_ZERO_RETURN)
        return Error{boost::asio::error::eof, "the peer ended the TLS connection"};
    return impl_->failure("read over TLS");
}

Result<> TlsSession::write(std::string_view data)
{
    ERR_clear_error();
    std::size_t octets = 0;
    // The memory BIO takes everything, and without renegotiation a write never has to wait for the peer.
    if (data.empty() || SSL_write_ex(impl_->ssl.get(), data.data(), data.size(), &octets) == 1)
        return {};
    return impl_->failure("write over TLS");
}

void TlsSession::close() noexcept
{
    if (!impl_->broken && SSL_is_init_finished(impl_->ssl.get()))
        SSL_shutdown(impl_->ssl.get());
    ERR_clear_error();
}

bool TlsSession::resumed() const noexcept
{
    return SSL_session_reused(impl_->ssl.get()) == 1;
}

TlsInfo TlsSession::info() const
{
    const SSL* ssl = impl_->ssl.get();
    TlsInfo info;
    info.version = SSL_get_version(ssl);
    info.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
    info.verified = !impl_->name.empty() && SSL_get_verify_result(ssl) == X509_V_OK;
    return info;
}

}  // namespace winnow::net
