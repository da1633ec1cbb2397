#include "storage/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>

#include "core/crypto.hpp"
#include "core/rng.hpp"
#include "core/trim.hpp"

namespace winnow::storage {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::string_view header =
    "# winnow key file, version 1. Keep a copy apart from the backups of the data directory: without it the\n"
    "# suppression index and the sealed addresses cannot be read.\n";

/// The key schedule is half the cost of a digest, and a check needs three: each thread keeps that of its last key.
crypto::HmacSha256& hmac_of_this_thread(const std::string& key)
{
    struct Last {
        explicit Last(const std::string& k) : key(k), hmac(k) {}
        std::string key;
        crypto::HmacSha256 hmac;
    };
    thread_local std::optional<Last> last;
    if (!last || last->key != key)
        last.emplace(key);
    return last->hmac;
}

H16 keyed_digest(const std::string& key, std::string_view tag, std::string_view text)
{
    std::string message(tag);
    message.push_back('\0');
    message.append(text);
    const crypto::Digest32 digest = hmac_of_this_thread(key)(message);
    H16 h16;
    std::copy_n(digest.begin(), h16.bytes.size(), h16.bytes.begin());
    return h16;
}

Error file_error(const std::string& path, std::string_view what, int error)
{
    const Errc code = error == EACCES || error == EPERM ? Errc::permission_denied
                      : error == ENOSPC                 ? Errc::disk_full
                                                        : Errc::io_error;
    std::string text = "cannot " + std::string(what) + " the key file " + path + ": " + std::strerror(error);
    if (error == ENOENT)
        text += "; make its folder for the user that runs winnow, or name another file with key_file";
    return Error(code, std::move(text));
}

Result<> sync_directory_of(const std::string& path)
{
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return file_error(path, "sync the directory of", errno);
    const int failed = ::fsync(directory);
    const int error = errno;
    ::close(directory);
    if (failed != 0)
        return file_error(path, "sync the directory of", error);
    return {};
}

/// Durable before it is used: a key that is lost in a crash takes the suppression list with it.
Result<> write_new(const std::string& path, const std::string& content)
{
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return file_error(path, "create", errno);
    std::string_view rest = content;
    int error = 0;
    while (!rest.empty() && error == 0) {
        const ssize_t written = ::write(file, rest.data(), rest.size());
        if (written >= 0)
            rest.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            error = errno;
    }
    if (error == 0 && ::fsync(file) != 0)
        error = errno;
    if (::close(file) != 0 && error == 0)
        error = errno;
    if (error != 0) {
        ::unlink(path.c_str());
        return file_error(path, "write", error);
    }
    return sync_directory_of(path);
}

std::string random_key(Rng& rng)
{
    std::string key(key_size, '\0');
    rng.fill(std::as_writable_bytes(std::span(key.data(), key.size())));
    return key;
}

std::string to_text(const EngineKeys& keys)
{
    return std::string(header) + "index = " + crypto::hex(std::string_view(keys.index)) +
           "\nseal = " + crypto::hex(std::string_view(keys.seal)) +
           "\nverp = " + crypto::hex(std::string_view(keys.verp)) + '\n';
}

Error bad_line(const std::string& path, int line)
{
    return Error(Errc::invalid_argument, "line " + std::to_string(line) + " of the key file " + path +
                                             " is not one of index, seal or verp = 64 hexadecimal digits");
}

Result<EngineKeys> parse(const std::string& path, std::string_view text)
{
    EngineKeys keys;
    for (int line = 1; !text.empty(); ++line) {
        const std::string_view current = trim(text.substr(0, text.find('\n')), " \t\r");
        text.remove_prefix(
            std::min(text.size(), text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1));
        if (current.empty() || current.front() == '#')
            continue;
        const auto equals = current.find('=');
        if (equals == std::string_view::npos)
            return bad_line(path, line);
        const std::string_view name = trim(current.substr(0, equals), " \t\r");
        const auto key = crypto::unhex(trim(current.substr(equals + 1), " \t\r"));
        std::string* const target = name == "index"  ? &keys.index
                                    : name == "seal" ? &keys.seal
                                    : name == "verp" ? &keys.verp
                                                     : nullptr;
        if (target == nullptr || !key || key->size() != key_size)
            return bad_line(path, line);
        *target = *key;
    }
    if (keys.index.empty() || keys.seal.empty() || keys.verp.empty())
        return Error(Errc::invalid_argument, "the key file " + path + " lacks one of index, seal and verp");
    return keys;
}

}  // namespace

std::string H16::hex() const
{
    return crypto::hex(view());
}

std::string EngineKeys::id() const
{
    const crypto::Digest32 digest = crypto::sha256("winnow-key-set-1" + index + seal + verp);
    return crypto::hex(std::span(digest).first(4));
}

Result<EngineKeys> EngineKeys::load_or_create(const std::string& path, bool create)
{
    std::ifstream in(path, std::ios::binary);
    if (in) {
        const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        if (in.bad())
            return file_error(path, "read", EIO);
        return parse(path, text);
    }
    const int error = errno;
    if (error != ENOENT)
        return file_error(path, "open", error);
    if (!create)
        return Error(Errc::not_found,
                     "there is no key file " + path +
                         ": restore it from where it was kept; the data directory cannot be read without it");
    SystemRng rng;
    EngineKeys keys{random_key(rng), random_key(rng), random_key(rng)};
    WINNOW_CHECK(write_new(path, to_text(keys)));
    return keys;
}

EngineKeys EngineKeys::fixed(std::string_view seed)
{
    const auto derive = [seed](std::string_view name) {
        const crypto::Digest32 digest = crypto::hmac_sha256(seed, name);
        return std::string(digest.begin(), digest.end());
    };
    return EngineKeys{derive("index"), derive("seal"), derive("verp")};
}

AddressDigester::AddressDigester(const EngineKeys& keys) : index_key_(keys.index) {}

H16 AddressDigester::address(const Address& a) const
{
    return keyed_digest(index_key_, "address", canonical_v1(a));
}

H16 AddressDigester::loose(const Address& a) const
{
    return keyed_digest(index_key_, "loose", loose_form(a));
}

H16 AddressDigester::domain(std::string_view a_label) const
{
    return keyed_digest(index_key_, "domain", a_label);
}

H16 AddressDigester::text(std::string_view tag, std::string_view text) const
{
    return keyed_digest(index_key_, tag, text);
}

}  // namespace winnow::storage
