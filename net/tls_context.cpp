#include <openssl/rand.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "net/tls_openssl.hpp"
#include "net/tls_resumption.hpp"

namespace winnow::net {
namespace {

constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* groups = "X25519:P-256:P-384";

class ServerContext final : public TlsServerContext {
public:
    ServerContext(SslContextPtr context, std::string pem) : context_(std::move(context)), pem_(std::move(pem)) {}
    std::string certificate_pem() const override { return pem_; }
    const SslContextPtr& ssl() const noexcept { return context_; }

private:
    SslContextPtr context_;
    std::string pem_;
};

std::string text_of(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string pem_of(const std::vector<X509*>& certificates)
{
    const BioPtr bio(BIO_new(BIO_s_mem()));
    for (X509* certificate : certificates)
        PEM_write_bio_X509(bio.get(), certificate);
    return text_of(bio.get());
}

Error unusable(const std::string& file, const std::string& what)
{
    return Error{Errc::invalid_argument, file + ": " + what + ": " + openssl_reason()};
}

Result<SslContextPtr> server_context()
{
    SslContextPtr context = make_ssl_context(TLS_server_method());
    if (!context)
        return Error{Errc::internal, "make a TLS context: " + openssl_reason()};
    // Sessions are resumed by ticket only: no table of them to bound.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

bool add_extension(X509* certificate, int nid, const std::string& value)
{
    X509V3_CTX context{};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr)
        return false;
    const bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/// Null when OpenSSL refuses, for example a name that is no name.
CertificatePtr make_certificate(const std::string& name, TimePoint now, EVP_PKEY* key)
{
    using std::chrono::floor;
    using std::chrono::seconds;
    const std::time_t begin = floor<seconds>(now).time_since_epoch().count() - 300;  // peers' clocks may be slow
    const std::time_t end = begin + 30 * 86'400;
    CertificatePtr certificate(X509_new());
    X509* x = certificate.get();
    std::uint64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    // The subject is informative only, and limited to 64 octets; names are proven by the subjectAltName.
    const std::string common_name = name.substr(0, 64);
    X509_NAME* subject = X509_get_subject_name(x);
    const bool ok =
        X509_set_version(x, 2) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(x), begin) != nullptr &&
        ASN1_TIME_set(X509_getm_notAfter(x), end) != nullptr && X509_set_pubkey(x, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) == 1 &&
        X509_set_issuer_name(x, subject) == 1 && add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(x, NID_subject_alt_name, (is_ip_address(name) ? "IP:" : "DNS:") + name) &&
        X509_sign(x, key, EVP_sha256()) > 0;
    if (!ok)
        certificate.reset();
    return certificate;
}

std::filesystem::file_time_type changed_at(const std::string& file) noexcept
{
    std::error_code ignored;
    return std::filesystem::last_write_time(file, ignored);
}

}  // namespace

std::string openssl_reason()
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0)
        return "unknown reason";
    if (ERR_SYSTEM_ERROR(code))
        return std::strerror(ERR_GET_REASON(code));
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

SslContextPtr make_ssl_context(const SSL_METHOD* method)
{
    ERR_clear_error();
    SslContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
    if (!context)
        return nullptr;
    SSL_CTX* ctx = context.get();
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, tls12_ciphers) != 1 ||
        SSL_CTX_set1_groups_list(ctx, groups) != 1)
        return nullptr;
    return context;
}

SslContextPtr ssl_context_of(const TlsServerContext& context)
{
    const auto* own = dynamic_cast<const ServerContext*>(&context);
    return own != nullptr ? own->ssl() : nullptr;
}

Result<SslContextPtr> client_ssl_context(bool verify, const std::string& ca_file)
{
    struct Entry {
        SslContextPtr context;
        std::filesystem::file_time_type changed;
    };
    static std::mutex mutex;
    static std::map<std::pair<bool, std::string>, Entry> cache;

    const auto changed = changed_at(ca_file);
    const std::lock_guard lock(mutex);
    Entry& entry = cache[{verify, verify ? ca_file : std::string()}];
    if (entry.context && entry.changed == changed)
        return entry.context;
    SslContextPtr context = make_ssl_context(TLS_client_method());
    if (!context)
        return Error{Errc::internal, "make a TLS context: " + openssl_reason()};
    if (!verify) {
        // Opportunistic: an old certificate with a short key still beats sending in clear.
        SSL_CTX_set_security_level(context.get(), 1);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
        TlsResumption::enable(context.get());
    } else {
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
        if (ca_file.empty() && SSL_CTX_set_default_verify_paths(context.get()) != 1)
            return Error{Errc::unavailable, "read the system's CA certificates: " + openssl_reason()};
        if (!ca_file.empty() && SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1)
            return unusable(ca_file, "no CA certificate can be read");
    }
    entry = {context, changed};
    return context;
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::load(const std::string& cert_file,
                                                                 const std::string& key_file)
{
    WINNOW_TRY(SslContextPtr context, server_context());
    SSL_CTX* ctx = context.get();
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file.c_str()) != 1)
        return unusable(cert_file, "no certificate can be read");
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable(key_file, "no private key for " + cert_file + " can be read");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return unusable(key_file, "is not the key of " + cert_file);

    std::vector<X509*> chain{SSL_CTX_get0_certificate(ctx)};
    STACK_OF(X509)* others = nullptr;
    SSL_CTX_get0_chain_certs(ctx, &others);
    for (int i = 0; i < sk_X509_num(others); ++i)
        chain.push_back(sk_X509_value(others, i));
    return std::shared_ptr<TlsServerContext>(std::make_shared<ServerContext>(context, pem_of(chain)));
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::self_signed(const std::string& name, TimePoint now)
{
    WINNOW_TRY(SslContextPtr context, server_context());
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (!key)
        return Error{Errc::internal, "make a key: " + openssl_reason()};
    // The extension parser reads commas and colons as syntax.
    const bool plain = is_ip_address(name) || name.find_first_not_of(
                                                  "abcdefghijklmnopqrstuvwxyz"
                                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*") == std::string::npos;
    if (name.empty() || !plain)
        return Error{Errc::invalid_argument, "a certificate needs a host name or an address, not \"" + name + '"'};
    const CertificatePtr certificate = make_certificate(name, now, key.get());
    if (!certificate)
        return Error{Errc::invalid_argument, "make a certificate for \"" + name + "\": " + openssl_reason()};
    if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
        return Error{Errc::internal, "use the new certificate: " + openssl_reason()};
    return std::shared_ptr<TlsServerContext>(std::make_shared<ServerContext>(context, pem_of({certificate.get()})));
}

}  // namespace winnow::net
