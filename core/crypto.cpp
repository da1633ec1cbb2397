#include "core/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <climits>
#include <stdexcept>

namespace winnow {
namespace crypto {
namespace {

struct Free {
    void operator()(EVP_MD* p) const noexcept { EVP_MD_free(p); }
    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
    void operator()(EVP_MAC* p) const noexcept { EVP_MAC_free(p); }
    void operator()(EVP_MAC_CTX* p) const noexcept { EVP_MAC_CTX_free(p); }
    void operator()(EVP_CIPHER* p) const noexcept { EVP_CIPHER_free(p); }
    void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::size_t key_size = 32;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

/// OpenSSL fails here only without memory or without its default provider: nothing that a caller could handle.
template <class T>
T require(T result, const char* what)
{
    if (result)
        return result;
    const unsigned long code = ERR_get_error();
    throw std::runtime_error(std::string("OpenSSL: ") + what + " failed: " + ERR_reason_error_string(code));
}

const unsigned char* bytes(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) noexcept
{
    return reinterpret_cast<unsigned char*>(text.data());
}

/// Fetched once: an implicit fetch by every call costs more than hashing an address.
const EVP_MD* fetch_digest(const char* name)
{
    return require(EVP_MD_fetch(nullptr, name, nullptr), name);
}
EVP_MAC* hmac_algorithm()
{
    static EVP_MAC* const algorithm = require(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "HMAC");
    return algorithm;
}
const EVP_CIPHER* aes_256_gcm()
{
    static const EVP_CIPHER* const cipher = require(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), "AES-256-GCM");
    return cipher;
}
const EVP_MD* sha256_algorithm()
{
    static const EVP_MD* const algorithm = fetch_digest("SHA256");
    return algorithm;
}

template <class Digest>
Digest digest(const EVP_MD* algorithm, std::string_view data)
{
    Digest out;
    unsigned size = 0;
    require(EVP_Digest(data.data(), data.size(), out.data(), &size, algorithm, nullptr), "digest");
    return out;
}

Owned<EVP_CIPHER_CTX> cipher_context(std::string_view key)
{
    if (key.size() != key_size)
        throw std::invalid_argument("an AES-256 key has 32 bytes");
    return Owned<EVP_CIPHER_CTX>(require(EVP_CIPHER_CTX_new(), "cipher context"));
}

int checked_length(std::string_view text)
{
    if (text.size() > INT_MAX)
        throw std::length_error("too long for one AES-GCM message");
    return static_cast<int>(text.size());
}

}  // namespace

Digest16 md5(std::string_view data)
{
    static const EVP_MD* const algorithm = fetch_digest("MD5");
    return digest<Digest16>(algorithm, data);
}

Digest20 sha1(std::string_view data)
{
    static const EVP_MD* const algorithm = fetch_digest("SHA1");
    return digest<Digest20>(algorithm, data);
}

Digest32 sha256(std::string_view data)
{
    return digest<Digest32>(sha256_algorithm(), data);
}

struct HmacSha256::Impl {
    Owned<EVP_MAC_CTX> context;
};

HmacSha256::HmacSha256(std::string_view key) : impl_(std::make_unique<Impl>())
{
    impl_->context.reset(require(EVP_MAC_CTX_new(hmac_algorithm()), "HMAC context"));
    char digest_name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0),
                                 OSSL_PARAM_construct_end()};
    // An empty key must not be passed as null, which would mean "keep the key".
    require(
        EVP_MAC_init(impl_->context.get(), key.empty() ? bytes(std::string_view("")) : bytes(key), key.size(), params),
        "HMAC key");
}

HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

Digest32 HmacSha256::operator()(std::string_view data)
{
    EVP_MAC_CTX* context = impl_->context.get();
    Digest32 out;
    std::size_t size = 0;
    require(EVP_MAC_init(context, nullptr, 0, nullptr), "HMAC restart");
    require(EVP_MAC_update(context, bytes(data), data.size()), "HMAC update");
    require(EVP_MAC_final(context, out.data(), &size, out.size()), "HMAC end");
    return out;
}

Digest32 hmac_sha256(std::string_view key, std::string_view data)
{
    return HmacSha256(key)(data);
}

struct Sha256::Impl {
    Owned<EVP_MD_CTX> context{require(EVP_MD_CTX_new(), "digest context")};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>())
{
    require(EVP_DigestInit_ex(impl_->context.get(), sha256_algorithm(), nullptr), "SHA-256 start");
}

Sha256::~Sha256() = default;

void Sha256::update(std::string_view data)
{
    require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()), "SHA-256 update");
}

Digest32 Sha256::finish()
{
    Digest32 out;
    require(EVP_DigestFinal_ex(impl_->context.get(), out.data(), nullptr), "SHA-256 end");
    require(EVP_DigestInit_ex(impl_->context.get(), sha256_algorithm(), nullptr), "SHA-256 restart");
    return out;
}

std::string seal(std::string_view key, std::string_view plain, std::string_view associated, Rng& rng)
{
    const auto context = cipher_context(key);
    std::string out(nonce_size + plain.size() + tag_size, '\0');
    rng.fill(std::as_writable_bytes(std::span(out).first(nonce_size)));
    unsigned char* const text = bytes(out) + nonce_size;
    int length = 0;
    require(EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), bytes(key), bytes(out), nullptr), "AES-GCM start");
    require(EVP_EncryptUpdate(context.get(), nullptr, &length, bytes(associated), checked_length(associated)),
            "AES-GCM associated data");
    require(EVP_EncryptUpdate(context.get(), text, &length, bytes(plain), checked_length(plain)), "AES-GCM");
    require(EVP_EncryptFinal_ex(context.get(), text + length, &length), "AES-GCM end");
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, text + plain.size()), "AES-GCM tag");
    return out;
}

Result<std::string> open(std::string_view key, std::string_view sealed, std::string_view associated)
{
    const auto context = cipher_context(key);
    if (sealed.size() < nonce_size + tag_size)
        return Error{Errc::corrupt, "sealed text is too short"};
    const std::string_view cipher = sealed.substr(nonce_size, sealed.size() - nonce_size - tag_size);
    std::string tag(sealed.substr(sealed.size() - tag_size));
    std::string plain(cipher.size(), '\0');
    int length = 0;
    require(EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), bytes(key), bytes(sealed), nullptr), "AES-GCM start");
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()), "AES-GCM tag");
    require(EVP_DecryptUpdate(context.get(), nullptr, &length, bytes(associated), checked_length(associated)),
            "AES-GCM associated data");
    require(EVP_DecryptUpdate(context.get(), bytes(plain), &length, bytes(cipher), checked_length(cipher)), "AES-GCM");
    if (EVP_DecryptFinal_ex(context.get(), bytes(plain) + length, &length) <= 0) {
        OPENSSL_cleanse(plain.data(), plain.size());
        return Error{Errc::corrupt, "sealed text does not open: it was damaged, or sealed with another key"};
    }
    return plain;
}

bool equal(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace crypto

void SystemRng::fill(std::span<std::byte> out)
{
    auto* next = reinterpret_cast<unsigned char*>(out.data());
    std::size_t left = out.size();
    while (left > 0) {
        const int chunk = left > INT_MAX ? INT_MAX : static_cast<int>(left);
        if (RAND_bytes(next, chunk) != 1)
            throw std::runtime_error("the operating system gives no randomness");
        next += chunk;
        left -= static_cast<std::size_t>(chunk);
    }
}

}  // namespace winnow
